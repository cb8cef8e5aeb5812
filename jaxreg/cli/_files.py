"""What the command line writes of a result: figures, tables, summaries. Each function gives the text to print."""

import os

import numpy as np

from jaxreg import _record
from jaxreg.cli._messages import fail


def check_writable(option, *targets):
    """That folders or files can be made, without making any."""
    for target in targets:
        there = next(place for place in (target, *target.absolute().parents) if place.exists())
        if there != target and not there.is_dir():
            fail(f"{option} is {target}, but {there} is a file; give another place.")
        if not os.access(there, os.W_OK):
            fail(f"{option} is {target}, but {there} may not be written to; give another place.")


def check_folder(option, folder):
    """The same of a folder."""
    if folder.exists() and not folder.is_dir():
        fail(f"{option} is {folder}, which is a file; give a folder.")
    check_writable(option, folder)


def check_page(option, page):
    """The same of a file to write."""
    if page.is_dir():
        fail(f"{option} is {page}, which is a folder; give the name of a file.")
    check_writable(option, page)


def write_path(path, out, title, source=None, cv=None):
    """path.png, coefficients.csv (a row for each lambda), summary.txt and, of a path with a source, reproduce.py.

    Where the path was cross-validated, the figure shows the choice of `cv`.
    """
    from jaxreg.plotting import plot_path

    out.mkdir(parents=True, exist_ok=True)
    _draw(plot_path, cv or path, out / "path.png", title)
    path.to_frame().to_csv(out / "coefficients.csv")
    summary = path.summary()
    _write(out / "summary.txt", summary)
    written = ["path.png", "coefficients.csv", "summary.txt"]
    if source is not None:
        _write_script(out, _record.script("path", "fit_path", path.data["versions"], path.settings, source))
        written.append("reproduce.py")
    return f"{summary}\nWorst relative gap {path.gap.max():.1e}.\n{_wrote(written, out)}"


def write_cv(cv, model, out, title, source, more=()):
    """Figures, coefficients.csv (at the choice), cv.csv (the losses), summary.txt, model.npz and reproduce.py."""
    from pandas import DataFrame

    from jaxreg.plotting import plot_path

    choice = cv.select(model.rule)
    write_curve(cv, out, title)
    _draw(plot_path, cv, out / "path.png", title, lam=model.rule)
    coefficients = {"feature": ["(intercept)", *cv.names], "coefficient": [choice.intercept, *choice.coef]}
    DataFrame(coefficients).to_csv(out / "coefficients.csv", index=False)
    cv.to_frame().to_csv(out / "cv.csv", index=False)
    mix = "" if np.isnan(choice.l1_ratio) else f"l1_ratio {choice.l1_ratio:g}, "
    summary = "\n".join(
        (
            cv.summary(),
            f"Chosen by {model.rule}: {mix}lambda {choice.lam:.4g}, "
            f"{(choice.coef != 0).sum()} of {len(choice.coef)} coefficients not 0.",
            *more,
        )
    )
    _write(out / "summary.txt", summary)
    model.save(out / "model.npz")
    script = _record.script("cv", "fit_cv", cv.path.data["versions"], cv.settings, source)
    _write_script(out, f"{script}\nchoice = cv.select({model.rule!r})\nprint(choice)")
    written = ["validation_curve.png", "path.png", "coefficients.csv", "cv.csv", "summary.txt", "model.npz"]
    return f"{summary}\n{_wrote([*written, 'reproduce.py'], out)}"


def write_curve(cv, out, title):
    """validation_curve.png."""
    from jaxreg.plotting import plot_validation_curve

    out.mkdir(parents=True, exist_ok=True)
    _draw(plot_validation_curve, cv, out / "validation_curve.png", title)
    return _wrote(["validation_curve.png"], out)


def write_report(cv, file, title, source=None):
    """The interactive page."""
    file.parent.mkdir(parents=True, exist_ok=True)
    cv.report(file, title=title, data_source=source)
    return f"Wrote {file}."


def write_predictions(frame, file):
    """A CSV file of predictions."""
    file.parent.mkdir(parents=True, exist_ok=True)
    frame.to_csv(file, index=False)
    return f"Wrote {len(frame)} predictions to {file}."


def _write_script(out, script):
    _write(out / "reproduce.py", f"# To be run where the command was: python {out / 'reproduce.py'}\n{script}")


def _write(file, text):
    file.write_text(text + "\n", encoding="utf-8")


def _wrote(names, folder):
    *others, last = names
    listed = f"{', '.join(others)} and {last}" if others else last
    return f"Wrote {listed} to {folder}."


def _draw(plot, result, file, title, **options):
    from matplotlib.figure import Figure  # not pyplot: no display, no global state

    figure = Figure(figsize=(8, 5), layout="constrained")
    plot(result, ax=figure.subplots(), **options).set_title(title, parse_math=False)
    figure.savefig(file, dpi=150)
