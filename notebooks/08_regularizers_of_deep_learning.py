# %% [markdown]
# # The regularizers of deep learning
#
# `jr.neural.fit_path` trains a network at every strength of a regularizer: dropout, weight decay, noise, early
# stopping. How much regularization is a dropout rate of 0.5? For linear models there is an answer: each of these is
# ridge or the lasso, with a $\lambda$ that a formula gives. So the first part of this notebook holds trained models
# against exact paths. The second part trains networks on digits, where no formula helps and the curve has to be looked
# at.

# %%
import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import optax
import pandas as pd
from sklearn.datasets import load_diabetes, load_digits

import jaxreg as jr
from jaxreg import neural

# %% [markdown]
# The diabetes data: 442 patients, ten measurements, the progress of the disease, all with mean 0 and variance 1.
# `Linear` is the model $x'w + b$. What is drawn are the coefficients: lines are exact paths, dots are models that were
# trained by stochastic gradient descent. Steps that see noise have to become small at the end, so the step size falls.
# (`progress=False` leaves out the bar that Jupyter shows otherwise.)

# %%
X, y = load_diabetes(return_X_y=True, scaled=False)
X, y = (X - X.mean(axis=0)) / X.std(axis=0), (y - y.mean()) / y.std()
n, p = X.shape
folds = np.arange(n) % 5


def falling(low, steps):
    return optax.sgd(optax.exponential_decay(0.1, steps, low / 0.1))


def train(regularizer, strengths, optimizer, epochs, X=X, y=y, batch_size=None, cv=folds):
    return neural.fit_path(
        neural.Linear(), X, y, regularizer=regularizer, strengths=strengths, optimizer=optimizer, epochs=epochs,
        batch_size=batch_size, cv=cv, progress=False,
    )  # fmt: skip


def coefficients(path):
    return path.params["layer0"]["kernel"][..., 0]


def ridge(lambdas, X=X, **options):
    return jr.fit_path(X, y, penalty=jr.penalties.Ridge(), lambdas=lambdas, **options).coef


def distance(found, exact):
    """Relative distance of coefficients, the largest of all strengths."""
    return np.max(np.linalg.norm(found - exact, axis=1) / np.linalg.norm(exact, axis=1))


def panels(*titles):
    both = plt.subplots(1, 2, figsize=(8.5, 3.5), layout="constrained")[1]
    for ax, title in zip(both, titles, strict=True):
        ax.set_title(title, loc="left", fontsize=10)
        ax.set_xlabel(r"$\lambda$ (log scale)")
    return both


def compare(ax, lambdas, exact, at, found, exactly, trained, legend="best"):
    """Exact curves against lambda as lines, trained models as dots."""
    lines = ax.semilogx(lambdas, exact, color="#3333e0", lw=1, label=exactly)
    dots = ax.plot(at, found, "o", color="#ee6a00", ms=3.5, label=trained)
    ax.set_xlim(max(lambdas) * 1.1, min(lambdas) / 1.1)
    ticks = [tick for tick in (10, 5, 2, 1, 0.5, 0.2, 0.1, 0.05, 0.02) if min(lambdas) <= tick <= max(lambdas)]
    ax.set_xticks(ticks, labels=[f"{tick:g}" for tick in ticks])
    ax.set_xticks([], minor=True)
    ax.legend(handles=[lines[0], dots[0]], fontsize=9, loc=legend)


# %% [markdown]
# ## Weight decay is ridge
#
# Weight decay takes a share of the weights off at each step, $w \leftarrow w - \eta (g + \lambda w)$. For plain
# gradient descent that is the gradient of the penalty $\lambda |w|^2 / 2$ (Krogh and Hertz 1991), and the limit is
# ridge. With Adam, which rescales gradients but not the decay, it is not (Loshchilov and Hutter 2019): there `L2` and
# `WeightDecay` differ. Minibatches of 32 rows, nine strengths, five folds; at the right their held-out loss, against
# ridge on the same folds.

# %%
decay = np.geomspace(8, 0.1, 9)
decayed = train(neural.WeightDecay(), decay, falling(1e-3, 14 * 200), epochs=200, batch_size=32)
by_ridge = jr.fit_cv(X, y, l1_ratios=0.0, lambdas=decay, cv=folds, standardize=False)

left, right = panels("coefficients", "held-out mean squared error, five folds")
grid = np.geomspace(8, 0.1, 60)
compare(left, grid, ridge(grid, standardize=False), decay, coefficients(decayed), "ridge", "weight decay, SGD")
compare(right, decay, by_ridge.mean_loss[0], decay, decayed.mean_loss, "ridge", "weight decay, SGD")
off = distance(coefficients(decayed), ridge(decay, standardize=False))
print(f"relative distance of the coefficients, the largest of nine strengths: {off:.1%}")

