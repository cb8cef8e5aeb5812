"""Table files: a frame with the columns as the file has them. What a reader would guess is checked and reported here.

pandas renames a column that is named twice, takes a row that is longer than the header for one with an index, fills a
shorter one up, and joins digits around any thousands separator. So names and counts of fields come from the file.
"""

import codecs
import csv
import gzip
import itertools
import re
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from jaxreg.tables._cells import MISSING_TEXTS, nullable_integers, tidied_column
from jaxreg.tables._problems import Remark

DELIMITED = {".csv": ",", ".tsv": "\t", ".txt": None}  # extensions and their usual separators; None is no usual one
COLUMNAR = (".parquet", ".feather")
SHEETS = (".xlsx", ".xls", ".ods")
EXTENSIONS = (*DELIMITED, *(f"{extension}.gz" for extension in DELIMITED), *COLUMNAR)
UNNAMED = "Unnamed: 0"  # the name that pandas gives to a first column without one, where it and R write labels of rows
GZIP = b"\x1f\x8b"
COMPRESSED = {GZIP: "gzip; call it FILE.gz", b"PK\x03\x04": "zip, as Excel files are; save it as CSV"}
DECLARED = re.compile(r'\s*"?sep=(.)"?\s*', re.IGNORECASE)  # a first line that Excel reads and writes
SEPARATORS = {",": "commas", ";": "semicolons", "\t": "tabs", "|": "bars"}
SAMPLED = 50  # rows that show what stands between columns
ENCODINGS = {"utf-16": "UTF-16", "cp1252": "Windows-1252"}  # encodings that a remark names
PIECE = 2**20  # bytes


@dataclass(frozen=True)
class TextLayout:
    """How a file of delimited text is written."""

    names: list[str]  # of its columns, without spaces around them
    separator: str
    encoding: str
    ends_empty: bool  # whether every row has one field more, an empty one
    skipped: int  # lines before the header


def read_file(file, labels, marks, na):
    """(frame, remarks) of a file.

    The columns `labels` are read as text, cells that are one of `na` as missing, and texts that are numbers by the
    given `marks` as these.

    Raises
    ------
    ValueError for a file that cannot be read or has no rows, a row with more or fewer fields than the header, and
    columns named twice or, but for the first, not at all. ImportError for Parquet or Feather without pyarrow.
    """
    file = Path(file)
    name = file.name.lower()
    extension = next(
        (extension for extension in sorted(EXTENSIONS, key=len, reverse=True) if name.endswith(extension)), None
    )
    if extension is None:
        sheet = ": save the sheet as CSV" if file.suffix.lower() in SHEETS else ""
        raise ValueError(
            f"{file} has the unknown extension {file.suffix!r}; give one of {', '.join(EXTENSIONS)}{sheet}."
        )
    if not file.is_file():
        raise ValueError(f"{file} is not there, or not a file; give a table, {', '.join(EXTENSIONS)}.")
    if extension in COLUMNAR:
        frame, remarks = _read_columnar(file, extension)
    else:
        frame, remarks = _read_delimited(file, extension, labels, marks, na)
    if not len(frame):
        raise ValueError(f"{file} has no rows below the names of its columns; give a file with some.")
    return _tidied_frame(frame, labels, marks, na, remarks), remarks


def from_frame(frame, labels, marks, na):
    """(frame, remarks) of a frame. Its index is left out."""
    _require_single_names(frame.columns, "the table")
    frame = frame.reset_index(drop=True).rename(columns=str)
    require_distinct(frame.columns, "the table")
    if not len(frame):
        raise ValueError("the table has no rows; give some.")
    remarks: list[Remark] = []
    return _tidied_frame(frame, labels, marks, na, remarks), remarks


def is_unnamed(name):
    """Whether a name is one that pandas gives to a first column without a name."""
    return re.fullmatch(rf"{UNNAMED}(?:\.\d+)?", name) is not None


def _require_single_names(columns, where):
    if columns.nlevels > 1:
        text = f"{where} has {columns.nlevels} names for each column, such as {columns[0]!r}"
        raise ValueError(f"{text}; give one, by table.columns = [...].")


