# %% [markdown]
# # Tuning by gradient
#
# `jr.solve` is one solution as a pure JAX function. It can be compiled, mapped and differentiated, with respect to
# lambda, the penalty factors, the weights of the rows, the data. So a cross-validated loss has a gradient, and many
# numbers may be tuned at once, where a grid allows one or two. The last section shows what that does not protect from.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
import pandas as pd
from sklearn.datasets import load_diabetes
from sklearn.preprocessing import PolynomialFeatures

import jaxreg as jr

jax.config.update("jax_enable_x64", True)  # jr.solve follows the caller, and derivatives need the digits

# %% [markdown]
# The diabetes data with the squares and products of their ten columns. One square says nothing new (sex has two values)
# and is left out. 300 patients to learn from, 142 to judge.

# %%
X, y = load_diabetes(return_X_y=True, as_frame=True)
terms = PolynomialFeatures(2, include_bias=False).fit((X - X.mean()) / X.std(ddof=0))
kept = terms.get_feature_names_out() != "sex^2"
expanded = terms.transform((X - X.mean()) / X.std(ddof=0))[:, kept]
powers = terms.powers_[kept]
p = expanded.shape[1]


def split(seed):
    order = np.random.default_rng(seed).permutation(len(y))
    learn, judge = order[:300], order[300:]
    return jnp.asarray(expanded[learn]), jnp.asarray(y.to_numpy()[learn]), expanded[judge], y.to_numpy()[judge]


A, t, A_test, t_test = split(seed=0)
fold = np.arange(300) % 5
print(f"{A.shape[0]} rows, {p} columns")

# %% [markdown]
# ## Many lambdas at once
#
# `jax.vmap` makes of one solution a batch of them: 64 lambdas here, in one compiled call. They are the solutions of
# `fit_path`, each with its gap. (`fit_path` is the quicker way to a path: it goes from one lambda to the next, and
# looks at few columns. The batch is for what has no order, and for accelerators.)

# %%
path = jr.fit_path(np.asarray(A), np.asarray(t), n_lambdas=64, lambda_min_ratio=1e-2, tol=1e-10)
batch = jax.jit(jax.vmap(lambda lam: jr.solve(A, t, lam, tol=1e-9)))(jnp.asarray(path.lambdas))
apart = np.abs(batch.coef - path.coef).max() / np.abs(path.coef).max()
print(f"{len(batch.gap)} solutions, largest gap {batch.gap.max():.0e}; coefficients as of the path to {apart:.0e}")

# %% tags=["check"]
assert apart < 1e-3
assert batch.gap.max() < 1e-9

# %% [markdown]
# ## The cross-validated loss, and its gradient
#
# A fold is a vector of weights that are 0 for the rows held out. So the loss over five folds is a few lines, and a
# function of whatever goes into the fits. Here that is lambda and the penalty factor of each column,
#
# $$v_j = \exp(M h)_j,$$
#
# where the matrix $M$ says how the factors hang on the numbers $h$ that are tuned.

# %%
weights = jnp.asarray([np.where(fold == k, 0.0, 1.0) for k in range(5)])


@jax.jit
@jax.value_and_grad
def cv_loss(h, M, A, t):
    def held_out(weight):
        fit = jr.solve(A, t, jnp.exp(h[0]), penalty_factors=jnp.exp(M @ h[1:]), sample_weight=weight, tol=1e-8)
        return jnp.sum((1 - weight) * (t - fit.intercept - A @ fit.coef) ** 2)

    return jnp.sum(jax.vmap(held_out)(weights)) / len(t)


# %% [markdown]
# With all factors 1 it is the loss that `fit_cv` reports on these folds:

# %%
cv = jr.fit_cv(np.asarray(A), np.asarray(t), cv=fold)
free = jnp.eye(p)
start = jnp.concatenate([jnp.log(jnp.array([cv.lambda_min])), jnp.zeros(p)])
loss, gradient = cv_loss(start, free, A, t)
print(f"cv_loss {loss:.4f}, fit_cv {cv.mean_loss.min():.4f}")

# %% tags=["check"]
np.testing.assert_allclose(loss, cv.mean_loss.min(), rtol=1e-6)

# %% [markdown]
# Its derivatives with respect to lambda and to one factor for each column come from one call. Central differences need
# two calls for each number. Both, for lambda and for the ten columns with the largest derivatives:

# %%
e = 1e-4
numbers = np.array(["lambda", *terms.get_feature_names_out()[kept]])
shown = [0, *1 + np.argsort(-np.abs(gradient[1:]))[:10]]
shifts = e * np.eye(len(start))
differences = [
    (cv_loss(start + shifts[j], free, A, t)[0] - cv_loss(start - shifts[j], free, A, t)[0]) / 2 / e for j in shown
]
derivatives = {"derivative": gradient[np.array(shown)], "central difference": np.array(differences)}
pd.DataFrame(derivatives, index=numbers[shown]).round(2)

# %% tags=["check"]
np.testing.assert_allclose(gradient[np.array(shown)], differences, atol=1e-2)

