"""Table files: a frame with the columns as the file has them. What a reader would guess is checked here.

pandas renames a column that is named twice, takes a row that is longer than the header for one with an index, fills a
shorter one up, and joins digits around any thousands separator. So names and counts of fields come from the file.
"""

import csv
import re
from contextlib import contextmanager

import pandas as pd
from pandas.api.types import infer_dtype

EXTENSIONS = (".csv", ".parquet")
UNNAMED = "Unnamed: 0"  # the name that pandas gives to a first column without one, where it and R write labels of rows
SEPARATORS = {";": "semicolons", "\t": "tabs", "|": "bars"}  # where one is in a header without commas


def read(file, labels=(), decimal=None, thousands=None):
    """(frame, notes on what was left out) of a CSV or Parquet file.

    The columns `labels` of a CSV file are read as text. `decimal` and `thousands` are the marks in numbers; None are a
    point and none.

    Raises
    ------
    ValueError for a file that cannot be read or has no rows, a row with more or fewer fields than the header, and
    columns named twice or, but for the first, not at all. ImportError for Parquet without pyarrow.
    """
    _check_marks(decimal, thousands)
    extension = file.suffix.lower()
    if extension not in EXTENSIONS:
        raise ValueError(f"{file} has the unknown extension {file.suffix!r}; give one of {', '.join(EXTENSIONS)}.")
    if not file.is_file():
        raise ValueError(f"{file} is not there, or not a file; give a CSV or Parquet file.")
    marked = decimal is not None or thousands is not None
    frame, cells, notes = _read_csv(file, labels, marked) if extension == ".csv" else _read_parquet(file)
    if not len(frame):
        raise ValueError(f"{file} has no rows below the names of its columns; give a file with some.")
    if marked:
        frame = _renumbered(frame, cells, labels, decimal or ".", thousands)
    return _stripped(frame, notes), notes


def require_distinct(names, where):
    twice = pd.Index(names)[pd.Index(names).duplicated()]
    if len(twice):
        raise ValueError(f"{where} has two columns called {twice[0]!r}; rename one of them.")


def number_pattern(decimal, thousands):
    """Regular expression of a number whose digits, where `thousands` (None: nothing) separates them, are in threes."""
    point = re.escape(decimal)
    digits = r"\d+" if thousands is None else rf"(?:\d{{1,3}}(?:{re.escape(thousands)}\d{{3}})+|\d+)"
    return rf"\s*[-+]?(?:{digits}(?:{point}\d*)?|{point}\d+)(?:[eE][-+]?\d+)?\s*"


def _check_marks(decimal, thousands):
    if decimal not in (None, ".", ","):
        raise ValueError(f"--decimal is {decimal!r}; give . or ,.")
    if thousands is not None and (len(thousands) != 1 or thousands.isalnum() or thousands in '+-"'):
        raise ValueError(f"--thousands is {thousands!r}; give one mark, such as , or . or a space.")
    if thousands == (decimal or "."):
        raise ValueError(f"--thousands and the decimal mark are both {thousands!r}; give two, the latter by --decimal.")


@contextmanager
def _reading(file):
    try:
        yield
    except ImportError as error:
        raise ImportError('reading Parquet needs pyarrow: pip install "jaxreg[frames]"') from error
    except UnicodeDecodeError as error:
        raise ValueError(f"{file} cannot be read: {error}; save it as UTF-8.") from error
    except (ValueError, OSError, csv.Error) as error:
        raise ValueError(f"{file} cannot be read: {error}") from error


