"""The null model: the fit of the intercept and of all that is not penalised."""

from functools import cached_property

import jax
import jax.numpy as jnp
import numpy as np

from jaxreg.design._base import Directions
from jaxreg.penalties import Lasso
from jaxreg.solvers.composite import minimum
from jaxreg.solvers.proximal import Composite
from jaxreg.solvers.smooth import Averaged, curvature_of

NULL_TOL, NULL_ITER, NULL_ROUNDS = 1e-12, 2000, 20  # of the fit, relative to the largest gradient
NEWTON_STEPS, NEWTON_LENGTHS = 50, 0.5 ** np.arange(30)  # steps, and shares of one that are tried
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


@jax.jit
def _look(smooth, b):
    """(value, derivative, second derivative (M, M)) of a mean loss in its coefficients b."""
    eta = smooth.eta(smooth.image(b))
    value, second = (
        smooth.loss.mean(smooth.y, eta, smooth.omega),
        smooth.loss.curvature(smooth.rows, smooth.y, eta, smooth.omega),
    )
    return value, smooth.gradient(smooth.image(b)), second


def _by_newton(smooth, start, tol):
    """(coefficients, whether their gradient is at most tol), by Newton's method with steps that go down."""
    b, (value, gradient, second) = start, map(np.asarray, _look(smooth, start))
    for _ in range(NEWTON_STEPS):
        if not np.isfinite(value) or np.abs(gradient).max(initial=0.0) <= tol:
            break
        step = np.linalg.lstsq(second, -gradient.ravel(), rcond=EIGENVALUE)[0].reshape(b.shape)
        fall = -float(np.sum(gradient * step))
        for length in NEWTON_LENGTHS:
            ahead = b + length * step
            look = tuple(map(np.asarray, _look(smooth, ahead)))
            rounding = 16 * np.finfo(float).eps * max(abs(float(value)), 1.0)
            if look[0] <= value - 1e-4 * length * fall + rounding:
                break
        else:
            break
        b, (value, gradient, second) = ahead, look
    return b, bool(np.abs(gradient).max(initial=0.0) <= tol)


def null_fit(smooth: Averaged):
    """(coefficients (m [, K]), eta (n [, K]), loss) of the rows of a mean loss, without a penalty."""
    loss, outputs = smooth.loss, smooth.loss.outputs(smooth.y)
    start = np.zeros((len(smooth.rows), *outputs))
    at_zero = smooth.eta(np.zeros((smooth.rows.shape[1], *outputs)))
    scale = float(jnp.sum(jnp.abs(loss.slopes(smooth.y, at_zero, smooth.omega))))
    if loss.width is None and start.size <= NEWTON_COEFFICIENTS:
        start, done = _by_newton(smooth, start, NULL_TOL * scale)
        if done:
            eta = smooth.eta(smooth.image(start))
            return start, np.asarray(eta), float(loss.mean(smooth.y, eta, smooth.omega))
    for _ in range(NULL_ROUNDS):
        solution = _minimum(smooth, start, NULL_TOL * scale)
        if solution.n_iter < NULL_ITER:  # it is as good as rounding allows
            break
        start = solution.b
    else:
        raise ValueError(
            f"loss is {type(loss).__name__}, and its fit of the intercept and the unpenalised columns to y does not "
            "converge: there is none where these tell classes or events apart exactly, and else columns of a size far "
            "from 1 are hard; scale y and these columns to a size near 1, or penalise them."
        )
    return np.asarray(solution.b), np.asarray(smooth.eta(solution.q)), float(smooth.value(solution.b, solution.q))
