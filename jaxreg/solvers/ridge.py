"""Ridge paths (l1_ratio = 0, no limits) from a decomposition of the smaller Gram matrix.

With F = diag(f2) and G = A A' of unit diagonal, a basis B that makes both diagonal serves every lambda and response:

    p <= n:  B'G B = diag(g),  B'F B = diag(f),    b = B (g + lambda f)^-1 B'c
    p > n:   K = A'F^-1 A,  (K + lambda)^-1 = C (g + lambda f)^-1 C' beside what no column reaches,
             b = F^-1 A (K + lambda)^-1 z

(Hastie, Tibshirani and Friedman 2009, section 18.3.5), made as `_pencil` says. On the side of the rows a QR
decomposition of the columns, those of large scale first, makes different scales of columns different scales of rows.
What the loss does not see (dependent columns) is the least penalty's, as in the limit lambda -> 0.

Where columns are nearly dependent, or factors differ, the solution is refined with residuals from the rows of the data:
the Gram matrix has lost what they still tell (Bjorck 1987). The last step says how far each coefficient may be off.

The row i, left out, is predicted by the fit of the others. Its error follows from the fit of all rows and its
leverage h_i there (Allen 1974; Golub, Heath and Wahba 1979, eq. (2.2)),

    y_i - prediction_i = e_i / (1 - h_i),    both at the penalty (1 - omega_i) lambda,

since the objective of the others is divided by their weight, 1 - omega_i. Nothing else depends on the row: the columns
keep the scales that all rows give them. With m the row's part that no column reaches and n that of z along it,

    e_i / (1 - h_i) = (n + lambda C_i (g + lambda f)^-1 C'z) / (m + lambda C_i (g + lambda f)^-1 C_i')

on the side of the rows, which takes no difference, however close the fit; where m is 0 lambda cancels, which also is
the limit lambda -> 0.

Where the data are on a device, the matrix is decomposed there, and neither it nor X comes to the host; so do rows left
out on the side of the columns. Of many lanes it is `paths._ridges` that does so, by one program. What is delicate is
decomposed on the host, as it is in any case where that computes: penalty factors that are not alike, dependent columns,
and on the side of the rows unpenalised columns and rows left out. Refinement takes its residuals from passes over the
data where these are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from jaxreg.solvers._ridge_base import RidgeDecomposition
from jaxreg.solvers._ridge_columns import ColumnSide
from jaxreg.solvers._ridge_rows import RowSide

if TYPE_CHECKING:
    from jaxtyping import Float


def decomposed(problem: Any, gram: Float[Any, "p p"] | None, intercept: bool | None = None) -> RidgeDecomposition:
    """The decomposition of the Gram matrix of the smaller side, for an Objective; `gram` is A A' where it is known.

    For leave-one-out, `intercept` says whether there is one, and a fit that passes through all points is taken on the
    side of the rows. For solutions alone it is None.
    """
    design = problem.design
    if design.n < design.p or (intercept is not None and design.n - intercept <= design.p):
        return RowSide(problem, intercept)
    gram = design.gram() if gram is None else gram
    if design.placement.on_host:
        return ColumnSide.on_host(problem, np.asarray(gram, dtype=np.float64))
    return ColumnSide.on_device(problem, gram)
