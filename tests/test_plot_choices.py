"""Figures of a choice and of the folds, the tables of all figures, and what their lines look like."""

import inspect
import pydoc
from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from figures import annotations, assert_apart, assert_clear, grown, make_cv, make_path, new_axes, said
from matplotlib import rc_context
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.colors import to_rgb

from jaxreg import PathResult
from jaxreg.plotting import COLOURS, plot_coefficients, plot_fold_loss, plot_path, plot_validation_curve
from jaxreg.plotting._colours import ON_DARK
from jaxreg.plotting._marks import _centres

LAMBDAS = np.geomspace(10, 0.1, 9)
NAMES = tuple("abcdef")
COEF = np.outer(np.arange(9.0), [2.0, -4.0, 0.0, 1.0, -0.5, 0.0])
PATH = make_path(COEF, LAMBDAS, NAMES)
PAIR = replace(PATH, n_responses=2, feature_names=NAMES[:3])  # b, d and f are the second response of a, c and e


def cross_validated(folds=4, mixes=(0.5, 1.0), path=PATH):
    """Folds whose losses are parabolas in log lambda, the last mix a little better."""
    rng = np.random.default_rng(0)
    bottom = rng.integers(3, 7, (len(mixes), folds, 1))
    loss = 1 + rng.random(bottom.shape) + 0.1 * (np.arange(len(path.lambdas)) - bottom) ** 2
    return make_cv([path] * len(mixes), loss - 0.5 * np.arange(len(mixes))[:, None, None], mixes)


def dots(ax):
    """(row, value, filling) of the dots of coefficients."""
    found = [
        (int(row), float(value), line.get_markerfacecolor())
        for line in ax.lines
        if line.get_marker() == "o"
        for value, row in line.get_xydata()
    ]
    return sorted(found)


def rows(ax):
    return [label.get_text() for label in ax.get_yticklabels()]


def test_coefficients_stand_from_the_largest_to_the_smallest_with_their_sign():
    ax = plot_coefficients(PATH, LAMBDAS[3], ax=new_axes())
    assert rows(ax) == ["b", "a", "d", "e"]
    found = dots(ax)
    np.testing.assert_allclose([value for _, value, _ in found], [-12, 6, 3, -1.5])
    assert [filling == "white" for *_, filling in found] == [True, False, False, True]
    stems = [segment for each in ax.collections for segment in each.get_segments()]
    assert {tuple(segment[:, 0]) for segment in stems} == {(0, value) for _, value, _ in found}
    top, bottom = ax.transData.transform([(0, 0), (0, 3)])[:, 1]
    assert top > bottom
    unknown = "coefficient (standard deviations of columns not known)"
    assert ax.get_xlabel() == f"{unknown}\nat $\\lambda$ = 1.778: 2 of 6 coefficients are 0"
    assert not ax.get_title()


def test_the_scale_of_coefficients_decides_their_order():
    path = replace(PATH, feature_sd=np.array([5.0, 1.0, 1.0, 0.5, 100.0, 1.0]))
    ax = plot_coefficients(path, LAMBDAS[3], ax=new_axes())
    assert rows(ax) == ["e", "a", "b", "d"]
    np.testing.assert_allclose([value for _, value, _ in dots(ax)], [-150, 30, -12, 1.5])
    assert ax.get_xlabel().startswith("coefficient \N{MULTIPLICATION SIGN} standard deviation of its column\nat ")
    ax = plot_coefficients(path, LAMBDAS[3], scale="raw", ax=new_axes())
    assert rows(ax) == ["b", "a", "d", "e"]
    assert ax.get_xlabel().startswith("coefficient\nat ")
    constant = replace(PATH, feature_sd=np.zeros(6))  # without an intercept it may have a coefficient
    assert rows(plot_coefficients(constant, LAMBDAS[3], ax=new_axes())) == ["a", "b", "d", "e"]