# %% tags=["check"]
assert off < 0.02
np.testing.assert_allclose(decayed.mean_loss, by_ridge.mean_loss[0], rtol=0.02)

# %% [markdown]
# ## Noise and dropout are ridge, on two scales
#
# Add normal noise of standard deviation $\sigma$ to the inputs, anew in each step, and the squared error becomes in
# expectation (Bishop 1995)
#
# $$\mathbb{E}\,(y - (x + \sigma\varepsilon)'w)^2 = (y - x'w)^2 + \sigma^2 |w|^2:\qquad \lambda = \sigma^2.$$
#
# Dropout sets an input to 0 with probability $p$ and divides what it keeps by $1 - p$ (Srivastava et al. 2014, section
# 9.1; Wager, Wang and Liang 2013):
#
# $$\mathbb{E}\,(y - \tilde x'w)^2 = (y - x'w)^2 + \frac{p}{1-p} \sum_j x_j^2 w_j^2.$$
#
# The mean of $x_j^2$ over the rows is the scale of the column: this is ridge on standardised columns with
# $\lambda = p / (1 - p)$. Noise hits small columns harder than large ones, dropout treats them alike. To see it, the
# columns get scales from 0.7 to 1.4. Each row is there 20 times, so that an epoch draws 20 times
# for it. Of two regularizers all combinations are trained; drawn are those where one of them is 0.

# %%
uneven = X * np.geomspace(0.7, 1.4, p)
deviations, rates = np.array([1.4, 1, 0.7, 0.4, 0]), np.array([0.7, 0.5, 0.3, 0.15, 0])
path = train(
    (neural.GaussianNoise(), neural.Dropout()),
    (deviations, rates),
    falling(1e-4, 20 * 100),
    epochs=100,
    X=np.tile(uneven, (20, 1)),
    y=np.tile(y, 20),
    batch_size=n,
    cv=[(np.arange(n), np.arange(n, 2 * n))],
)
trained = coefficients(path).reshape(5, 5, p)
noisy, dropped = trained[:4, 4], trained[4, :4]
of_noise, of_dropout = deviations[:4] ** 2, rates[:4] / (1 - rates[:4])

left, right = panels("noise: ridge with standardize=False", "dropout: ridge with standardize=True")
grid = np.geomspace(2.5, 0.15, 60)
compare(left, grid, ridge(grid, uneven, standardize=False), of_noise, noisy, "ridge", "Gaussian noise")
compare(right, grid, ridge(grid, uneven, standardize=True), of_dropout, dropped, "ridge", "dropout")
left.set_xlabel(r"$\lambda = \sigma^2$ (log scale)")
right.set_xlabel(r"$\lambda = p / (1 - p)$ (log scale)")
kinds = {"noise": (noisy, of_noise), "dropout": (dropped, of_dropout)}
distances = {
    f"ridge with standardize={on}": {
        name: distance(found, ridge(lambdas, uneven, standardize=on)) for name, (found, lambdas) in kinds.items()
    }
    for on in (False, True)
}
pd.DataFrame(distances).map("{:.1%}".format)

# %% tags=["check"]
assert distances["ridge with standardize=False"]["noise"] < 0.02
assert distances["ridge with standardize=True"]["dropout"] < 0.02
assert distances["ridge with standardize=False"]["dropout"] > 0.1
assert distances["ridge with standardize=True"]["noise"] > 0.1

# %% [markdown]
# The table has the relative distance of the coefficients, the largest of all strengths. Each regularizer is within 2%
# of its ridge, and far from the other one. What is left is that of a random draw: more epochs make it smaller. So a
# dropout rate of 0.5 on the inputs of a linear model is ridge with $\lambda = 1$.
#
# ## Proximal steps end at the lasso
#
# For $\lambda \sum_j |w_j|$ a gradient is not enough: it makes weights small, never 0. `L1` takes a proximal step after
# each update, $w_j \leftarrow \mathrm{sign}(w_j) \max(|w_j| - \eta\lambda, 0)$ (Duchi and Singer 2009). With all rows
# in each step it ends at the lasso, zeros included.

# %%
strengths = np.geomspace(0.5, 0.02, 10)
exact = jr.fit_path(X, y, lambdas=strengths, standardize=False).coef
sparse = coefficients(train(neural.L1(), strengths, optax.sgd(0.35), epochs=400))
batches = coefficients(train(neural.L1(), strengths, falling(1e-3, 7 * 300), epochs=300, batch_size=64))

