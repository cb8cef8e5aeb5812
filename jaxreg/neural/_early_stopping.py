"""Early stopping: the epoch as the path."""

from dataclasses import field
from typing import final

import numpy as np

from jaxreg import _validation
from jaxreg._pytree import STATIC, pytree
from jaxreg.neural._regularizer import Hooks, Regularizer, check_strengths

MOST = 30  # epochs in the grid of its own


@final
@pytree
class EarlyStopping(Regularizer):
    """Training ends after t epochs, t = 1 / strength rounded; strength 0 trains to the last epoch.

    For gradient descent on the squared loss with step size eta, t steps are like ridge with lambda = 1 / (eta t). All
    strengths share one run: its losses after each epoch are the path.

    Parameters
    ----------
    patience : int or None
        Stop, besides, when the held-out loss has not improved for this many epochs, and keep the parameters of the best
        epoch. What is refitted to all the data, which has no held-out loss, stops after the average of these epochs.

    References
    ----------
    Prechelt (1998), "Early stopping - but when?"; Ali, Kolter and Tibshirani (2019), "A continuous-time view of early
    stopping for least squares regression", AISTATS, section 3.

    Examples
    --------
    >>> import jaxreg as jr
    >>> jr.neural.EarlyStopping(patience=5).epochs((0.5, 0.01, 0.0), most=200)
    array([  2, 100, 200])
    """

    quantity = "1 / epochs"

    patience: int | None = field(default=None, metadata=STATIC)

    def __post_init__(self):
        if self.patience is not None:
            _validation.check_count(self.patience, "patience")

    def hooks(self, strength):
        return Hooks()

    def grid(self, strengths, most):
        """Strengths (S,): those given, or a grid of epochs up to `most`."""
        if strengths is not None:
            strengths = check_strengths(strengths, self)
            self.epochs(strengths, most)
            return strengths
        if self.patience is not None:
            return np.zeros(1)
        return 1 / np.unique(np.geomspace(1, most, MOST).round())

    def epochs(self, strengths, most):
        """How many epochs (S,) the strengths train."""
        strengths = np.asarray(strengths, np.float64)
        epochs = np.where(strengths > 0, 1 / np.where(strengths > 0, strengths, 1), most).round()
        for strength, count in zip(strengths, epochs, strict=True):
            if not 1 <= count <= most:
                raise ValueError(
                    f"strengths of EarlyStopping has {strength:g}, for {count:.0f} epochs; give numbers from "
                    f"1 / epochs = {1 / most:g} to 1, or 0."
                )
        return epochs.astype(int)
