"""Figures whose view changes, small ones, and axes that are given."""

from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from figures import annotations, assert_clear, grown, make_cv, make_path, named, new_axes, said
from matplotlib.figure import Figure
from matplotlib.text import Text

LAMBDAS = np.geomspace(10, 0.01, 31)  # ten to the decade
STEPS = np.arange(31.0)
PATH = make_path(np.outer(STEPS, [0.1, -0.05, 0.02]), LAMBDAS, tuple("abc"))
FOLDS = np.array([-0.1, 0.0, 0.1])[:, None]


def cross_validated(loss=1 + 0.01 * (STEPS - 20) ** 2):
    """A result whose mean loss (31,) is this, its folds a tenth apart."""
    return make_cv([PATH], (loss + FOLDS)[None])


CV = cross_validated()
PLOTS = ("plot_path", "plot", "plot_folds")


@pytest.mark.parametrize(
    "limits", [{"xlim": (5, 2)}, {"xlim": (0.05, 0.02)}, {"xlim": (1000, 100)}, {"ylim": (1, 1.2)}]
)
@pytest.mark.parametrize("plot", PLOTS)
def test_a_zoom_leaves_all_in_place(plot, limits):
    ax = getattr(CV, plot)(ax=new_axes())
    ax.figure.draw_without_rendering()
    width = ax.bbox.width
    ax.set(**limits)
    ax.figure.draw_without_rendering()
    assert ax.bbox.width > 0.9 * width
    seen = ax.bbox.padded(1)
    for name in annotations(ax):
        assert seen.contains(*ax.transData.transform(name.xy))
        assert Text.get_window_extent(name).x0 > ax.bbox.x1
    for text in said(ax):
        box = Text.get_window_extent(text)
        assert seen.contains(box.x0, box.y0)
        assert seen.contains(box.x1, box.y1)
    for artist in [*ax.lines, *ax.collections]:
        assert artist.get_clip_on()
        box, around = artist.get_clip_box(), ax.bbox.padded(10)
        assert around.contains(box.x0, box.y0)
        assert around.contains(box.x1, box.y1)
    marks = [text for text in said(ax) if "lambda" in text.get_text()]
    left, right = ax.get_xlim()
    assert len(marks) == sum(right <= lam <= left for lam in (CV.lambda_min, CV.lambda_1se))


def test_names_say_where_their_curves_are():
    ax = CV.plot_path(ax=new_axes())
    ax.set(xlim=(1, LAMBDAS[20] * 1.01), ylim=(-0.5, 1.0))
    ax.figure.draw_without_rendering()
    assert [text.get_text() for text in annotations(ax)] == ["\N{UPWARDS ARROW} a", "\N{DOWNWARDS ARROW} b", "c"]
    assert [text.arrow_patch.get_visible() for text in annotations(ax)] == [False, False, True]
    x, y = named(ax)["c"].xy
    assert x == pytest.approx(ax.get_xlim()[1])
    assert 19 * 0.02 < y < 20 * 0.02
    ax.set(xlim=(1000, 100))
    ax.figure.draw_without_rendering()
    assert not annotations(ax)
    ax.set(xlim=(LAMBDAS[-1], LAMBDAS[0]), ylim=(-2, 3))  # turned
    ax.figure.draw_without_rendering()
    assert [text.xy for text in annotations(ax)] == [pytest.approx((LAMBDAS[0], 0))] * 3


def test_a_name_far_from_its_curve_has_a_dotted_line():
    for lambdas, style in (([0.7], ":"), ([0.7, 0.1], "-")):
        ax = make_path(np.ones((len(lambdas), 1)), lambdas).plot(ax=new_axes())
        ax.figure.draw_without_rendering()
        (name,) = annotations(ax)
        assert name.arrow_patch.get_linestyle() == style


@pytest.mark.parametrize(
    ("least", "words"), [(1, ["overfitting"]), (15, ["underfitting", "overfitting"]), (29, ["underfitting"])]
)
def test_words_stand_on_their_side_of_the_choice_or_not_at_all(least, words):
    loss = 1 + 0.01 * np.abs(STEPS - least)
    loss[[0, -1]] = 9.0
    ax = cross_validated(loss).plot(ax=new_axes())
    assert_clear(ax)
    found = [text for text in said(ax) if "fitting" in text.get_text()]
    assert [word in text.get_text() for word, text in zip(words, found, strict=True)] == [True] * len(words)
    for text in found:
        box = Text.get_window_extent(text)
        line = ax.transData.transform((LAMBDAS[least], 0))[0]
        assert box.x1 < line if "under" in text.get_text() else box.x0 > line


def triangles(ax):
    return [
        tuple(place)
        for each in ax.collections
        if hasattr(each, "get_sizes") and len(each.get_paths()[0].vertices) == 4
        for place in each.get_offsets()
    ]


