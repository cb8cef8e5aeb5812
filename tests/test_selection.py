"""Choices: rules on the curve, criteria and degrees of freedom by their formulas, and what a CVResult tells."""

import json
import pickle
from math import comb, log

import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr
from jaxreg.results import _selection

RATIOS = (1.0, 0.5, 0.0)


@pytest.fixture(scope="module")
def problem():
    X, y = ar_problem(50, 8, active=3, seed=9)
    return np.column_stack([X, X[:, 0], X[:, 1] + X[:, 2]]), y  # two columns depend on the others


@pytest.fixture(scope="module")
def cv(problem):
    return jr.fit_cv(*problem, l1_ratios=RATIOS, cv=5, n_lambdas=30, lambda_min_ratio=1e-3)


def test_min_is_the_least_mean_loss_and_1se_the_largest_lambda_within_its_error(cv):
    a, k = np.unravel_index(np.argmin(cv.mean_loss), cv.mean_loss.shape)
    assert (cv.best, cv.lambda_min, cv.l1_ratio_) == ((a, k), cv.lambdas[a, k], RATIOS[a])
    within = cv.mean_loss[a] <= cv.mean_loss[a, k] + cv.std_error[a, k]
    assert cv.lambda_1se == cv.lambdas[a][within].max() > cv.lambda_min
    for rule, lam in (("min", cv.lambda_min), ("1se", cv.lambda_1se)):
        chosen = cv.select(rule)
        assert (chosen.l1_ratio, chosen.lam, cv.lambdas[a, chosen.index]) == (cv.l1_ratio_, lam, lam)
        intercept, coef = cv.path.coef_at(lam)
        np.testing.assert_array_equal(chosen.coef, coef)
        assert chosen.intercept == intercept
    np.testing.assert_array_equal(cv.coef, cv.select().coef)
    assert cv.intercept == cv.select().intercept
    l1_ratio, lam, index, coef, intercept = cv.select()
    assert (l1_ratio, lam, index, intercept) == (cv.l1_ratio_, cv.lambda_min, k, cv.intercept)


