"""Results as .npz files, without pickle: arrays as they are, everything else as JSON."""

import json
from dataclasses import fields
from zipfile import BadZipFile
from zlib import error as BadDeflate

import numpy as np

from jaxreg import _validation

PLAIN, KIND = "plain", "kind"


def of_fields(result, without=()) -> dict[str, np.ndarray]:
    """The arrays of a dataclass by field, and its other fields as JSON under "plain"."""
    values = {each.name: getattr(result, each.name) for each in fields(result) if each.name not in without}
    arrays = {name: value for name, value in values.items() if isinstance(value, np.ndarray)}
    plain = {name: value for name, value in values.items() if name not in arrays}
    return arrays | {PLAIN: np.array(json.dumps(plain))}


def to_fields(arrays) -> dict:
    """The fields that `of_fields` took."""
    values = dict(arrays)
    return json.loads(str(values.pop(PLAIN))) | values


def write(path, kind, arrays):
    """Write arrays to the file `path` as it is given, under the name of what they are."""
    file = _validation.check_file(path)
    with open(file, "wb") as opened:
        np.savez_compressed(opened, **(arrays | {KIND: np.array(kind)}))


def read(path, kind, make):
    """make(arrays) of the file `path` that `write` made of the same kind.

    ValueError for another file, OSError for none.
    """
    file = _validation.check_file(path)
    try:
        with open(file, "rb") as opened, np.load(opened, allow_pickle=False) as arrays:
            values = {name: arrays[name] for name in arrays.files}
        other = str(values.pop(KIND, kind))
        if other == kind:
            return make(values)
    except (ValueError, TypeError, LookupError, AttributeError, EOFError, BadZipFile, BadDeflate) as error:
        raise ValueError(f"path is {str(path)!r}, which is not a file that {kind}.save wrote.") from error
    raise ValueError(f"path is {str(path)!r}, which {other}.save wrote; read it with {other}.load.")


def nested(prefix, arrays):
    """Arrays under names that begin with `prefix`, for a file that holds several results."""
    return {f"{prefix}/{name}": value for name, value in arrays.items()}


def inside(prefix, arrays):
    """The arrays that `nested` put under the prefix, by their own names."""
    start = f"{prefix}/"
    return {name.removeprefix(start): value for name, value in arrays.items() if name.startswith(start)}