def test_what_is_left_out_is_counted():
    ax = plot_coefficients(PATH, most=2, ax=new_axes())
    assert rows(ax) == ["b", "a", "and 2 more"]
    assert len(dots(ax)) == 2
    assert rf"$\lambda$ = {LAMBDAS[-1]:.4g}" in ax.get_xlabel()
    names = tuple(f"{j}_$x$" for j in range(100))
    path = make_path(np.arange(1.0, 101)[None], [1.0], names)
    ax = plot_coefficients(path, most=50, ax=new_axes((4, 3)))
    ax.figure.draw_without_rendering()
    *shown, more = rows(ax)
    assert shown == [f"{99 - k}_$x$" for k in range(len(shown))]
    assert more == f"and {100 - len(shown)} more"
    assert 5 < len(shown) < 20
    extents = [label.get_window_extent() for label in ax.get_yticklabels()]
    assert all(above.y0 >= below.y1 for above, below in pairwise(extents))


def test_a_choice_of_zeros_says_so():
    ax = plot_coefficients(PATH, 10.0, ax=new_axes())
    assert [text.get_text() for text in ax.texts] == ["all coefficients are 0"]
    assert not dots(ax)
    assert "$\\lambda$ = 10: 6 of 6 coefficients are 0" in ax.get_xlabel()
    assert len(plot_coefficients.frame(PATH, 10.0)) == 0


def test_coefficients_of_a_cross_validation_are_those_that_the_rule_chooses():
    cv = cross_validated()
    for lam, rule in ((None, "min"), ("min", "min"), ("1se", "1se"), ("bic", "bic")):
        ax = plot_coefficients(cv, lam, ax=new_axes())
        chosen = cv.select(rule)
        largest = sorted(chosen.coef[chosen.coef != 0], key=abs, reverse=True)
        np.testing.assert_array_equal([value for _, value, _ in dots(ax)], largest)
        assert f" = {chosen.lam:.4g} ({rule}, l1_ratio {chosen.l1_ratio:g}): " in ax.get_xlabel()
    ax = plot_coefficients(cv, 2.0, ax=new_axes())
    assert " = 2 (l1_ratio 1): " in ax.get_xlabel()
    assert dots(ax)[0][1] == pytest.approx(cv.path.coef_at(2.0)[1][1])
    assert " (min): " in plot_coefficients(cross_validated(mixes=(np.nan,)), ax=new_axes()).get_xlabel()


@pytest.mark.parametrize(
    ("result", "arguments", "message"),
    [
        (PATH, {"lam": "min"}, "lam is 'min'; give one number >= 0"),
        (PATH, {"lam": -1.0}, "lam is -1.0"),
        (PATH, {"scale": "SD"}, "scale is 'SD'; give one of 'sd', 'raw'"),
        (PATH, {"most": 0}, "most is 0; give a whole number >= 1"),
        (PATH, {"response": 1}, "response is 1; there is only one, leave it out"),
        (PAIR, {}, "response is missing; there are 2, give one from 0 to 1"),
        (PAIR, {"response": 2}, "response is 2; there are 2, give one from 0 to 1"),
        (PAIR, {"response": True}, "response is True"),
        (cross_validated(), {"lam": "best"}, "lam is 'best'; give one of 'min', '1se', 'aic'"),
        (cross_validated(path=PAIR), {"lam": "1se"}, "response is missing"),
    ],
)
def test_bad_choices(result, arguments, message):
    with pytest.raises(ValueError, match=message):
        plot_coefficients(result, **arguments, ax=new_axes())
    with pytest.raises(ValueError, match=message):
        result.plot_coefficients(**arguments)  # and no figure is left behind


