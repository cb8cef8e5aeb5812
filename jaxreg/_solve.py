"""The functional core: one solution as a pure function of arrays, for jit, vmap, grad and jvp."""

from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array, lax

from jaxreg import _arrays, _hints, _names, _validation
from jaxreg._alignment import by_column, by_row, column_labels
from jaxreg._status import Status
from jaxreg.certificates._traced import traced_gap, weighted_products
from jaxreg.design._base import PRECISION
from jaxreg.design._standardise import ROUNDING
from jaxreg.losses import Squared
from jaxreg.penalties import ElasticNet
from jaxreg.penalties._base import per_row
from jaxreg.results import _html
from jaxreg.solvers.composite import minimiser
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import Averaged, Quadratic, Smooth

TIGHT = 0.01  # residual that is asked of the solver, in units of tol and of the largest strength
LEAST = 1e-6  # strength for that, in units of the largest gradient


class Solution(NamedTuple):
    """One solution, in JAX arrays: what `solve` returns.

    Under `vmap` all of them have one more axis, the first.

    Attributes
    ----------
    coef : array (p,)
        Coefficients on the scale of the user's X; (p, K) for K responses.
    intercept : array ()
        0 without one; (K,) for K responses.
    gap : array ()
        The relative duality gap, as in `PathResult`; the scaled residual of the prox where no dual is known (see
        `PathResult.certificate`).
    status : array ()
        A code of `Status`.

    Examples
    --------
    >>> import jax.numpy as jnp
    >>> import jaxreg as jr
    >>> X = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> coef, intercept, gap, status = jr.solve(X, 3 * X[:, 0] + X[:, 1], lam=2.0)
    >>> coef.shape, jr.Status(int(status)).name
    ((2,), 'converged')
    """

    coef: Array
    intercept: Array
    gap: Array
    status: Array

    def __getattr__(self, name):
        raise _hints.missing(self, name)

    def _repr_html_(self):
        values = zip(self._fields, self, strict=True)
        rows = [(name, str(value.shape), f"{value.item():.5g}" if value.ndim == 0 else "") for name, value in values]
        if self.status.ndim == 0:
            rows[-1] = (*rows[-1][:2], Status(self.status.item()).name)
        return _html.shown("Solution, in JAX arrays", ("", "shape", "value"), rows)


