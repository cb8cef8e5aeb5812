"""The null model: the fit of the intercept and of all that is not penalised, within its limits.

Source: Bertsekas (1982), SIAM J. Control Optim. 20 (Newton's method within limits: steps of the coefficients that no
limit holds, cut off at the limits).
"""

from dataclasses import replace
from functools import cached_property
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg.design._base import Directions
from jaxreg.penalties import Lasso
from jaxreg.penalties._base import per_row
from jaxreg.solvers.composite import minimum
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import Averaged, curvature_of

NULL_TOL, NULL_ITER, NULL_ROUNDS = 1e-12, 2000, 20  # of the fit, relative to the largest gradient
NEWTON_STEPS, NEWTON_LENGTHS = 50, 0.5 ** np.arange(30)  # steps, and shares of one that are tried
FALL = 1e-4  # of what a step promises: less is no fall
PATIENCE = 8  # steps after which it is asked whether there is a minimum at all: where there is one, they are enough
MOVES, FAR = 1e-3, 1e4  # a change of eta that is a step, and how far one is followed, in units of eta
LEVEL = 1e-9  # of the slopes: a rise that rows make which do not change, but for rounding
NEWTON_COEFFICIENTS = 512  # with more of them products cost less than a matrix
EIGENVALUE = 1e-13  # of the largest: directions in which a loss does not bend, as between classes
PLAIN = 1e-3  # of squares, what is left of them: where it is less, the rows of the data have digits that products lose
EXACT = 16  # units of rounding of the response: a smaller residual is none


def row_basis(U, eps):
    """Orthonormal basis (rank, n) of the span of the rows of U (k, n), whose lengths do not matter."""
    length = np.linalg.norm(U, axis=1, keepdims=True)
    _, s, Vt = np.linalg.svd(np.divide(U, length, out=np.zeros_like(U), where=length > 0), full_matrices=False)
    return Vt[s > eps * max(U.shape) * s.max(initial=0.0)]


def unit_rows(directions):
    """The rows (k, p) at length 1: sums of columns are told apart by what they are, not by their units."""
    length = np.linalg.norm(directions, axis=1, keepdims=True)
    return np.divide(directions, length, out=np.zeros_like(directions, dtype=float), where=length > 0)


class Span:
    """The span of all that is neither penalised nor limited: of columns (k,) of a design, or of sums (k, p) of them."""

    def __init__(self, design, columns, sums):
        self._design, self._columns, self._sums = design, columns, sums

    @cached_property
    def basis(self):
        """Orthonormal (k', n)."""
        design, columns, sums = self._design, self._columns, self._sums
        if not (len(columns) or len(sums)):
            return np.zeros((0, design.n))
        rows = design.predict(sums) if len(sums) else design.gather(columns)
        return row_basis(np.asarray(rows, np.float64), np.finfo(design.dtype).eps)


def free_directions(penalty, model):
    """The Directions that are not penalised, as far as that is known before the data are.

    There are none where a column that does not vary may be left out of the model, but not of the design.
    """
    coef = penalty.unpenalised(model.penalty_factors) * np.isfinite(model.penalty_factors)
    coef = coef[:0] if model.standardize and not model.fit_intercept else coef
    return Directions(coef, 0.0 if model.standardize else 1.0)


def orthonormal_sums(sums, products):
    """(T (k, p), T G) with T G T' = I, of the span of sums (k, p) of columns, by their products with the Gram matrix G.

    None where there are no such sums or products, and where sums are so nearly dependent, or so much smaller than their
    terms, that products have lost digits.
    """
    if not len(sums) or len(products) != len(sums):
        return None
    length = np.linalg.norm(sums, axis=1, keepdims=True)
    values, vectors = np.linalg.eigh(products @ sums.T / (length * length.T))
    if values[0] < PLAIN:
        return None
    root = (vectors / np.sqrt(values)).T / length.T
    return root @ sums, root @ products


def left_within(z, columns, lower, upper):
    """z (n,) less its least-squares fit on the columns (k, n) with coefficients in [lower, upper]."""
    from scipy.optimize import lsq_linear  # imported here: it takes longer than a small path

    return z - lsq_linear(columns.T, z, (lower, upper), method="bvls").x @ columns


@jax.jit
def _minimum(smooth, start, tol):
    q = smooth.image(start)
    problem = Composite(smooth, Lasso(), 0.0)
    return minimum(problem, start, tol, NULL_ITER, curvature_of(smooth, q, start))


class Look(NamedTuple):
    """A mean loss at some coefficients b (m [, K]) of its rows."""

    value: Any
    gradient: Any  # (m [, K])
    second: Any  # (m K, m K), its derivative
    eta: Any  # (n [, K])
    slopes: Any  # (n [, K]), derivatives of the mean loss in eta
    least: Any  # the loss of the saturated model


@jax.jit
def _look(smooth, b):
    eta = smooth.eta(smooth.image(b))
    at, omega, loss = (smooth.y, eta, smooth.omega), smooth.omega, smooth.loss
    gradient, second = smooth.gradient(smooth.image(b)), loss.curvature(smooth.rows, *at)
    return Look(loss.mean(*at), gradient, second, eta, loss.slopes(*at), loss.least(smooth.y, omega))


def _looked(smooth, b):
    """The Look at b, in NumPy."""
    return Look(*map(np.asarray, jax.device_get(_look(smooth, b))))


@jax.jit
def _far_slope(smooth, eta, move, far):
    """The derivative of the mean loss along `move` (n [, K]) at eta + far * move."""
    return jnp.sum(smooth.loss.slopes(smooth.y, eta + far * move, smooth.omega) * move)