@pytest.mark.parametrize("name", ["plot", "plot_folds"])
def test_a_loss_that_explodes_past_the_choice_ends_where_the_range_does(name):
    loss = 1 + 0.01 * (STEPS - 10) ** 2
    near = loss[:21].max() + 0.1  # to a decade past the choice, of a fold or with its standard error
    exploding = np.where(STEPS > 20, 1000.0, loss)
    ax = getattr(cross_validated(exploding), name)(ax=new_axes())
    ax.figure.draw_without_rendering()
    assert near < ax.get_ylim()[1] < 1.5 * near
    assert {text.get_text() for text in annotations(ax)} >= {
        f"\N{UPWARDS ARROW} {each}" for each in {"plot": ["held out"], "plot_folds": ["mean", "fold 0"]}[name]
    }
    assert len(triangles(ax)) == (1 if name == "plot" else 4)
    assert all(LAMBDAS[21] < x < LAMBDAS[20] for x, _ in triangles(ax))
    ax = getattr(cross_validated(np.where(STEPS > 20, 1.5 * near, loss)), name)(ax=new_axes())  # all is shown
    assert ax.get_ylim()[1] > 1.5 * near
    assert not triangles(ax)


def test_a_curve_that_passes_through_the_range_has_a_triangle_at_each_end():
    coef = np.stack([np.minimum(STEPS, 10), 0 * STEPS], axis=1)
    coef[25, 1], coef[26:, 1] = 100, -100
    ax = make_path(coef, LAMBDAS).plot(lam=LAMBDAS[10], ax=new_axes())
    low, high = sorted({y for _, y in triangles(ax)})
    assert [sum(edge == y for _, y in triangles(ax)) for edge in (high, low)] == [2, 1]


def test_the_top_axis_has_the_number_at_the_choice_and_equal_ones_once():
    for k in range(3, 28, 4):
        cv = cross_validated(1 + 0.01 * (STEPS - k) ** 2)
        ax = make_cv([grown(40, 30, length=31)], cv.fold_loss).plot(ax=new_axes())
        (top,) = ax.child_axes
        numbers = [label.get_text() for label in top.get_xticklabels()]
        assert grown(40, 30, length=31).lambdas[k] in top.get_xticks()
        assert all(left != right for left, right in pairwise(numbers))
    (top,) = CV.plot(ax=new_axes()).child_axes
    assert [label.get_text() for label in top.get_xticklabels()] == ["0", "3"]
    assert CV.lambda_min in top.get_xticks()


def test_the_exponent_stands_clear_of_the_top_axis():
    ax = cross_validated(1e9 * (1 + 0.01 * (STEPS - 20) ** 2)).plot(ax=new_axes())
    ax.figure.draw_without_rendering()
    exponent = ax.yaxis.get_offset_text()
    assert exponent.get_text() == "1e9"
    (top,) = ax.child_axes
    assert not any(exponent.get_window_extent().overlaps(each.get_window_extent()) for each in top.get_xticklabels())


@pytest.mark.parametrize("plot", PLOTS)
@pytest.mark.parametrize("size", [(2.5, 2), (3.5, 2.5)])
def test_texts_of_small_figures_stay_in_the_axes(plot, size):
    loss = np.where(STEPS == 18, 1.0, np.where((STEPS > 14) & (STEPS < 18), 1.04, 3.0))
    ax = getattr(cross_validated(loss), plot)(ax=new_axes(size))
    ax.figure.draw_without_rendering()
    marks = [text for text in said(ax) if "lambda" in text.get_text()]
    assert len(marks) == 2
    for text in marks:
        box = Text.get_window_extent(text)
        assert box.x0 >= ax.bbox.x0 - 1
        assert box.x1 <= ax.bbox.x1 + 1


def log_axes(axis):
    ax = new_axes()
    ax.set(**{f"{axis}scale": "log"})
    return ax


@pytest.mark.parametrize("name", ["plot", "plot_path", "plot_folds", "plot_coefficients"])
@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: "x", TypeError, r"ax is of type str; give one matplotlib Axes, such as plt.subplots\(\)\[1\]"),
        (lambda: Figure().subplots(1, 2), TypeError, "ax is of type ndarray; give one matplotlib Axes"),
        (lambda: Figure().add_subplot(projection="polar"), TypeError, "ax is of type PolarAxes"),
        (lambda: log_axes("y"), ValueError, "ax has a log y axis; give Axes with a linear one"),
    ],
)
def test_bad_axes(name, make, error, message):
    with pytest.raises(error, match=message):
        getattr(CV, name)(ax=make())


def test_a_log_x_axis_is_for_lambda():
    CV.plot_path(ax=log_axes("x"))
    for plot in (CV.plot_coefficients, lambda ax: CV.plot_path("l1_norm", ax=ax)):
        with pytest.raises(ValueError, match="ax has a log x axis; give Axes with a linear one"):
            plot(ax=log_axes("x"))


def test_the_break_of_a_strength_axis_stays_in_the_view():
    neural = pytest.importorskip("jaxreg.neural")
    from test_neural_result import make_path as make_network_path

    ax = make_network_path([10.0, 1.0, 0.1, 0.0], [3.0, 1.0, 1.2, 1.4], (neural.L2(),)).plot(ax=new_axes())
    ax.set_xlim(10, 2)
    ax.figure.draw_without_rendering()
    assert ax.bbox.width > 0.7 * ax.figure.bbox.width