def test_one_of_several_responses():
    ax = PAIR.plot(ax=new_axes(), response=1)
    drawn = {line.get_label(): line.get_ydata() for line in ax.lines if line.get_label() in NAMES}
    assert set(drawn) == {"a", "b"}
    np.testing.assert_array_equal(drawn["a"], PAIR.coef[:, 0, 1])
    assert {text.get_text() for text in ax.child_axes[0].get_xticklabels()} == {"0", "2"}
    assert rows(plot_coefficients(PAIR, response=0, ax=new_axes())) == ["a", "c"]
    frame = plot_path.frame(PAIR, response=1)
    np.testing.assert_array_equal(frame.coefficient[frame.feature == "b"], PAIR.coef[:, 1, 1])


def test_few_folds_are_lines_with_their_least_losses():
    cv = cross_validated(folds=6)
    ax = plot_fold_loss(cv, ax=new_axes())
    lines = {line.get_label(): line for line in ax.lines}
    for k in range(6):
        np.testing.assert_array_equal(lines[f"fold {k}"].get_xydata(), np.column_stack([LAMBDAS, cv.fold_loss[1, k]]))
    np.testing.assert_array_equal(lines["mean"].get_ydata(), cv.mean_loss[1])
    assert lines["mean"].get_zorder() > max(lines[f"fold {k}"].get_zorder() for k in range(6))
    for name, lam in (("lambda_min", cv.lambda_min), ("lambda_1se", cv.lambda_1se)):
        assert set(lines[f"{name} {lam:.4g}"].get_xdata()) == {lam}
    marked = {tuple(line.get_xydata()[0]) for line in ax.lines if line.get_marker() == "o"}
    assert marked == {(LAMBDAS[np.argmin(loss)], loss.min()) for loss in cv.fold_loss[1]}
    assert {text.get_text() for text in annotations(ax)} == {"mean", *(f"fold {k}" for k in range(6))}
    assert_apart(ax)


def losses_with_choices(least, within):
    """Losses (1, 5, 9) that are least at one lambda and within a standard error of it at another, high elsewhere."""
    loss = np.linspace(3.0, 2.5, 9)
    loss[min(least, within) : max(least, within) + 1] = 1.05
    loss[least] = 1.0
    return (loss + np.linspace(-0.3, 0.3, 5)[:, None])[None]


@pytest.mark.parametrize(
    ("least", "within", "size"),
    [(4, 4, (8, 5)), (5, 4, (8, 5)), (1, 0, (8, 5)), (8, 7, (4, 3)), (0, 0, (4, 3)), (8, 0, (4, 3)), (1, 0, (3, 2))],
)
def test_no_line_passes_through_what_is_said_of_a_choice(least, within, size):
    cv = make_cv([PATH], losses_with_choices(least, within))
    assert [cv.lambda_min, cv.lambda_1se] == [LAMBDAS[least], LAMBDAS[within]]
    for plot in (cv.plot, cv.plot_folds, cv.plot_path):
        ax = plot(ax=new_axes(size))
        assert_clear(ax)
        words = [text.get_text() for text in said(ax) if "lambda" in text.get_text()]
        assert len(words) == (1 if least == within else 2)
        assert all(word.count("=") == 3 - len(words) for word in words)


def test_choices_of_one_norm_keep_their_values():
    zeros = make_cv([replace(PATH, coef_sparse=0 * PATH.coef_sparse)], losses_with_choices(5, 3))
    ax = zeros.plot_path("l1_norm", ax=new_axes())
    assert_clear(ax)
    values = {text.get_text().split(" = ")[1] for text in said(ax) if "lambda" in text.get_text()}
    assert values == {f"{lam:.4g}" for lam in LAMBDAS[[3, 5]]}