def solve(
    X,
    y,
    lam,
    *,
    loss=Squared(),  # noqa: B008 (frozen)
    penalty=ElasticNet(),  # noqa: B008 (frozen)
    sample_weight=None,
    offset=None,
    penalty_factors=None,
    fit_intercept=True,
    standardize=True,
    tol=None,
    max_iter=10000,
    start=None,
    **unknown,
) -> Solution:
    """The solution at one lambda, as a pure JAX function: closed under jit, vmap, grad and jvp.

    Minimises the objective of `fit_path` on all columns, with any loss and penalty, by accelerated proximal gradient
    and Newton steps on the manifold of the solution. Derivatives of `coef` and `intercept` with respect to X, y, lam,
    sample_weight, offset, penalty_factors and the numbers of loss and penalty (l1_ratio, gamma, delta, ...) come from
    the optimality conditions at the solution, by conjugate gradients without a matrix, forwards and backwards. They are
    those of the smooth piece on which the solution lies, and hold where a small change does not leave it. gap and
    status have none.

    Parameters
    ----------
    X : array (n, p)
        The columns, on the user's scale.
    y : array (n,)
        The response as for `fit_path`, labels and censored times included, (n, K) for K responses with the squared
        loss. An array of JAX is taken as it is and may be traced: for Binomial 0 and 1, or shares between them; for
        Multinomial (n, K) of shares that sum to 1, as those of one class; for Cox `loss.encode(y, counting, strata).y`
        of the rows that count, whose derivatives are 0; for SquaredHinge -1 and 1.
    lam : float >= 0, or array (p,)
        lambda, or one strength per column on top of `penalty_factors`. It may be traced.
    loss, penalty : Loss and Penalty, or str
        One of `jaxreg.losses` and one of `jaxreg.penalties`, or its name, as for `fit_path`.
    sample_weight : array (n,) >= 0, or None
        Only ratios matter.
    offset : array (n,), or (n, K) for K responses or classes, or None
        Known part of the linear predictor.
    penalty_factors : array (p,), or None
        The v_j of `fit_path`: 0 is unpenalised, inf excluded. Names of a frame's columns, and the index of its rows,
        count as there.
    fit_intercept : bool
        Whether there is an intercept, which is not penalised.
    standardize : bool
        Whether the penalty sees columns and response in units of their standard deviations, as in `fit_path`.
    tol : float > 0, or None
        Bound on the gap; None is 1e-6, or 1e-4 in float32. Derivatives are as exact as the solution: give 1e-10 for
        them.
    max_iter : int
        Most products with the data.
    start : array (p,), or None
        Coefficients to start from, (p, K) for K responses; for penalties that are not convex the result depends on
        them.

    Returns
    -------
    Solution
        A named tuple (coef, intercept, gap, status). Of JAX arrays nothing is checked but shapes. `status` says
        whether the gap is at most tol; with NaN in the data, or where the squares of y vanish in the precision, the gap
        is NaN.
        Precision follows the caller: float64 if JAX's x64 flag is set.

    Raises
    ------
    ValueError, TypeError
        For shapes that do not fit, names that X has not, and, of what is no JAX array, negative `lam`, factors or
        weights and what is not numbers.

    References
    ----------
    Bertrand et al. (2022), J. Mach. Learn. Res. 23, Theorem 7 (implicit differentiation on the support).

    Examples
    --------
    On orthogonal columns the lasso takes lambda off each coefficient, here 3 and 1: the derivative of the first is -1.

    >>> import jax
    >>> import jax.numpy as jnp
    >>> import jaxreg as jr
    >>> X = jnp.array([[1.0, 1.0], [1.0, -1.0], [-1.0, 1.0], [-1.0, -1.0]])
    >>> y = 3 * X[:, 0] + X[:, 1]
    >>> print(jr.solve(X, y, lam=2.0).coef.round(3))
    [1. 0.]
    >>> slope = jax.grad(lambda lam: jr.solve(X, y, lam).coef[0])(2.0)
    >>> round(float(slope), 3)
    -1.0
    """
    _hints.refuse_keywords(unknown, "solve", solve.__kwdefaults__)
    labels = column_labels(X)
    loss, penalty = _names.check_loss(loss), _names.check_penalty(penalty).for_columns(labels)
    for value, name in ((X, "X"), (y, "y"), (lam, "lam")):
        if value is None:
            raise TypeError(f"{name} is None; give {'a number, or one per column' if name == 'lam' else 'an array'}.")
    y, sample_weight, offset = (
        by_row(value, name, X) for value, name in ((y, "y"), (sample_weight, "sample_weight"), (offset, "offset"))
    )
    sample_weight, offset = _numbers(sample_weight, "sample_weight"), _numbers(offset, "offset")
    lam = _numbers(by_column(lam, "lam", labels), "lam")
    penalty_factors = _numbers(by_column(penalty_factors, "penalty_factors", labels, 1.0), "penalty_factors")
    start = _numbers(start, "start")
    _refuse_negative(lam=lam, penalty_factors=penalty_factors, sample_weight=sample_weight)
    X = jnp.asarray(_numbers(X, "X", _arrays.feature_names(X)))
    n, p = _check_shapes(X, y)
    dtype = _dtype(X, y)
    y, sample_weight = _encoded(y, sample_weight, loss, n, dtype)
    X, y = X.astype(dtype), jnp.asarray(y, dtype)
    _check_response(y, loss)
    lam, rows = jnp.asarray(lam, dtype), (n, *loss.outputs(y))
    for name, value, shape in (("offset", offset, rows), ("sample_weight", sample_weight, (n,))):
        if value is not None and jnp.shape(value) != shape:
            raise ValueError(f"{name} has shape {jnp.shape(value)}, but needs {shape}.")
    for name, value in {"lam": lam, "penalty_factors": penalty_factors}.items():
        if value is not None and jnp.shape(value) not in ((), (p,)):
            raise ValueError(f"{name} has shape {jnp.shape(value)}, but needs () or ({p},).")
    if start is not None and jnp.shape(start) != (p, *loss.outputs(y)):
        raise ValueError(f"start has shape {jnp.shape(start)}, but needs {(p, *loss.outputs(y))}.")
    _validation.check_flag(fit_intercept, "fit_intercept")
    _validation.check_flag(standardize, "standardize")
    if isinstance(tol, (str, bytes)):
        raise ValueError(f"tol is {tol!r}; give a number above 0, or None.")
    tol = (1e-4 if dtype == jnp.float32 else 1e-6) if tol is None else tol
    weight = jnp.ones(n, dtype) if sample_weight is None else jnp.asarray(sample_weight, dtype)
    offset = jnp.zeros(rows, dtype) if offset is None else jnp.asarray(offset, dtype)
    factors = jnp.ones(p, dtype) if penalty_factors is None else jnp.asarray(penalty_factors, dtype)
    factors = jnp.broadcast_to(factors, p)
    return _solve(
        X, y, lam, loss, penalty, weight, offset, factors, tol, max_iter, start,
        fit_intercept=fit_intercept, standardize=standardize,
    )  # fmt: skip


