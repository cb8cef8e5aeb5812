"""The figure of training and held-out loss."""

import numpy as np
import pytest
from reference import ar_problem

pytest.importorskip("matplotlib")
from matplotlib.figure import Figure

import jaxreg as jr
from jaxreg.plotting import plot_validation_curve

X, Y = ar_problem(60, 10, active=4, seed=5)


@pytest.fixture(scope="module")
def cv():
    return jr.fit_cv(X, Y, l1_ratios=(1.0, 0.5, 0.1), cv=5, n_lambdas=40)


def drawn(cv):
    ax = plot_validation_curve(cv, ax=Figure(figsize=(8, 5), layout="constrained").subplots())
    ax.figure.canvas.draw()
    return ax, {line.get_label(): line for line in ax.lines}


def test_curves_are_the_losses_of_the_chosen_mix(cv):
    ax, lines = drawn(cv)
    a, _ = cv.best
    held_out = lines[f"held out, l1_ratio {cv.l1_ratio_:g}"]
    np.testing.assert_array_equal(held_out.get_xydata(), np.column_stack([cv.lambdas[a], cv.mean_loss[a]]))
    np.testing.assert_array_equal(lines["training"].get_xydata(), np.column_stack([cv.lambdas[a], cv.train_loss]))
    band = ax.collections[0].get_paths()[0].vertices
    for edge in (cv.mean_loss[a] - cv.std_error[a], cv.mean_loss[a] + cv.std_error[a]):
        points = np.column_stack([cv.lambdas[a], edge])
        assert all((np.abs(band - point).max(axis=1) < 1e-12).any() for point in points)
    others = [b for b in range(3) if b != a]
    for b in others:
        line = lines[f"held out, l1_ratio {cv.l1_ratios[b]:g}"]
        np.testing.assert_array_equal(line.get_ydata(), cv.mean_loss[b])
        assert line.get_linewidth() < held_out.get_linewidth()


def test_both_choices_are_marked_and_strong_penalties_are_at_the_left(cv):
    ax, lines = drawn(cv)
    for label, lam in (
        (f"lambda_min {cv.lambda_min:.3g}", cv.lambda_min),
        (f"lambda_1se {cv.lambda_1se:.3g}", cv.lambda_1se),
    ):
        assert set(lines[label].get_xdata()) == {lam}
    left, right = ax.get_xlim()
    assert left == cv.lambdas[cv.best[0]][0] > right
    assert {text.get_text() for text in ax.get_legend().get_texts()} == set(lines)


def test_the_top_axis_counts_nonzero_coefficients(cv):
    ax, _ = drawn(cv)
    (top,) = ax.child_axes
    df = dict(zip(cv.path.lambdas, cv.path.df, strict=True))
    ticks = top.get_xticks()
    assert len(ticks) >= 2
    assert [label.get_text() for label in top.get_xticklabels()] == [str(df[lam]) for lam in ticks]


def test_overfitting_shows():
    X, y = ar_problem(40, 60, active=4, seed=1)
    cv = jr.fit_cv(X, y, cv=5)
    k = cv.best[1]
    assert 0 < k < 99
    assert (np.diff(cv.train_loss) < 1e-12).all()
    assert cv.mean_loss[0, -1] > cv.mean_loss[0, k] + cv.std_error[0, k]
    _, lines = drawn(cv)
    assert lines["held out"].get_ydata()[-1] > 10 * lines["training"].get_ydata()[-1]


def test_lambda_zero_is_left_out():
    cv = jr.fit_cv(X, Y, cv=5, lambdas=[1.0, 0.1, 0.0])
    _, lines = drawn(cv)
    assert len(lines["held out"].get_xdata()) == 2
    with pytest.raises(ValueError, match="no lambda above 0 to draw"):
        jr.fit_cv(X, Y, cv=5, lambdas=[0.0]).plot()
    _, lines = drawn(jr.fit_cv(X, Y, cv=5, lambdas=[0.3]))
    assert lines["held out"].get_marker() == "o"
