"""The figure of `digits`: a panel for each regularizer, with a caption of what was measured."""

import json
import textwrap

import numpy as np
from matplotlib.figure import Figure  # not pyplot: no display, no global state
from matplotlib.ticker import FuncFormatter, MaxNLocator, NullFormatter, NullLocator

COLUMNS, WIDTH = 5, 44  # panels of a row, characters of a line of caption
TOP = 0.7  # losses above leave the panel: those of ends that learn nothing are 2.3
HELD_OUT, TRAINING = "#0b5394", "#d55e00"


def draw(results, file):
    """Write the figure of the results of `digits.run`."""
    entries = results["regularizers"]
    rows = -(-len(entries) // COLUMNS)
    figure = Figure(figsize=(3.3 * COLUMNS, 3.5 * rows), layout="constrained")
    panels = figure.subplots(rows, COLUMNS, sharey=True, squeeze=False)
    for axes, (name, entry) in zip(panels.flat, entries.items(), strict=False):
        _panel(axes, name, entry)
    for axes in panels.flat[len(entries) :]:
        axes.axis("off")
    for axes in panels[:, 0]:
        axes.set_ylabel("cross-entropy")
    handles, labels = panels[0, 0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=len(labels), frameon=False)
    captions = {name: caption(entry) for name, entry in entries.items()}
    figure.savefig(file, dpi=110, metadata={"Description": json.dumps(captions)})  # so that they can be checked


def caption(entry):
    """What stands below a panel; differences to the least loss have their standard error, over the draws."""
    at, least = f"{entry['chosen']:.2g}", f"{entry['least']:.3f}"
    ends = [f"{entry['least'] + over:.3g} ({over:.3f} ± {error:.3f} more)" for over, error in entry["over_ends"]]
    if entry["interior"]:
        said = f"least {least} at {at}; ends {ends[0]} and {ends[1]}."
        if not entry["beats_ends"]:
            said += " An end is within two standard errors."
    else:
        strongest = entry["chosen"] == entry["strengths"][-1]
        said = f"least {least} at the end, {at}; other end {ends[0] if strongest else ends[1]}."
    return f"{said} {entry['reason']}" if entry["reason"] else said


def _panel(axes, name, entry):
    strengths = np.array(entry["strengths"])
    place, ticks = _places(strengths)
    for losses, color, line, marker, label in (
        (entry["valid_loss"], HELD_OUT, "-", "o", "held-out loss ± standard error"),
        (entry["train_loss"], TRAINING, "--", "s", "training loss ± standard error"),
    ):
        losses = np.array(losses)
        mean, error = losses.mean(axis=1), losses.std(axis=1, ddof=1) / np.sqrt(losses.shape[1])
        axes.fill_between(place, mean - error, mean + error, color=color, alpha=0.2, lw=0)
        face = color if marker == "o" else "white"
        axes.plot(place, mean, line, color=color, marker=marker, ms=4, mfc=face, lw=1.4, label=label)
    best = entry["strengths"].index(entry["chosen"])
    axes.axvline(place[best], color="0.5", lw=0.9, ls=":", zorder=0, label="strength chosen")
    optimizer = "" if entry["optimizer"] == "adam" else f" ({entry['optimizer'].upper()})"
    axes.set_title(f"{name}{optimizer}", fontsize=11)
    axes.set_ylim(0, TOP)
    axes.set_xticks(*ticks)
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:.1f}"))
    axes.set_xlabel("strength\n" + textwrap.fill(caption(entry), WIDTH), fontsize=8.5)
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(axis="y", color="0.92", lw=0.8)
    axes.set_axisbelow(True)


def _places(strengths):
    """Positions along the axis, and its ticks with their labels: logarithms, with 0 a step before the least of them.

    Strengths that span less than a decade and a half stand as they are.
    """
    positive = strengths[strengths > 0]
    if positive.max() < 30 * positive.min():
        ticks = [tick for tick in MaxNLocator(6).tick_values(0, strengths.max()) if tick <= strengths.max()]
        return strengths, (ticks, [f"{tick:g}" for tick in ticks])
    first, last = np.log10(positive.min()), np.log10(positive.max())
    step = (last - first) / (len(positive) - 1)
    place = np.where(strengths > 0, np.log10(np.where(strengths > 0, strengths, 1)), first - 1.5 * step)
    decades = np.arange(np.ceil(first - 1e-9), np.floor(last + 1e-9) + 1)
    decades = decades[:: -(-len(decades) // 4)]
    zero = [first - 1.5 * step] if (strengths == 0).any() else []
    labels = ["0"] * len(zero) + [f"{10.0**k:g}" if -3 <= k <= 3 else f"$10^{{{k:.0f}}}$" for k in decades]
    return place, ([*zero, *decades], labels)
