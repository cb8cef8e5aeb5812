"""Sections in HTML: held-out predictions, the call that rebuilds the result, certificates, timings, data."""

import ast
import re
from collections import Counter
from html import escape

import numpy as np

from jaxreg import _record
from jaxreg._cv_results import CVResult
from jaxreg._results import MEASURES, Status
from jaxreg.report import _held_out

COLUMNS, FOLDS, RESPONSES, NAMES = 200, 50, 50, 20  # rows of tables and names in a list, at most
SCROLLED_ROWS = 25  # from more of them on a table has its own scroll bar
FILLING = {"mean": "mean", "median": "median", "most_frequent": "most frequent value"}  # by the name of `impute`
WHOLE, MOST_WHOLE = 1e4, 1e7  # between them, numbers are whole and have groups of three digits
MEANING = {
    "gap": "The relative duality gap bounds how far the objective of a solution is above its minimum, in units of the "
    "loss of the model without penalised columns: at a gap of 1e-6 no coefficients at all are better by more than a "
    "millionth of that loss.",
    "residual": "No dual is known for this loss and penalty, so the number is the scaled residual of the prox: how far "
    "a step of the solver would still move the coefficients, over the largest gradient of the model without penalised "
    "columns; it is 0 exactly at stationary points, which need not be minima where the penalty is not convex.",
}

HELD_OUT_FIGURES = """<p id="held-out-said"></p>
<div class="pair">
<figure><figcaption>predicted</figcaption>
<div class="plot" id="predicted-plot" role="img" aria-label="Held-out prediction against response"></div></figure>
<figure><figcaption>residual: actual &minus; predicted</figcaption>
<div class="plot" id="residual-plot" role="img" aria-label="Residual against held-out prediction"></div></figure>
</div>"""


def table(caption, head, rows):
    """An HTML table whose first column holds the names of the rows; all cells are text."""
    columns = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in head)
    body = "".join(
        f'<tr><th scope="row">{_breakable(name)}</th>' + "".join(f"<td>{escape(cell)}</td>" for cell in cells) + "</tr>"
        for name, *cells in rows
    )
    tall = " tall" if len(rows) > SCROLLED_ROWS else ""
    return (
        f'<div class="scroll{tall}" tabindex="0" role="region" aria-label="{escape(caption)}"><table>'
        f"<caption>{escape(caption)}</caption><thead><tr>{columns}</tr></thead><tbody>{body}</tbody></table></div>"
    )


def _breakable(name):
    """A name in HTML, with places where it may be broken."""
    return "<wbr>".join(escape(part) for part in re.split(r"(?<=[=_:])", name))


def notes(texts) -> str:
    """The notes, folded away, or nothing."""
    entries = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<details><summary>Notes</summary><ul>{entries}</ul></details>" if entries else ""


def certificates(result) -> str:
    """What the number means, its worst values and the counts of each status."""
    first = _first(result)
    measure = MEASURES[first.certificate]
    head = ["fits", f"worst {measure}", "at lambda", "status"]
    said = f"<p>{MEANING[first.certificate]}</p>"
    if not isinstance(result, CVResult):
        return said + table("The path", head, [("all rows", *_worst(first.gap, first.lambdas, first.status))])
    rows = []
    for path, gap, status in zip(result.paths, result.gap, result.status, strict=True):
        mix = "" if len(result.paths) == 1 else f"l1_ratio {path.l1_ratio:g}, "
        rows.append((f"{mix}all rows", *_worst(path.gap, path.lambdas, path.status)))
        rows.append((f"{mix}{len(gap)} folds", *_worst(gap, path.lambdas, status)))
    folds = [
        (f"fold {k}", f"{result.gap[:, k].max():.1e}", _counts(result.status[:, k]))
        for k in range(min(result.gap.shape[1], FOLDS))
    ]
    caption = "The folds, over all mixing parameters and lambdas" if len(result.paths) > 1 else "The folds"
    return (
        said
        + table("Paths and folds", head, rows)
        + table(caption + _more(result.gap.shape[1], FOLDS), ["fold", f"worst {measure}", "status"], folds)
    )


def _worst(gap, lambdas, status):
    k = np.unravel_index(np.argmax(gap), gap.shape)[-1]
    return f"{gap.max():.1e}", f"{lambdas[k]:.4g}", _counts(status)


def _counts(status):
    return ", ".join(
        f"{number} {Status(code).name}" for code, number in sorted(Counter(status.ravel().tolist()).items())
    )


def _more(number, most):
    return f", the first {most} and {number - most} more" if number > most else ""


