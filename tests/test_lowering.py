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
from jaxreg import _setup, penalties
from jaxreg.design import _placement, _standardise
from jaxreg.engines import _sizes

DEVICE = replace(ACCELERATED, on_host=False)
X, Y = ar_problem(40, P, seed=1)
WIDE, Y_WIDE = ar_problem(20, 60, seed=2)
SCREENED, Y_SCREENED = ar_problem(60, 300, seed=3)  # columns come in one by one
COLLINEAR, Y_COLLINEAR = ar_problem(60, 300, rho=0.99, seed=3)  # in float32, solutions have to be refined
SHORT, Y_SHORT = ar_problem(150, 270, seed=4)  # all columns at once, by a Gram matrix made on the device
SEVERAL = np.stack([Y, 0.5 * Y + X[:, 0]], axis=1)
GROUPS = penalties.GroupLasso(np.arange(300) // 3)
ROWS = np.arange(len(X))
FOLDS = ROWS % 3
HEAVY = np.where(ROWS == 4, 1e9, 1.0)  # whose fold trains on hardly any weight
QUIET = np.where((np.arange(P) == 2) & (FOLDS == 0)[:, None], 1e5 * X, X)  # a column that hardly varies elsewhere
NEAR = np.where(np.arange(P) == 5, X[:, [2]] + 0.01 * X, X)  # a column that is nearly a copy
SOLE = np.where(np.arange(P) == 5, ROWS[:, None] == 7, X)  # a column of one row
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
        jr.fit_path(X, Y, solver="batched", step_precision=steps, **FEW)
        jr.fit_path(X, Y, loss="huber", solver="batched", step_precision=steps, **FEW)
    jr.fit_cv(X, Y, cv=3, keep="all", penalty_factors=np.r_[0.0, np.ones(P - 1)], lambdas=[0.1, 0.0])
    for options in ({}, {"l1_ratios": [0.5, 1.0], "solver": "proximal"}, {"penalty": "ridge"}, {"loss": "huber"}):
        jr.fit_cv(X, Y, cv=3, **options, **FEW)
    jr.fit_cv(np.hstack([X, X]), Y, cv=3, penalty="ridge", **FEW)  # delicate
    for penalty in ("lasso", "ridge"):
        jr.fit_cv(SCREENED, Y_SCREENED, penalty=penalty, cv=3, **FEW)
    for loss in ("squared", "huber"):
        with jax.enable_x64(True):
            jr.solve(X, Y, 0.1, loss=loss)
            jr.solve(WIDE, Y_WIDE, 0.1, loss=loss)
    rare_fits()
    family_fits()
    fits_with_little_room()


def family_fits():
    """Losses of classes and of survival times, by Newton's method and side by side."""
    classes = np.where(Y > 0, "up", "down")
    observed = {"time": np.ceil(np.exp(Y) * 5), "event": ROWS % 4 > 0}
    late = observed | {"start": np.where(ROWS % 5, 0.0, observed["time"] / 2)}
    newton = {"solver": "newton"} | FEW
    jr.fit_path(X, classes, loss="binomial", offset=0.1 * Y, **newton)
    jr.fit_path(X, np.array(["a", "b", "c"])[ROWS % 3], loss="multinomial", **newton)
    for y in (observed, late):
        for solver in ("newton", "proximal"):
            jr.fit_path(X, y, loss="cox", solver=solver, strata=ROWS % 2, **FEW)
    jr.fit_path(
        np.c_[X, Y > 0], classes, loss="binomial", penalty_factors=np.r_[np.ones(P), 0.0], **newton
    )  # told apart
    jr.fit_cv(X, observed, loss="cox", cv=3, **newton)
    side_by_side = {"solver": "batched"} | FEW
    for y in (observed, late):
        jr.fit_cv(X, y, loss="cox", cv=3, **side_by_side)
    jr.fit_cv(QUIET, np.array(["a", "b", "c"])[ROWS // 3 % 3], loss="multinomial", cv=FOLDS, **side_by_side)
    jr.fit_path(X.astype(np.float32), classes, loss="binomial", **side_by_side)
    jr.fit_path(X, Y, loss=LOSSES["Quantile"].__class__(0.5, 1e-3), **side_by_side)


def rare_fits():
    """Data that ask for care, columns that are not penalised, points that are given up."""
    with pytest.raises(ValueError, match="NaN"):
        jr.fit_path(jnp.asarray(np.where(X == X.max(), np.nan, X)), Y)
    jr.fit_path(SCREENED, Y_SCREENED, max_iter=1, **FEW)
    ridge = {"penalty": "ridge", "standardize": False} | FEW
    jr.fit_path(X, Y, penalty_factors=np.r_[0.0, np.ones(P - 1)], **ridge)
    jr.fit_path(WIDE, Y_WIDE, **ridge)
    jr.fit_path(NEAR, Y, penalty="ridge", lambdas=[1e-5])
    jr.fit_cv(SOLE, Y, penalty="ridge", cv="loo", lambdas=[1.0, 1e-9])
    jr.fit_cv(QUIET, Y, cv=FOLDS, sample_weight=HEAVY, **FEW)


def fits_with_little_room():
    """No Gram matrix of all columns at once, X in several parts, few columns to begin with."""
    with pytest.MonkeyPatch.context() as patch:
        for module, name in ((_setup, "SMALL"), (_setup, "GRAM_LIMIT"), (_standardise, "ON_DEVICE")):
            patch.setattr(module, name, 1)
        patch.setattr(_sizes, "SMALLEST", 128)
        jr.fit_cv(QUIET, Y, cv=FOLDS, penalty="ridge", **FEW)
        jr.fit_path(X, Y, penalty=PENALTIES["FusedLasso"], solver="proximal", **FEW)
        jr.fit_path(SCREENED, Y_SCREENED, **FEW)


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
