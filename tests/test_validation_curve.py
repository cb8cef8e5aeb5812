"""The figure of training and held-out loss."""

from dataclasses import replace

import numpy as np
import pytest
from reference import ar_problem

pytest.importorskip("matplotlib")
from figures import annotations, assert_apart, assert_clear, grown, make_cv, make_path, said
from matplotlib.figure import Figure

import jaxreg as jr
from jaxreg.plotting import plot_validation_curve


@pytest.fixture(scope="module")
def cv():
    """Three mixing parameters on grids of their own, the second one a little better."""
    ratios, path = (1.0, 0.5, 0.1), grown(10, 8, length=40)
    bottom = np.random.default_rng(0).integers(20, 30, (3, 5, 1))
    loss = 2 + 0.01 * (np.arange(40) - bottom) ** 2 + np.array([0.1, 0.0, 0.2])[:, None, None]
    return make_cv([replace(path, lambdas=path.lambdas / ratio) for ratio in ratios], loss, ratios)


def drawn(cv):
    ax = plot_validation_curve(cv, ax=Figure(figsize=(8, 5), layout="constrained").subplots())
    assert_clear(ax)
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
        (f"lambda_min {cv.lambda_min:.4g}", cv.lambda_min),
        (f"lambda_1se {cv.lambda_1se:.4g}", cv.lambda_1se),
    ):
        assert set(lines[label].get_xdata()) == {lam}
    left, right = ax.get_xlim()
    assert left == cv.lambdas.max() > right
    assert [text.get_text() for text in said(ax)[:2]] == [
        rf"$\lambda_{{\mathrm{{1se}}}}$ = {cv.lambda_1se:.4g}",
        rf"$\lambda_{{\min}}$ = {cv.lambda_min:.4g}",
    ]


def test_curves_have_their_names_beside_them_and_nothing_above_or_below_them(cv):
    ax, lines = drawn(cv)
    others = {f"held out\nl1_ratio {ratio:g}" for ratio in cv.l1_ratios if ratio != cv.l1_ratio_}
    assert len(others) == 2
    chosen = f"held out\nl1_ratio {cv.l1_ratio_:g}"
    assert {text.get_text() for text in annotations(ax)} == {"training", chosen, *others}
    assert [text.get_text() for text in annotations(ax) if text.get_fontweight() == "bold"] == [chosen]
    assert_apart(ax)
    words = [text.get_window_extent() for text in said(ax)]
    curves = [line for name, line in lines.items() if not name.startswith("lambda")]
    points = np.concatenate([line.get_xydata() for line in curves])
    heights = ax.transData.transform(points)[:, 1]
    assert len(words) == 4
    assert min(word.y0 for word in words[:2]) > heights.max()
    assert max(word.y1 for word in words[2:]) < heights.min()


def test_the_best_of_every_mix_is_on_the_axis():
    paths = [make_path(np.ones((5, 1)), scale * np.geomspace(1, 0.1, 5)) for scale in (1.0, 300.0, 0.001)]
    loss = np.stack([[4.0, 3, 2, 1, 2], [5, 4, 3, 2, 3], [6, 5, 4, 5, 6.0]])
    cv = make_cv(paths, np.repeat(loss[:, None], 3, axis=1), (1.0, 0.5, 0.1))
    ax, _ = drawn(cv)
    left, right = ax.get_xlim()
    assert left == pytest.approx(paths[1].lambdas[3])
    assert right == pytest.approx(paths[2].lambdas[2])
    ends = {text.get_text(): text.xy for text in annotations(ax)}
    assert ends["held out\nl1_ratio 0.5"] == pytest.approx([paths[1].lambdas[-1], 3])
    assert ends["held out\nl1_ratio 0.1"] == pytest.approx([right, 4])
    assert ends["training"] == pytest.approx([0.1, cv.train_loss[-1]])


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


@pytest.mark.parametrize(
    ("loss", "words"),
    [
        ([3.0, 1.0, 2.0], ["underfitting", "overfitting"]),
        ([3.0, 2.0, 1.0], ["underfitting"]),
        ([1.0, 2.0, 3.0], ["overfitting"]),
        ([3.0, 1.0, 1.01], ["underfitting"]),
        ([1.0, 1.0, 1.0], []),
    ],
    ids=str,
)
def test_words_stand_where_the_held_out_loss_rises_visibly(loss, words):
    path = make_path(np.ones((3, 1)), [1.0, 0.1, 0.01])
    ax, _ = drawn(make_cv([path], np.repeat(np.array(loss)[None, None], 3, axis=1)))
    texts = [text.get_text() for text in said(ax) if "fitting" in text.get_text()]
    assert [word in text for word, text in zip(words, texts, strict=True)] == [True] * len(words)


def at_lambdas(*lambdas):
    """A result whose loss falls to the last lambda."""
    loss = np.repeat(np.arange(len(lambdas), 0.0, -1)[None, None], 3, axis=1)
    return make_cv([make_path(np.ones((len(lambdas), 1)), lambdas)], loss)


def test_lambda_zero_is_left_out():
    ax, lines = drawn(at_lambdas(1.0, 0.1, 0.0))
    assert len(lines["held out"].get_xdata()) == 2
    assert "lambda_min 0" not in lines
    assert said(ax)[0].get_text() == r"$\lambda_{\min}$ = $\lambda_{\mathrm{1se}}$ = 0, not on a log axis"
    with pytest.raises(ValueError, match="no lambda above 0 to draw"):
        at_lambdas(0.0).plot()
    _, lines = drawn(at_lambdas(0.3))
    assert lines["held out"].get_marker() == "o"