@pytest.mark.parametrize("widths", [[60, 60], [60, 110], [100, 150]])
@pytest.mark.parametrize("ends", [[0, 0], [0, 200], [0, 5], [195, 200], [100, 101], [30, 90], [5, 130]])
def test_texts_of_marks_are_near_their_lines_and_apart(ends, widths):
    ends, widths = np.array(ends, float), np.array(widths, float)
    centres, rows = _centres(ends, widths, 0.0, 200.0, 8.0)
    left, right = centres - widths / 2, centres + widths / 2
    if rows.any():
        assert widths.sum() > 192
        assert right[0] < ends[1] or left[0] > ends[1]  # beside the line to the upper text
        assert (left[1], right[1]) >= (0, 0)
        assert right[1] <= 200
    else:
        assert right[0] + 7.9 <= left[1]
        assert left[0] >= 0
        assert right[1] <= 200
        if right[0] + 8.1 < left[1] and left[0] > 4.1:
            assert centres[0] == pytest.approx(ends[0])


@pytest.mark.parametrize(("folds", "size"), [(11, (8, 5)), (200, (8, 5)), (8, (3, 1.5))])
def test_many_folds_are_background(folds, size):
    cv = cross_validated(folds)
    ax = plot_fold_loss(cv, ax=new_axes(size))
    (crowd,) = (each for each in ax.collections if isinstance(each, LineCollection))
    np.testing.assert_array_equal([segment[:, 1] for segment in crowd.get_segments()], cv.fold_loss[1])
    (least,) = (each for each in ax.collections if isinstance(each, PathCollection))
    np.testing.assert_array_equal(least.get_offsets()[:, 1], cv.fold_loss[1].min(axis=1))
    assert [text.get_text() for text in annotations(ax)] == [f"mean of\n{folds} folds"]
    low, high = ax.get_ylim()
    assert low < cv.fold_loss[1].min()
    assert high > cv.fold_loss[1].max()


def test_frames_are_the_numbers_of_the_figures():
    pytest.importorskip("pandas")
    cv = cross_validated(folds=3)
    frame = PATH.plot.frame()
    assert list(frame) == ["lambda", "l1_norm", "feature", "coefficient"]
    assert len(frame) == 9 * 4  # two features are 0 all along
    wide = frame.pivot(index="lambda", columns="feature", values="coefficient")[::-1]
    np.testing.assert_array_equal(wide[["a", "b", "d", "e"]], COEF[:, [0, 1, 3, 4]])
    np.testing.assert_allclose(frame.l1_norm[frame.feature == "d"], np.abs(COEF).sum(axis=1))

    frame = cv.plot.frame()
    assert list(frame) == ["lambda", "l1_ratio", "mean_loss", "std_error", "train_loss", "df"]
    np.testing.assert_array_equal(frame.mean_loss, cv.mean_loss.ravel())
    np.testing.assert_array_equal(frame.train_loss[frame.l1_ratio == 1], cv.train_loss)
    assert frame.train_loss[frame.l1_ratio != 1].isna().all()
    np.testing.assert_array_equal(frame.df[:9], PATH.df)

    frame = cv.plot_folds.frame()
    assert list(frame) == ["fold", "lambda", "loss"]
    np.testing.assert_array_equal(frame.pivot(index="fold", columns="lambda", values="loss"), cv.fold_loss[1, :, ::-1])

    frame = cv.plot_coefficients.frame("1se")
    assert list(frame) == ["lambda", "feature", "coefficient"]
    assert set(frame["lambda"]) == {cv.lambda_1se}
    chosen = dict(zip(NAMES, cv.select("1se").coef, strict=True))
    assert dict(zip(frame.feature, frame.coefficient, strict=True)) == {k: v for k, v in chosen.items() if v}
    assert frame.coefficient.abs().is_monotonic_decreasing


def test_plots_are_methods_with_their_signature_and_docstring():
    path, cv = grown(5, 3), cross_validated()
    for method, function in (
        (path.plot, plot_path),
        (path.plot_coefficients, plot_coefficients),
        (cv.plot, plot_validation_curve),
        (cv.plot_folds, plot_fold_loss),
        (cv.plot_coefficients, plot_coefficients),
        (cv.plot_path, plot_path),
    ):
        assert list(inspect.signature(method).parameters) == list(inspect.signature(function).parameters)[1:]
        assert method.__doc__ == function.__doc__
        assert (
            list(inspect.signature(method.frame).parameters) == list(inspect.signature(function.frame).parameters)[1:]
        )
        assert "Parameters" in pydoc.render_doc(method)
    assert not {"plot", "plot_coefficients"} & {each.name for each in fields(path)}
    assert PathResult.plot is plot_path