def require_distinct(names, where):
    duplicates = pd.Index(names)[pd.Index(names).duplicated()]
    if len(duplicates):
        raise ValueError(f"{where} has two columns called {duplicates[0]!r}; rename one of them.")


@contextmanager
def _reading(file):
    try:
        yield
    except ImportError as error:
        raise ImportError('reading Parquet and Feather needs pyarrow: pip install "jaxreg[frames]"') from error
    except (ValueError, OSError, EOFError, csv.Error) as error:
        raise ValueError(f"{file} cannot be read: {error}") from error


# ---- delimited text ----


def _read_delimited(file, extension, labels, marks, na):
    """(frame, remarks). If decimal or thousands marks are given, all cells are text."""
    layout, remarks = _layout(file, extension)
    names = layout.names
    names[0] = names[0] or (f"{UNNAMED}.1" if UNNAMED in names else UNNAMED)
    with _reading(file):
        frame = pd.read_csv(
            file,
            sep=layout.separator,
            header=0,
            names=range(len(names)),
            usecols=range(len(names)),
            index_col=False,
            dtype=str if marks.need_text else {j: str for j, name in enumerate(names) if name in labels},
            na_values=[*MISSING_TEXTS, *na],
            keep_default_na=False,
            skipinitialspace=True,
            skiprows=layout.skipped,
            encoding=layout.encoding,
            low_memory=False,  # in pieces, a column could be text here and numbers there
        )
    positions = list(range(len(names)))
    while len(positions) > 1 and not names[positions[-1]] and frame[positions[-1]].isna().all():
        positions.pop()
    mark = SEPARATORS[layout.separator][:-1]
    if layout.ends_empty:
        remarks.append(Remark(f"every row of {file.name} ends in a {mark}; the empty field behind it is left out"))
    if len(positions) < len(names):
        text = f"every line of {file.name} ends in a {mark}; the empty fields behind it are left out"
        remarks.append(Remark(text))
    nameless = [j for j in positions if not names[j]]
    if nameless:
        raise ValueError(f"{file} has no name for column {nameless[0] + 1} of {len(names)}; name it.")
    columns = [names[j] for j in positions]
    require_distinct(columns, str(file))
    return frame[positions].set_axis(columns, axis=1), remarks


def _layout(file, extension):
    """(TextLayout, remarks on it)."""
    encoding = _encoding(file)
    usual, declared = DELIMITED[extension.removesuffix(".gz")], _declared(file, encoding)
    skipped = int(declared is not None)
    separator = declared or _separator(file, encoding, usual or ",")
    rows = _numbered_rows(file, encoding, separator, skipped)
    header_line, header = next(rows, (0, []))
    if not header:
        raise ValueError(f"{file} cannot be read: it is empty.")
    p, uneven, all_empty = len(header), "", True
    for j, (line, fields) in enumerate(rows):
        if len(fields) != p and not uneven:
            mark = SEPARATORS[separator][:-1]
            uneven = (
                f"{file} has {len(fields)} field(s) in the row that ends in line {line}, but {p} in its header; "
                f"every row needs as many. Text with a {mark} in it stands in double quotes."
            )
            if j == 0:
                uneven += (
                    f" If line {header_line}, {separator.join(header)!r}, is a title rather than the header, delete it."
                )
        all_empty = all_empty and len(fields) == p + 1 and not fields[-1]
        if uneven and not all_empty:
            raise ValueError(uneven)
    remarks = []
    if encoding in ENCODINGS:
        remarks.append(Remark(f"{file.name} is read as {ENCODINGS[encoding]}, since it is not UTF-8"))
    if separator != usual and p > 1:
        remarks.append(Remark(f"{file.name} has {SEPARATORS[separator]} between its columns"))
    return TextLayout([name.strip() for name in header], separator, encoding, bool(uneven), skipped), remarks


def _is_compressed(file):
    return file.name.lower().endswith(".gz")


def _opened(file, *mode, **options):
    return gzip.open(file, *mode, **options) if _is_compressed(file) else open(file, *mode, **options)


