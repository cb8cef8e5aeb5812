"""Files that the command line writes of a result: figures, tables, summaries. A `write` returns the text to print."""

import os

import numpy as np

from jaxreg import _provenance
from jaxreg._labels import label_text
from jaxreg.cli._messages import command_typed, fail

PATH_FILES = ("path.png", "coefficients.csv", "summary.txt", "reproduce.py")
CV_FILES = (
    "validation_curve.png",
    "path.png",
    "coefficients.csv",
    "cv.csv",
    "summary.txt",
    "model.npz",
    "reproduce.py",
)
DEMO_FILES = ("path.png", "coefficients.csv", "summary.txt", "validation_curve.png", "report.html")
PAGE_ENDINGS, TABLE_ENDINGS = (".html", ".htm"), (".csv", ".csv.gz")  # of the names of files
PREDICTION_DIGITS = 10  # of a prediction
MOST_PANELS = 6  # of a figure of several classes


def check_output_folder(option, folder, names, read=()):
    """Refuse a folder in which a file of `names` cannot be written, or is one of the files `read`. Nothing is made."""
    if folder.exists() and not folder.is_dir():
        fail(f"{option} is {folder}, which is a file; give a folder.")
    _check_writable(option, folder)
    for name in names:
        _check_target(option, folder / name, read)


def check_output_file(option, file, endings, read=()):
    """Refuse a file that cannot be written, is one of the files `read`, or has none of the `endings`."""
    if file.is_dir():
        fail(f"{option} is {file}, which is a folder; give the name of a file.")
    if not file.name.lower().endswith(endings):
        fail(f"{option} is {file}; give a name that ends in {endings[0]}, which is what is written.")
    _check_target(option, file, read)


def _check_target(option, file, read):
    if file.is_dir():
        fail(f"{option} would write {file}, which is a folder; give another place.")
    for source in read:
        if source is not None and file.exists() and source.exists() and file.samefile(source):
            fail(f"{option} would replace {file}, which the command reads; give another place.")
    _check_writable(option, file)


def _check_writable(option, target):
    existing = next(place for place in (target, *target.absolute().parents) if place.exists())
    if existing != target and not existing.is_dir():
        fail(f"{option} is {target}, but {existing} is a file; give another place.")
    if not os.access(existing, os.W_OK):
        fail(f"{option} is {target}, but {existing} may not be written to; give another place.")


def write_path(path, out, title, about=(), source=None, cv=None):
    """path.png, coefficients.csv (a row for each lambda), summary.txt and, of a path with a source, reproduce.py.

    `about` are lines at the top of the summary. Where the path was cross-validated, the figure shows the choice of
    `cv`.
    """
    names = PATH_FILES if source is not None else PATH_FILES[:-1]
    replaces = _any_exists(names, out)
    out.mkdir(parents=True, exist_ok=True)
    _draw_paths(cv or path, path, out / "path.png", title)
    path.to_frame().to_csv(out / "coefficients.csv")
    summary = f"{path.summary()}\nWorst relative gap {path.gap.max():.1e}."
    _write_text(out / "summary.txt", "\n".join((*about, summary)))
    if source is not None:
        _write_script(out, _provenance.script("path", "fit_path", path.data["versions"], path.settings, source))
    return f"{summary}\n{_written_message(names, out, replaces)}"


