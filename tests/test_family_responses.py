"""What families take for a response, what they refuse, and the labels of their predictions."""

import numpy as np
import pytest

pytest.importorskip("pandas")
import pandas as pd

from jaxreg import losses

ALL = np.ones(4, bool)
THREE = np.array([True, True, True, False])
B, M = losses.Binomial(), losses.Multinomial()
COUNTS = [[1.0, 3.0], [2.0, 0.0], [0.0, 0.0], [0.0, 5.0]]
ENCODED = {
    "text": (B, ["no", "yes", "no", "no"], ALL, [0, 1, 0, 0], ["no", "yes"], None),
    "text of a frame": (B, pd.Series(["b", "a", "b", "b"], index=[3, 1, 2, 0]), ALL, [1, 0, 1, 1], ["a", "b"], None),
    "booleans": (B, np.array([True, False, True, True]), ALL, [1, 0, 1, 1], [False, True], None),
    "whole numbers": (B, [2, 1, 1, 2], ALL, [1, 0, 0, 1], [1, 2], None),
    "signs": (B, [-1.0, 1.0, 1.0, -1.0], ALL, [0, 1, 1, 0], [-1, 1], None),
    "numbers beside 0 and 1": (B, [2.5, 1.0, 1.0, 2.5], ALL, [1, 0, 0, 1], [1, 2.5], None),
    "a row that does not count": (B, ["b", "a", "b", "other"], THREE, [1, 0, 1, 0], ["a", "b"], None),
    "shares": (B, [0.0, 1.0, 0.25, 0.75], ALL, [0, 1, 0.25, 0.75], [0, 1], None),
    "two shares": (B, [0.25, 0.75, 0.75, 9.0], THREE, [0.25, 0.75, 0.75, 1.0], [0, 1], None),
    "counts": (B, COUNTS, ALL, [0.25, 1.0, 0.5, 0.0], [0, 1], [4, 2, 0, 5]),
    "counts of a frame": (B, pd.DataFrame(COUNTS), ALL, [0.25, 1.0, 0.5, 0.0], [0, 1], [4, 2, 0, 5]),
    "three classes": (M, ["b", "c", "a", "b"], ALL, np.eye(3)[[1, 2, 0, 1]], ["a", "b", "c"], None),
    "two classes": (M, [3, 5, 3, 5], ALL, np.eye(2)[[0, 1, 0, 1]], [3, 5], None),
    "two classes that count": (M, [3, 5, 3, 7], THREE, np.eye(2)[[0, 1, 0, 0]], [3, 5], None),
    "indicators": (M, np.eye(4), ALL, np.eye(4), [0, 1, 2, 3], None),
    "shares of classes": (M, pd.DataFrame({"u": [0.3, 1, 0, 0], "t": [0.7, 0, 1, 1]}), ALL,
                          [[0.3, 0.7], [1, 0], [0, 1], [0, 1]], ["u", "t"], None),
    "counts of classes": (M, COUNTS, ALL, [[0.25, 0.75], [1, 0], [0.5, 0.5], [0, 1]], [0, 1], [4, 2, 0, 5]),
    "numbers of events": (losses.Poisson(), [0, 3, 1, -1], THREE, [0, 3, 1, -1], None, None),
    "amounts": (losses.Gamma(), [0.5, 3.0, 1e-9, 7.0], ALL, [0.5, 3.0, 1e-9, 7.0], None, None),
    "amounts and zeros": (losses.Tweedie(), [0.0, 3.5, 0.0, 7.0], ALL, [0.0, 3.5, 0.0, 7.0], None, None),
    "numbers that vary": (losses.NegativeBinomial(), [0, 9, 0, 40], ALL, [0, 9, 0, 40], None, None),
}  # fmt: skip


