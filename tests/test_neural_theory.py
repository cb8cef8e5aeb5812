"""Where the limit of a trained network is known: linear models against closed forms and against `jr.fit_path`.

All distances are relative, |b - b*| / |b*| over the coefficients of one strength.
"""

import numpy as np
import optax
import pytest
from sklearn.datasets import load_diabetes

import jaxreg as jr
from jaxreg import neural

CLOSE = 0.02  # of what is stochastic
EXACT = 1e-5  # of what is not, in float32
RAW, RESPONSE = load_diabetes(return_X_y=True, scaled=False)
X, Y = (RAW - RAW.mean(axis=0)) / RAW.std(axis=0), (RESPONSE - RESPONSE.mean()) / RESPONSE.std()
N, P = X.shape
UNEVEN = X * np.geomspace(0.7, 1.4, P)  # columns whose scales differ
HALVES = [(np.arange(0, N, 2), np.arange(1, N, 2))]
DESCENT = optax.sgd(0.35)  # all rows at each step


def falling(low, steps):
    """Step sizes from 0.1 down to `low`: with noise in the gradient, it is the steps that must become small."""
    return optax.sgd(optax.exponential_decay(0.1, steps, low / 0.1))


def trained(X, Y, regularizer, strengths, optimizer, epochs, batch_size=None, cv=HALVES):
    return neural.fit_path(
        neural.Linear(),
        X,
        Y,
        regularizer=regularizer,
        strengths=strengths,
        cv=cv,
        optimizer=optimizer,
        epochs=epochs,
        batch_size=batch_size,
    )


def coefficients(path):
    """(S, P) of the refit, or (S, S', P) of the combinations of two regularizers."""
    kernel = path.params["layer0"]["kernel"][..., 0]
    if path.strengths.ndim == 1:
        return kernel
    return kernel.reshape(*(len(np.unique(each)) for each in path.strengths.T), P)


def distance(found, expected):
    return np.linalg.norm(found - expected, axis=-1) / np.linalg.norm(expected, axis=-1)


def ridge(A, lambdas, **options):
    """Coefficients of a path, at descending lambdas."""
    return jr.fit_path(A, Y, penalty=jr.penalties.Ridge(), lambdas=lambdas, **options).coef


RATES, DEVIATIONS = np.array([0.7, 0.5, 0.2, 0.0]), np.array([1.0, 0.5, 0.0])


@pytest.fixture(scope="module")
def noisy():
    """Dropout x noise. 20 copies of each row in an epoch: each of its 20 steps draws for as many rows as there are."""
    copies, epochs = 20, 100
    one = [(np.arange(N), np.arange(N, 2 * N))]  # what the folds say is not asked here
    A, b = np.tile(UNEVEN, (copies, 1)), np.tile(Y, copies)
    regularizers = neural.Dropout(), neural.GaussianNoise()
    return coefficients(
        trained(A, b, regularizers, (RATES, DEVIATIONS), falling(1e-4, copies * epochs), epochs, N, cv=one)
    )


@pytest.mark.slow
def test_dropout_of_inputs_is_ridge_on_standardised_columns(noisy):
    """Wager, Wang and Liang (2013), section 2; Srivastava et al. (2014), section 9.1."""
    rates = RATES[:-1]
    expected = ridge(UNEVEN, rates / (1 - rates), standardize=True)
    assert distance(noisy[:-1, -1], expected).max() < CLOSE
    assert distance(ridge(UNEVEN, rates / (1 - rates), standardize=False), expected).min() > CLOSE


@pytest.mark.slow
def test_noise_on_inputs_is_ridge(noisy):
    """Bishop (1995)."""
    deviations = DEVIATIONS[:-1]
    expected = ridge(UNEVEN, deviations**2, standardize=False)
    assert distance(noisy[-1, :-1], expected).max() < CLOSE
    assert distance(ridge(UNEVEN, deviations**2, standardize=True), expected).min() > CLOSE


def test_dropout_of_noisy_inputs_is_ridge_with_a_penalty_for_each_column(noisy):
    square = np.mean(UNEVEN**2, axis=0)
    for rate, at_rate in zip(RATES[:-1], noisy, strict=False):
        for deviation, found in zip(DEVIATIONS[:-1], at_rate, strict=False):
            lambdas = deviation**2 + rate / (1 - rate) * (square + deviation**2)
            expected = np.linalg.solve(UNEVEN.T @ UNEVEN / N + np.diag(lambdas), UNEVEN.T @ Y / N)
            assert distance(found, expected) < CLOSE


