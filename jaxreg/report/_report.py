"""Report: a page, the file it was written to, and how Jupyter shows it."""

from dataclasses import dataclass, field
from html import escape
from pathlib import Path

HEIGHT = 820  # pixels of the page in a notebook: the controls and one figure on a laptop's screen


@dataclass(frozen=True)
class Report:
    """The page of a result. Jupyter shows it. `open(report)`, and any function that takes a path, opens its file.

    It also has the attributes of the `pathlib.Path` of its file, such as `report.name` or `report.exists()`.

    Attributes
    ----------
    html : str
        The page.
    path : pathlib.Path or None
        The file it was written to, None for none.

    Examples
    --------
    >>> import tempfile
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = jr.fit_path(X, y)
    >>> path.report()
    Report(path=None)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = path.report(f"{folder}/lasso.html")
    ...     with open(report, encoding="utf-8") as page:
    ...         page.read() == report.html
    True
    """

    html: str = field(repr=False)
    path: Path | None

    def __getattr__(self, name):
        file = vars(self).get("path")  # absent while a copy is made
        if name.startswith("_") or file is None:
            raise AttributeError(f"Report has no attribute {name!r}; it has html and path.")
        return getattr(file, name)

    def __fspath__(self):
        if self.path is None:
            raise TypeError("the report has no file; give report(path) the name of one.")
        return str(self.path)

    def __str__(self):
        return repr(self) if self.path is None else str(self.path)

    def _repr_html_(self):
        return (
            f'<iframe srcdoc="{escape(self.html)}" sandbox="allow-scripts" title="Report of a regularization path" '
            f'style="width: 100%; height: {HEIGHT}px; border: 0"></iframe>'
        )
