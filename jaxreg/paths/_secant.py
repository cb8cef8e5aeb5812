"""What the gradients of a path will be at the next lambdas."""

from collections import deque

FOLLOWED = 0.6  # how far along its secant a gradient is expected to go on
BASELINE = 7  # points that the secant goes back


class Secant:
    """Gradients h at the last lambdas; further on they are expected on the secant, not followed all the way."""

    def __init__(self, h, lam):
        self._history = deque([(h, lam)], BASELINE)

    def extend(self, h, lambdas):
        self._history.extend(zip(h, lambdas, strict=True))

    def at(self, lam):
        """The gradient that is expected at lam."""
        (h_before, lam_before), (h, lam_last) = self._history[0], self._history[-1]
        if lam_before > lam_last:
            h = h + FOLLOWED * (lam - lam_last) / (lam_before - lam_last) * (h_before - h)
        return h