left, right = panels("coefficients", "coefficients that are exactly 0")
grid = np.geomspace(0.5, 0.02, 60)
lasso = jr.fit_path(X, y, lambdas=grid, standardize=False).coef
compare(left, grid, lasso, strengths, sparse, "lasso", "L1, all rows in each step")
zeros = [np.count_nonzero(each == 0, axis=1) for each in (lasso, sparse, batches)]
compare(right, grid, zeros[0], strengths, zeros[1], "lasso", "L1, all rows in each step")
right.plot(strengths, zeros[2], "x", color="0.2", label="L1, minibatches of 64")
right.legend(fontsize=9)
for name, found in {"all rows in each step": sparse, "minibatches of 64": batches}.items():
    lifted = np.abs(found[exact == 0]).max()
    print(f"{name}: distance to the lasso {distance(found, exact):.0e}, largest weight where it has 0: {lifted:.0e}")

# %% tags=["check"]
assert distance(sparse, exact) < 1e-5
np.testing.assert_array_equal(sparse == 0, exact == 0)
assert distance(batches, exact) < 0.02
assert (zeros[2] <= zeros[1]).all()
assert zeros[2].sum() < zeros[1].sum()
assert np.abs(batches[exact == 0]).max() < 2e-3

# %% [markdown]
# By minibatches the coefficients come as near, but not all zeros are exact: the gradient of a minibatch now and then
# lifts a weight off 0, by less than 0.002 here, and the last such steps stay. For a choice of features, use
# large minibatches, or a threshold.
#
# ## Early stopping follows ridge, at some distance
#
# Gradient descent with step size $\eta$ from $w = 0$ has after $t$ steps, along a principal axis of the columns with
# variance $d$, the share $1 - (1 - \eta d)^t$ of the least-squares solution. Ridge has $d / (d + \lambda)$. The two are
# equal if each axis has a $\lambda$ of its own (Ali, Kolter and Tibshirani 2019, lemma 3),
#
# $$\lambda_d = \frac{d}{(1 - \eta d)^{-t} - 1},$$
#
# which for axes of small variance is $1 / (\eta t)$, and smaller for the others. That is the $\lambda$ by which
# stopping is compared to ridge: the strength of `EarlyStopping` is one over the number of epochs, so with all rows in
# each step $\lambda$ = strength / $\eta$.

# %%
step, epochs = 0.1, np.unique(np.geomspace(1, 500, 18).round()).astype(int)
at = 1 / (step * epochs)
stopped = train(neural.EarlyStopping(), 1 / epochs, optax.sgd(step), epochs=500)
by_ridge = jr.fit_cv(X, y, l1_ratios=0.0, lambdas=at, cv=folds, standardize=False)

left, right = panels("coefficients", "held-out mean squared error, five folds")
both = "ridge", "gradient descent, stopped"
compare(left, at, ridge(at, standardize=False), at, coefficients(stopped), *both, legend="lower left")
compare(right, at, by_ridge.mean_loss[0], at, stopped.mean_loss, *both)
left.set_ylim(-0.32, 0.38)
for ax in (left, right):
    _ = ax.set_xlabel(r"$\lambda = 1 / (\eta t)$ (log scale)")

# %%
variance, axes = np.linalg.eigh(X.T @ X / n)
rows = []
for k in range(8):
    own = variance / ((1 - step * variance) ** -float(epochs[k]) - 1)
    of_axes = ridge([1.0], X @ axes, penalty_factors=own, standardize=False) @ axes.T
    descent = coefficients(stopped)[k : k + 1]
    common = ridge(at[k : k + 1], standardize=False)
    rows.append((epochs[k], distance(descent, of_axes), distance(descent, common)))
matched = pd.DataFrame(rows, columns=["epochs", "ridge with the λ of each axis", "ridge with λ = 1 / ηt"])
matched.set_index("epochs").map("{:.1g}".format).T

# %% tags=["check"]
share = 1 - (1 - step * variance) ** epochs[:, None]
assert distance(coefficients(stopped), share / variance * (axes.T @ X.T @ y / n) @ axes.T) < 1e-5
assert (matched["ridge with the λ of each axis"] < 1e-5).all()
ratio = stopped.mean_loss / by_ridge.mean_loss[0]
assert 0.35 < distance(coefficients(stopped), ridge(at, standardize=False)) < 0.4
assert (np.abs(ratio - 1) < 0.02)[at < 1 / 3].all()
assert 0.9 < ratio.min() < 0.92
assert abs(stopped.mean_loss.min() / by_ridge.mean_loss.min() - 1) < 0.002

