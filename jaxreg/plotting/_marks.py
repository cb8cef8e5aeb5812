"""Vertical lines at choices, and words at the ends of the axis. Texts stand where no line passes."""

from dataclasses import dataclass, field
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from jaxreg.plotting._axes import LABEL_SIZE, LINE_HEIGHT, make_room
from jaxreg.plotting._colours import tones
from jaxreg.plotting._spread import spread

TEXT_GAP = 8.0  # points between two texts, or between a text and a line
LEADER = 4.0  # points from the end of a line to its text
NARROWED = 0.75  # least share of the width that remains to the axes with labels beside them
LINE_STYLE = {"linewidth": 1.1, "zorder": 1}
TEXT_STYLE = {"fontsize": LABEL_SIZE, "annotation_clip": True}  # hidden if its line is outside the view
NOWHERE = -1e4  # pixels


class Mark(NamedTuple):
    """A vertical line, and a text: "name = value", or only the name if the value is empty.

    at : float, or None for a text at the right without a line
    label : str, of the line, for a legend
    """

    at: float | None
    name: str
    value: str
    label: str
    style: str


def draw_marks(ax, marks, words=()):
    """Mark up to two places of the x axis, on top of curves that are drawn already.

    The texts stand in a band above the curves. The lines end below the band. A text stands over its line, or as near as
    there is room, and a short line leads to it. Marks of one place and value share a text.

    words : sequence of (side, text)
        For the "left" and the "right" end, in a band below the curves, where there is room beside all lines.
    """
    marks_of_text: dict[tuple, list[Mark]] = {}
    for mark in sorted(marks, key=partial(_distance, ax)):
        marks_of_text.setdefault((mark.at, mark.value), []).append(mark)
    names = [" = ".join(mark.name for mark in together) for together in marks_of_text.values()]
    values = [value for _, value in marks_of_text]
    labels = [" = ".join(filter(None, name_and_value)) for name_and_value in zip(names, values, strict=True)]
    places = [at for at, _ in marks_of_text]
    if not _labels_fit(ax, places, labels):
        labels = names
    rows = 1 + _crowded(_widths(ax, labels), NARROWED * ax.bbox.width, _pixels(ax, TEXT_GAP)) if labels else 0
    bottom, top = make_room(ax, rows and rows + LEADER / LINE_HEIGHT, bool(words))

    lines = [mark.at for mark in marks if mark.at is not None]
    for mark in marks:
        if mark.at is not None:
            ax.axvline(mark.at, 0.0, top, color=tones(ax).line, linestyle=mark.style, label=mark.label, **LINE_STYLE)
    band = _Band(ax, places, top)
    for k, label in enumerate(labels):
        _draw_text(band, k, label)
    for side, word in words:
        style = {"ha": side, "va": "top", "color": tones(ax).faint, "fontstyle": "italic"}
        text = ax.annotate(word, (0.0, 0.0), (0.0, 0.0), **style, **TEXT_STYLE)
        text.xycoords = text.anncoords = partial(_word_place, ax, lines, bottom, text)


def _distance(ax, mark):
    """The key by which marks are sorted from the left. Marks without a line are last."""
    return (np.inf if mark.at is None else ax.transData.transform((mark.at, 0.0))[0], mark.value)


def _draw_text(band, k, label):
    at, ax = band.places[k], band.ax
    end = {"xy": (at, band.top), "xycoords": ax.get_xaxis_transform()}
    if at is None:
        end = {"xy": (1.0, band.top), "xycoords": "axes fraction"}
    style = {"ha": "center", "va": "bottom", "color": tones(ax).ink, "xytext": (0.0, 0.0)}
    band.texts.append(ax.annotate(label, textcoords=partial(_text_place, band, k), **end, **style, **TEXT_STYLE))
    if at is not None:
        leader = {"arrowstyle": "-", "color": tones(ax).line, "lw": 0.7, "shrinkA": 1, "shrinkB": 0}
        place = {"xytext": (0.0, 0.0), "textcoords": partial(_leader_place, band, k)}
        ax.annotate("", arrowprops=leader, **place, **end, **TEXT_STYLE)


