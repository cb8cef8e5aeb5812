"""The page of a NeuralPath: the choice, figures, the strengths, model and settings."""

import io
from html import escape
from string import Template

import jax
import numpy as np

from jaxreg import _provenance, _validation
from jaxreg.neural import _summary
from jaxreg.report._report import Report

SIZE = 8.0, 4.0  # inches of a figure
SALT = "jaxreg"  # of the names within a figure: the same path makes the same page
PAGE = Template(
    """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>$title</title>
<style>
:root { color-scheme: light dark; --ink: #1c2733; --paper: #fff; --line: #d5dbe1; --chosen: #e8f1fa; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #dde3e9; --paper: #14181d; --line: #38424d; --chosen: #1d3145; }
  figure svg { filter: invert(0.93) hue-rotate(180deg); }
}
body { max-width: 60rem; margin: 0 auto; padding: 1rem; font: 1rem/1.5 system-ui, sans-serif;
       color: var(--ink); background: var(--paper); }
h1 { font-size: 1.6rem; margin-bottom: 0; }
h2 { font-size: 1.2rem; margin: 2rem 0 0.5rem; }
figure { margin: 1rem 0; }
figure svg { display: block; width: 100%; max-width: 52rem; height: auto; }
.scroll { overflow: auto; max-height: 30rem; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: 0.2rem 0.8rem; text-align: right; border-bottom: 1px solid var(--line); white-space: nowrap; }
thead th { position: sticky; top: 0; background: var(--paper); }
tr.chosen > * { background: var(--chosen); font-weight: 600; }
dl { display: grid; grid-template-columns: max-content auto; gap: 0.2rem 1rem; }
dd { margin: 0; }
pre { padding: 0.8rem; overflow: auto; border: 1px solid var(--line); }
</style>
</head>
<body>
<h1>$title</h1>
<p>$headline</p>
<h2>The choice</h2>
$choice
<h2>Figures</h2>
$figures
<h2>Strengths</h2>
$strengths
<h2>Model and settings</h2>
$settings
<h2>Reproduce</h2>
$reproduce
</body>
</html>
"""
)


def write_report(path, file, title) -> Report:
    """The page of a NeuralPath, which is written to a file unless that is None."""
    title = "Path of networks" if title is None else title
    if not isinstance(title, str):
        raise TypeError(f"title is {title!r}; give text, or None.")
    file = None if file is None else _validation.check_file(file)
    said = [*_summary.explanation(path), *_summary.notes(path)]
    html = PAGE.substitute(
        title=escape(title),
        headline=escape(_summary.headline(path)),
        choice="".join(f"<p>{escape(line)}</p>" for line in said),
        figures=_figures(path),
        strengths=_strengths(path),
        settings=_settings(path),
        reproduce=_reproduce(path),
    )
    if file is not None:
        # surrogates that text may hold have no place in UTF-8
        file.write_text(html, encoding="utf-8", errors="xmlcharrefreplace", newline="\n")
    return Report(html, file)


def _figures(path):
    """The figures that a path has, as inline SVG."""
    if not np.isfinite(path.mean_loss).any():
        return "<p>Every strength diverged; there is nothing to draw.</p>"
    J, epochs = path.strengths[0].size, path.valid_loss.shape[-1]
    drawn = []
    if J <= 2:
        said = "The held-out loss" if J == 2 else "Training and held-out loss"
        drawn.append((f"{said} at the end of training, at each strength.", path.plot))
    if J == 1 and len(path.strengths) > 1 and path.valid_loss.shape[1] > 1:
        drawn.append(("The held-out loss of each fold.", path.plot_folds))
    if epochs > 1:
        drawn.append(("The losses after each epoch, averaged over folds and seeds.", path.plot_epochs))
    return "".join(f"<figure>{_svg(plot)}<figcaption>{said}</figcaption></figure>" for said, plot in drawn)


def _svg(plot):
    try:
        from matplotlib import rc_context
        from matplotlib.figure import Figure  # not pyplot: no display, no global state
    except ImportError as error:
        raise ImportError('figures need matplotlib: pip install "jaxreg[plot]"') from error
    figure = Figure(figsize=SIZE, layout="constrained")
    with rc_context({"svg.hashsalt": SALT}):
        plot(ax=figure.subplots())
        text = io.StringIO()
        figure.savefig(text, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    svg = text.getvalue()
    return svg[svg.index("<svg ") :]


def _strengths(path):
    """A row for each strength, in the order of the path; those that a rule chooses stand out."""
    rules = {}
    if np.isfinite(path.mean_loss).any():
        rules[path.best] = "min"
        if path.has_error:
            rules[path.best_1se] = f"{rules.get(path.best_1se, '')} 1se".strip()
    columns = path._losses() | path._measured()
    numbers = [columns[name] for name in columns if name not in path._strength_columns()]
    diverged = path.diverged.sum(axis=(1, 2))
    rows = []
    for k in range(len(path.strengths)):
        cells = [rules.get(k, ""), *path._strength_texts(k), *(f"{values[k]:.5g}" for values in numbers)]
        cells += [f"{path.kept_epoch[k].mean():.4g}", *([str(diverged[k])] if diverged.any() else [])]
        row = "".join(f"<td>{cell}</td>" for cell in cells)
        rows.append(f'<tr class="chosen">{row}</tr>' if k in rules else f"<tr>{row}</tr>")
    names = ["rule", *columns, "epochs", *(["diverged lanes"] if diverged.any() else [])]
    head = "".join(f'<th scope="col">{escape(name)}</th>' for name in names)
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Strengths"><table>'
        f"<thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table></div>"
    )


def _settings(path):
    S, K, R, epochs = path.valid_loss.shape
    facts = {
        "model": f"{type(path.model).__name__}, {path.model.task}",
        "parameters": _parameters(path),
        "regularizers": ", ".join(
            f"{name} ({type(each).quantity})"
            for name, each in zip(path._regularizer_names, path.regularizers, strict=True)
        ),
        "samples": path.data.get("n_samples"),
        "responses" if path.classes is None else "classes": path.data.get("n_outputs"),
        "precision": path.data.get("dtype"),
        "strengths x folds x seeds": f"{S} x {K} x {R}",
        "seeds": ", ".join(map(str, path.seeds.tolist())),
        "epochs": epochs,
        "seconds": ", ".join(f"{name} {seconds:.3g}" for name, seconds in path.timings.items()),
    }
    shown = {name: str(value) for name, value in facts.items() if value not in (None, "")}
    return "<dl>" + "".join(f"<dt>{escape(a)}</dt><dd>{escape(b)}</dd>" for a, b in shown.items()) + "</dl>"


def _parameters(path):
    """How many a network has."""
    return None if path.params is None else sum(leaf[0].size for leaf in jax.tree.leaves(path.params))


def _reproduce(path):
    """Python that rebuilds the path."""
    if not path.settings:
        return "<p>The path does not carry the call that made it.</p>"
    settings = dict(path.settings)
    model = (settings.pop("model"),)
    script = _provenance.script("path", "neural.fit_path", path.data["versions"], settings, model=model)
    return f'<pre tabindex="0"><code>{escape(script)}</code></pre>'