def _without_end(smooth, look, step):
    """Whether the loss does not rise, however far a step (m [, K]) from a Look is taken.

    It is convex: where it does not rise far away, it does so nowhere before.
    """
    move = np.asarray(smooth.image(step))
    if smooth.loss.coupling == "outputs":  # a constant that is added to all of them makes no difference
        move = move - move.mean(axis=-1, keepdims=True)
    length = np.abs(move).max(initial=0.0)
    if not MOVES < length < np.inf:
        return False
    far = FAR * (1 + np.abs(look.eta).max()) / length
    return float(_far_slope(smooth, look.eta, move, far)) <= LEVEL * length * np.abs(look.slopes).sum()


def _least_gradient(smooth, look):
    """(m [, K]): what rounding makes of the derivatives, about, in units of NULL_TOL."""
    return NULL_TOL * (np.abs(np.asarray(smooth.rows)) @ np.abs(look.slopes))


def _held(b, look, lower, upper):
    """Which coefficients stay at a limit."""
    return ((b <= lower) & (look.gradient > 0)) | ((b >= upper) & (look.gradient < 0))


def _by_newton(smooth, b, look, patience, lower=-np.inf, upper=np.inf, follows=True):
    """(coefficients in [lower, upper], their Look, whether they are the minimum, whether there is one), from b.

    By Newton's method with steps that go down; after `patience` steps it is asked whether they lead on without end.
    Where they do, they are followed until the loss falls no more, or not at all.
    """
    attained = True
    for number in range(NEWTON_STEPS):
        free = ~_held(b, look, lower, upper)
        done = bool((np.abs(look.gradient) <= _least_gradient(smooth, look))[free].all())
        if not np.isfinite(look.value) or (attained and done):
            break
        step, at = np.zeros(b.shape), np.flatnonzero(free)
        step[free] = np.linalg.lstsq(look.second[np.ix_(at, at)], -look.gradient[free], rcond=EIGENVALUE)[0]
        rounding = 16 * np.finfo(float).eps * max(abs(float(look.value)), 1.0)
        for length in NEWTON_LENGTHS:
            moved = np.clip(b + length * step, lower, upper)
            ahead, fall = _looked(smooth, moved), max(float(np.sum(look.gradient * (b - moved))), 0.0)
            if ahead.value <= look.value - FALL * fall + rounding:
                break
        else:
            break
        if attained and number >= patience:
            endless = np.where(moved > b, upper, -lower) == np.inf  # the others a limit ends
            attained = not _without_end(smooth, look, np.where(endless, moved - b, 0.0))
        falls = follows and look.value - ahead.value > NULL_TOL * (look.value - look.least)
        b, look = moved, ahead
        if not (attained or falls):
            break
    return b, look, done, attained


class NullFit(NamedTuple):
    """What minimises a mean loss of rows without a penalty, or comes as near to its infimum as rounding allows."""

    coef: Any  # (m [, K])
    look: Look
    attained: bool  # whether there is a minimum: else the loss falls without end along some direction


def null_fit(smooth: Averaged, level=None, limits=None):
    """The NullFit.

    level: where the search begins, an intercept that is the last of the rows; limits: (lower, upper) of the
    coefficients, each (m,); None where there are none
    """
    loss = smooth.loss
    b = np.zeros((len(smooth.rows), *loss.outputs(smooth.y)))
    lower, upper = (-np.inf, np.inf) if limits is None else (per_row(limit, b) for limit in limits)
    if limits is not None and loss.width is not None:  # where it does not bend, Newton's method does not move
        b = np.clip(null_fit(smooth).coef, lower, upper)
    elif level is not None:
        b[-1] = level
    look = _looked(smooth, b)
    if not b.size:
        return NullFit(b, look, True)
    tol = NULL_TOL * np.abs(look.slopes).sum()
    if limits is not None or (loss.width is None and b.size <= NEWTON_COEFFICIENTS):
        b, look, done, attained = _by_newton(smooth, b, look, PATIENCE, lower, upper)
        if done or not attained:
            return NullFit(b, look, attained)
    for _ in range(NULL_ROUNDS if limits is None else 0):
        solution = _minimum(smooth, b, tol)
        b = np.asarray(solution.b)
        if solution.n_iter < NULL_ITER:  # it is as good as rounding allows
            return NullFit(b, _looked(smooth, b), True)
    raise ValueError(
        f"loss is {type(loss).__name__}, and its fit of the intercept and the unpenalised columns to y does not "
        "converge: columns of a size far from 1 are hard; scale y and these columns to a size near 1, or penalise them."
    )


def attains(smooth: Averaged, b, moves):
    """Whether a mean loss of rows, near its infimum at b (m [, K]), has a minimum without a penalty.

    It is looked for along the rows that may move, (m,) bool; of very many, those of the largest coefficients.
    """
    if smooth.loss.width is not None:
        return True
    outputs = int(np.prod(b.shape[1:]))
    size = np.where(moves, np.abs(b).reshape(len(b), -1).max(axis=1), -1.0)
    chosen = np.sort(np.argsort(-size, kind="stable")[: NEWTON_COEFFICIENTS // outputs])
    moving = np.isin(np.arange(len(b)), chosen) & moves
    start = b[chosen] * per_row(moves[chosen], b)
    rows, offset = (smooth.rows * moves[:, None])[chosen], smooth.eta(smooth.image(b * per_row(~moving, b)))
    posed = replace(smooth, rows=rows, offset=offset)
    return _by_newton(posed, start, _looked(posed, start), 0, follows=False)[3]
