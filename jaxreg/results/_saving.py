"""Results as .npz files, without pickle. Arrays stay arrays, all other values are JSON."""

import json
from dataclasses import fields
from zipfile import BadZipFile
from zlib import error as BadDeflate

import numpy as np

from jaxreg import _validation

PLAIN, KIND = "plain", "kind"


def of_fields(result, without=()) -> dict[str, np.ndarray]:
    """The arrays of a dataclass by field, and the other fields as JSON under "plain"."""
    values = {field.name: getattr(result, field.name) for field in fields(result) if field.name not in without}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    return arrays | {PLAIN: np.array(json.dumps(plain))}


def to_fields(arrays) -> dict:
    """The fields from which `of_fields` made arrays."""
    values = dict(arrays)
    return json.loads(str(values.pop(PLAIN))) | values


def write(path, kind, arrays):
    """Write arrays to the file `path`, whose name stays as it is given, with the kind of their result."""
    file = _validation.check_file(path)
    with open(file, "wb") as stream:
        np.savez_compressed(stream, **(arrays | {KIND: np.array(kind)}))


def read(path, kind, make):
    """make(arrays) of the file `path`, which `write` wrote with the same kind.

    ValueError for another file, OSError for none.
    """
    file = _validation.check_file(path)
    try:
        with open(file, "rb") as stream, np.load(stream, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays.files}
        written_kind = str(values.pop(KIND, kind))
        if written_kind == kind:
            return make(values)
    except (ValueError, TypeError, LookupError, AttributeError, EOFError, BadZipFile, BadDeflate) as error:
        raise ValueError(f"path is {str(path)!r}, which is not a file that {kind}.save wrote.") from error
    raise ValueError(f"path is {str(path)!r}, which {written_kind}.save wrote; read it with {written_kind}.load.")


def nested(prefix, arrays):
    """Arrays under names that begin with `prefix`, for a file that holds several results."""
    return {f"{prefix}/{name}": value for name, value in arrays.items()}


def inside(prefix, arrays):
    """The arrays that `nested` put under the prefix, by their own names."""
    start = f"{prefix}/"
    return {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
