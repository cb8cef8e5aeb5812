"""Figures: results in, matplotlib axes out; the numbers of each figure as a table by its `frame`."""

from jaxreg.plotting._assessment import plot_assessment
from jaxreg.plotting._calibration import plot_calibration
from jaxreg.plotting._choices import Choice as Choice
from jaxreg.plotting._classes import plot_confusion, plot_roc
from jaxreg.plotting._coefficients import plot_coefficients
from jaxreg.plotting._colours import COLOURS as COLOURS
from jaxreg.plotting._epochs import plot_epochs
from jaxreg.plotting._folds import plot_fold_loss
from jaxreg.plotting._path import plot_path
from jaxreg.plotting._strength_folds import plot_strength_folds
from jaxreg.plotting._strengths import plot_strengths
from jaxreg.plotting._survival import plot_survival
from jaxreg.plotting._validation_curve import plot_validation_curve

__all__ = [
    "plot_assessment",
    "plot_calibration",
    "plot_coefficients",
    "plot_confusion",
    "plot_epochs",
    "plot_fold_loss",
    "plot_path",
    "plot_roc",
    "plot_strength_folds",
    "plot_strengths",
    "plot_survival",
    "plot_validation_curve",
]