def _labels_fit(ax, places, labels):
    """Whether labels, in up to two rows, have room in axes that are narrowed by names beside them."""
    room = NARROWED * ax.bbox.width
    ends = NARROWED * (_across(ax, [ax.get_xlim()[1] if at is None else at for at in places]) - ax.bbox.x0)
    widths = _widths(ax, labels)
    if not _crowded(widths, room, _pixels(ax, TEXT_GAP)):
        return not len(widths) or widths.max() <= room
    centres, _ = _centres(ends, widths, 0.0, room, _pixels(ax, TEXT_GAP))
    return (centres - widths / 2 >= 0).all() and (centres + widths / 2 <= room).all()


def _widths(ax, labels):
    widths = []
    for label in labels:
        text = ax.text(0.0, 0.0, label, fontsize=LABEL_SIZE)
        widths.append(text.get_window_extent().width)
        text.remove()
    return np.array(widths)


def _pixels(ax, points):
    return points * ax.figure.dpi / 72


# Places are computed at each drawing, since sizes and limits change. A place is the image of (0, 0) by a transform.


@dataclass
class _Band:
    """Texts, from the left, for lines at places. The lines end at `top`, a share of the height of the axes."""

    ax: Any
    places: list
    top: float
    texts: list = field(default_factory=list)

    def boxes(self, renderer):
        """Ends (k,) of the lines, centres and widths (k,) of the texts, in pixels, and their rows (k,) from below."""
        low, high = self.ax.bbox.intervalx
        ends = np.array([high if at is None else _across(self.ax, [at])[0] for at in self.places])
        widths = np.array([_text_width(text, renderer) for text in self.texts])
        centres, rows = ends.copy(), np.zeros(len(ends), int)
        in_view = (low - 1 <= ends) & (ends <= high + 1)  # the others are hidden
        if in_view.any():
            order = np.flatnonzero(in_view)[
                np.argsort(ends[in_view], kind="stable")
            ]  # the user may have turned the axis
            gap = renderer.points_to_pixels(TEXT_GAP)
            centres[order], rows[order] = _centres(ends[order], widths[order], low, high, gap)
        return ends, centres, widths, rows

    def height(self, row, renderer):
        low, high = self.ax.bbox.intervaly
        return low + self.top * (high - low) + renderer.points_to_pixels(LEADER + row * LINE_HEIGHT)


def _text_place(band, k, renderer):
    _, centres, _, rows = band.boxes(renderer)
    return _translation(centres[k], band.height(rows[k], renderer))


def _leader_place(band, k, renderer):
    """The point on the lower edge of text k that is nearest to its line."""
    ends, centres, widths, rows = band.boxes(renderer)
    nearest = np.clip(ends[k], centres[k] - widths[k] / 2, centres[k] + widths[k] / 2)
    return _translation(nearest, band.height(rows[k], renderer))


def _word_place(ax, lines, bottom, text, renderer):
    """The place of a word at its end of the axis, or nowhere if a line leaves no room there."""
    low, high = ax.bbox.intervaly
    left, right = ax.bbox.intervalx
    gap, width = renderer.points_to_pixels(TEXT_GAP), _text_width(text, renderer)
    inward = 1 if text.get_ha() == "left" else -1
    edge = (left if inward > 0 else right) + inward * gap / 2
    distances = inward * (_across(ax, lines) - edge)
    seen = distances > -gap
    free = min(distances[seen], default=np.inf) > width + gap / 2
    return _translation(edge if free else NOWHERE, low + bottom * (high - low))


def _across(ax, places):
    return np.array([ax.transData.transform((at, 0.0))[0] for at in places])


def _text_width(text, renderer):
    from matplotlib.text import Text

    return Text.get_window_extent(text, renderer).width  # the method of an annotation would ask for its place


def _translation(x, y):
    from matplotlib.transforms import Affine2D

    return Affine2D().translate(x, y)


def _crowded(widths, room, gap):
    """Whether two texts need two rows."""
    return len(widths) > 1 and widths.sum() + gap > room


def _centres(ends, widths, low, high, gap):
    """(centres, rows) of up to two texts near the ends of their lines, from the left."""
    if not _crowded(widths, high - low, gap):
        return spread(ends, widths + gap, low, high), np.zeros(len(ends), int)
    wanted = np.clip(ends, low + widths / 2, np.maximum(high - widths / 2, low + widths / 2))
    left, right = ends[1] - (gap + widths[0]) / 2, ends[1] + (gap + widths[0]) / 2  # beside the line to the upper text
    wanted[0] = min(wanted[0], left) if left - widths[0] / 2 >= low or right + widths[0] / 2 > high else right
    return wanted, np.array([0, 1])