def _encoding(file):
    """The encoding: UTF-16 by its byte order mark, or UTF-8, or else Windows-1252, which holds Latin-1."""
    with _reading(file):
        with open(file, "rb") as content:
            if _is_compressed(file) and content.read(len(GZIP)) != GZIP:
                raise ValueError(f"it is not compressed by gzip; call it {file.stem}.")
        with _opened(file, "rb") as content:
            first = content.read(PIECE)
        if first.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        for signature, program in COMPRESSED.items():
            if first.startswith(signature):
                raise ValueError(f"it is compressed by {program.replace('FILE', file.name)}.")
        if b"\0" in first:
            raise ValueError("it holds zero bytes, as UTF-16 without a mark of its order does; save it as UTF-8.")
        for encoding in ("utf-8-sig", "cp1252"):
            if _decodes(file, encoding):
                return encoding
        raise ValueError("it is neither UTF-8 nor Windows-1252; save it as UTF-8.")


def _decodes(file, encoding):
    decoder = codecs.getincrementaldecoder(encoding)()
    with _opened(file, "rb") as content:
        try:
            for piece in iter(lambda: content.read(PIECE), b""):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return False
    return True


def _declared(file, encoding):
    """The separator that a first line such as sep=; declares; None without such a line."""
    with _reading(file):
        with _opened(file, "rt", encoding=encoding) as lines:
            declared = DECLARED.fullmatch(lines.readline())
        if declared and declared[1] not in SEPARATORS:
            raise ValueError(
                f"its first line declares {declared[1]!r} between columns; write {', '.join(SEPARATORS.values())}."
            )
    return declared and declared[1]


def _separator(file, encoding, usual):
    """The separator by which the first rows have as many fields as the header, and more than one.

    The usual separator is tried first.
    """
    widths = {}
    for separator in (usual, *(candidate for candidate in SEPARATORS if candidate != usual)):
        try:
            sample = [fields for _, fields in itertools.islice(_numbered_rows(file, encoding, separator), SAMPLED)]
        except ValueError:  # quotes that are none where other marks separate
            continue
        even = all(len(fields) in (len(sample[0]), len(sample[0]) + (not fields[-1])) for fields in sample)
        if sample and len(sample[0]) > 1:
            widths[separator] = (even, len(sample[0]))
    return max(widths, key=lambda separator: widths[separator], default=usual)


def _numbered_rows(file, encoding, separator, skipped=0):
    """(number of the last line, fields) of each row that is not blank, the header first."""
    with _reading(file), _opened(file, "rt", newline="", encoding=encoding) as lines:
        for _ in range(skipped):
            next(lines)
        reader = csv.reader(lines, strict=True, skipinitialspace=True, delimiter=separator)
        for fields in reader:
            if len(fields) > 1 or "".join(fields).strip():
                yield skipped + reader.line_num, fields


# ---- Parquet and Feather ----


def _read_columnar(file, extension):
    """(frame, remarks)."""
    with _reading(file):
        if extension == ".parquet":
            from pyarrow.parquet import read_schema, read_table

            names = read_schema(file).names
        else:
            from pyarrow.feather import read_table

            names = read_table(file).column_names
    require_distinct(names, str(file))
    with _reading(file):
        frame = read_table(file).to_pandas(types_mapper=nullable_integers)
    _require_single_names(frame.columns, str(file))
    named_levels = [name for name in frame.index.names if name is not None]
    unnamed = len(named_levels) < frame.index.nlevels and not isinstance(frame.index, pd.RangeIndex)
    frame = frame.reset_index(level=named_levels).reset_index(drop=True)
    frame.columns = [str(name) for name in frame.columns]
    require_distinct(frame.columns, str(file))
    return frame, [Remark(f"the index of {file.name} has no name; as labels of the rows it is left out")] * unnamed


# ---- cells ----


def _tidied_frame(frame, labels, marks, na, remarks):
    """The frame with tidied columns, whatever the format of its file."""
    columns = {}
    for name in frame:
        columns[name], column_remarks = tidied_column(frame[name], name, name in labels, marks, na)
        remarks += column_remarks
    return pd.DataFrame(columns)
