"""Principal pivoting on the Gram tableau, for the squared loss with the elastic net and limits."""

from dataclasses import replace
from typing import final

import jax
import numpy as np

from jaxreg.engines._admission import admitted
from jaxreg.engines._base import F32, F64, Engine, Pace, Solved
from jaxreg.engines._columns import Admitted, Appended, ColumnSet
from jaxreg.engines._sizes import Saturating
from jaxreg.solvers.pivot import Reduced, append_columns, empty_tableau, keep_columns, solve_block

WHOLE_BLOCK = 128  # lambdas in one compiled solve on the whole Gram matrix
BUDGET = 16  # updates at a lambda behind the first of a block: columns may be missing that would make it easy

PACE = Pace(
    block=10,
    times=1,
    more=3,
    cheap=512,
    reach=0.5,
    share=5e-4,
    floor={F64: 1e-12, F32: 2e-6},
    slack={F64: 1e-9, F32: 4e-6},
    unsure={F64: 1e-9, F32: 4e-6},
    worth=0.5,
    sharpenings=2,
)
PACE_OF_ALL = replace(PACE, block=WHOLE_BLOCK, reach=0.0, sharpenings=0)  # nothing is more exact than the Gram matrix


@jax.jit
def _relinearised(gram, x, h):
    return gram @ x + h


@final
class Pivot(Engine):
    """The tableau follows the positions of the column set; its variables are those of columns of length 1.

    Where a gap fails although no column is missing, the gradient by the rows of the data makes the linear term exact:
    one step of iterative refinement.
    """

    takes_all = True

    @staticmethod
    def columns_for(objective, gram, start):
        design, need = objective.design, np.count_nonzero((objective.l1_factor == 0) | (start != 0))
        sizes = Saturating(design.n, design.p, need, objective.penalty.l1_ratio < 1)
        return ColumnSet(objective, sizes, tableau=True)

    def __init__(self, columns, options, b):
        self.columns, self.options, self.objective = columns, options, columns.objective
        self.l1_ratio = self.objective.penalty.l1_ratio
        self.pace = PACE_OF_ALL if columns.whole else PACE
        self.tableau, self.corr, self.start = empty_tableau(columns.capacity), self.objective.corr, b
        self._used, self._version, self._reduced = np.zeros(columns.capacity, bool), None, None

    def begin(self):
        x = self.columns.gathered(self.start * self.objective.scale, 0.0)
        self.tableau, self._used = replace(self.tableau, x=x, lam_ref=np.array(np.inf)), x != 0

    def in_use(self):
        never_screened = self.columns.gathered(self.objective.l1_factor, np.inf) == 0
        return np.asarray(self._used) | never_screened

    def follow(self, change):
        columns, l2_factor = self.columns, self.columns.gathered(self.objective.l2_factor, 0.0)
        if isinstance(change, Appended):
            rows = change.gram_rows, change.first, change.count
            self.tableau = append_columns(self.tableau, *rows, l2_factor, self.l1_ratio)
            return
        self._used = np.append(np.asarray(self._used), False)[np.minimum(change.source, len(self._used))]
        if isinstance(change, Admitted):
            held, operator = (columns.rows, columns.gram, self.tableau), self.objective.design.operator
            columns.rows, columns.gram, self.tableau = admitted(held, operator, change, l2_factor, self.l1_ratio)
        else:
            self.tableau = keep_columns(self.tableau, change.source)

    def _problem(self):
        if self._version != self.columns.version:
            columns, objective, scale = self.columns, self.objective, self.columns.scale
            lower, upper = objective.limits
            vectors = (
                columns.gathered(self.corr, 0.0),
                columns.gathered(objective.l1_factor, np.inf),
                columns.gathered(objective.l2_factor, 0.0),
                np.where(scale > 0, columns.gathered(lower, -np.inf) * np.where(scale > 0, scale, 1.0), -np.inf),
                np.where(scale > 0, columns.gathered(upper, np.inf) * np.where(scale > 0, scale, 1.0), np.inf),
            )
            *vectors, scale = objective.design.placement.put((*vectors, scale))
            self._reduced = Reduced(columns.gram, *vectors), scale
            self._version = self.columns.version
        return self._reduced

    def advance(self, lambdas, count):
        budget = self.options.max_iter + 1 if self.columns.whole else BUDGET
        self.tableau, self._used, x, updates, code, solved = solve_block(
            self.tableau, *self._problem(), lambdas, count, self.l1_ratio, self.options.max_iter, budget
        )
        return Solved(x, np.zeros((len(lambdas), 0)), updates, code, solved, used=self._used)

    def sharpen(self, b, gradient):
        columns, scale = self.columns, self.columns.scale
        h = np.divide(columns.gathered(gradient, 0.0), scale, out=np.zeros(len(scale)), where=scale > 0)
        linear = np.asarray(_relinearised(columns.gram, columns.gathered(b, 0.0) * scale, h))
        self.corr = self.corr.copy()
        self.corr[columns.index[columns.real]] = linear[columns.real]
        self._version = None
