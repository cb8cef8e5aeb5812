"""Figures are checked by what they hold: curves, ticks, labels and where they are."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from figures import annotations, assert_apart, assert_clear, boxes, grown, make_cv, make_path, named, new_axes, said
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from matplotlib.text import Text

from jaxreg.plotting import COLOURS, plot_path


def curves(ax):
    """Lines drawn as curves: all but the line at zero."""
    return [line for line in ax.lines if len(line.get_xdata()) > 2]


def leaving(ax):
    """(colour, place, edge) of the triangles where curves leave."""
    return [
        (to_hex(colour), *place)
        for each in ax.collections
        if isinstance(each, PathCollection) and len(each.get_paths()[0].vertices) == 4
        for place, colour in zip(each.get_offsets(), each.get_facecolor(), strict=False)
    ]


def background(ax):
    return [segment for each in ax.collections if isinstance(each, LineCollection) for segment in each.get_segments()]


@pytest.mark.parametrize("x", ["lambda", "l1_norm"])
def test_curves_are_the_coefficients(x):
    path = grown(12, 9)
    ax = plot_path(path, x=x, labels=12, ax=new_axes())
    features = np.flatnonzero(path.coef.any(axis=0))
    assert len(curves(ax)) == len(features) == 9
    at = path.lambdas if x == "lambda" else np.abs(path.coef).sum(axis=1)
    drawn = {line.get_label(): line for line in curves(ax)}
    for j in features:
        np.testing.assert_allclose(drawn[f"x{j}"].get_xdata(), at, rtol=1e-14)
        np.testing.assert_array_equal(drawn[f"x{j}"].get_ydata(), path.coef[:, j])
    assert any(np.all(np.asarray(line.get_ydata()) == 0) for line in ax.lines if line not in curves(ax))
    assert ax.get_ylabel() == "coefficient (standard\ndeviations of columns not\nknown)"
    assert plot_path(path, x=x, scale="raw", ax=new_axes()).get_ylabel() == "coefficient"
    assert ("log scale" in ax.get_xlabel()) == (x == "lambda")


def test_large_lambdas_are_at_the_left_of_a_log_axis():
    path = grown(12, 9)
    ax = plot_path(path, ax=new_axes())
    assert ax.get_xscale() == "log"
    assert ax.get_xlim() == (path.lambdas[0], path.lambdas[-1])


def test_a_crowd_becomes_background():
    path = grown(500, 60)
    ax = plot_path(path, labels=5, ax=new_axes())
    assert len(curves(ax)) == 5
    assert len(background(ax)) == 55
    unnamed = sorted(np.asarray(segment)[-1, 1] for segment in background(ax))
    named = [line.get_ydata()[-1] for line in curves(ax)]
    np.testing.assert_array_equal(np.sort(np.concatenate([unnamed, named])), np.sort(path.coef[-1][path.coef[-1] != 0]))
    assert {line.get_color() for line in curves(ax)} == set(COLOURS[:5])
    assert ax.collections[0].get_alpha() < 1


def test_without_a_choice_y_has_the_range_to_a_decade_past_the_entries_of_the_named():
    lambdas = np.geomspace(10, 1e-3, 41)
    coef = np.zeros((41, 3))
    coef[5:, 0], coef[10:, 1] = 2.0, -1.0
    coef[35:, 2] = np.linspace(0, 50, 6)  # late, and large
    path = make_path(coef, lambdas)
    low, high = plot_path(path, labels=2, ax=new_axes()).get_ylim()
    assert -1.5 < low < -1
    assert 2 < high < 2.5
    coef[35:, 2] = np.linspace(0, 3, 6)  # not so large: all is shown
    low, high = plot_path(make_path(coef, lambdas), labels=2, ax=new_axes()).get_ylim()
    assert high >= 3
    together = np.linspace(0.01, 1, 41)[:, None] ** 4 * [1.0, -2.0]  # as ridge grows
    low, high = plot_path(make_path(together, lambdas), ax=new_axes()).get_ylim()
    assert low <= -2
    assert high >= 1


@pytest.mark.parametrize("labels", [0, 3, 8])
def test_labels_are_the_first_to_enter_and_stay(labels):
    path = grown(40, 30)
    ax = plot_path(path, labels=labels, ax=new_axes())
    stays = (path.coef != 0).sum(axis=0)
    first = np.lexsort((-np.abs(path.coef[-1]), -stays))[:labels]
    assert set(named(ax)) == {f"x{j}" for j in first}


@pytest.mark.parametrize("ends", ["together", "spread", "low", "high"])
@pytest.mark.parametrize("size", [(8, 5), (4, 2.5)])
def test_labels_do_not_overlap_and_keep_the_order(ends, size):
    last = {
        "together": 1 + 1e-6 * np.arange(10),
        "spread": np.linspace(-1, 1, 10),
        "low": np.append(-1 + 1e-3 * np.arange(9), 1.0),
        "high": np.append(1 + 1e-3 * np.arange(9), -1.0),
    }[ends]
    path = make_path(np.outer(np.linspace(0, 1, 5), last), np.geomspace(1, 0.1, 5))
    ax = plot_path(path, labels=10, ax=new_axes(size))
    assert_apart(ax)
    found = boxes(ax)
    assert found[0].y0 >= ax.bbox.y0 - 2
    assert found[-1].y1 <= ax.bbox.y1 + 2
    assert all(box.x0 >= ax.bbox.x1 for box in found)
    upward = sorted(annotations(ax), key=lambda text: Text.get_window_extent(text).y0)
    values = [last[int(text.get_text()[1:])] for text in upward]
    assert values == sorted(values)


def test_more_labels_than_room_are_cut_to_the_largest():
    path = make_path(np.outer(np.linspace(0, 1, 5), np.arange(1, 101.0)), np.geomspace(1, 0.1, 5))
    ax = plot_path(path, labels=100, ax=new_axes((5, 3)))
    names = {text.get_text() for text in annotations(ax)}
    assert len(curves(ax)) == len(names)
    assert 5 < len(names) < 30
    assert names == {f"x{j}" for j in range(100 - len(names), 100)}
    assert_apart(ax)


def test_curves_that_end_at_zero_get_no_label():
    coef = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 1.0]])
    ax = plot_path(make_path(coef, [3, 2, 1]), ax=new_axes())
    assert (len(curves(ax)), len(background(ax))) == (1, 1)
    assert [text.get_text() for text in annotations(ax)] == ["x1"]


@pytest.mark.parametrize("x", ["lambda", "l1_norm"])
@pytest.mark.parametrize("size", [(8, 5), (3, 2.5)])
def test_top_axis_has_df_at_points_of_the_path(x, size):
    path = grown(12345, 90)
    ax = plot_path(path, x=x, ax=new_axes(size))
    ax.figure.draw_without_rendering()
    (top,) = ax.child_axes
    at = path.lambdas if x == "lambda" else np.abs(path.coef).sum(axis=1)
    places = top.get_xticks()
    assert 2 <= len(places) <= 7
    for place, text in zip(places, top.get_xticklabels(), strict=True):
        points = np.flatnonzero(np.isclose(at, place, rtol=1e-12))
        assert int(text.get_text()) in path.df[points]
    extents = sorted((text.get_window_extent() for text in top.get_xticklabels()), key=lambda box: box.x0)
    assert all(left.x1 < right.x0 for left, right in pairwise(extents))
    assert len(top.get_xticks(minor=True)) == 0
    assert top.get_xlim() == ax.get_xlim()


def test_lambda_zero_is_left_out_of_the_log_axis_only():
    path = make_path(np.array([[0.0, 0.0], [1.0, 0.0], [2.0, 0.0], [3.0, 1.0]]), [2.0, 1.0, 0.5, 0.0])
    ax = plot_path(path, ax=new_axes())
    (line,) = curves(ax)
    np.testing.assert_array_equal(line.get_xdata(), [2.0, 1.0, 0.5])
    assert len(curves(plot_path(path, x="l1_norm", ax=new_axes()))) == 2
    alone = make_path(np.array([[1.0]]), [0.0])
    with pytest.raises(ValueError, match=r"x is 'lambda'.*give x='l1_norm'"):
        plot_path(alone, ax=new_axes())
    plot_path(alone, x="l1_norm", ax=new_axes())


@pytest.mark.parametrize("x", ["lambda", "l1_norm"])
@pytest.mark.parametrize("p", [3, 30])
def test_one_lambda_is_drawn_as_points(x, p):
    ax = plot_path(make_path(np.arange(1.0, p + 1)[None], [0.7]), x=x, ax=new_axes())
    ax.figure.draw_without_rendering()
    marked = np.concatenate([line.get_ydata() for line in ax.lines if line.get_marker() == "o"])
    np.testing.assert_array_equal(np.sort(marked), np.arange(1.0, p + 1))
    left, right = ax.get_xlim()
    assert left != right
    assert [text.get_text() for text in ax.child_axes[0].get_xticklabels()] == [str(p)]


@pytest.mark.parametrize("x", ["lambda", "l1_norm"])
@pytest.mark.parametrize("length", [1, 4])
def test_a_path_of_zeros(x, length):
    ax = plot_path(make_path(np.zeros((length, 3)), np.geomspace(2, 1, length)), x=x, ax=new_axes())
    ax.figure.draw_without_rendering()
    assert not annotations(ax)
    assert ax.get_xlabel().endswith("\nall coefficients are 0")
    assert {text.get_text() for text in ax.child_axes[0].get_xticklabels()} == {"0"}


def test_names_are_shown_as_they_are():
    names = ("cost_$a$", "_hidden", "a very long name of a column of a wide table", "two\nlines")
    path = make_path(np.outer([0, 1, 2], [4.0, 3.0, 2.0, 1.0]), [3, 2, 1], names)
    ax = plot_path(path, ax=new_axes())
    ax.figure.draw_without_rendering()
    shown = [text.get_text() for text in annotations(ax)]
    assert shown == ["cost_$a$", "_hidden", "a very long n…wide table", "two lines"]
    assert not any(text.get_parse_math() for text in annotations(ax))


def test_a_grid_of_axes_and_a_subfigure():
    figure = Figure(figsize=(9, 6), layout="constrained")
    left, right = figure.subfigures(1, 2)
    all_axes = [*left.subplots(2, 1), right.subplots()]
    path = grown(50, 40)
    for ax in all_axes:
        assert path.plot(ax=ax) is ax
    assert_apart(*all_axes)
    figure.set_size_inches(6, 4.5)
    assert_apart(*all_axes)


def test_without_axes_it_makes_one_figure_and_changes_no_style():
    plt = pytest.importorskip("matplotlib.pyplot")
    plt.switch_backend("Agg")
    before = dict(plt.rcParams), plt.get_fignums()
    ax = plot_path(grown(12, 9))
    try:
        assert plt.gca() is ax
        assert plt.get_fignums() == [*before[1], ax.figure.number]
        assert dict(plt.rcParams) == before[0]
    finally:
        plt.close(ax.figure)


def test_many_features_are_a_handful_of_artists():
    path = grown(10_000, 300, length=100)
    ax = plot_path(path, ax=new_axes())
    assert len(background(ax)) == 290
    assert len(ax.get_children()) < 60


LAMBDAS = np.geomspace(10, 1e-3, 21)  # five to the decade
STEPS = np.arange(21.0)
# a is the largest, on the scale of standard deviations too; b, of small spread, rises past all; c enters late and falls
LATE = np.stack([np.minimum(STEPS, 8), np.maximum(STEPS - 5, 0) ** 2, -np.maximum(STEPS - 14, 0), 0 * STEPS], axis=1)
SD = np.array([3.0, 0.5, 10.0, 0.0])
PATH = make_path(LATE, LAMBDAS, tuple("abcd"), SD)


def chosen(position, path=PATH, position_1se=None):
    """A cross-validation whose loss is least at one lambda; the other is within one standard error."""
    loss = np.full(len(path.lambdas), 3.0)
    loss[position_1se if position_1se is not None else position] = 1.05
    loss[position] = 1.0
    return make_cv([path], np.stack([loss - 0.1, loss + 0.1])[None])


def test_the_default_scale_is_that_of_standard_deviations():
    for ax in (plot_path(PATH, ax=new_axes()), plot_path(PATH, x="l1_norm", ax=new_axes())):
        drawn = {line.get_label(): line.get_ydata() for line in curves(ax)}
        for j, name in enumerate("abc"):
            np.testing.assert_array_equal(drawn[name], LATE[:, j] * SD[j])
        assert ax.get_ylabel() == "coefficient \N{MULTIPLICATION SIGN} standard\ndeviation of its column"
    np.testing.assert_allclose(curves(ax)[0].get_xdata(), np.abs(LATE * SD).sum(axis=1))
    raw = {line.get_label(): line.get_ydata() for line in curves(plot_path(PATH, scale="raw", ax=new_axes()))}
    np.testing.assert_array_equal(raw["b"], LATE[:, 1])


def test_frames_have_the_scale():
    pytest.importorskip("pandas")
    cv = chosen(10)
    for scale, factors in (("sd", SD), ("raw", np.ones(4))):
        for frame in (PATH.plot.frame(scale=scale), cv.plot_path.frame(scale, "1se")):
            wide = frame.pivot(index="lambda", columns="feature", values="coefficient")[::-1]
            np.testing.assert_array_equal(wide, (LATE * factors)[:, :3])
            np.testing.assert_allclose(frame.l1_norm[frame.feature == "a"], np.abs(LATE * factors).sum(axis=1))


def test_the_choice_is_marked_and_its_columns_have_names_and_dots():
    cv = chosen(10, position_1se=8)
    for ax, marks in (
        (cv.plot_path(ax=new_axes()), {"lambda_min": 10, "lambda_1se": 8}),
        (cv.plot_path(lam="1se", ax=new_axes()), {"lambda_min": 10, "lambda_1se": 8}),
        (cv.plot_path(lam="bic", ax=new_axes()), {"lambda_bic": None}),
        (cv.plot_path(lam=LAMBDAS[9], ax=new_axes()), {"lambda": 9}),
        (PATH.plot(lam=LAMBDAS[9], ax=new_axes()), {"lambda": 9}),
    ):
        lines = {line.get_label().split()[0]: line.get_xdata()[0] for line in ax.lines if "lambda" in line.get_label()}
        assert list(lines) == list(marks)
        assert all(lines[name] == LAMBDAS[k] for name, k in marks.items() if k is not None)
    ax = plot_path(PATH, lam=LAMBDAS[9], ax=new_axes())
    assert list(named(ax)) == ["a", "b"]  # c is 0 there, d does not vary
    (dots,) = [each for each in ax.collections if isinstance(each, PathCollection) and len(each.get_offsets()) == 2]
    np.testing.assert_allclose(dots.get_offsets(), [[LAMBDAS[9], 24], [LAMBDAS[9], 8]])
    assert not annotations(plot_path(PATH, lam=20.0, ax=new_axes()))


def test_the_range_is_that_down_to_a_tenth_of_the_choice_and_triangles_say_who_leaves_it():
    ax = plot_path(PATH, lam=LAMBDAS[8], ax=new_axes())
    high = 1.05 * 32  # b at LAMBDAS[13]
    a, b = curves(ax)[1], curves(ax)[0]
    assert (a.get_label(), b.get_label()) == ("a", "b")
    assert ax.get_ylim()[0] == pytest.approx(-0.05 * 32)
    assert ax.get_ylim()[1] > high
    assert ax.transData.inverted().transform(b.get_clip_box())[1, 1] == pytest.approx(high)
    (up,), (down,) = ([each for each in leaving(ax) if np.sign(each[2]) == sign] for sign in (1, -1))
    assert up[0] == b.get_color()
    assert up[2] == pytest.approx(high)
    share = (high - 32) / (40.5 - 32)  # of the step in which b leaves
    assert np.log(up[1]) == pytest.approx((1 - share) * np.log(LAMBDAS[13]) + share * np.log(LAMBDAS[14]))
    assert LAMBDAS[15] < down[1] < LAMBDAS[14]
    assert down[0] not in COLOURS
    ends = {name: text.xy for name, text in named(ax).items()}
    assert ends["b"] == pytest.approx((LAMBDAS[-1], high))
    assert ends["a"] == pytest.approx((LAMBDAS[-1], 24))
    raw = plot_path(PATH, lam=LAMBDAS[8], scale="raw", ax=new_axes())
    assert raw.get_ylim()[1] > 64
    assert not leaving(plot_path(PATH, ax=new_axes()))
    assert not leaving(plot_path(PATH, lam=0, ax=new_axes()))


def test_the_norm_of_a_choice_ends_past_it():
    ax = plot_path(PATH, "l1_norm", lam=LAMBDAS[8], ax=new_axes())
    norm = np.abs(LATE * SD).sum(axis=1)
    assert ax.get_xlim() == (0, norm[13])
    assert ax.get_xlabel() == rf"L1 norm: sum of the absolute values drawn, up to $\lambda$ = {LAMBDAS[13]:.4g}"
    assert [set(line.get_xdata()) for line in ax.lines if line.get_label().startswith("lambda")] == [{norm[8]}]
    assert not leaving(ax)
    assert_clear(ax)


@pytest.mark.parametrize("x", ["lambda", "l1_norm"])
@pytest.mark.parametrize(
    ("coef", "lambdas", "lam"),
    [
        (np.zeros((3, 2)), [3.0, 2.0, 1.0], 2.0),
        (np.array([[0.0], [1.0], [-2.0]]), [3.0, 2.0, 1.0], 1.5),
        (np.array([[2.0, -1.0]]), [1.0], 1.0),
        (np.array([[2.0, -1.0]]), [1.0], 100.0),
        (np.array([[0.0, 1.0], [1.0, 2.0], [3.0, 4.0]]), [2.0, 1.0, 0.0], 0.0),
        (np.array([[0.0, 1.0], [np.nan, 2.0], [np.inf, 4.0]]), [3.0, 2.0, 1.0], 2.0),
        (np.array([[0.0, 1.0], [0.0, np.nan], [1.0, np.nan]]), [3.0, 2.0, 1.0], None),
        (np.array([[0.0, 0.0], [0.0, 0.0], [1.0, -9.0]]), [3.0, 2.0, 0.01], 3.0),
    ],
)
def test_corners_of_paths_with_a_choice(x, coef, lambdas, lam):
    ax = plot_path(make_path(coef, lambdas, sd=np.ones(coef.shape[1])), x, lam=lam, ax=new_axes())
    assert_clear(ax)
    assert np.isfinite([*ax.get_xlim(), *ax.get_ylim()]).all()
    assert len([text for text in said(ax) if "lambda" in text.get_text()]) == (lam is not None)
    shown = coef[:2] if x == "l1_norm" and lam == 3.0 else coef
    assert ("all coefficients are 0" in ax.get_xlabel()) == (not shown.any())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": "log"}, "x is 'log'; give one of 'lambda', 'l1_norm'"),
        ({"labels": -1}, "labels is -1; give a whole number >= 0"),
        ({"labels": 2.5}, "labels is 2.5"),
        ({"labels": True}, "labels is True"),
        ({"scale": "std"}, "scale is 'std'; give one of 'sd', 'raw'"),
        ({"lam": -1.0}, "lam is -1.0"),
        ({"lam": "min"}, "lam is 'min'; give one number >= 0"),
    ],
)
def test_bad_arguments(arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_path(grown(12, 9), ax=new_axes(), **arguments)


def test_without_matplotlib_the_message_says_what_to_install_and_the_numbers_are_there():
    pytest.importorskip("pandas")
    code = (
        "import sys; sys.modules['matplotlib'] = None\n"
        "import types, numpy as np, jaxreg.plotting as plotting\n"
        "from scipy.sparse import csr_array\n"
        "coef = csr_array(np.full((1, 1), 0.25))\n"
        "known = dict(lambdas=np.ones(1), coef_sparse=coef, n_responses=None, names=('x0',), feature_sd=np.ones(1))\n"
        "path = types.SimpleNamespace(**known)\n"
        "path._choice = lambda lam: plotting.Choice(path, None, (), {})\n"
        "try: plotting.plot_path(path)\n"
        "except ImportError as error: print(error)\n"
        "print(*plotting.plot_path.frame(path).coefficient)\n"
        "sys.modules['pandas'] = None\n"
        "try: plotting.plot_path.frame(path)\n"
        "except ImportError as error: print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [
        'plots need matplotlib: pip install "jaxreg[plot]"',
        "0.25",
        'frames need pandas: pip install "jaxreg[frames]"',
    ]
