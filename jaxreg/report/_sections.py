"""Sections in HTML: held-out predictions, the call that rebuilds the result, certificates, timings, data."""

import ast
import re
from collections import Counter
from html import escape

import numpy as np

from jaxreg import _provenance
from jaxreg._labels import label_text
from jaxreg._status import MEASURES, Status
from jaxreg.losses._record import class_shares, observed_in
from jaxreg.report import _judged

MOST_COLUMNS, MOST_FOLDS, MOST_RESPONSES, MOST_NAMES = 200, 50, 50, 20  # rows of tables and names in a list, at most
MOST_CLASSES = 20  # of a table of classes
SCROLLED_ROWS = 25  # a table with more rows has its own scroll bar
FILLING = {"mean": "mean", "median": "median", "most_frequent": "most frequent value"}  # by the name of `impute`
LEAST_WHOLE, MOST_WHOLE = 1e4, 1e7  # numbers in this range are written whole, in groups of three digits
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
    """An HTML table. Its first column holds the names of the rows. All cells are text."""
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
    """A name in HTML, with places where a line may break."""
    return "<wbr>".join(escape(fragment) for fragment in re.split(r"(?<=[=_:])", name))


def notes_section(texts) -> str:
    """The notes, folded away, or nothing."""
    entries = "".join(f"<li>{escape(text)}</li>" for text in texts)
    return f"<details><summary>Notes</summary><ul>{entries}</ul></details>" if entries else ""


