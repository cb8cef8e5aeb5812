"""Reports: a result in, one interactive HTML page out, which needs no network."""

import json
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from jaxreg import _validation
from jaxreg._cv_results import CVResult
from jaxreg._results import PathResult
from jaxreg.report import _sections
from jaxreg.report._content import content

__all__ = ["write_report"]


def write_report(result, path, title=None) -> Path:
    """Write a result as one HTML page that holds all it needs, to open in a browser without a network.

    The page draws the coefficients and, of a CVResult, training and held-out loss against lambda, strong penalty at the
    left. A slider moves through the lambdas; the losses, the certificate and the coefficients at the chosen one follow.
    Below are the certificates, timings, a summary of the data, and the call that rebuilds the result.

    Parameters
    ----------
    result : PathResult or CVResult
        As the method `result.report(...)` it is the result itself.
    path : str or pathlib.Path
        File to write; one that is there is replaced.
    title : str or None
        Heading of the page; None names the kind of result.

    Returns
    -------
    pathlib.Path
        Of the file.

    Raises
    ------
    TypeError
        For a result of another kind, a path that is none, or a title that is no text.
    OSError
        For a path in a folder that is not there, to a folder, or not to be written to.
    ImportError
        Without plotly, whose script goes into the page.

    Notes
    -----
    A figure has at most 60 curves, those with the largest coefficient times standard deviation of the column. Tables
    and curves hold at most some hundred thousand numbers in all; the page says what it leaves out. lambda = 0 has no
    place on the log axis of the figures, but one on the slider.

    Examples
    --------
    >>> import tempfile
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = jr.fit_path(X, y, penalty=jr.penalties.Ridge())
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     page = path.report(f"{folder}/ridge.html", title="Diabetes")
    ...     "<title>Diabetes</title>" in page.read_text("utf-8")
    True
    """
    if not isinstance(result, (PathResult, CVResult)):
        raise TypeError(f"result is a {type(result).__name__}; give a PathResult or a CVResult.")
    if title is None:
        title = "Cross-validated regularization path" if isinstance(result, CVResult) else "Regularization path"
    if not isinstance(title, str):
        raise TypeError(f"title is {title!r}; give text, or None.")
    path = _validation.check_file(path)
    # surrogates that text may hold have no place in UTF-8
    path.write_text(_page(result, title), encoding="utf-8", errors="xmlcharrefreplace", newline="\n")
    return path


def _page(result, title):
    try:
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise ImportError('reports need plotly: pip install "jaxreg[report]"') from error
    explanation = result._explanation() if isinstance(result, CVResult) else []
    parts = files("jaxreg.report")
    return Template(parts.joinpath("page.html").read_text("utf-8")).substitute(
        title=escape(title),
        headline=escape(result._headline()),
        explanation="".join(f"<p>{escape(each)}</p>" for each in explanation),
        certificates=_sections.certificates(result),
        timings=_sections.timings(result),
        data=_sections.data(result),
        reproduce=_sections.reproduce(result),
        style=parts.joinpath("page.css").read_text("utf-8"),
        script=parts.joinpath("page.js").read_text("utf-8"),
        plotly=get_plotlyjs(),
        content=_for_script(content(result)),
    )


def _for_script(values):
    """JSON that no parser of HTML takes for the end of a script."""
    text = json.dumps(values, allow_nan=False, separators=(",", ":"))
    return text.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e")