def write_cv(cv, model, out, title, source, about=(), closing_lines=()):
    """Figures, coefficients.csv (at the choice), cv.csv (the losses), summary.txt, model.npz and reproduce.py.

    `about` are lines at the top of the summary, `closing_lines` are lines at its end.
    """
    choice, replaces = cv.select(model.rule), _any_exists(CV_FILES, out)
    write_curve(cv, out, title)
    _draw_paths(cv, cv.path, out / "path.png", title, lam=model.rule)
    _coefficients(choice).to_csv(out / "coefficients.csv")
    cv.to_frame().to_csv(out / "cv.csv", index=False)
    mix = "" if np.isnan(choice.l1_ratio) else f"l1_ratio {choice.l1_ratio:g}, "
    summary = "\n".join(
        (
            cv.summary(),
            f"Chosen by {model.rule}: {mix}lambda {choice.lam:.4g}, "
            f"{(choice.coef != 0).sum()} of {choice.coef.size} coefficients not 0.",
            *closing_lines,
        )
    )
    _write_text(out / "summary.txt", "\n".join((*about, summary)))
    model.save(out / "model.npz")
    script = _provenance.script("cv", "fit_cv", cv.path.data["versions"], cv.settings, source)
    _write_script(out, f"{script}\nchoice = cv.select({model.rule!r})\nprint(choice)")
    return f"{summary}\n{_written_message(CV_FILES, out, replaces)}"


def _coefficients(choice):
    """The intercept and all coefficients, as `Selection.to_frame` has them. Coefficients of 0 are last."""
    from pandas import concat

    series, frame, K = choice.to_series(), choice.to_frame(), np.size(choice.intercept)
    zeros = series.iloc[K:][(choice.coef == 0).ravel()].to_frame().assign(per_sd=0.0)
    return concat([series.iloc[:K].to_frame(), frame, zeros])


def write_curve(cv, out, title):
    """validation_curve.png."""
    from jaxreg.plotting import plot_validation_curve

    out.mkdir(parents=True, exist_ok=True)
    replaces = _any_exists(["validation_curve.png"], out)
    _draw(plot_validation_curve, cv, out / "validation_curve.png", title)
    return _written_message(["validation_curve.png"], out, replaces)


def write_page(cv, file, title, source=None, notes=()):
    """The interactive page."""
    written = "Replaced" if file.exists() else "Wrote"
    file.parent.mkdir(parents=True, exist_ok=True)
    cv.report(file, title=title, data_source=source, notes=notes)
    return f"{written} {file}."


def write_predictions(frame, file):
    """A CSV file of predictions."""
    earlier = ", in place of an earlier file" if file.exists() else ""
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(file, index=False)
    return f"Wrote {len(frame)} predictions to {file}{earlier}."


def rounded_predictions(values):
    """Predictions (m,), rounded to the digits that are written."""
    return [float(f"{value:.{PREDICTION_DIGITS}g}") for value in values]


def _write_script(out, script):
    _write_text(out / "reproduce.py", f"# What was computed by: {command_typed()}\n{script}")


def _write_text(file, text):
    file.write_text(text + "\n", encoding="utf-8")


def _any_exists(names, folder):
    """Whether one or more of the files exist."""
    return any((folder / name).exists() for name in names)


def _written_message(names, folder, replaces):
    *first_names, last = names
    listed = f"{', '.join(first_names)} and {last}" if first_names else last
    return f"Wrote {listed} to {folder}{', in place of earlier ones' if replaces else ''}."


def _draw(plot, result, file, title, **options):
    figure = _figure()
    plot(result, ax=figure.subplots(), **options).set_title(title, parse_math=False)
    figure.savefig(file, dpi=150)


def _draw_paths(result, path, file, title, **options):
    """The coefficients of a result: for each of several classes, up to MOST_PANELS, in a panel of their own."""
    from jaxreg.plotting import plot_path

    if path.n_responses is None:
        _draw(plot_path, result, file, title, **options)
        return
    kind, names = path._outputs
    panels = min(len(names), MOST_PANELS)
    figure = _figure(panels)
    for k, ax in enumerate(figure.subplots(panels, squeeze=False).ravel()):
        plot_path(result, ax=ax, response=k, **options).set_title(label_text(names[k]), parse_math=False)
    left_out = "" if panels == len(names) else f", the first {panels} of {len(names)} {kind}"
    figure.suptitle(f"{title}{left_out}", parse_math=False)
    figure.savefig(file, dpi=150)


def _figure(panels=1):
    from matplotlib.figure import Figure  # not pyplot: no display, no global state

    return Figure(figsize=(8, 5 * panels), layout="constrained")