def _read_csv(file, labels, marked):
    """(frame, the same cells as text where `marked`, notes)."""
    names, ends_empty = _layout(file)
    notes = [f"every row of {file.name} ends in a comma; the empty field behind it is left out."] * ends_empty
    text = {j: str for j, name in enumerate(names) if name in labels}

    def cells(dtype):
        with _reading(file):
            return pd.read_csv(
                file,
                header=0,
                names=range(len(names)),
                usecols=range(len(names)),
                index_col=False,
                dtype=dtype,
                skipinitialspace=True,
                encoding="utf-8-sig",
                low_memory=False,  # in pieces, a column could be text here and numbers there
            )

    frame = cells(text)
    named = list(range(len(names)))
    while len(named) > 1 and not names[named[-1]] and frame[named[-1]].isna().all():
        named.pop()
    if len(named) < len(names):
        notes.append(f"every line of {file.name} ends in a comma; the empty fields behind it are left out.")
    names[0] = names[0] or UNNAMED
    nameless = [j for j in named if not names[j]]
    if nameless:
        raise ValueError(f"{file} has no name for column {nameless[0] + 1} of {len(names)}; name it.")
    columns = [names[j] for j in named]
    require_distinct(columns, str(file))
    return (
        frame[named].set_axis(columns, axis=1),
        cells(str)[named].set_axis(columns, axis=1) if marked else None,
        notes,
    )


def _layout(file):
    """(names of the columns without spaces around them, whether every row has one field more, an empty one)."""
    rows = _rows(file)
    _, header = next(rows, (0, []))
    if not header:
        raise ValueError(f"{file} cannot be read: it is empty.")
    separator = next((mark for mark in SEPARATORS if mark in header[0]), None)
    if len(header) == 1 and separator is not None:
        raise ValueError(f"{file} has {SEPARATORS[separator]} between its columns; commas are needed.")
    p, uneven, all_empty = len(header), None, True
    for line, fields in rows:
        if len(fields) != p and uneven is None:
            uneven = line, len(fields)
        all_empty = all_empty and len(fields) == p + 1 and not fields[-1]
        if uneven is not None and not all_empty:
            raise ValueError(
                f"{file} has {uneven[1]} field(s) in the row that ends in line {uneven[0]}, but {p} in its header; "
                "every row needs as many. Text with a comma in it stands in double quotes."
            )
    return [name.strip() for name in header], uneven is not None


def _rows(file):
    """(number of its last line, fields) of each row that is not blank, the header first."""
    with _reading(file), open(file, newline="", encoding="utf-8-sig") as lines:
        reader = csv.reader(lines, strict=True, skipinitialspace=True)
        for fields in reader:
            if len(fields) > 1 or "".join(fields).strip():
                yield reader.line_num, fields


def _read_parquet(file):
    """(frame, the same, notes)."""
    with _reading(file):
        from pyarrow.parquet import read_schema

        names = read_schema(file).names
    require_distinct(names, str(file))
    with _reading(file):
        frame = pd.read_parquet(file)
        named = [name for name in frame.index.names if name is not None]
        unnamed = len(named) < frame.index.nlevels and not isinstance(frame.index, pd.RangeIndex)
        frame = frame.reset_index(level=named).reset_index(drop=True)
    notes = [f"the index of {file.name} has no name; as labels of the rows it is left out."] * unnamed
    frame.columns = [str(name) for name in frame.columns]
    require_distinct(frame.columns, str(file))
    return frame, frame, notes


def _renumbered(frame, cells, labels, decimal, thousands):
    """The frame with numbers where all cells of a column are written with these marks, else their text."""
    pattern = number_pattern(decimal, thousands)
    columns = {}
    for name in frame:
        text = cells[name]
        if name in labels or infer_dtype(text) != "string" or infer_dtype(frame[name]) == "boolean":
            text = frame[name]
        elif text.dropna().str.fullmatch(pattern).all():
            plain = text if thousands is None else text.str.replace(thousands, "", regex=False)
            text = plain.str.replace(decimal, ".", regex=False).astype("float64")
        columns[name] = text
    return pd.DataFrame(columns)


def _stripped(frame, notes):
    """The frame without spaces around its texts, and a note where they made a difference."""
    for name in frame.select_dtypes(include=["object", "string"]):
        if infer_dtype(frame[name]) == "string":
            text = frame[name].str.strip()
            if text.nunique() < frame[name].nunique():
                notes.append(f"spaces around the values of {name!r} are left out.")
            frame[name] = text
    return frame