def _numbers(value, name, names=None):
    """An array of numbers of what is no array of JAX; those may be traced, and pass, like None."""
    leaves = jax.tree.leaves(value) if isinstance(value, (list, tuple)) else [value]
    if value is None or any(isinstance(leaf, jax.Array) for leaf in leaves):
        return value
    return _arrays.numeric(value, name, names)


def _refuse_negative(**values):
    for name, value in values.items():
        if isinstance(value, np.ndarray) and (value < 0).any():
            raise ValueError(f"{name} has negative values, the least {value.min():g}; give values >= 0.")


def _check_shapes(X, y):
    if X.ndim != 2:
        raise ValueError(f"X has {X.ndim} dimension(s), but needs two: (samples, features).")
    shape = getattr(y, "shape", X.shape[:1])
    if shape[:1] != X.shape[:1] or len(shape) > 2:
        raise ValueError(f"y has shape {shape}, but needs one entry per row of X, {X.shape[0]}.")
    return X.shape


def _dtype(X, y):
    """Of the solution: that of X and of a y of floating numbers, as the flag of JAX allows it."""
    own = getattr(y, "dtype", X.dtype)
    own = own if isinstance(own, np.dtype) and jnp.issubdtype(own, jnp.floating) else X.dtype
    return jnp.result_type(X, jnp.zeros(0, jax.dtypes.canonicalize_dtype(own)), jnp.float32)


def _encoded(y, sample_weight, loss, n, dtype):
    """(y as the loss takes it, the weights with numbers of trials); of an array of JAX nothing is looked at."""
    leaves = jax.tree.leaves(y) if isinstance(y, (list, tuple)) else [y]
    if any(isinstance(leaf, jax.Array) for leaf in leaves):
        return jnp.asarray(y), sample_weight
    known = isinstance(sample_weight, np.ndarray) and sample_weight.shape == (n,)
    y, _, trials = loss.encode(y, sample_weight > 0 if known else np.ones(n, bool))
    if loss.coupling is None:
        _arrays.require_range(y, np.dtype(dtype))
    if trials is None:
        return y, sample_weight
    return y, trials if sample_weight is None else trials * sample_weight


def _check_response(y, loss):
    if loss.coupling is not None and y.ndim != 2:
        raise ValueError(
            f"y has shape {y.shape}, but of an array of JAX {type(loss).__name__} takes what its encode makes of y."
        )
    if loss.outputs(y) and not loss.quadratic and loss.coupling is None:
        raise ValueError(f"y has {y.shape[1]} columns; several responses need the squared loss.")


def _columns(X, omega, factors, fit_intercept, standardize):
    """(A (n, p) on the scale of the penalty, 0 if left out, means (p,), scales (p,), finite factors (p,))."""
    anchor = X[jnp.argmax(omega > 0)]
    deviation = X - anchor  # large means cost no digits
    shift = omega @ deviation
    variance = omega @ (deviation - shift) ** 2
    rounding = ROUNDING * jnp.finfo(X.dtype).eps
    constant = jnp.all((jnp.abs(deviation) <= rounding * jnp.abs(anchor)) | (omega == 0)[:, None], axis=0)
    out = jnp.isinf(factors) | constant & (fit_intercept | (standardize & (factors > 0)))
    sd = jnp.sqrt(jnp.where(out | constant, 1.0, variance))
    scale = sd if standardize else jnp.ones_like(sd)
    mean = anchor + shift if fit_intercept else jnp.zeros_like(shift)
    A = jnp.where(out, 0.0, ((deviation - shift) if fit_intercept else X) / scale)
    return A, mean, jnp.where(out, jnp.inf, scale), jnp.where(jnp.isinf(factors), 1.0, factors)