@pytest.mark.parametrize("name", ENCODED)
def test_a_response_is_encoded_once(name):
    loss, raw, counting, y, labels, weight = ENCODED[name]
    encoded = loss.encode(raw, counting)
    assert encoded.y.dtype == np.float64
    np.testing.assert_array_equal(encoded.y, y)
    for found, expected in ((encoded.labels, labels), (encoded.weight, weight)):
        assert (found is None) == (expected is None)
        if expected is not None:
            assert found.tolist() == expected
    again = loss.encode(encoded.y, counting & (True if weight is None else np.asarray(weight) > 0))
    np.testing.assert_array_equal(again.y, encoded.y)
    assert loss.responses(encoded.y) == (None if encoded.y.ndim == 1 else encoded.y.shape[1])


def test_labels_are_decoded():
    labels = np.array(["no", "yes"])
    assert losses.Binomial().decode([-0.1, 0.1], labels).tolist() == ["no", "yes"]
    assert losses.Binomial("probit").decode(np.array([[-0.1], [0.1]]), labels).tolist() == [["no"], ["yes"]]
    assert losses.Binomial("cloglog").decode(np.log(np.log(2)) + np.array([-0.1, 0.1]), labels).tolist() == [*labels]
    assert losses.Multinomial().decode(np.eye(3)[[2, 0]], np.array([5, 6, 7])).tolist() == [7, 5]


REFUSED = [
    (B, [1, 1, 1, 1], "y has one class only, 1; Binomial needs rows of two"),
    (B, ["a", "a", "a", "b"], "y has one class only, a; Binomial"),
    (B, [0, 1, 2, 1], "y has 3 different values, 0, 1, 2 among them, but Binomial takes labels of two classes, shares"),
    (B, [0.5, 1.0, 2.0, 0.0], "y has 0.5, a share, and 2, which is none"),
    (B, [0.5, 1.0, np.nan, 0.0], "y has NaN"),
    (B, ["a", None, "b", "a"], "y has no label .* at row 1"),
    (B, np.ones((4, 3)), r"y has 3 columns, but Binomial takes .* counts \(n, 2\) of successes and failures; for more"),
    (B, [[1], [0], [1], [0]], r"y has shape \(4, 1\)"),
    (B, [[1, 0], [2, 0], [0, 0], [3, 0]], "y has one class only, there are no failures"),
    (B, [[0, 1], [0, 2], [0, 0], [0, 3]], "y has one class only, there are no successes"),
    (B, [[0, 1], [-1, 2], [1, 0], [0, 3]], "y has the count -1; give numbers of successes and failures >= 0"),
    (M, [1, 1, 1, 2], "y has one class only, 1; Multinomial needs rows of at least two"),
    (M, [[1, 0, 0], [0, 1, 0], [1, 0, 0], [0, 0, 1]], "y has no row of the class 2; Multinomial needs rows of every"),
    (M, [[1, 0], [0, -1], [1, 0], [0, 1]], "y has the value -1; of classes give shares or counts >= 0"),
    (losses.Poisson(), [0, -2, 1, 4], "y has the value -2, but Poisson takes numbers >= 0"),
    (losses.Poisson(), [0, 0, 0, 4], "y is 0 in all rows, and the intercept of Poisson would be minus infinity"),
    (losses.Poisson(), ["a", "b", "a", "b"], "y has text"),
    (
        losses.Gamma(),
        [0, 2, 1, 4],
        r"y has the value 0, but Gamma takes numbers above 0; with zeros give losses.Tweedie\(\)",
    ),
    (losses.Tweedie(2.0), [0, 2, 1, 4], "y has the value 0, but Tweedie takes numbers above 0"),
    (losses.Tweedie(), [0, -2, 1, 4], "y has the value -2, but Tweedie takes"),
    (losses.NegativeBinomial(), [0, -2, 1, 4], "y has the value -2, but NegativeBinomial takes"),
]


@pytest.mark.parametrize(("loss", "y", "message"), REFUSED)
def test_what_is_no_response_is_refused(loss, y, message):
    with pytest.raises(ValueError, match=message):
        loss.encode(y, THREE)


def test_numbers_are_no_labels():
    with pytest.raises(ValueError, match="y has 40 different numbers, not all whole, which are no labels of classes"):
        losses.Multinomial().encode(np.linspace(-3, 3, 40), np.ones(40, bool))
