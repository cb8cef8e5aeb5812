"""Bad input: each a clear error that names the argument, what was found and what to do."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr

N, P = 12, 4
X, Y = ar_problem(N, P)
SEVERAL = jr.fit_path(X, np.c_[Y, -Y], penalty=jr.penalties.ElasticNet(0.0), n_lambdas=2)


def changed(array, index, value):
    array = np.array(array, dtype=object if isinstance(value, str) else float)
    array[index] = value
    return array


BAD = [
    ({"X": changed(X, (3, 2), np.nan)}, ValueError, r"X has NaN or infinite values in column 2; impute"),
    ({"X": changed(X, (3, 1), -np.inf)}, ValueError, r"X has NaN or infinite values in column 1"),
    ({"X": jnp.asarray(changed(X, (3, 2), np.nan))}, ValueError, r"X has NaN or infinite values in column 2"),
    ({"X": changed(X, (0, 1), "red")}, ValueError, r"X has values that are not numbers in column 1; encode"),
    ({"X": changed(X, (0, 1), "1.5")}, ValueError, r"X has values that are not numbers in column 1"),
    ({"X": X.astype(str)}, ValueError, r"X has dtype <U\d+, which is not a real number"),
    ({"X": X + 1j}, ValueError, r"X has dtype complex128"),
    ({"X": X.astype("datetime64[s]")}, ValueError, r"X has dtype datetime64"),
    ({"X": X[:, 0]}, ValueError, r"X has 1 dimension\(s\).*X.reshape\(-1, 1\)"),
    ({"X": X[None]}, ValueError, r"X has 3 dimension\(s\)"),
    ({"X": [[1.0, 2.0], [3.0]]}, ValueError, r"X cannot be made an array"),
    ({"X": X[:0], "y": Y[:0]}, ValueError, r"X is empty \(shape \(0, 4\)\)"),
    ({"X": X[:, :0]}, ValueError, r"X is empty \(shape \(12, 0\)\)"),
    ({"X": X[:1], "y": Y[:1]}, ValueError, r"X has 1 sample; give at least 2"),
    ({"X": np.ma.masked_greater(X, 0)}, ValueError, r"X has masked values"),
    ({"X": X * 1e300}, ValueError, r"X overflows when column \d is squared"),
    ({"X": X * [1, 1e-200, 1, 1]}, ValueError, r"X underflows when column 1 is squared; multiply"),
    ({"y": Y * 1e200}, ValueError, r"y \(less the offset\) reaches \de\+200, whose square overflows"),
    ({"y": Y[:-1]}, ValueError, r"y has length 11, but needs one entry per row of X, 12"),
    ({"y": Y[:, None]}, ValueError, r"y has shape \(12, 1\); give y.ravel\(\)"),
    ({"y": changed(Y, 3, np.inf)}, ValueError, r"y has NaN or infinite values"),
    ({"y": changed(Y, 3, "a")}, ValueError, r"y has values that are not numbers"),
    ({"sample_weight": np.ones(3)}, ValueError, r"sample_weight has length 3"),
    ({"sample_weight": -np.ones(N)}, ValueError, r"sample_weight has negative values, the least -1"),
    ({"sample_weight": np.zeros(N)}, ValueError, r"sample_weight has 0 positive value\(s\)"),
    ({"sample_weight": np.eye(N)[0]}, ValueError, r"sample_weight has 1 positive value\(s\)"),
    ({"sample_weight": changed(np.ones(N), 1, np.nan)}, ValueError, r"sample_weight has NaN"),
    ({"offset": np.ones(3)}, ValueError, r"offset has length 3"),
    ({"offset": np.full(N, np.nan)}, ValueError, r"offset has NaN"),
    ({"lambdas": []}, ValueError, r"lambdas has shape \(0,\)"),
    ({"lambdas": [[1.0]]}, ValueError, r"lambdas has shape \(1, 1\)"),
    ({"lambdas": [1.0, -0.5]}, ValueError, r"lambdas has negative values, the least -0.5"),
    ({"lambdas": [1.0, np.nan]}, ValueError, r"lambdas has NaN"),
    ({"lambdas": "auto"}, ValueError, r"lambdas has dtype"),
    ({"n_lambdas": 0}, ValueError, r"n_lambdas is 0; give a whole number >= 1"),
    ({"n_lambdas": 2.5}, ValueError, r"n_lambdas is 2.5"),
    ({"n_lambdas": True}, ValueError, r"n_lambdas is True"),
    ({"lambda_min_ratio": 1.5}, ValueError, r"lambda_min_ratio is 1.5; give a number above 0 and below 1"),
    ({"lambda_min_ratio": 0}, ValueError, r"lambda_min_ratio is 0"),
    ({"tol": 0.0}, ValueError, r"tol is 0.0; give a number above 0"),
    ({"tol": "small"}, ValueError, r"tol is 'small'"),
    ({"max_iter": 0}, ValueError, r"max_iter is 0"),
    ({"max_features": 0}, ValueError, r"max_features is 0"),
    (
        {"penalty_factors": np.ones(3)},
        ValueError,
        r"penalty_factors has length 3, but needs one entry per column",
    ),
    ({"penalty_factors": -np.ones(P)}, ValueError, r"penalty_factors has NaN or negative values"),
    ({"lower": 0.5}, ValueError, r"lower has NaN or values on the wrong side of 0; give lower <= 0"),
    ({"upper": -0.5}, ValueError, r"upper has NaN or values on the wrong side of 0; give upper >= 0"),
    ({"upper": np.ones(3)}, ValueError, r"upper has length 3"),
    ({"lower": np.nan}, ValueError, r"lower has NaN"),
    ({"fit_intercept": 1}, ValueError, r"fit_intercept is 1; give True or False"),
    ({"standardize": "yes"}, ValueError, r"standardize is 'yes'"),
    ({"solver": "lars"}, ValueError, r"solver is 'lars'; give one of 'auto', 'batched', 'pivot', 'ridge'"),
    ({"solver": "ridge"}, ValueError, r"solver is 'ridge', which solves .* it lacks l1_ratio=0; give 'auto'"),
    ({"dtype": np.int32}, ValueError, r"dtype is .*int32.*; give float32 or float64"),
    ({"dtype": "nonsense"}, ValueError, r"dtype is 'nonsense'; give float32 or float64"),
    ({"loss": "squares"}, ValueError, r"loss is 'squares'; give one of jaxreg.losses, or the name of one: .*squared"),
    ({"loss": jr.losses.Squared}, TypeError, r"loss is the class Squared; give an instance"),
    ({"penalty": jr.penalties.ElasticNet}, TypeError, r"penalty is the class ElasticNet"),
    ({"penalty": 0.5}, TypeError, r"penalty is 0.5"),
    ({"warm_start": np.ones(P)}, TypeError, r"warm_start is a ndarray; give a PathResult"),
    ({"warm_start": jr.fit_path(X[:, :3], Y, n_lambdas=2)}, ValueError, r"warm_start has 3 features, X has 4"),
    ({"warm_start": SEVERAL}, ValueError, r"warm_start has 2 responses, y has one; give a path of as many"),
]


@pytest.mark.parametrize(("arguments", "error", "message"), BAD, ids=[m[:50] for *_, m in BAD])
def test_bad_input(arguments, error, message):
    with pytest.raises(error, match=message):
        jr.fit_path(**{"X": X, "y": Y, **arguments})


@pytest.mark.parametrize("value", [-0.1, 1.1, np.nan, "half", None, True])
def test_bad_l1_ratio(value):
    with pytest.raises(ValueError, match=r"l1_ratio is .*; give a number from 0"):
        jr.penalties.ElasticNet(value)


def test_sparse_input_is_a_type_error():
    sparse = pytest.importorskip("scipy.sparse")
    for kind in (sparse.csr_array, sparse.csc_matrix):
        with pytest.raises(TypeError, match=r"X is a SciPy sparse cs.*; give X.toarray\(\)"):
            jr.fit_path(kind(X), Y)


EXPECTED = jr.fit_path(X, Y)


@pytest.mark.parametrize(
    "make",
    [
        lambda X: X.tolist(),
        np.asfortranarray,
        lambda X: np.repeat(X, 2, axis=0)[::2],
        lambda X: X[:, ::-1][:, ::-1],
        lambda X: X.astype(object),
        lambda X: X.astype(">f8"),
        np.ma.asarray,
    ],
    ids=["list", "fortran", "strided rows", "reversed", "object", "big-endian", "unmasked"],
)
def test_kinds_of_arrays(make):
    before = X.copy()
    path = jr.fit_path(make(X), Y.tolist())
    np.testing.assert_allclose(path.coef, EXPECTED.coef, atol=1e-12)
    np.testing.assert_array_equal(X, before)


def test_jax_arrays():
    path = jr.fit_path(jnp.asarray(X), jnp.asarray(Y))
    assert path.coef.dtype == np.float32  # what the caller's JAX made of it
    np.testing.assert_allclose(path.coef, EXPECTED.coef, atol=1e-5)
    with jax.enable_x64(True):
        X64, y64 = jnp.asarray(X), jnp.asarray(Y)
    np.testing.assert_allclose(jr.fit_path(X64, y64).coef, EXPECTED.coef, atol=1e-12)


@pytest.mark.parametrize(
    ("given", "asked", "expected"),
    [
        (np.float64, None, np.float64),
        (np.float32, None, np.float32),
        (np.float16, None, np.float32),
        (np.int64, None, np.float64),
        (np.float32, np.float64, np.float64),
        (np.float64, "float32", np.float32),
    ],
)
def test_dtypes(given, asked, expected):
    path = jr.fit_path((10 * X).astype(given), Y, dtype=asked)
    assert path.coef.dtype == path.intercept.dtype == expected
    assert path.tol == (1e-6 if expected == np.float64 else 1e-4)


def test_booleans_are_numbers():
    path = jr.fit_path(X > 0, Y)
    np.testing.assert_allclose(path.coef, jr.fit_path((X > 0) * 1.0, Y).coef)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames(library):
    frames = pytest.importorskip(library)
    names = ["age", "bmi", "bp", "s1"]
    frame = frames.DataFrame({name: X[:, j] for j, name in enumerate(names)})
    path = jr.fit_path(frame, frames.Series(Y))
    assert path.feature_names == tuple(names)
    np.testing.assert_allclose(path.coef, EXPECTED.coef, atol=1e-12)
    np.testing.assert_allclose(path.predict(frame), EXPECTED.predict(X), atol=1e-12)
    shuffled = frame[["bmi", "age", "bp", "s1"]]
    with pytest.raises(ValueError, match="X has 'bmi' as column 0, but the path was fitted with 'age' there"):
        path.predict(shuffled)
    text = frames.DataFrame({"age": X[:, 0], "city": ["a"] * N})
    with pytest.raises(ValueError, match="X has values that are not numbers in column 'city'"):
        jr.fit_path(text, Y)
    missing = frames.DataFrame({"age": X[:, 0], "bmi": [None, *X[1:, 1]]})
    with pytest.raises(ValueError, match="X has NaN or infinite values in column 'bmi'"):
        jr.fit_path(missing, Y)


def test_nullable_pandas_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({"a": pandas.array([1, 2, None, 4] * 3, dtype="Int64"), "b": X[:, 1]})
    with pytest.raises(ValueError, match="X has NaN or infinite values in column 'a'"):
        jr.fit_path(frame, Y)
    filled = frame.fillna(3)
    expected = jr.fit_path(np.column_stack([[1.0, 2, 3, 4] * 3, X[:, 1]]), Y)
    np.testing.assert_allclose(jr.fit_path(filled, Y).coef, expected.coef)


def test_many_bad_columns_are_not_all_listed():
    wide = np.full((5, 30), np.nan)
    with pytest.raises(ValueError, match="column 4 and 25 more"):
        jr.fit_path(wide, np.arange(5.0))


def test_a_sum_that_overflows_is_not_taken_for_bad_values():
    large = np.full((4, 2), 1e308)
    large[:, 1] = [1, 2, 3, 4]
    large[:, 0] *= [1, 1, -1, -1]
    with pytest.raises(ValueError, match="X overflows when column 0 is squared"):
        jr.fit_path(large, np.arange(4.0))
