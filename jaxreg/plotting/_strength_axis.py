"""The axis of the strengths of a NeuralPath, with a place for 0, and the marks of the choices."""

from dataclasses import dataclass
from typing import Any

import numpy as np

from jaxreg.plotting._axes import log_axis, overlap_edge, plain_box
from jaxreg.plotting._colours import tones
from jaxreg.plotting._marks import Mark, draw_marks

LOG = 15.0  # the axis is logarithmic if the largest by the smallest positive strength is at least this
AXIS_MARGIN = 0.02  # share of the axis beyond the strengths: a line at an end stands clear of the frame
ZERO_GAP = 0.1  # between 0 and the smallest positive strength, as a share of the log axis
FEW_DECADES = 2.5  # an axis of at most so many decades has ticks at 2 and 5 too
STRENGTH_TICK_ROOM = 30.0  # points for one tick
CHOICE_STYLES = (("strength_min", "--"), ("strength_1se", ":"))
LISTED_STRENGTHS = 5  # diverged strengths that the label names


@dataclass(frozen=True)
class StrengthAxis:
    """Strengths in the order of the axis: strong regularization at the left.

    points : array (S',)
        Positions in the path. Diverged strengths are left out.
    at : array (S',), or (S' + 1,) with a NaN before the last place
        Places of the points. On a log axis 0 stands alone at the right.
    """

    ax: Any
    path: Any
    points: np.ndarray
    at: np.ndarray

    @property
    def apart(self):
        """Whether no line leads to the last point."""
        return len(self.at) == 1 or len(self.at) > len(self.points)

    def along(self, values):
        """Values (..., S) of the path in the order of `at`, NaN in the gap."""
        drawn = values[..., self.points]
        return drawn if len(self.at) == len(self.points) else _gapped(drawn)

    def mark_choices(self, words=()):
        """Mark strength_min and, if there is a standard error, strength_1se. `words` are as for `draw_marks`."""
        marks = []
        for name, style in CHOICE_STYLES if self.path.has_error else CHOICE_STYLES[:1]:
            strength = getattr(self.path, name)
            at = self.at[np.isfinite(self.at)][self.path.strengths[self.points] == strength][0]
            marks.append(Mark(at, name, f"{strength:.4g}", f"{name} {strength:.4g}", style))
        draw_marks(self.ax, marks, words)


def drawn_strengths(path):
    """Positions of the strengths that did not diverge, the strongest first."""
    path.best  # noqa: B018 (an error where all diverged)
    points = np.flatnonzero(np.isfinite(path.mean_loss))
    return points[np.argsort(-path.strengths[points], kind="stable")]


def strength_axis(ax, path) -> StrengthAxis:
    """Prepare the x axis for the strengths (S,) of a path."""
    points = drawn_strengths(path)
    strengths = path.strengths[points]
    positive = strengths[strengths > 0]
    label = "\n".join([axis_label(path, 0), *diverged_lines(path)])
    if not positive.size or positive[0] < LOG * positive[-1]:
        low, high = strengths[-1], strengths[0]
        room = AXIS_MARGIN * (high - low) or high / 2 or 1.0
        ax.set_xlim(high + room, low - room)
        if low == high:
            ax.set_xticks([low])
        ax.set_xlabel(label)
        ax.spines["right"].set_visible(False)
        return StrengthAxis(ax, path, points, strengths)
    label = label.replace("\n", " (log scale)\n", 1) if "\n" in label else f"{label} (log scale)"
    if strengths[-1] > 0:
        _log_axis(ax, strengths, label)
        return StrengthAxis(ax, path, points, strengths)
    zero = positive[-1] / (positive[0] / positive[-1]) ** ZERO_GAP
    at = np.append(positive, zero)
    _log_axis(ax, at, label)
    _ticks_with_zero(ax, positive[-1], positive[0], zero)
    return StrengthAxis(ax, path, points, _gapped(at))


def axis_label(path, j):
    """The label of an axis: regularizer j and the quantity of its strength."""
    if not path.regularizers:
        return "no regularizer"
    return f"{path._regularizer_names[j]}: {type(path.regularizers[j]).quantity}"


def diverged_lines(path):
    """Lines of a label that name the diverged strengths: one, or none."""
    diverged = np.flatnonzero(~np.isfinite(path.mean_loss))
    if not diverged.size:
        return []
    remainder = f" and {diverged.size - LISTED_STRENGTHS} more" if diverged.size > LISTED_STRENGTHS else ""
    return [f"diverged, not drawn: {', '.join(path._said(k) for k in diverged[:LISTED_STRENGTHS])}{remainder}"]


def _log_axis(ax, at, label):
    room = (at[0] / at[-1]) ** AXIS_MARGIN
    log_axis(ax, np.array([at[0] * room, at[-1] / room]), label)


def _gapped(values):
    return np.insert(values, -1, np.nan, axis=-1)


def _ticks_with_zero(ax, low, high, zero):
    """Ticks from low to high, "0" at `zero`, and a break of the axis between them."""
    from matplotlib.ticker import FixedLocator, LogLocator, NullFormatter

    def ticks(subs):
        locations = LogLocator(subs=subs, numticks=100).tick_values(low, high)
        return locations[(locations >= low * (1 - 1e-9)) & (locations <= high * (1 + 1e-9))]

    width = ax.bbox.width * 72 / ax.figure.dpi
    span = np.log10(high / zero)
    few = np.log10(high / low) <= FEW_DECADES
    major = ticks((1.0, 2.0, 5.0)) if few else ticks((1.0,))
    least = STRENGTH_TICK_ROOM / width * span  # decades from tick to tick
    major = major[np.log10(major / zero) >= least][::-1]
    step = 1 if few else int(np.ceil(least))
    major = major[::step]
    text = [f"{tick:g}" if few else rf"$10^{{{np.log10(tick):.0f}}}$" for tick in major]
    ax.set_xticks([*major, zero], labels=[*text, "0"])
    ax.xaxis.set_minor_locator(FixedLocator(ticks(np.arange(1.0, 10.0))))
    ax.xaxis.set_minor_formatter(NullFormatter())
    style = {
        "ha": "center",
        "va": "center",
        "color": tones(ax).ink,
        "fontsize": 8,
        "zorder": 4,
        "bbox": plain_box(ax),
        "clip_on": True,
    }
    gap = ax.text(np.sqrt(low * zero), 0, "//", transform=ax.get_xaxis_transform(), **style)
    overlap_edge(ax, gap)