def certificates_section(result) -> str:
    """The meaning of the certificate, its worst values and the counts of each status."""
    first = _first_path(result)
    measure = MEASURES[first.certificate]
    head = ["fits", f"worst {measure}", "at lambda", "status"]
    meaning = f"<p>{MEANING[first.certificate]}</p>"
    if not result._cross_validated:
        return meaning + table("The path", head, [("all rows", *_worst(first.gap, first.lambdas, first.status))])
    rows = []
    for path, gap, status in zip(result.paths, result.gap, result.status, strict=True):
        mix = "" if len(result.paths) == 1 else f"l1_ratio {path.l1_ratio:g}, "
        rows.append((f"{mix}all rows", *_worst(path.gap, path.lambdas, path.status)))
        rows.append((f"{mix}{len(gap)} folds", *_worst(gap, path.lambdas, status)))
    folds = [
        (f"fold {k}", f"{result.gap[:, k].max():.1e}", _counts(result.status[:, k]))
        for k in range(min(result.gap.shape[1], MOST_FOLDS))
    ]
    caption = "The folds, over all mixing parameters and lambdas" if len(result.paths) > 1 else "The folds"
    return (
        meaning
        + table("Paths and folds", head, rows)
        + table(caption + _more(result.gap.shape[1], MOST_FOLDS), ["fold", f"worst {measure}", "status"], folds)
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


def timings_section(result) -> str:
    rows = [(name, f"{seconds:.3f}") for name, seconds in result.timings.items()]
    return table("Seconds", ["phase", "seconds"], rows)


def data_section(result) -> str:
    """The data in numbers, and a table of the columns."""
    path = _first_path(result)
    constant = [path.names[j] for j in path.constant_features[:MOST_NAMES]]
    n_more = len(path.constant_features) - len(constant)
    listed = ": " + ", ".join(constant) + (f" and {n_more} more" if n_more else "") if constant else ""
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
    response_facts, responses = _response(path)
    facts += response_facts
    rows = [
        (name, _formatted_number(mean), _formatted_number(sd))
        for name, mean, sd in zip(
            path.names[:MOST_COLUMNS], path.feature_mean[:MOST_COLUMNS], path.feature_sd[:MOST_COLUMNS], strict=True
        )
    ]
    caption = "Columns of X" + _more(path.n_features, MOST_COLUMNS)
    return _facts(facts) + responses + table(caption, ["feature", "mean", "standard deviation"], rows)


def _response(path):
    """(facts on the response, a table of its outputs or nothing)."""
    if shares := class_shares(path):
        of_class = [(label, f"{share:.1%}") for label, share in shares[:MOST_RESPONSES]]
        return [], table("Classes" + _more(len(shares), MOST_RESPONSES), ["class", "share"], of_class)
    if (observed := observed_in(path)) is not None:
        time, event = observed
        return [("share of events", f"{event:.1%}"), ("mean time", _formatted_number(time))], ""
    level, spread = np.atleast_1d(path.data["y_mean"]), np.atleast_1d(path.data["y_sd"])
    numbers = [(_formatted_number(a), _formatted_number(b)) for a, b in zip(level, spread, strict=True)]
    if path.n_responses is None:
        return list(zip(("mean of y", "standard deviation of y"), numbers[0], strict=True)), ""
    rows = [(str(r), *moments) for r, moments in enumerate(numbers[:MOST_RESPONSES])]
    caption = "Responses" + _more(len(numbers), MOST_RESPONSES)
    return [], table(caption, ["response", "mean", "standard deviation"], rows)


def _formatted_number(value):
    """Five digits, as in the scripts of the page, without a fraction of zeros."""
    if not value:
        return "0"
    rounded = f"{value:#.5g}"
    if LEAST_WHOLE <= abs(float(rounded)) < MOST_WHOLE:
        return f"{value:,.0f}".replace(",", "\u202f")
    return re.sub(r"\.0*(?=e|$)", "", rounded).replace("e+0", "e").replace("e+", "e").replace("e-0", "e-")


def _facts(pairs):
    return "<dl>" + "".join(f"<div><dt>{escape(a)}</dt><dd>{escape(b)}</dd></div>" for a, b in pairs) + "</dl>"


def held_out_section(points, figures, judged) -> str:
    """The frames of the two figures of `points` and of those of a family, and a table of classes, or nothing."""
    body = HELD_OUT_FIGURES if points is not None else ""
    if judged is not None and (judged.labels is not None or judged.loss.coupling == "rows"):
        body += f"<p>{escape(_judged.said(judged))}</p>"
    frames = "".join(_frame(figure) for figure in figures)
    body += f'<div class="pair">{frames}</div>' if len(figures) > 1 else frames
    if judged is not None and judged.labels is not None:
        body += _confusion(judged)
    return _section("held-out", "Held-out predictions", body) if body else ""


def _frame(figure):
    """The frame of a figure, which the script draws."""
    name, caption = figure["id"], escape(figure["caption"])
    plot = f'<div class="plot" id="{name}-plot" role="img" aria-label="{caption}"></div>'
    return f"<figure><figcaption>{caption}; {escape(figure['y']['label'])}</figcaption>\n{plot}</figure>"


def _confusion(judged):
    """A table of the rows of each class by the class that is predicted."""
    counts, labels = _judged.confusion(judged), [label_text(label) for label in judged.labels[:MOST_CLASSES]]
    rows = [
        [f"class {label}", *(f"{number:.5g}" for number in row[: len(labels)])]
        for label, row in zip(labels, counts, strict=False)
    ]
    head = ["", *(f"predicted {label}" for label in labels)]
    if len(counts) > 2 and _judged.has_all_classes(judged):  # of two classes there is one AUC, and it is said above
        head.append("AUC")
        rows = [[*row, f"{curve.auc:.3f}"] for row, curve in zip(rows, judged.rocs().values(), strict=False)]
    caption = ("Rows" if counts.dtype.kind == "i" else "Weight of the rows") + _more(len(counts), MOST_CLASSES)
    return table(caption, head, rows)


def _section(name, heading, body):
    return f'<section aria-labelledby="h-{name}" id="{name}"><h2 id="h-{name}">{heading}</h2>{body}</section>'


def reproduce_section(result, data_source) -> str:
    """Python that rebuilds the result; the script fills in the path and its lambda."""
    path = _first_path(result)
    if not path.data:
        source = "" if data_source is None else _code_block(escape(data_source.strip("\n")))
        return f"<p>The result does not carry the call that made it.</p>{source}"
    name, function = ("cv", "fit_cv") if result._cross_validated else ("path", "fit_path")
    script = _provenance.script(name, function, path.data["versions"], result.settings, data_source)
    call = '<span id="code-path"></span>.coef_at(<span id="code-lambda"></span>)'
    return _code_block(escape(script) + f"\nintercept, coef = {call}")


def _code_block(text):
    copy = '<button type="button" id="copy">Copy</button>'
    return f'<div class="code">{copy}<pre tabindex="0"><code id="code">{text}</code></pre></div>'


def _first_path(result):
    return result.path if result._cross_validated else result