# %% [markdown]
# With the $\lambda$ of each axis, the match is to five digits. With the one $\lambda = 1 / (\eta t)$ it is not:
# coefficients are up to 38% apart, as descent goes faster along the axes of large variance. Held-out losses are within
# 2% where $\lambda < 1/3$, their minima within 0.2%; at the underfitting end descent is ahead by up to a tenth. Theory
# promises no more: under this calibration the risk of descent is at most 1.69 times that of ridge (their theorem 1).
#
# ## Networks on digits
#
# Now a network with a hidden layer, 200 images of digits to learn from, 300 to judge. As happens with labels made by
# hand, some are wrong: a tenth of the 200. A network can learn these by heart, too.

# %%
images, digits = load_digits(return_X_y=True)
random = np.random.default_rng(0)
drawn = random.permutation(len(digits))[:500]
images, digits = images[drawn].reshape(-1, 8, 8) / 16, digits[drawn].copy()
wrong = random.permutation(200)[:20]
digits[wrong] = (digits[wrong] + random.integers(1, 10, 20)) % 10
split = [(np.arange(200), np.arange(200, 500))]
adam = optax.adam(1e-2)


def train_network(regularizer, strengths):
    return neural.fit_path(
        neural.MLP((64,), "classification"), images, digits, regularizer=regularizer, strengths=strengths, cv=split,
        seeds=2, optimizer=adam, epochs=100, batch_size=50, refit=False, progress=False,
    )  # fmt: skip


# %% [markdown]
# Two regularizers. Dropout is ready, here of hidden units. For images one knows more: a digit that is moved a little is
# the same digit. `Augment` takes any function of a row, here a shift by up to `strength` pixels, between pixels
# interpolated.


# %%
def shifted(key, image, strength):
    by = jax.random.uniform(key, (2,), image.dtype, -strength, strength)
    return jax.image.scale_and_translate(image, image.shape, (0, 1), jnp.ones(2, image.dtype), by, "linear")


paths = {
    "dropout": train_network(neural.Dropout(), [0.95, 0.9, 0.8, 0.6, 0.4, 0.2, 0.1, 0]),
    "shifts": train_network(neural.Augment(shifted), [4, 3, 2, 1.5, 1, 0.7, 0.3, 0]),
}
row = plt.subplots(1, 2, figsize=(8.5, 3.6), layout="constrained", sharey=True)[1]
for ax, (name, path) in zip(row, paths.items(), strict=True):
    path.plot(ax=ax)
    ax.set_title(name, loc="left", fontsize=10)
row[1].set_ylabel("")
_ = row[0].set_ylim(-0.25, 2.2)

# %%
table = {
    name: {
        "best strength": path.strength_min,
        "held-out loss there": path.mean_loss.min(),
        "without": path.mean_loss[-1],
        "training loss without": path.train_loss[-1, ..., -1].mean(),
    }
    for name, path in paths.items()
}
pd.DataFrame(table).round(3).T

# %% tags=["check"]
none = paths["dropout"].mean_loss[-1]
for network_path in paths.values():
    assert network_path.mean_loss[0] > 1.5 * network_path.mean_loss.min()
    assert network_path.mean_loss[-1] > 1.2 * network_path.mean_loss.min()
    assert network_path.train_loss[-1, ..., -1].mean() < 0.05 * none
    np.testing.assert_allclose(network_path.mean_loss[-1], none, rtol=1e-4)

# %% [markdown]
# The same curve as for ridge and the lasso. At the left networks underfit: both losses are high. At the right they
# overfit: training loss goes to 0, wrong labels and all, while the held-out loss rises. At strength 0 the two are the
# same network. What one knows about images is worth more here than noise on hidden units: shifts take off most.

# %% tags=["check"]
assert paths["shifts"].mean_loss.min() < paths["dropout"].mean_loss.min() < none

# %% [markdown]
# ## Early stopping
#
# The cheapest path needs no other training: the losses after each epoch of the network without dropout are the
# curve of early stopping. (With `EarlyStopping()` it is a path like the others, alone or beside another regularizer,
# its strengths one over the number of epochs; with `patience` each training ends by itself.)

# %%
dropout = paths["dropout"]
ax = dropout.plot_epochs(0, ax=plt.subplots(figsize=(6, 3.6), layout="constrained")[1])
after = dropout.valid_loss[-1].mean(axis=(0, 1))
print(f"best epoch {1 + after.argmin()}, loss {after.min():.2f}; after the last {after[-1]:.2f}")
print(f"dropout at its best {dropout.mean_loss.min():.2f}")

# %% tags=["check"]
assert 10 <= 1 + after.argmin() <= 40
assert dropout.mean_loss.min() < after.min() < 0.85 * after[-1]

# %% [markdown]
# The left end underfits, the right end has learnt the wrong labels. The best epoch comes early, and what it reaches is
# between no regularization and dropout at its best.
