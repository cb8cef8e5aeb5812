# %% [markdown]
# # Quickstart
#
# A regularization path is a whole family of models, from the one without columns to the one with all of them. jaxreg
# computes it in one call, and says of each model how far it is from the exact solution. This notebook fits, looks,
# checks, predicts, chooses and saves.
#
# The data: 442 diabetes patients, ten measurements each, and the progress of the disease a year later (Efron et al.
# 2004, carried by scikit-learn). The blood values have their names of the paper. Columns are put in standard
# deviations, so that a coefficient reads as the change of the response for one of them.

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jaxreg as jr
from jaxreg.sklearn import LassoCV

X, y = load_diabetes(return_X_y=True, as_frame=True)
X = X.set_axis(["age", "sex", "bmi", "bp", "tc", "ldl", "hdl", "tch", "ltg", "glu"], axis="columns")
X = (X - X.mean()) / X.std(ddof=0)
X.shape

# %% [markdown]
# ## A path
#
# Without further arguments it is the lasso at 100 values of $\lambda$:
#
# $$\min_{b_0, b} \quad \frac{1}{2n} \sum_i (y_i - b_0 - x_i'b)^2 + \lambda \sum_j |b_j|.$$
#
# The penalty acts on columns in standard deviations, whatever their units; coefficients come back in the units of the
# data. (So the scaling above was for us who read, not for `fit_path`.)

# %%
path = jr.fit_path(X, y)
path

# %% [markdown]
# A row for every few points of the path: $\lambda$, the number of columns in the model (df), the share of the
# variance it explains, its certificate, and how the solver ended. `print(path.summary())` gives it as text, and
# `path.lambdas`, `path.coef`, `path.intercept`, `path.df`, `path.dev_ratio`, `path.gap` are NumPy arrays with an entry
# for each point.

# %%
ax = path.plot()

# %% tags=["check"]
assert path.coef.shape == (100, 10)
assert (path.status == jr.Status.converged).all()

# %% [markdown]
# Each curve is the coefficient of a column times its standard deviation, so that columns of any units compare.
# (`scale="raw"` draws it as it is.) Read it from the left, where the penalty is so strong that all coefficients are 0.
# The first to enter are the body mass index and ltg, a measure of triglycerides. To the right the penalty fades, and
# the coefficients come near those of least squares. There the total cholesterol tc, which the other columns determine
# up to 2 %, and its part ldl grow against each other: that is collinearity, and the penalty holds it down.

# %%
entered = (path.coef != 0).argmax(axis=0)  # position on the path
least_squares = np.linalg.lstsq(X, y - y.mean())[0]
ends = {"enters at lambda": path.lambdas[entered], "last of the path": path.coef[-1], "least squares": least_squares}
pd.DataFrame(ends, index=X.columns).sort_values("enters at lambda", ascending=False).round(2)

# %% tags=["check"]
assert set(X.columns[np.argsort(entered)[:2]]) == {"bmi", "ltg"}
np.testing.assert_allclose(path.coef[-1], least_squares, atol=1)
assert np.linalg.lstsq(X.drop(columns="tc"), X["tc"])[1] / len(X) < 0.02
last_point = path.to_frame().iloc[-1]
assert last_point["tc"] < -35 < 20 < last_point["ldl"]

# %% [markdown]
# ## The certificate
#
# Solvers iterate and stop. How near is the result? For convex problems there is an answer that does not depend on the
# solver: weak duality. Write $P(b)$ for the objective, $y$ for the centred response, $r = y - Xb$ for the residual.
# Shrink $r$ by the factor $s = \min(1, \lambda / \max_j |x_j'r / n|)$ to $\theta = s r$, so that
# $|x_j'\theta / n| \le \lambda$ for all columns. Then for *every* vector of coefficients
#
# $$P(\cdot) \ge D = \frac{1}{n} \Bigl( \theta'y - \tfrac12 \theta'\theta \Bigr).$$
#
# So the least objective lies between $D$ and $P(b)$, and `path.gap` is $(P(b) - D) / P_0$, where $P_0$ is the
# objective of the empty model. In NumPy, at one point in the middle of the path:

