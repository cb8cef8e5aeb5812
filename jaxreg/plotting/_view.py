"""Artists that follow the view, which may change after a figure is drawn. This module needs matplotlib."""

from typing import Any

import numpy as np
from matplotlib.text import Annotation
from matplotlib.transforms import (
    Affine2D,
    BboxBase,
    IdentityTransform,
    ScaledTranslation,
    blended_transform_factory,
)

from jaxreg.plotting._colours import tones_beside
from jaxreg.plotting._spread import spread

LABEL_DISTANCE = 16.0  # points from the right edge of the axes to a name
NEAR_EDGE = 4.0  # points: the line to a name is unbroken if its curve ends so near to the right edge
PIXEL_TOLERANCE = 0.5  # pixels
FARTHEST_PIXEL = 1e6  # pixels: larger numbers overflow
UNBROKEN, DOTTED = {"linestyle": "-", "linewidth": 1.0}, {"linestyle": ":", "linewidth": 0.7}
ARROWS = {0: "", 1: "\N{UPWARDS ARROW} ", -1: "\N{DOWNWARDS ARROW} "}


class View(BboxBase):
    """Box, in pixels, of the visible part of the axes: between limits of y, if any, and `around` points beyond."""

    def __init__(self, ax, limits=None, around=0.0):
        super().__init__()
        self.ax, self.limits, self.around = ax, limits, around

    def get_points(self):
        (left, bottom), (right, top) = self.ax.bbox.get_points()
        if self.limits is not None:
            low, high = self.ax.get_yaxis_transform().transform([(0.0, y) for y in self.limits])[:, 1]
            bottom, top = np.clip([np.fmin(low, high), np.fmax(low, high)], bottom, top)
        around = self.around * self.ax.figure.dpi / 72
        return np.array([[left - around, bottom - around], [right + around, top + around]])


class Ends:
    """The ends of curves in the view.

    curves : list of (array (L,), array (L,)), of x and y
    limits : (low, high) of y between which the curves are drawn, or None
    """

    def __init__(self, ax, curves, limits):
        finite = [np.isfinite(at) & np.isfinite(values) for at, values in curves]
        self.ax, self.view = ax, View(ax, limits)
        self.curves = [np.column_stack(curve)[is_finite] for curve, is_finite in zip(curves, finite, strict=True)]

    def pixels(self):
        """Ends (k, 2); NaN if the curve is outside the view. y may be outside."""
        return np.array([self.pixel(k) for k in range(len(self.curves))])

    def pixel(self, k):
        """End (2,) of curve k."""
        return np.clip(self._last(self.ax.transData.transform(self.curves[k])), -FARTHEST_PIXEL, FARTHEST_PIXEL)

    def _last(self, points):
        """The last point (2,), from the left, of a curve (L, 2) in pixels."""
        left, right = self.view.intervalx
        if points[-1, 0] < points[0, 0]:  # the user has turned the axis
            points = points[::-1]
        inside = np.flatnonzero(points[:, 0] <= right + PIXEL_TOLERANCE)
        if not inside.size:
            return np.full(2, np.nan)
        last = inside[-1]
        if last + 1 < len(points):  # it runs on
            share = (right - points[last, 0]) / (points[last + 1, 0] - points[last, 0])
            return right, (1 - share) * points[last, 1] + share * points[last + 1, 1]
        return points[last] if points[last, 0] >= left - PIXEL_TOLERANCE else np.full(2, np.nan)


class CurveName(Annotation):
    """The name of curve k of `ends` right of the axes, at the height of its end or as near as there is room.

    A line leads to the name. If the curve ends above or below the view, an arrow before the name replaces the line. The
    name is hidden if the curve is outside the view.

    heights : array (k,), points, of all names
    """

    def __init__(self, ends, k, name, heights, colour, **style):
        self._ends, self._k, self._name, self._heights = ends, k, name, heights
        line = {"arrowstyle": "-", "color": colour, "shrinkA": 1, "shrinkB": 0, "relpos": (0, 0.5)}
        place: dict[str, Any] = {"xytext": (1.0, 0.0), "textcoords": self._place}  # asked at each drawing
        style = {"color": tones_beside(ends.ax).ink, "verticalalignment": "center", "parse_math": False, **style}
        super().__init__(name, (0.0, 0.0), arrowprops=line, annotation_clip=False, clip_on=False, **place, **style)
        self.set_transform(IdentityTransform())
        ends.ax.add_artist(self)
        self._follow()

    def update_positions(self, renderer):
        self._follow()
        super().update_positions(renderer)

    def _follow(self):
        x, y = self._ends.pixel(self._k)
        (_, low), (right, high) = self._ends.view.get_points()
        seen = np.isfinite(x)
        side = int(y > high + PIXEL_TOLERANCE) - int(y < low - PIXEL_TOLERANCE)
        self.set_text(ARROWS[side] + self._name if seen else "")
        line: Any = self.arrow_patch
        line.set_visible(bool(seen and side == 0))
        close = right - x <= NEAR_EDGE * self._ends.ax.figure.dpi / 72
        line.set(**(UNBROKEN if close else DOTTED))
        end = (x, np.clip(y, low, high)) if seen else (right, low)
        self.xy = tuple(self._ends.ax.transData.inverted().transform(end))

    def _place(self, renderer):
        """Transform from (1, 0) to the place of the name."""

        ax, wanted = self._ends.ax, self._ends.pixels()[:, 1]
        seen = np.isfinite(wanted)
        heights = np.zeros(len(wanted))
        sizes = self._heights[seen] * renderer.points_to_pixels(1.0)
        if seen.any():
            heights[seen] = spread(wanted[seen], sizes, ax.bbox.y0, ax.bbox.y1)
        right = ax.transAxes + ScaledTranslation(LABEL_DISTANCE / 72, 0, ax.figure.dpi_scale_trans)
        return blended_transform_factory(right, Affine2D().translate(0, heights[self._k]))
