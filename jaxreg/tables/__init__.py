"""Tables: files and frames with dates, categories and missing values become numbers, and new rows become alike.

- `read` makes a `Table` of a file: X and y for the fits. One `TableError` lists all open questions, with the options
  that work.
- `Encoding` records what each column became, and encodes new rows alike.
- `Model` is a fit with its encoding. It predicts rows of files and can be saved.

The command line reads by this package, and writes a `Model`.
"""

try:
    import pandas as _pandas  # noqa: F401
except ImportError as error:
    raise ImportError('jaxreg.tables needs pandas: pip install "jaxreg[frames]"') from error

from jaxreg.tables._encoding import Encoding
from jaxreg.tables._model import Model
from jaxreg.tables._problems import TableError
from jaxreg.tables._read import Table, read

__all__ = ["Encoding", "Model", "Table", "TableError", "read"]