# %%
A, centred, n = X.to_numpy(), (y - y.mean()).to_numpy(), len(y)
empty = centred @ centred / (2 * n)


def objective(b, lam):
    r = centred - A @ b
    return r @ r / (2 * n) + lam * np.abs(b).sum()


def gap(b, lam):
    r = centred - A @ b
    theta = r * min(1, lam / np.abs(A.T @ r / n).max())
    dual = (theta @ centred - theta @ theta / 2) / n
    return (objective(b, lam) - dual) / empty


k = 40
lam, solution = path.lambdas[k], path.coef[k]
print(f"lambda {lam:.3g}: gap by hand {abs(gap(solution, lam)):.0e}, path.gap {path.gap[k]:.0e}")

# %% tags=["check"]
assert abs(gap(solution, lam) - path.gap[k]) < 1e-14
assert path.gap.max() < 1e-12

# %% [markdown]
# Both are rounding errors: the solution is exact to the digits of float64. To see the gap at work, round the
# coefficients. It grows, and what it bounds, the distance of the objective to its minimum, is always less.

# %%
rows = []
for digits in (2, 1, 0):
    rounded = solution.round(digits)
    rows.append((digits, (objective(rounded, lam) - objective(solution, lam)) / empty, gap(rounded, lam)))
table = pd.DataFrame(rows, columns=["decimals kept", "true distance", "gap"]).set_index("decimals kept")
table.map("{:.0e}".format)

# %% tags=["check"]
assert (table["true distance"] < table["gap"]).all()
assert table["gap"].is_monotonic_increasing

# %% [markdown]
# The tolerance that `fit_path` asks for is `tol=1e-6`. A point that misses it has a `status` that says why, and there
# is one warning for the path; no point is passed off as solved.
#
# ## One model of the path
#
# `coef_at` and `predict` take any $\lambda$, on the grid or between its points: a lasso path is piecewise linear.
# `predict` without `lam` gives a column of predictions for each point of the path.

# %%
intercept, coef = path.coef_at(5.0)
progress = {"predicted": path.predict(X[:4], lam=5.0), "by hand": intercept + A[:4] @ coef, "observed": y[:4]}
print("all rows at all lambdas:", path.predict(X).shape)
pd.DataFrame(progress).rename_axis("patient").round(1)

# %% tags=["check"]
np.testing.assert_allclose(path.predict(X, lam=5.0), intercept + A @ coef)
assert path.predict(X).shape == (442, 100)

# %%
ax = path.plot_coefficients(5.0)

# %% [markdown]
# As a pandas table, a row for each $\lambda$, and the numbers of any figure, by its `frame`:

# %%
path.to_frame().iloc[[0, 10, 20, 40, 99]].round(2)

# %%
path.plot_coefficients.frame(5.0).round(2).head(3)

# %% [markdown]
# Saved as a NumPy archive, without pickle, and read back:

# %%
with tempfile.TemporaryDirectory() as folder:
    path.save(Path(folder) / "diabetes.npz")
    back = jr.PathResult.load(Path(folder) / "diabetes.npz")
print(repr(back))
print("the same coefficients, bit for bit:", np.array_equal(back.coef, path.coef))

# %% tags=["check"]
np.testing.assert_array_equal(back.coef, path.coef)
assert back.names == tuple(X.columns)

# %% [markdown]
# ## Elastic net and ridge
#
# The penalty is an argument. The elastic net is $\lambda \sum_j ( a |b_j| + (1 - a) b_j^2 / 2 )$, with $a$ the
# `l1_ratio`; $a = 1$ is the lasso and $a = 0$ ridge. Columns and response count in units of their standard deviations,
# and $\lambda$ in units of y, so that the square is divided by that of y.

