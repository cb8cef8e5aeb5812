"""Which design stands for which X: one ordered list."""

from jaxreg.design._base import StoredDesign
from jaxreg.design._dense import DenseDesign

KINDS: tuple[type[StoredDesign], ...] = (DenseDesign,)


def kind_of(X):
    """The first kind of design that takes X, as the user gives it or as that kind has checked it."""
    return next(kind for kind in KINDS if kind.takes(X))
