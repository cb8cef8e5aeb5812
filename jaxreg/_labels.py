"""Labels of classes and of groups: what they are, and numbers that may be labels."""

import warnings

import numpy as np

MOST_CLASSES = 10  # different whole numbers in y, up to which they may be labels of classes


def is_text(obj) -> bool:
    """Whether an array, a list or a column of a frame has text, and nothing else but missing entries."""
    array = obj.to_numpy() if hasattr(obj, "to_numpy") else obj if isinstance(obj, np.ndarray) else None
    if array is None:
        array = np.asarray(obj) if isinstance(obj, (list, tuple)) else np.zeros(0)
    if array.dtype.kind != "O":
        return array.dtype.kind in "US"
    present = [value for value in array.ravel() if not is_missing(value)]
    return bool(present) and all(isinstance(value, (str, bytes)) for value in present)


def is_missing(value) -> bool:
    """Whether a label is None, NaN, NaT or pandas' NA, whose comparisons have no truth value."""
    return value is None or type(value).__name__ == "NAType" or bool(value != value)


def few_values(y: np.ndarray) -> list[float]:
    """The different values of y (n,) where they are 2 to 10 whole numbers, as labels of classes are; else none."""
    if not (y == np.round(y)).all():
        return []
    values = np.unique(y)
    return values.tolist() if 2 <= len(values) <= MOST_CLASSES else []


def check_labels(labels, name: str, n: int) -> tuple[np.ndarray, np.ndarray]:
    """(the different labels (C,), sorted; the position (n,) of the label of each row among them)."""
    # NumPy would make text of all labels of a list, of NaN too, where some are text
    mixed = isinstance(labels, (list, tuple))
    array = labels.to_numpy() if hasattr(labels, "to_numpy") else np.asarray(labels, dtype=object if mixed else None)
    if array.shape != (n,):
        raise ValueError(f"{name} has shape {array.shape}, but needs one entry per row of X, ({n},).")
    missing = np.array([is_missing(label) for label in array.tolist()])
    if missing.any():
        raise ValueError(f"{name} has no label (None or NaN) at row {np.argmax(missing)}; give every row one.")
    if mixed and len({isinstance(label, (str, bytes)) for label in array.tolist()}) == 1:
        array = np.asarray(labels)
    try:
        return np.unique(array, return_inverse=True)
    except TypeError as error:
        raise TypeError(f"{name} has labels that cannot be sorted ({error}); give numbers only, or strings.") from error


def positions_among(labels, name: str, classes: np.ndarray, n: int, what: str = "classes") -> np.ndarray:
    """Position (n,) of each label among the classes of a fit (C,), or among `what` else it had."""
    different, position = check_labels(labels, name, n)
    place = {label: k for k, label in enumerate(classes.tolist())}
    unknown = [label for label in different.tolist() if label not in place]
    if unknown:
        raise ValueError(
            f"{name} has the label {unknown[0]!r}, but the {what} of the fit are {', '.join(map(repr, place))}."
        )
    return np.array([place[label] for label in different.tolist()])[position]


def plain_labels(labels: np.ndarray) -> np.ndarray:
    """Labels as an array that a file can hold without pickle: strings, where they are objects of Python."""
    return np.array(labels.tolist()) if labels.dtype.kind == "O" else labels


def label_text(label) -> str:
    """A label of a class in words: a number that is whole has no point."""
    return f"{label:g}" if isinstance(label, float) else str(label)


def warn_of_classes(y):
    """Warn where the type of y says that it holds two classes, which are fitted as numbers.

    The caller is to be one call below the function that the user called: the warning points at the user's line.
    """
    array = y.to_numpy() if hasattr(y, "to_numpy") else np.asarray(y)
    if array.dtype.kind == "b" or (array.dtype.kind in "iu" and array.ndim == 1 and len(np.unique(array)) == 2):
        classes = "booleans" if array.dtype.kind == "b" else f"the two values {np.unique(array).tolist()}"
        warnings.warn(
            f"y has {classes}, which are fitted as numbers; for two classes give losses.Binomial(), loss='binomial', "
            "else y.astype(float).",
            UserWarning,
            stacklevel=4,
        )