# Machado, Oliveira and Fernandes (2009), full severity, on linear RGB
SIGHTS = {
    "full": np.eye(3),
    "protanope": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deuteranope": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritanope": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}
XYZ = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])


BACKGROUNDS = {"white": COLOURS, "black": ON_DARK}


def luminances(colours):
    return linear_rgb(colours) @ XYZ[1]


def contrast_to_black(colours):
    return (luminances(colours) + 0.05) / 0.05


def linear_rgb(colours):
    rgb = np.array([to_rgb(colour) for colour in colours])
    return np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)


@pytest.mark.parametrize("behind", BACKGROUNDS)
@pytest.mark.parametrize("sight", SIGHTS)
def test_colours_differ_to_every_sight(sight, behind):
    shares = np.clip(linear_rgb(BACKGROUNDS[behind]) @ np.transpose(SIGHTS[sight]), 0, 1) @ XYZ.T / XYZ.sum(axis=1)
    x, y, z = np.where(shares > 0.008856, np.cbrt(shares), 7.787 * shares + 16 / 116).T
    lab = np.stack([116 * y - 16, 500 * (x - y), 200 * (y - z)], axis=1)
    distance = np.linalg.norm(lab[:, None] - lab, axis=-1)
    assert distance[np.triu_indices(len(COLOURS), 1)].min() >= 19


def test_colours_stand_out():
    assert (1.05 / (luminances(COLOURS) + 0.05)).min() >= 3
    assert contrast_to_black(ON_DARK).min() >= 4


@pytest.mark.parametrize("behind", ["axes", "figure", "style"])
@pytest.mark.parametrize("name", ["plot", "plot_path", "plot_folds", "plot_coefficients"])
def test_all_stands_out_from_dark(name, behind):
    with rc_context({"text.color": "white", "axes.labelcolor": "white", "figure.facecolor": "none"}):
        ax = new_axes()
        ax.figure.set_facecolor({"axes": "black", "figure": "black", "style": "none"}[behind])
        ax.set_facecolor("black" if behind == "axes" else "none")
        getattr(cross_validated(), name)(ax=ax)
    colours = [text.get_color() for text in ax.texts] + [line.get_color() for line in ax.lines]
    colours += [text.arrow_patch.get_edgecolor() for text in annotations(ax)]
    if name == "plot_coefficients":
        colours += [label.get_color() for label in ax.get_yticklabels()]
        assert contrast_to_black([line.get_color() for line in ax.get_ygridlines()]).max() < 3
    assert len(colours) > 4
    assert contrast_to_black(colours).min() >= 4


def test_lines_differ_without_colour():
    ax = plot_validation_curve(cross_validated(mixes=(0.1, 0.3, 0.5, 1.0)), ax=new_axes())
    curves = [line for line in ax.lines if line.get_label() == "training" or line.get_label().startswith("held out")]
    assert len({(str(line._unscaled_dash_pattern), line.get_linewidth()) for line in curves}) == len(curves) == 5
    ax = plot_fold_loss(cross_validated(folds=10), ax=new_axes())
    folds = [line for line in ax.lines if line.get_label().startswith("fold")]
    assert len({(str(line._unscaled_dash_pattern), line.get_color()) for line in folds}) == 10
    ax = plot_path(grown(20, 19), labels=18, ax=new_axes())
    lines = [line for line in ax.lines if len(line.get_xdata()) > 2]
    assert len({(str(line._unscaled_dash_pattern), line.get_color()) for line in lines}) == len(lines) > 16