def timings(result) -> str:
    rows = [(name, f"{seconds:.3f}") for name, seconds in result.timings.items()]
    return table("Seconds", ["phase", "seconds"], rows)


def data(result) -> str:
    """The data in numbers, and a table of the columns."""
    path = _first(result)
    constant = [path.names[j] for j in path.constant_features[:NAMES]]
    more = len(path.constant_features) - len(constant)
    listed = ": " + ", ".join(constant) + (f" and {more} more" if more else "") if constant else ""
    facts = [("features", str(path.n_features)), ("constant features", f"{len(path.constant_features)}{listed}")]
    facts.append(("offset", "yes" if path.offset_used else "no"))
    if path.fill_values is not None and "impute" in path.settings:
        filling = FILLING[ast.literal_eval(path.settings["impute"])]
        facts.append(("missing values", f"filled with the {filling} of the training rows"))
    if not path.data:
        return _facts(facts) + "<p>The result carries no further summary of its data.</p>"
    facts = [
        ("samples", str(path.data["n_samples"])),
        *facts,
        ("sample weights", "yes" if path.data["weighted"] else "no"),
        ("precision", path.data["dtype"]),
    ]
    level, spread = np.atleast_1d(path.data["y_mean"]), np.atleast_1d(path.data["y_sd"])
    numbers = [(_number(a), _number(b)) for a, b in zip(level, spread, strict=True)]
    responses = ""
    if path.n_responses is None:
        facts += zip(("mean of y", "standard deviation of y"), numbers[0], strict=True)
    else:
        rows = [(str(r), *each) for r, each in enumerate(numbers[:RESPONSES])]
        caption = "Responses" + _more(len(numbers), RESPONSES)
        responses = table(caption, ["response", "mean", "standard deviation"], rows)
    rows = [
        (name, _number(mean), _number(sd))
        for name, mean, sd in zip(
            path.names[:COLUMNS], path.feature_mean[:COLUMNS], path.feature_sd[:COLUMNS], strict=True
        )
    ]
    caption = "Columns of X" + _more(path.n_features, COLUMNS)
    return _facts(facts) + responses + table(caption, ["feature", "mean", "standard deviation"], rows)


def _number(value):
    """Five digits, as the scripts of the page write them; a fraction of zeros alone is left out."""
    if not value:
        return "0"
    rounded = f"{value:#.5g}"
    if WHOLE <= abs(float(rounded)) < MOST_WHOLE:
        return f"{value:,.0f}".replace(",", "\u202f")
    return re.sub(r"\.0*(?=e|$)", "", rounded).replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def _facts(pairs):
    return "<dl>" + "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in pairs) + "</dl>"


def held_out(result, points) -> str:
    """The frame of the two figures of `points`, or a table of two classes, or nothing."""
    if points is not None:
        return _section("held-out", "Held-out predictions", HELD_OUT_FIGURES)
    counts = _held_out.class_counts(result) if isinstance(result, CVResult) else None
    if counts is None:
        return ""
    share = np.trace(counts) / counts.sum()
    said = (
        f"<p>At the choice, each row predicted by the fit that did not see it: {share:.1%} of {counts.sum()} rows have "
        "the sign of their class.</p>"
    )
    rows = [(f"class {label}", *map(str, row)) for label, row in zip(("-1", "1"), counts, strict=True)]
    return _section("held-out", "Held-out predictions", said + table("Rows", ["", "predicted -1", "predicted 1"], rows))


def _section(name, heading, body):
    return f'<section aria-labelledby="h-{name}" id="{name}"><h2 id="h-{name}">{heading}</h2>{body}</section>'


def reproduce(result, data_source) -> str:
    """Python that rebuilds the result; the script fills in the path and its lambda."""
    path = _first(result)
    if not path.data:
        source = "" if data_source is None else _code(escape(data_source.strip("\n")))
        return f"<p>The result does not carry the call that made it.</p>{source}"
    name, function = ("cv", "fit_cv") if isinstance(result, CVResult) else ("path", "fit_path")
    script = _record.script(name, function, path.data["versions"], result.settings, data_source)
    at = '<span id="code-path"></span>.coef_at(<span id="code-lambda"></span>)'
    return _code(escape(script) + f"\nintercept, coef = {at}")


def _code(text):
    copy = '<button type="button" id="copy">Copy</button>'
    return f'<div class="code">{copy}<pre tabindex="0"><code id="code">{text}</code></pre></div>'


def _first(result):
    return result.path if isinstance(result, CVResult) else result