def _unit(response, omega, fit_intercept):
    """The unit of `objective._units.centred_response` of y (n,) or (n, K)."""
    centred = response - omega @ response if fit_intercept else response

    def largest(values):
        return lax.stop_gradient(jnp.max(jnp.where(per_row(omega, values) > 0, jnp.abs(values), 0.0)))

    varies = largest(centred) > 4 * jnp.finfo(centred.dtype).eps * largest(response)
    size = jnp.where(varies, largest(centred), 1.0)  # squares of what is at most 1 neither overflow nor vanish
    square = jnp.mean(omega @ jnp.square(centred / size))
    return jnp.where(varies, size * jnp.sqrt(jnp.where(varies, square, 1.0)), 1.0)


@partial(jax.jit, static_argnames=("fit_intercept", "standardize"))
def _solve(X, y, lam, loss, penalty, weight, offset, factors, tol, max_iter, start, *, fit_intercept, standardize):
    n, p = X.shape
    omega = weight / jnp.sum(weight)
    A, mean, scale, factors = _columns(X, omega, factors, fit_intercept, standardize)
    squared = loss.quadratic
    outputs = loss.outputs(y)
    y_mean = jnp.zeros(outputs, y.dtype)
    unit = _unit(y - offset, omega, fit_intercept) if standardize and loss.degree else 1.0
    if squared:
        y, offset = y - offset, jnp.zeros_like(offset)
        y_mean = omega @ y if fit_intercept else y_mean
        y = y - y_mean
    y, offset, loss, lam = (
        y / unit if loss.degree else y,
        offset / unit,
        loss.in_units(unit),
        lam / unit ** (loss.degree - 1),
    )
    free = int(fit_intercept and not squared and loss.has_intercept)
    # the column of the intercept: as large as the largest other one, so that it takes steps of the same length
    level = lax.stop_gradient(jnp.sqrt(jnp.max(omega @ jnp.square(A), initial=0.0)))
    level = jnp.where(level > 0, level, 1.0)
    rows = jnp.concatenate([A.T, jnp.full((free, n), level, A.dtype)])
    smooth: Smooth = Averaged(rows, omega, y, offset, loss)
    if squared and (p <= n or y.ndim == 2):
        gram = jnp.matmul(rows * omega, rows.T, precision=PRECISION)
        smooth = Quadratic(gram, weighted_products(rows, omega, y))
    begin = jnp.zeros((p, *outputs), A.dtype)
    if start is not None:
        begin = jnp.asarray(start, A.dtype) / unit * per_row(jnp.where(jnp.isinf(scale), 0.0, scale), begin)
    begin = jnp.concatenate([begin, jnp.zeros((free, *outputs), A.dtype)])

    problem = Composite(smooth, penalty, lam * factors, free)
    at_zero = jnp.max(jnp.abs(smooth.gradient(smooth.image(jnp.zeros_like(begin)))))
    strength = jnp.maximum(jnp.max(jnp.abs(lam * factors)), LEAST * at_zero)
    fixed = lax.stop_gradient((begin, TIGHT * tol * strength))
    b, n_iter = minimiser(problem, *fixed, max_iter)
    coef = b[:p] / per_row(scale, b) * unit
    intercept = y_mean - mean @ coef + (b[p] * level * unit if free else 0.0)
    intercept = intercept if loss.has_intercept else jnp.zeros_like(intercept)
    if loss.coupling == "outputs":  # a constant added to all of them makes no difference
        intercept = intercept - jnp.mean(intercept)
    gap = traced_gap(*lax.stop_gradient((problem, b, rows, omega, y, offset, loss, factors)))
    status = jnp.where(gap <= tol, Status.converged, jnp.where(n_iter >= max_iter, Status.max_iter, Status.stalled))
    return Solution(coef, intercept, lax.stop_gradient(gap), status)
