"""Report: a page that was made, in a file and in Jupyter."""

from html import escape
from pathlib import Path

HEIGHT = 700  # pixels of the frame in Jupyter


class Report:
    """One HTML page that holds all it needs; Jupyter shows it.

    Attributes
    ----------
    html : str
        The page.
    path : pathlib.Path, or None
        Its file.
    """

    def __init__(self, html: str, path: Path | None):
        self.html = html
        self.path = path

    def __fspath__(self):
        if self.path is None:
            raise ValueError("the report is in no file; give report a path.")
        return str(self.path)

    def __str__(self):
        return "report without a file" if self.path is None else str(self.path)

    def __repr__(self):
        return f"<Report: {self}>"

    def _repr_html_(self):
        style = f"width: 100%; height: {HEIGHT}px; border: 0"
        return f'<iframe srcdoc="{escape(self.html)}" style="{style}" title="Report"></iframe>'