# %%
enet = jr.fit_path(X, y, penalty=jr.penalties.ElasticNet(l1_ratio=0.1))
ridge = jr.fit_path(X, y, penalty=jr.penalties.Ridge(), lambdas=np.geomspace(1e5, 0.1, 100))
figure, axes = plt.subplots(1, 3, figsize=(9.5, 3.6), layout="constrained", sharey=True)
for each, title, ax in zip((path, enet, ridge), ("lasso", "elastic net, a = 0.1", "ridge"), axes, strict=True):
    each.to_frame()[list(X)].plot(ax=ax, logx=True, legend=False, colormap="tab10", xlabel=r"$\lambda$ (log scale)")
    ax.invert_xaxis()
    ax.set_title(title, loc="left", fontsize=10)
axes[0].set_ylabel("coefficient")
_ = figure.legend(*ax.get_legend_handles_labels(), loc="outside lower center", ncols=10, handlelength=1, frameon=False)

# %% [markdown]
# Ridge takes all columns from the start and lets them grow together; related columns share the weight. The elastic net
# does some of both. Ridge has a closed form to hold the path against:

# %%
l2 = ridge.lambdas[50] / y.std(ddof=0)
by_hand = np.linalg.solve(A.T @ A / n + l2 * np.eye(10), A.T @ centred / n)
pd.DataFrame({"closed form": by_hand, "path": ridge.coef[50]}, index=X.columns).round(4).T

# %% tags=["check"]
np.testing.assert_allclose(ridge.coef[50], by_hand, rtol=1e-10)
assert (ridge.df == 10).all()
assert max(enet.gap.max(), ridge.gap.max()) < 1e-9

# %% [markdown]
# `jr.penalties` has more: groups of columns, MCP, SLOPE, the fused lasso; `jr.losses` has robust losses. See
# [notebook 04](04_your_own_penalty_and_loss.ipynb) for your own.
#
# ## Weights of rows, factors of columns
#
# `sample_weight` counts rows. To count the patients above the mean age twice is to have each of them in the data twice:

# %%
older = X["age"] > 0
weighted = jr.fit_path(X, y, sample_weight=np.where(older, 2.0, 1.0), lambdas=path.lambdas)
twice = jr.fit_path(pd.concat([X, X[older]]), pd.concat([y, y[older]]), lambdas=path.lambdas)
fits = {"all rows once": path, "weight 2 above the mean age": weighted, "their rows twice": twice}
pd.DataFrame({name: fit.coef_at(5.0)[1] for name, fit in fits.items()}, index=X.columns).round(3).T

# %% tags=["check"]
np.testing.assert_allclose(weighted.coef, twice.coef, atol=1e-8)
assert np.abs(weighted.coef - path.coef).max() > 1

# %% [markdown]
# `penalty_factors` multiply the penalty of a column. With 0 a column is always in the model, as one would have age and
# sex to adjust for; with infinity it never is.

# %%
factors = pd.Series(1.0, index=X.columns)
factors[["age", "sex"]] = 0.0
factors["glu"] = np.inf
adjusted = jr.fit_path(X, y, penalty_factors=factors)
adjusted.to_frame().iloc[[0, 20, 40, 99]].round(2)

# %% tags=["check"]
assert list(X.columns[adjusted.coef[0] != 0]) == ["age", "sex"]
assert not adjusted.coef[:, X.columns.get_loc("glu")].any()

# %% [markdown]
# `lower` and `upper` limit coefficients, `offset` is a known part of the prediction, `lambdas` is a grid of your own.
#
# ## Choosing, in three lines

# %%
cv = jr.fit_cv(X, y)  # 10 folds
print(cv.summary())
ax = cv.plot()

# %% [markdown]
# Each of the 1000 fits has its certificate. The held-out loss falls as columns come in, and is flat from there on: ten
# columns are too few to overfit 442 patients. [Notebook 02](02_cross_validation_and_the_bias_variance_curve.ipynb) has
# data that do, and explains the rules. `"1se"`, the strongest penalty within one standard error of the best, keeps
# fewer columns. On the path, both choices:

# %%
ax = cv.plot_path(lam="1se", labels=4)

# %% [markdown]
# The range is that of the choices; triangles show where a curve leaves it. The dots are the coefficients of `"1se"`.
# By name:

# %%
cv.select("1se")

# %% tags=["check"]
assert cv.mean_loss[0, -1] < 1.01 * cv.mean_loss.min()
assert cv.gap.shape == (1, 10, 100)
assert cv.gap.max() < 1e-9
assert np.count_nonzero(cv.select("1se").coef) < np.count_nonzero(cv.select("min").coef)

# %% [markdown]
# A choice goes on as a pandas series with the intercept, or as a frame of what is not 0. Beside the choice of the least
# held-out loss:

# %%
pd.DataFrame({rule: cv.select(rule).to_series() for rule in ("1se", "min")}).round(1).T

# %% [markdown]
# `cv.r2` is the R squared of the patients who were held out, at each $\lambda$. `cv.predict` and `cv.score` take a rule
# as well as a number. The score of rows that the fit has seen is the higher of the two, and says less.

# %%
print(f"R squared, held out {cv.r2[cv.best]:.3f}, on the rows of the fit {cv.score(X, y):.3f}")
cv.predict(X[:4], lam="1se").round(1)

# %% tags=["check"]
assert 0 < cv.r2[cv.best] < cv.score(X, y) < 1

# %% [markdown]
# To show it to others, `cv.report` makes one HTML page with the figures, a slider through $\lambda$, the held-out
# predictions, the certificates and the call that rebuilds the result. It opens in any browser, without a network.
# `cv.report()` as the last line of a cell shows the page there; with a file name it writes it.

# %%
with tempfile.TemporaryDirectory() as folder:
    report = cv.report(Path(folder) / "diabetes.html", title="Diabetes")
    print(f"{report.path.name}: {report.path.stat().st_size // 1000} kB")

# %% [markdown]
# ## The command line
#
# The same for a table in a file, without Python:
#
#     python -m jaxreg path houses.csv --target price --drop id
#     python -m jaxreg cv houses.csv --target price --drop id --rule 1se --report houses.html
#     python -m jaxreg predict jaxreg-cv/model.npz new.csv
#     python -m jaxreg demo
#
# `path` writes a figure, the coefficients and a summary. `cv` adds the validation curve and a model, by which `predict`
# predicts new rows. `demo` does it for the data of this notebook and their products. `--help` lists the options, and
# [notebook 09](09_a_table_of_mixed_types.ipynb) goes all the way with a table of houses.
#
# ## In scikit-learn
#
# `jaxreg.sklearn` has the estimators of `sklearn.linear_model`, with their names, parameters and meaning, for
# pipelines, searches and the like. All that was fitted stays in `cv_result_`.

# %%
model = make_pipeline(StandardScaler(), LassoCV(cv=10, rule="1se")).fit(X, y)
print(f"alpha {model[-1].alpha_:.3g}, R squared {model.score(X, y):.2f}, columns {np.count_nonzero(model[-1].coef_)}")

# %% tags=["check"]
assert model[-1].cv_result_.gap.max() < 1e-9

# %% [markdown]
# From here:
#
# - [02](02_cross_validation_and_the_bias_variance_curve.ipynb) how to choose $\lambda$, and why there is a best one
# - [03](03_many_columns.ipynb) thousands of columns, tens of rows
# - [04](04_your_own_penalty_and_loss.ipynb) a penalty and a loss of your own
# - [05](05_differentiable_tuning.ipynb) derivatives of a solution
# - [06](06_accelerators.ipynb) GPU and TPU, precision, memory, the first call
# - [07](07_coming_from_glmnet_or_scikit_learn.ipynb) what differs from glmnet and scikit-learn
# - [08](08_regularizers_of_deep_learning.ipynb) dropout, noise and early stopping
# - [09](09_a_table_of_mixed_types.ipynb) categories, dates and holes: from a raw table to a saved model
