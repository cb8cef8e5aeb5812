"""Figures are checked by what they hold: curves, ticks, labels and where they are."""

import subprocess
import sys
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from figures import annotations, assert_apart, boxes, grown, make_path, new_axes
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.text import Text

from jaxreg.plotting import COLOURS, plot_path


def curves(ax):
    """Lines drawn as curves: all but the line at zero."""
    return [line for line in ax.lines if len(line.get_xdata()) > 2]


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
    assert ax.get_ylabel() == "coefficient"
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
    low, high = ax.get_ylim()
    assert low <= path.coef.min()
    assert high >= path.coef.max()


@pytest.mark.parametrize("labels", [0, 3, 8])
def test_labels_are_the_largest_last_coefficients(labels):
    path = grown(40, 30)
    ax = plot_path(path, labels=labels, ax=new_axes())
    largest = np.argsort(-np.abs(path.coef[-1]))[:labels]
    assert {text.get_text() for text in annotations(ax)} == {f"x{j}" for j in largest}


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
    assert len(curves(ax)) == 2
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
    assert [text.get_text() for text in ax.texts] == ["all coefficients are 0"]
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
    assert len(background(ax)) == 292
    assert len(ax.get_children()) < 60


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"x": "log"}, "x is 'log'; give one of 'lambda', 'l1_norm'"),
        ({"labels": -1}, "labels is -1; give a whole number >= 0"),
        ({"labels": 2.5}, "labels is 2.5"),
        ({"labels": True}, "labels is True"),
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
        "path = types.SimpleNamespace(lambdas=np.ones(1), coef_sparse=coef, n_responses=None, names=('x0',))\n"
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