@pytest.mark.slow
def test_l2_and_weight_decay_by_minibatches_are_ridge_of_their_sum():
    l2, decay, epochs, batch_size = np.array([2.0, 0.1, 0.0]), np.array([1.0, 0.1, 0.0]), 200, 32
    optimizer = falling(1e-3, epochs * -(-N // batch_size))
    path = trained(X, Y, (neural.L2(), neural.WeightDecay()), (l2, decay), optimizer, epochs, batch_size)
    found = coefficients(path)
    assert distance(found[:-1, -1], ridge(X, l2[:-1], standardize=False)).max() < CLOSE
    assert distance(found[-1, :-1], ridge(X, decay[:-1], standardize=False)).max() < CLOSE
    sums = (l2[:-1, None] + decay[:-1]).ravel()
    assert distance(found[:-1, :-1].reshape(-1, P), ridge(X, sums, standardize=False)).max() < CLOSE


def test_proximal_gradient_descent_ends_at_the_lasso_and_the_elastic_net_with_their_zeros():
    l1, l2 = np.array([0.3, 0.1, 0.03, 0.02]), np.array([0.5, 0.0])
    found = coefficients(trained(X, Y, (neural.L1(), neural.L2()), (l1, l2), DESCENT, 400))
    options = {"standardize": False, "tol": 1e-9}
    lasso = jr.fit_path(X, Y, lambdas=l1, **options).coef
    assert distance(found[:, 1], lasso).max() < EXACT
    np.testing.assert_array_equal(found[:, 1] == 0, lasso == 0)
    assert np.count_nonzero(lasso, axis=1).tolist() == [2, 4, 7, 7]
    for own, at in zip(l1, found[:, 0], strict=True):
        penalty = jr.penalties.ElasticNet(own / (own + l2[0]))
        net = jr.fit_path(X, Y, penalty=penalty, lambdas=[own + l2[0]], **options).coef[0]
        assert distance(at, net) < EXACT
        np.testing.assert_array_equal(at == 0, net == 0)


@pytest.mark.slow
def test_group_l1_ends_at_the_multi_task_lasso():
    measured, lambdas = [3, 9], np.array([0.4, 0.2, 0.1, 0.05])  # blood pressure and sugar are responses, too
    A, B = np.delete(X, measured, axis=1), np.column_stack([Y, X[:, measured]])
    found = trained(A, B, neural.GroupL1(), lambdas, DESCENT, 400).params["layer0"]["kernel"]
    expected = jr.fit_path(
        A, B, penalty=jr.penalties.MultiTaskLasso(), lambdas=lambdas, standardize=False, tol=1e-9
    ).coef
    assert distance(found.reshape(4, -1), expected.reshape(4, -1)).max() < EXACT
    np.testing.assert_array_equal(found == 0, expected == 0)
    assert (expected == 0).all(axis=2).sum(axis=1).tolist() == [6, 3, 1, 1]


STEP, EPOCHS = 0.1, np.array([1, 2, 3, 5, 10, 20, 30, 50, 100, 200, 500])
FOLDS = np.arange(N) % 5


@pytest.fixture(scope="module")
def stopped():
    return trained(X, Y, neural.EarlyStopping(), 1 / EPOCHS, optax.sgd(STEP), EPOCHS[-1], cv=FOLDS)


@pytest.fixture(scope="module")
def spectrum():
    """Variances along the principal axes, in ascending order, and the axes in columns."""
    return np.linalg.eigh(X.T @ X / N)


def test_gradient_descent_is_a_filter_of_the_spectrum(stopped, spectrum):
    variance, axes = spectrum
    shrunk = 1 - (1 - STEP * variance) ** EPOCHS[:, None]
    expected = shrunk / variance * (axes.T @ X.T @ Y / N) @ axes.T
    assert distance(coefficients(stopped), expected).max() < EXACT


def test_t_steps_of_gradient_descent_are_ridge_with_a_lambda_for_each_principal_axis(stopped, spectrum):
    """Ali, Kolter and Tibshirani (2019), lemma 3: d / ((1 - eta d)^-t - 1), along a weak axis 1 / (eta t)."""
    variance, axes = spectrum
    for k, t in enumerate(EPOCHS[EPOCHS <= 50]):
        lambdas = variance / ((1 - STEP * variance) ** -float(t) - 1)
        assert abs(lambdas[0] * STEP * t - 1) < STEP * t * variance[0]
        (rotated,) = ridge(X @ axes, [1.0], penalty_factors=lambdas, standardize=False)
        assert distance(coefficients(stopped)[k], axes @ rotated) < EXACT


def test_early_stopping_follows_ridge_with_lambda_one_over_step_size_and_epochs(stopped):
    """The held-out loss does, once lambda is below a third; the coefficients differ by more (up to 38%)."""
    lambdas = 1 / (STEP * EPOCHS)
    of_ridge = jr.fit_cv(X, Y, l1_ratios=0.0, lambdas=lambdas, cv=FOLDS, standardize=False).mean_loss[0]
    ratio = stopped.mean_loss / of_ridge
    assert (abs(ratio - 1) < CLOSE)[lambdas < 1 / 3].all()
    assert abs(stopped.mean_loss.min() / of_ridge.min() - 1) < CLOSE
    assert (ratio < 1.69).all()  # theorem 1 bounds the risk so
    assert ratio.min() < 0.92  # where both underfit, descent is ahead
    assert 0.35 < distance(coefficients(stopped), ridge(X, lambdas, standardize=False)).max() < 0.4
