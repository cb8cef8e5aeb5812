"""Reports: a result in, one interactive HTML page out, which needs no network."""

import ast
from collections.abc import Iterable

from jaxreg import _validation
from jaxreg.report._page import page
from jaxreg.report._report import Report

__all__ = ["Report", "write_report"]


def write_report(result, path=None, title=None, data_source=None, notes=()) -> Report:
    """Write a result as one HTML page that holds all it needs, to open in a browser without a network.

    The page draws the coefficients and, of a CVResult, training and held-out loss against lambda, strong penalty at the
    left. A slider moves through the lambdas; the values and the table of coefficients follow. Below are the held-out
    predictions of a CVResult, the call that rebuilds the result, and, folded away, certificates, timings and a summary
    of the data.

    Parameters
    ----------
    result : PathResult or CVResult
        As the method `result.report(...)` it is the result itself.
    path : str, pathlib.Path or None
        File to write; one that is there is replaced. None writes nothing.
    title : str or None
        Heading of the page; None names the kind of result.
    data_source : str or None
        Python source that makes X, y and whatever else the call names, such as sample_weight. The page shows it above
        the call, so that the whole can be copied and run. It is not run here.
    notes : sequence of str
        What a reader should know of the data, such as rows that were left out: a folded list below the headline.

    Returns
    -------
    Report
        Jupyter shows the page itself; `Report.path` is the file, and `Report.html` the text of the page.

    Raises
    ------
    TypeError
        For a result of another kind, a path that is none, a title or data source that is no text, or notes that are no
        sequence of texts.
    ValueError
        For a data source that is no Python.
    OSError
        For a path in a folder that is not there, to a folder, or not to be written to.

    Notes
    -----
    The path figure names the ten largest coefficients (times the standard deviation of the column) at the lambda of the
    least held-out loss, or, of a PathResult, the first ten to enter and stay. It has at most 60 curves. Its range is
    that of the coefficients up to a decade of lambda beyond the choice. So is the upper end of the losses, where all of
    them have a range at least twice as wide. Triangles mark where curves leave the range. Tables and curves hold at
    most some hundred thousand numbers in all, and the figures of held-out predictions 2000 points; the page says what
    it leaves out. lambda = 0 has no place on the log axis of the figures, but one on the slider.

    Held-out predictions, those at the choice, are drawn where the response is a number that they stand for (not of
    `Custom` losses); R squared and RMSE count each row once, whatever its weight. Of classes there are ROC curves,
    calibration in ten bins of the probabilities, and the rows of each class by the predicted one; of counts and amounts
    calibration; of survival times Harrell's C, and the survival of thirds of the rows by their risk, as it was observed
    and as the mean of what is predicted, whose baseline hazard is that of these predictions.

    Examples
    --------
    >>> import tempfile
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = jr.fit_path(X, y, penalty=jr.penalties.Ridge())
    >>> source = "from sklearn.datasets import load_diabetes\\nX, y = load_diabetes(return_X_y=True)"
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = path.report(f"{folder}/ridge.html", title="Diabetes", data_source=source)
    ...     "<title>Diabetes</title>" in report.path.read_text("utf-8")
    True
    """
    if getattr(type(result), "_cross_validated", None) is None:  # results declare it; they stand above this module
        raise TypeError(f"result is a {type(result).__name__}; give a PathResult or a CVResult.")
    if title is None:
        title = "Cross-validated regularization path" if result._cross_validated else "Regularization path"
    if not isinstance(title, str):
        raise TypeError(f"title is {title!r}; give text, or None.")
    _check_source(data_source)
    notes = _check_notes(notes)
    file = None if path is None else _validation.check_file(path)
    report = Report(page(result, title, data_source, notes), file)
    if file is not None:
        file.write_text(report.html, encoding="utf-8", newline="\n")
    return report


def _check_notes(notes):
    if isinstance(notes, str) or not isinstance(notes, Iterable):
        raise TypeError(f"notes is {notes!r}; give a sequence of texts, such as ['3 rows without y are left out.'].")
    texts = tuple(notes)
    for k, text in enumerate(texts):
        if not isinstance(text, str):
            raise TypeError(f"notes[{k}] is {text!r}; give texts only.")
    return texts


def _check_source(data_source):
    if data_source is None:
        return
    if not isinstance(data_source, str):
        kind = type(data_source).__name__
        raise TypeError(f"data_source is of type {kind}; give Python source as text, or None.")
    try:
        ast.parse(data_source)
    except (SyntaxError, ValueError) as error:
        line = getattr(error, "lineno", None)
        where = "" if line is None else f" at line {line}"
        raise ValueError(
            f"data_source is no Python{where} ({getattr(error, 'msg', error)}); give the lines that make X and y."
        ) from error