# %% [markdown]
# A negative derivative says: penalise this column more, and the held-out loss falls. It is 0 for columns that no fold
# takes up. These are derivatives of the smooth piece on which the solutions lie: where a column enters or leaves, they
# jump, and a step of gradient descent may cross many such places. That is no harm, if each step is checked by the
# loss itself.
#
# ## Gradient descent
#
# The tuned numbers: lambda, one for each of the ten variables, which all its terms share, and one each for squares and
# products. That is 13 numbers, more than any grid could hold.

# %%
is_square, is_product = powers.max(axis=1) == 2, (powers > 0).sum(axis=1) == 2
structured = jnp.zeros((p, p)).at[:, :12].set(np.column_stack([powers, is_square, is_product]))


def tune(M, A, t, lam, steps=50):
    h = start.at[0].set(jnp.log(lam))
    optimiser = optax.adam(0.1)
    state, trace = optimiser.init(h), []
    for _ in range(steps):
        loss, gradient = cv_loss(h, M, A, t)
        trace.append((float(loss), h))
        update, state = optimiser.update(gradient, state)
        h = optax.apply_updates(h, update)
    return min(trace, key=lambda each: each[0])[1], [loss for loss, _ in trace]


tuned, trace = tune(structured, A, t, cv.lambda_min)

# %% [markdown]
# To compare: the single lambda of `fit_cv`, and the adaptive lasso, whose factors are 1 over the coefficients of a
# ridge fit (Zou 2006, *J. Amer. Statist. Assoc.* 101).


# %%
def adaptive(A, t):
    factors = 1 / np.abs(jr.fit_cv(A, t, l1_ratios=0.0, cv=fold).coef)
    return jr.fit_cv(A, t, cv=fold, penalty_factors=factors / factors.mean())


weighted = adaptive(np.asarray(A), np.asarray(t))
ax = plt.subplots(figsize=(6, 3.6), layout="constrained")[1]
ax.plot(trace, color="#3333e0", lw=2, label="13 numbers, by gradient")
ax.axhline(cv.mean_loss.min(), color="#ee6a00", ls="--", label="one lambda, fit_cv")
ax.axhline(weighted.mean_loss.min(), color="#2e9e80", ls=":", label="adaptive lasso")
ax.set(xlabel="step of Adam", ylabel="cross-validated mean squared error")
_ = ax.legend()

# %% tags=["check"]
assert max(min(trace), weighted.mean_loss.min()) < cv.mean_loss.min()
assert trace[-1] < 0.97 * trace[0]

# %% [markdown]
# What it found, as factors: which variables and kinds of terms are penalised more (above 1) or less.

# %%
names = [*X.columns, "squares", "products"]
pd.Series(np.exp(tuned[1:13]), index=names).round(2).to_frame("factor").T

# %% [markdown]
# ## What tuning does not protect from
#
# The cross-validated loss fell. But it is what was tuned on, and the more numbers are tuned, the better they fit the
# folds. The adaptive lasso, too, takes its factors from all rows, those held out among them. The judge is rows that
# took no part. Six splits of the data; for each the loss on the folds and the loss on the other 142 rows, with one
# number tuned (lambda, by `fit_cv`), with 13, and with 65, lambda and a factor for each column.

# %%
rows = []
for seed in range(6):
    A, t, A_test, t_test = split(seed)
    one = jr.fit_cv(np.asarray(A), np.asarray(t), cv=fold)
    for cv, name in ((one, "1"), (adaptive(np.asarray(A), np.asarray(t)), "adaptive")):
        rows.append((name, cv.mean_loss.min(), np.mean((t_test - cv.predict(A_test)) ** 2)))
    for M, name in ((structured, "13"), (free, "65")):
        h, trace = tune(M, A, t, one.lambda_min)
        fit = jr.fit_path(
            np.asarray(A), np.asarray(t), lambdas=[np.exp(h[0])], penalty_factors=np.exp(np.asarray(M @ h[1:]))
        )
        rows.append((name, min(trace), np.mean((t_test - fit.predict(A_test)[:, 0]) ** 2)))
result = pd.DataFrame(rows, columns=["numbers tuned", "folds", "other rows"])
mean = result.groupby("numbers tuned", sort=False).mean()
mean.round(0).astype(int)

# %% tags=["check"]
assert mean["other rows"].idxmax() == "65"
assert np.ptp(mean["other rows"].drop("65")) < 0.03 * mean.loc["1", "other rows"]

# %%
ax = plt.subplots(figsize=(5, 3.4), layout="constrained")[1]
mean = mean.drop("adaptive")
ax.plot(mean.index, mean["folds"], "o-", color="#3333e0", label="on the folds, which it was tuned on")
ax.plot(mean.index, mean["other rows"], "s--", color="#ee6a00", label="on other rows")
ax.set(xlabel="numbers tuned", ylabel="mean squared error, mean of six splits")
_ = ax.legend()

# %% tags=["check"]
assert mean["folds"].is_monotonic_decreasing

# %% [markdown]
# On the folds, 65 numbers look best by far; on other rows they are worst. The 13 that follow the structure of the
# columns, and the adaptive lasso, do no harm and here next to no good: the diabetes data do not ask for more than one
# lambda. A gradient makes tuning cheap, not safe. Tune few numbers that mean something, and keep rows aside to judge.
