"""Colours of curves, lines and texts, on light and on dark axes."""

from typing import NamedTuple

import numpy as np

# Any two colours of a list are 19 or more apart in CIELAB, to full sight and to protanopes, deuteranopes and
# tritanopes. Each colour has a contrast of 3:1 or more to white, or to black. tests/test_plot_choices.py checks both.
COLOURS = ("#3333e0", "#ee6a00", "#2e9e80", "#4b1c1a", "#c275cb", "#002a55", "#924900", "#6e507e", "#ea0051", "#8700a2")
ON_DARK = ("#6987ff", "#ff962d", "#00b469", "#ffd2ff", "#a56987", "#69ffc3", "#b4f087", "#7869b4", "#d23c2d", "#b4a5f0")
LUMINANCES = np.array([0.2126, 0.7152, 0.0722])  # of red, green and blue, linear
DARK = 0.179  # luminance: on a darker background white has the larger contrast (WCAG 2)


class Tones(NamedTuple):
    """Colours for a background.

    curves : tuple of str
    ink : str, of texts
    faint : str, of curves in the background, and of side remarks
    line : str, of the line at 0 and of vertical lines
    strong : str, of a mean
    grid, paper : str, of lines between rows, and of the inside of an open dot
    """

    curves: tuple[str, ...]
    ink: str
    faint: str
    line: str
    strong: str
    grid: str
    paper: str


LIGHT_TONES = Tones(COLOURS, ink="0.15", faint="0.45", line="0.25", strong="0.1", grid="0.92", paper="white")
DARK_TONES = Tones(ON_DARK, ink="0.9", faint="0.6", line="0.75", strong="0.95", grid="0.22", paper="black")


def tones(ax):
    """The Tones within the axes."""
    return _on(ax, ax.figure, ax.figure.canvas.figure)


def tones_beside(ax):
    """The Tones beside the axes."""
    return _on(ax.figure, ax.figure.canvas.figure)


def _on(*layers):
    """The Tones for the uppermost layer that is not transparent.

    If all layers are transparent, the colour of text in the style tells whether the background is dark.
    """
    from matplotlib import rcParams
    from matplotlib.colors import to_rgba

    for layer in layers:
        *rgb, alpha = to_rgba(layer.get_facecolor())
        if alpha > 0:
            return DARK_TONES if _luminance(rgb) < DARK else LIGHT_TONES
    return DARK_TONES if _luminance(to_rgba(rcParams["text.color"])[:3]) > DARK else LIGHT_TONES


def _luminance(rgb):
    """Luminance of a colour (red, green, blue), from 0 to 1, as in WCAG 2."""
    rgb = np.asarray(rgb)
    return LUMINANCES @ np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
