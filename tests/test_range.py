"""Responses at the ends of the range of a precision: solved, or refused by name; never a wrong answer."""

import jax.numpy as jnp
import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr
from jaxreg.penalties import ElasticNet, GroupLasso, Lasso, Ridge


@pytest.fixture(scope="module")
def data():
    return ar_problem(60, 400, seed=5)


GROUPS = GroupLasso(np.arange(400) // 4)
REFUSED = [
    (
        np.float32,
        1e39,
        r"y \(less the offset\) reaches \de\+\d\d, which float32 leaves no room for; divide it",
    ),
    (
        np.float32,
        1e-40,
        r"y \(less the offset\) varies by \de-\d\d only, which float32 cannot tell from 0; multiply",
    ),
    (np.float64, 1e-150, r"y \(less the offset\) varies by \de-1\d\d only, whose square underflows; multiply it"),
    (np.float64, 1e150, r"y \(less the offset\) reaches \de\+1\d\d, whose square overflows; divide it"),
]


@pytest.mark.parametrize(("dtype", "factor", "message"), REFUSED)
def test_a_response_out_of_range_is_refused(data, dtype, factor, message):
    X, y = data[0].astype(dtype), data[1] * factor
    for call in (
        lambda: jr.fit_path(X, y),
        lambda: jr.fit_path(X, y, penalty=GROUPS),
        lambda: jr.fit_path(X, np.zeros(60), offset=-y),
        lambda: jr.fit_path(data[0], y, dtype=dtype, standardize=False),
        lambda: jr.fit_cv(X, y),
    ):
        with pytest.raises(ValueError, match=message):
            call()


@pytest.mark.parametrize("factor", [1e39, 1e-40])
def test_estimators_and_solve_refuse_it_too(data, factor):
    sklearn = pytest.importorskip("jaxreg.sklearn")
    X, y = data[0].astype(np.float32), data[1] * factor
    for estimator in (sklearn.Lasso(factor), sklearn.Ridge(), sklearn.LassoCV(), sklearn.RidgeCV()):
        with pytest.raises(ValueError, match="float32"):
            estimator.fit(X, y)
    with pytest.raises(ValueError, match="float32"):
        jr.solve(X, y, factor)


@pytest.mark.sampled
@pytest.mark.parametrize("standardize", [True, False])
@pytest.mark.parametrize(
    "penalty",
    [Lasso(), ElasticNet(0.5), Ridge(), pytest.param(GROUPS, marks=pytest.mark.slow)],
    ids=["lasso", "enet", "ridge", "group"],
)
def test_a_response_near_the_ends_is_solved(data, penalty, standardize):
    X, y = data
    single = X.astype(np.float32)
    options = {"penalty": penalty, "standardize": standardize}
    l1_ratio = getattr(penalty, "l1_ratio", 1.0)
    if not standardize and l1_ratio == 0.5:
        pytest.skip("as it stands no lambda is the same problem in other units")
    for A, ends in ((single, (1e-28, 1e28)), (X, (1e-128, 1e138))):
        path = jr.fit_path(A, y, n_lambdas=8, **options)
        loose = 3e-2 if A is single else 1e-2 if penalty is GROUPS else 1e-6
        for factor in ends:
            lambdas = path.lambdas[[2, 7]] * (factor if standardize or l1_ratio else 1.0)
            other = jr.fit_path(A, factor * y, lambdas=lambdas, **options)
            assert (other.status == jr.Status.converged).all()
            back, expected = other.coef / factor, path.coef[[2, 7]]
            np.testing.assert_allclose(back, expected, rtol=0, atol=loose * abs(expected).max())


@pytest.mark.parametrize("penalty", [Lasso(), pytest.param(GROUPS, marks=pytest.mark.slow)], ids=["lasso", "group"])
def test_results_that_the_precision_cannot_hold_are_refused(data, penalty):
    X, y = data
    for columns, response, message in ((1e-20, 1e25, "too large for float32; divide y"), (1e20, 1e-25, "too small")):
        with pytest.raises(ValueError, match=f"y and X differ so much in size that coefficients are {message}"):
            jr.fit_path((columns * X).astype(np.float32), response * y, penalty=penalty, n_lambdas=8)


def test_squares_that_vanish_certify_nothing(data):
    X, y = jnp.asarray(data[0][:, :12], jnp.float32), jnp.asarray(1e-25 * data[1], jnp.float32)
    literal = jr.solve(X, y, 1e-26, standardize=False)
    assert np.isnan(literal.gap)
    assert literal.status != jr.Status.converged
    assert jr.solve(X, y, 1e-26).gap < 1e-4  # in units of its standard deviation it is as any other


@pytest.mark.slow
def test_a_large_response_does_not_make_a_ridge_part_as_good_as_zero(data):
    """With standardize=False lambda has the units of X'X, whatever those of y."""
    X, y = data
    for solver in ("ridge", "pivot", "proximal"):
        path = jr.fit_path(X, 1e20 * y, penalty=Ridge(), standardize=False, n_lambdas=4, solver=solver)
        assert (path.status == jr.Status.converged).all()
        expected = jr.fit_path(X, y, penalty=Ridge(), standardize=False, n_lambdas=4)
        np.testing.assert_allclose(path.coef / 1e20, expected.coef, rtol=0, atol=1e-3 * abs(expected.coef).max())


def test_an_unpenalised_column_beside_ridge_converges():
    X, y = ar_problem(40, 12, seed=3)
    factors = np.r_[0.0, np.ones(11)]
    options = {"penalty": Ridge(), "penalty_factors": factors, "lambdas": [10.0, 0.1]}
    path, expected = jr.fit_path(X, y, solver="proximal", **options), jr.fit_path(X, y, **options)
    assert path.gap.max() < 1e-6
    np.testing.assert_allclose(path.coef, expected.coef, rtol=0, atol=1e-4)
