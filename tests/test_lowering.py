"""Every jitted kernel is lowered for CUDA and for TPUs, without either, and has no constant that float32 has not.

A TPU computes float64 by pairs of float32, which have the range of float32: a smaller constant is 0 there, in whatever
precision a kernel works.
"""

import warnings
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from instances import LOSSES, PENALTIES, P
from kernels import constants, recorded
from placements import ACCELERATED
from reference import ar_problem

import jaxreg as jr
from jaxreg import penalties
from jaxreg.design import _placement

DEVICE = replace(ACCELERATED, on_host=False)
X, Y = ar_problem(40, P, seed=1)
WIDE, Y_WIDE = ar_problem(20, 60, seed=2)
SCREENED, Y_SCREENED = ar_problem(60, 300, seed=3)  # columns come in one by one
COLLINEAR, Y_COLLINEAR = ar_problem(60, 300, rho=0.99, seed=3)  # in float32, solutions have to be refined
SHORT, Y_SHORT = ar_problem(150, 270, seed=4)  # all columns at once, by a Gram matrix made on the device
SEVERAL = np.stack([Y, 0.5 * Y + X[:, 0]], axis=1)
GROUPS = penalties.GroupLasso(np.arange(300) // 3)
FEW = {"n_lambdas": 4}
SINGLE = np.finfo(np.float32)
# the least squares of a number that have all their digits, asked of the precision itself
OF_THE_PRECISION = {float(np.finfo(np.float64).tiny / np.finfo(np.float64).eps)}


def quick_fits():
    jr.fit_path(X, Y, solver="proximal", **FEW)
    jr.fit_path(WIDE, Y_WIDE, **FEW, solver="pivot")


def all_fits():
    quick_fits()
    for penalty in PENALTIES.values():
        jr.fit_path(X, Y, penalty=penalty, **FEW)
    for name, loss in LOSSES.items():
        jr.fit_path(X, np.sign(Y) if name == "SquaredHinge" else Y, loss=loss, **FEW)
    for penalty in ("lasso", GROUPS, "ridge", "mcp"):
        jr.fit_path(SCREENED, Y_SCREENED, penalty=penalty, **FEW)
    jr.fit_path(COLLINEAR.astype(np.float32), Y_COLLINEAR, tol=1e-9, lambda_min_ratio=1e-5, solver="pivot", **FEW)
    jr.fit_path(SCREENED.astype(np.float32), Y_SCREENED, penalty=GROUPS, **FEW)
    jr.fit_path(SCREENED.astype(np.float32), Y_SCREENED, loss="huber", **FEW)
    jr.fit_path(SHORT, Y_SHORT, solver="proximal", **FEW)
    jr.fit_path(SCREENED, Y_SCREENED, penalty=GROUPS, solver="block", **FEW)
    jr.fit_path(jnp.asarray(X), Y, penalty=PENALTIES["GroupLasso"], solver="block", **FEW)
    jr.fit_path(X, SEVERAL, penalty=penalties.MultiTaskLasso(), **FEW)
    jr.fit_path(X, Y, lower=0.0, solver="pivot", **FEW)
    for steps in ("tensorfloat32", "bfloat16"):
        jr.fit_path(X, Y, solver="proximal", step_precision=steps, **FEW)
    for options in ({}, {"l1_ratios": [0.5, 1.0], "solver": "proximal"}, {"penalty": "ridge"}, {"loss": "huber"}):
        jr.fit_cv(X, Y, cv=3, **options, **FEW)
    jr.fit_cv(np.hstack([X, X]), Y, cv=3, penalty="ridge", **FEW)  # delicate
    for penalty in ("lasso", "ridge"):
        jr.fit_cv(SCREENED, Y_SCREENED, penalty=penalty, cv=3, **FEW)
    for loss in ("squared", "huber"):
        with jax.enable_x64(True):
            jr.solve(X, Y, 0.1, loss=loss)
            jr.solve(WIDE, Y_WIDE, 0.1, loss=loss)


def recorders_of(fits):
    with pytest.MonkeyPatch.context() as patch, recorded() as recorders:
        patch.setattr(_placement, "current", lambda: DEVICE)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", jr.ConvergenceWarning)  # nothing is asked of the solutions
            fits()
    return recorders


def in_float32(leaf):
    if isinstance(leaf, np.dtype):
        return np.dtype(np.float32)
    if not isinstance(leaf, jax.ShapeDtypeStruct):
        return leaf
    single = {np.dtype(np.float64): np.float32, np.dtype(np.int64): np.int32}
    return jax.ShapeDtypeStruct(leaf.shape, single.get(leaf.dtype, leaf.dtype))


def export_in_float32(kernel, call):
    """All in float32; also what a kernel does in float64 whatever the data, which `check` lowers as it is."""
    args, kwargs = jax.tree.map(in_float32, call)
    with jax.enable_x64(False), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Explicitly requested dtype float64")
        jax.export.export(kernel, platforms=["tpu"])(*args, **kwargs)


def check(recorder):
    for args, kwargs in recorder.calls.values():
        with jax.enable_x64(True):
            jax.export.export(recorder.function, platforms=["cuda", "tpu"])(*args, **kwargs)
            numbers = set(constants(recorder.function.trace(*args, **kwargs).jaxpr))
        lost = [x for x in numbers if np.isfinite(x) and x and not SINGLE.tiny <= abs(x) <= SINGLE.max]
        assert set(lost) <= OF_THE_PRECISION, f"{recorder.name}: float32 has no {lost}"
        export_in_float32(recorder.function, (args, kwargs))


def test_kernels_of_two_engines_are_lowered():
    for recorder in recorders_of(quick_fits):
        check(recorder)


@pytest.mark.slow
def test_every_kernel_is_lowered():
    recorders = recorders_of(all_fits)
    idle = [recorder.name for recorder in recorders if not recorder.calls]
    assert not idle, f"no fit of this test calls {idle}: let one do so"
    for recorder in recorders:
        check(recorder)