def test_equal_losses_choose_the_largest_lambda():
    X, _ = ar_problem(30, 4)
    y = np.tile([1.0, -1.0], 15)
    cv = jr.fit_cv(X, y, cv=np.arange(30) // 2 % 3, lambdas=[50.0, 30.0, 20.0])  # nothing enters, the losses are equal
    assert cv.lambda_min == cv.lambda_1se == 50.0


def hat_trace(X, y, path, k):
    """Trace of the matrix that takes y to the fit, at the present active set, less the intercept."""
    J = np.flatnonzero(path.coef[k])
    A = (X - X.mean(axis=0)) / X.std(axis=0)
    A = A[:, J] / np.sqrt(len(X))
    l2 = path.lambdas[k] / y.std() * (1 - path.l1_ratio)
    H = A @ np.linalg.pinv(A.T @ A + l2 * np.eye(len(J)), rcond=1e-12) @ A.T
    return np.trace(H)


def test_degrees_of_freedom_are_traces_of_the_hat_matrix(problem, cv):
    X, y = problem
    for found, path in zip(cv.effective_df, cv.paths, strict=True):
        np.testing.assert_allclose(found, [hat_trace(X, y, path, k) for k in range(30)], rtol=1e-8)
    assert cv.effective_df[0].max() <= 8  # the rank, however many columns share it


def test_degrees_of_freedom_of_the_lasso_are_the_rank_of_its_columns(problem):
    X = problem[0]
    design = jr.fit_cv(*problem, cv=3, lambdas=[0.1, 0.05])
    coef = design.path.coef_sparse.copy()
    problem_ = design._effective_df.args[0]
    coef = type(coef)(np.where(np.arange(10) == 4, 0.0, 1.0) * np.ones((2, 1)))
    found = _selection.effective_df(problem_, coef, design.path.lambdas, 1.0)
    np.testing.assert_allclose(found, np.linalg.matrix_rank((X - X.mean(axis=0))[:, np.arange(10) != 4]), rtol=1e-12)


@pytest.mark.parametrize("rule", ["aic", "bic", "ebic", "gcv"])
def test_criteria_by_their_formulas(problem, cv, rule):
    X, y = problem
    n, p = X.shape
    values = np.empty(cv.lambdas.shape)
    for a, path in enumerate(cv.paths):
        mse = np.mean((y[:, None] - path.predict(X)) ** 2, axis=0)
        df = cv.effective_df[a] + 1
        for k in range(30):
            values[a, k] = {
                "aic": n * log(mse[k]) + 2 * df[k],
                "bic": n * log(mse[k]) + log(n) * df[k],
                "ebic": n * log(mse[k]) + log(n) * df[k] + 2 * log(comb(p, int(path.df[k]))),
                "gcv": mse[k] / (1 - 1.4 * df[k] / n) ** 2,
            }[rule]
    a, k = np.unravel_index(np.argmin(values), values.shape)
    chosen = cv.select(rule)
    assert (chosen.l1_ratio, chosen.index) == (RATIOS[a], k)
    np.testing.assert_allclose(cv._criteria(rule), values, rtol=1e-9)


def test_criteria_do_not_choose_a_saturated_fit():
    X, y = ar_problem(20, 60, seed=3)
    cv = jr.fit_cv(X, y, cv=4, lambda_min_ratio=1e-3)
    assert cv.path.df.max() >= 18
    for rule in ("aic", "bic", "ebic", "gcv"):
        assert np.isfinite(cv._criteria(rule)[0, cv.select(rule).index])
    with pytest.raises(ValueError, match="no point leaves a degree of freedom"):
        jr.fit_cv(X, y, cv=4, lambdas=[0.0]).select("gcv")


def test_files_of_before_the_links_and_likelihoods_of_losses(cv, tmp_path):
    cv.save(tmp_path / "cv.npz")
    with np.load(tmp_path / "cv.npz") as arrays:
        old = {name: array for name, array in arrays.items() if name != "minus_two_log_likelihood"}
    for name in [name for name in old if name.startswith("path") and name.endswith("/plain")]:
        plain = json.loads(str(old[name]))
        assert plain.pop("link") == "identity"
        old[name] = np.array(json.dumps(plain))
    np.savez(tmp_path / "old.npz", **old)
    again = jr.CVResult.load(tmp_path / "old.npz")
    assert again.path.link == "identity"
    for rule in ("bic", "gcv"):
        np.testing.assert_array_equal(again._criteria(rule), cv._criteria(rule))


def test_an_unknown_rule_is_refused(cv):
    with pytest.raises(ValueError, match="rule is 'best'; give one of 'min', '1se', 'aic', 'bic', 'ebic', 'gcv'"):
        cv.select("best")


def test_predictions_are_those_of_the_chosen_path(problem, cv):
    X = problem[0][:7]
    np.testing.assert_allclose(cv.predict(X), X @ cv.coef + cv.intercept, rtol=1e-12)
    chosen = cv.select("1se")
    for lam in ("1se", cv.lambda_1se):
        np.testing.assert_allclose(cv.predict(X, lam), X @ chosen.coef + chosen.intercept, rtol=1e-12)
    with pytest.raises(ValueError, match="lam is 'cp'; give one of 'min', '1se', 'aic', 'bic'"):
        cv.predict(X, "cp")


def test_the_paths_are_those_of_fit_path(problem, cv):
    for path, a in zip(cv.paths, RATIOS, strict=True):
        alone = jr.fit_path(*problem, penalty=jr.penalties.ElasticNet(a), n_lambdas=30, lambda_min_ratio=1e-3)
        np.testing.assert_allclose(path.lambdas, alone.lambdas, rtol=1e-12)
        np.testing.assert_allclose(path.predict(problem[0]), alone.predict(problem[0]), rtol=1e-9, atol=1e-9)


def test_a_result_goes_through_pickle_without_the_data(cv):
    again = pickle.loads(pickle.dumps(cv))
    assert not callable(again._effective_df)
    np.testing.assert_array_equal(again.effective_df, cv.effective_df)
    assert again.select("bic").index == cv.select("bic").index
    assert again.summary() == cv.summary()


def test_the_summary_explains_the_choice(problem, cv):
    text = cv.summary()
    assert "3 mixing parameters x 5 folds x 30 lambdas, mean squared error; 450 of 450 fits converged" in text
    assert f"{cv.lambda_min:.4g}" in text
    assert f"{cv.lambda_1se:.4g}" in text
    assert "lambda of the grid" not in text
    choice = cv.select("1se")
    shown = choice._repr_html_()
    assert f"{np.count_nonzero(choice.coef)} of {len(choice.coef)} coefficients not 0" in shown
    assert shown.count("<tr>") == 1 + min(20, np.count_nonzero(choice.coef))
    html = cv._repr_html_()
    assert html.count("<tr>") == 1 + 4
    ended = jr.fit_cv(*problem, cv=5, lambdas=[1.0, 0.9])
    assert "smallest lambda of the grid" in ended.summary()


def test_the_frame_has_a_row_for_each_point(cv):
    pytest.importorskip("pandas")
    frame = cv.to_frame()
    assert list(frame.columns) == ["l1_ratio", "lambda", "mean_loss", "std_error", "r2", "df"]
    assert frame.loc[frame.mean_loss.idxmin(), "lambda"] == cv.lambda_min


@pytest.mark.parametrize("rule", ["aic", "bic", "ebic", "gcv"])
@pytest.mark.parametrize("seed", range(6))
def test_noiseless_responses_have_criteria_that_are_numbers(rule, seed):
    X, _ = ar_problem(60, 5, seed=seed)
    cv = jr.fit_cv(X, X @ np.array([1.0, -2, 0, 3, 0.5]), lambdas=[1.0, 0.1, 0.0], cv=4)
    assert (cv.path.dev_ratio <= 1).all()
    assert (cv.train_loss >= 0).all()
    assert cv.select(rule).lam == 0.0


@pytest.mark.parametrize("rule", ["aic", "bic", "ebic", "gcv"])
def test_an_exact_fit_is_the_best_there_is(rule):
    X, _ = ar_problem(40, 5, seed=1)
    with pytest.warns(jr.ConvergenceWarning, match="y is constant"):
        cv = jr.fit_cv(X, np.full(40, 2.0), cv=4)
    assert cv.select(rule).intercept == pytest.approx(2.0)
    assert not cv.select(rule).coef.any()
