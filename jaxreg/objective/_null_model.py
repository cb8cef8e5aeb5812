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


def null_fit(smooth: Averaged):
    """(coefficients (m,), eta (n,), loss) of the rows of a mean loss, without a penalty."""
    start = jnp.zeros(len(smooth.rows))
    scale = float(jnp.sum(smooth.omega * jnp.abs(smooth.loss.gradient(smooth.y, smooth.offset))))
    for _ in range(NULL_ROUNDS):
        solution = _minimum(smooth, start, NULL_TOL * scale)
        if solution.n_iter < NULL_ITER:  # it is as good as rounding allows
            break
        start = solution.b
    else:
        raise ValueError(
            f"loss is {type(smooth.loss).__name__}, and its fit of the intercept and the unpenalised columns to y does "
            "not converge; scale y and these columns to a size near 1, or penalise them."
        )
    return np.asarray(solution.b), np.asarray(smooth.offset + solution.q), float(smooth.value(solution.b, solution.q))
