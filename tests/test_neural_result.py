"""What is seen of a path of networks: choices, figures, tables, text, pickles. Most paths here are made by hand."""

import copy
import pickle
from dataclasses import replace

import numpy as np
import optax
import pytest

pytest.importorskip("matplotlib")
from figures import annotations, assert_apart, assert_clear, new_axes, said
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

from jaxreg import neural, plotting
from jaxreg.neural import EarlyStopping, NeuralPath

STRENGTHS = np.array([0.1, 0.0, 10.0, 1.0, 0.001])  # in no order
LOSS = np.array([1.0, 1.4, 3.0, 1.05, 1.3])
PENALTY = (neural.L2(),)


def make_path(strengths, loss, regularizers=PENALTY, error=0.1, epochs=4, kept=None, seeds=2):
    """A path of two folds whose losses at the end have this mean and, over the folds, this standard error."""
    strengths, loss = np.asarray(strengths, float), np.asarray(loss, float)
    S = len(strengths)
    folds = loss[:, None, None] + error * np.array([-1.0, 1.0])[:, None] + np.zeros((1, 2, seeds))
    falling = np.linspace(0.5, 0.0, epochs)
    diverged = ~np.isfinite(loss)
    valid_loss = np.where(diverged[:, None, None, None], [1.0] + [np.nan] * (epochs - 1), folds[..., None] + falling)
    early = [isinstance(each, EarlyStopping) for each in regularizers] or [True]
    return NeuralPath(
        strengths=strengths,
        train_loss=0.5 * valid_loss,
        valid_loss=valid_loss,
        mean_loss=np.where(diverged, np.inf, loss),
        std_error=np.where(diverged, np.nan, error),
        kept_epoch=np.full((S, 2, seeds), epochs) if kept is None else np.broadcast_to(kept, (S, 2, seeds)),
        seeds=np.arange(seeds),
        metric="mean squared error",
        model=neural.Linear("regression", outputs=1),
        regularizers=regularizers,
        params={"layer0": {"kernel": np.ones((S, 3, 1), np.float32), "bias": np.zeros((S, 1), np.float32)}},
        state={},
        classes=None,
        feature_names=None,
        timings={},
        _of_steps=strengths.reshape(S, -1) * ~np.array(early),
        _row_shape=(3,),
        _single=True,
        data={"n_samples": 40, "n_outputs": 1, "dtype": "float32", "y_values": [], "versions": {}},
    )


PATH = make_path(STRENGTHS, LOSS)
GRID = np.array([(a, b) for a in (0.0, 1.0, 0.1) for b in (0.5, 0.0)])
PAIR = make_path(GRID, [1.2, 1.0, 9.0, 8.0, 1.05, 1.08], (neural.L2(), neural.Dropout()))


def drawn(plot, *args, **kwargs):
    ax = plot(*args, ax=new_axes(), **kwargs)
    assert_clear(ax)
    return ax, {line.get_label(): line for line in ax.lines}


def points(line):
    """Points of a line, without gaps."""
    data = line.get_xydata()
    return data[np.isfinite(data).all(axis=1)]


def test_1se_is_the_strongest_within_one_standard_error_in_any_order():
    assert (PATH.strength_min, PATH.strength_1se) == (0.1, 1.0)
    assert PATH.select("1se").index == 3
    order = np.argsort(STRENGTHS)
    assert make_path(STRENGTHS[order], LOSS[order]).strength_1se == 1.0
    assert make_path(STRENGTHS, LOSS, error=0.02).strength_1se == 0.1
    assert make_path(STRENGTHS, LOSS, error=0.0, seeds=1).strength_1se == 0.1
    # sum of ranks: (0.1, 0.5) has 1 + 1, (0, 0) has 0 + 0, (0.1, 0) has 1 + 0
    assert (PAIR.strength_min, PAIR.strength_1se) == ((0.0, 0.0), (0.1, 0.5))


def test_of_equal_losses_the_strongest_is_the_best():
    for strengths in ([0.0, 0.5, 0.2], [0.5, 0.2, 0.0]):
        assert make_path(strengths, [1.0, 1.0, 1.0], error=0.0).strength_min == 0.5
    assert make_path(STRENGTHS, [2.0, 1.0, np.inf, np.nan, 1.0]).strength_min == 0.001


def test_what_diverged_is_never_chosen_and_its_refit_does_not_predict():
    path = make_path(STRENGTHS, [np.inf, 1.4, np.nan, 1.05, 1.3])
    assert path.best == path.best_1se == 3
    assert path.diverged.sum() == 8
    path.params["layer0"]["kernel"][3] = np.nan
    with pytest.raises(ValueError, match="strength 1 diverged when it was refitted"):
        path.predict(np.ones((2, 3)))
    nothing = make_path([1.0, 2.0], [np.inf, np.inf])
    for of in (lambda: nothing.best, lambda: nothing.plot(ax=new_axes()), lambda: nothing.plot_folds(ax=new_axes())):
        with pytest.raises(ValueError, match="every strength diverged; train with a smaller step size"):
            of()
    assert "Every strength diverged: train with a smaller step size." in nothing.summary()


def test_curves_are_the_losses_with_0_apart_at_the_right_of_a_log_axis():
    ax, lines = drawn(PATH.plot)
    order = [2, 3, 0, 4, 1]
    for name, values in (("held out", LOSS), ("training", LOSS / 2)):
        found = points(lines[name])
        np.testing.assert_allclose(found[:, 1], values[order])
        np.testing.assert_array_equal(found[:4, 0], STRENGTHS[order[:4]])
        assert np.isnan(lines[name].get_xdata()).sum() == 1
        assert 0 < found[4, 0] < 0.001
    assert ax.get_xscale() == "log"
    left, right = ax.get_xlim()
    assert left > 10 > 0.001 > right
    ticks = dict(zip((label.get_text() for label in ax.get_xticklabels()), ax.get_xticks(), strict=True))
    assert ticks.pop("0") == found[4, 0]
    assert list(ticks) == [rf"$10^{{{k}}}$" for k in (1, 0, -1, -2, -3)]
    band = ax.collections[0].get_paths()[0].vertices
    for edge in (LOSS - 0.1, LOSS + 0.1):
        for k in order[:4]:
            assert (np.abs(band - [STRENGTHS[k], edge[k]]).max(axis=1) < 1e-12).any()
    (bar,) = ax.collections[1].get_segments()
    np.testing.assert_allclose(bar[:, 1], [1.3, 1.5])
    assert ax.get_xlabel() == "L2: penalty strength (log scale)"
    assert ax.get_ylabel() == "mean squared error"
    assert_apart(ax)


def test_choices_are_marked_also_at_0():
    ax, lines = drawn(PATH.plot)
    assert set(lines["strength_min 0.1"].get_xdata()) == {0.1}
    assert set(lines["strength_1se 1"].get_xdata()) == {1.0}
    words = said(ax)
    assert {"strength_min = 0.1", "strength_1se = 1"} <= {text.get_text() for text in words}
    assert sum("fitting" in text.get_text() for text in words) == 2
    assert {text.get_text() for text in annotations(ax)} == {"held out", "training"}
    ax, lines = drawn(make_path(STRENGTHS, [2.0, 1.0, 5.0, 4.0, 1.5]).plot)
    assert set(lines["strength_min 0"].get_xdata()) == {points(lines["held out"])[-1, 0]}


def test_strengths_of_about_a_decade_are_on_a_linear_axis():
    ax, lines = drawn(make_path([0.9, 0.0, 0.1, 0.5], [4.0, 2.0, 1.0, 3.0], (neural.Dropout(),)).plot)
    assert ax.get_xscale() == "linear"
    assert ax.get_xlabel() == "Dropout: dropout rate"
    np.testing.assert_array_equal(lines["held out"].get_xydata(), [(0.9, 4), (0.5, 3), (0.1, 1), (0, 2)])
    left, right = ax.get_xlim()
    assert left > 0.9 > 0 > right


@pytest.mark.parametrize("strength", [0.0, 0.3])
def test_one_strength_is_drawn_as_points(strength):
    regularizers = (neural.L2(),) if strength else ()
    ax, lines = drawn(make_path([strength], [1.0], regularizers).plot)
    assert lines["held out"].get_marker() == "o"
    left, right = ax.get_xlim()
    assert left > strength > right
    assert ax.get_xlabel() == ("L2: penalty strength" if strength else "no regularizer")
    assert make_path([strength], [1.0], regularizers).plot_folds(ax=new_axes()).get_ylabel().startswith("held-out")


def test_what_diverged_is_left_out_and_named():
    ax, lines = drawn(make_path(STRENGTHS, [1.0, 1.4, np.inf, 1.05, 1.3]).plot)
    assert points(lines["held out"])[:, 0].max() == 1.0
    assert ax.get_xlabel() == "L2: penalty strength (log scale)\ndiverged, not drawn: 10"
    many = make_path(np.arange(1.0, 9.0), [1.0, *[np.inf] * 7])
    assert drawn(many.plot)[0].get_xlabel().endswith("diverged, not drawn: 2, 3, 4, 5, 6 and 2 more")


def test_two_regularizers_are_a_map_with_marks():
    ax, lines = drawn(PAIR.plot)
    # the strongest at the lower left: L2 1, 0.1, 0 to the right, dropout 0.5, 0 upward
    np.testing.assert_array_equal(ax.images[0].get_array(), [[9.0, 1.05, 1.2], [8.0, 1.08, 1.0]])
    assert [label.get_text() for label in ax.get_xticklabels()] == ["0", "0.1", "1"]
    assert ax.get_xticks().tolist() == [2, 1, 0]
    assert [label.get_text() for label in ax.get_yticklabels()] == ["0", "0.5"]
    assert points(lines["best"]).tolist() == [[2, 1]]
    assert points(lines["best_1se"]).tolist() == [[1, 0]]
    assert "strength_min = (0, 0)" in ax.get_xlabel()
    assert ax.get_ylabel() == "Dropout: dropout rate"
    one = make_path(GRID, [1.2, 1.0, np.inf, 8.0, 1.05, 1.08], PAIR.regularizers)
    ax, _ = drawn(one.plot)
    assert ax.images[0].get_array().mask.tolist() == [[True, False, False], [False] * 3]
    assert [text.get_text() for text in ax.texts] == [r"$\times$"]
    assert "diverged, not drawn: (1, 0.5)" in ax.get_xlabel()


def test_folds_are_lines_with_their_least_losses_and_many_are_background():
    ax, lines = drawn(PATH.plot_folds)
    for k, shift in enumerate((-0.1, 0.1)):
        np.testing.assert_allclose(points(lines[f"fold {k}"])[:, 1], LOSS[[2, 3, 0, 4, 1]] + shift)
    np.testing.assert_allclose(points(lines["mean"])[:, 1], LOSS[[2, 3, 0, 4, 1]])
    assert "strength_1se 1" in lines
    assert {text.get_text() for text in annotations(ax)} == {"fold 0", "fold 1", "mean"}
    many = replace(PATH, valid_loss=np.repeat(PATH.valid_loss, 7, axis=1))
    ax, lines = drawn(many.plot_folds)
    (crowd,) = (each for each in ax.collections if isinstance(each, LineCollection))
    assert len(crowd.get_segments()) == 14
    assert [text.get_text() for text in annotations(ax)] == ["mean of\n14 folds"]


def test_epochs_are_means_over_folds_and_seeds():
    ax, lines = drawn(PATH.plot_epochs)
    np.testing.assert_array_equal(lines["held out"].get_xdata(), [1, 2, 3, 4])
    np.testing.assert_allclose(lines["held out"].get_ydata(), 1.0 + np.linspace(0.5, 0, 4))
    np.testing.assert_allclose(lines["training"].get_ydata(), 0.5 + np.linspace(0.25, 0, 4))
    assert set(lines["least held-out loss at epoch 4"].get_xdata()) == {4}
    assert ax.get_xlabel() == "epoch\nL2: penalty strength = 0.1"
    ax, lines = drawn(PATH.plot_epochs, ["1se", 0, 0.0, "min"])
    assert {text.get_text() for text in annotations(ax)} == {"strength 1", "strength 0", "strength 0.1"}
    np.testing.assert_allclose(lines["held out, strength 1"].get_ydata()[-1], 1.05)
    np.testing.assert_allclose(lines["training, strength 0"].get_ydata()[-1], 0.7)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["held out", "training"]
    ax, _ = drawn(PAIR.plot_epochs, (0.1, 0.5))
    assert ax.get_xlabel() == "epoch\nL2: penalty strength = 0.1\nDropout: dropout rate = 0.5"
    assert len(annotations(drawn(PAIR.plot_epochs, [(0.1, 0.5), "min"])[0])) == 2


def test_epochs_of_early_stopping_are_those_of_the_whole_run():
    kept = np.array([2, 4, 1])[:, None, None]
    path = make_path([0.5, 0.0, 1.0], [1.0, 1.2, 2.0], (EarlyStopping(),), kept=kept)
    np.testing.assert_allclose(drawn(path.plot_epochs)[1]["held out"].get_ydata()[-1], 1.2)
    _, lines = drawn(path.plot_epochs, "min")
    assert set(lines["kept: epoch 2"].get_xdata()) == {2}
    assert drawn(path.plot)[0].get_xlabel() == "EarlyStopping: 1 / epochs"
    assert "Parameters are those after 2 of 4 epochs." in path.summary()
    patient = make_path([0.0], [1.0], (EarlyStopping(patience=1),), kept=[[1, 2], [3, 3]])
    _, lines = drawn(patient.plot_epochs)
    assert set(lines["kept: epoch 2.25 on average"].get_xdata()) == {2.25}
    assert "Parameters are those after 2.25 of 4 epochs on average, from 1 to 3." in patient.summary()


def test_epochs_of_what_diverged_end():
    path = make_path(STRENGTHS, [1.0, 1.4, np.inf, 1.05, 1.3])
    path.valid_loss[2, 0, 0, 1:], path.train_loss[2, :, :, 1] = np.inf, 0.4
    ax, lines = drawn(path.plot_epochs, [10, 1])
    assert points(lines["held out, strength 10"]).tolist() == [[1, 1]]
    assert len(points(lines["training, strength 10"])) == 2
    assert ax.get_xlabel().endswith("\ncurves end where a loss became NaN or infinite")
    path.valid_loss[2] = np.nan
    with pytest.raises(ValueError, match="strength 10 diverged in the first epoch"):
        path.plot_epochs([1, 10], ax=new_axes())


@pytest.mark.parametrize(
    ("of", "message"),
    [
        (lambda: make_path(np.ones((1, 3)), [1.0], (neural.L2(),) * 3).plot(), "path has 3 regularizers"),
        (lambda: PAIR.plot_folds(), "path has 2 regularizers; plot_folds draws one"),
        (lambda: PATH.plot_epochs(0.2), "strength is 0.2, which was not trained; the nearest that was is 0.1"),
        (lambda: PATH.plot_epochs("best"), "strength is 'best'; give one of 'min', '1se'"),
        (lambda: PATH.plot_epochs([]), "strength is empty"),
        (lambda: PATH.plot_epochs((0.1, [0.0])), r"strength is \[0.0\]; give one of the strengths"),
        (lambda: PAIR.plot_epochs(0.1), "strength is 0.1; give one of the strengths, 'min' or '1se'"),
        (lambda: make_path(range(11), np.ones(11)).plot_epochs(range(11)), "strength has 11 entries; give up to 10"),
        (lambda: PATH.predict(np.ones((1, 3)), np.nan), "strength is nan"),
        (lambda: PATH.predict(np.ones((1, 3)), "x"), "strength is 'x'"),
        (lambda: PATH.select("aic"), "rule is 'aic'"),
    ],
)
def test_bad_arguments(of, message):
    with pytest.raises(ValueError, match=message):
        of()


def test_frames_are_the_numbers_of_the_figures():
    pytest.importorskip("pandas")
    frame = PATH.plot.frame()
    assert list(frame) == ["strength", "mean_loss", "std_error", "train_loss"]
    np.testing.assert_allclose(frame, np.column_stack([STRENGTHS, LOSS, np.full(5, 0.1), LOSS / 2]))
    assert list(PAIR.plot.frame()) == ["strength_L2", "strength_Dropout", "mean_loss", "std_error", "train_loss"]
    twice = make_path(GRID, np.ones(6), (neural.Dropout(), neural.Dropout(inputs=True)))
    assert list(twice.plot.frame())[:2] == ["strength_Dropout_1", "strength_Dropout_2"]
    frame = PATH.plot_epochs.frame([0, 0.1])
    assert list(frame) == ["strength", "epoch", "mean_loss", "train_loss"]
    np.testing.assert_allclose(frame.mean_loss[frame.strength == 0], 1.4 + np.linspace(0.5, 0, 4))
    frame = PATH.plot_folds.frame()
    np.testing.assert_allclose(frame.loss[frame.fold == 1], LOSS + 0.1)
    np.testing.assert_array_equal(frame.strength[frame.fold == 1], STRENGTHS)
    frame = make_path([1.0, 2.0], [1.0, np.inf]).to_frame()
    assert frame.kept_epoch.tolist() == [4, 4]
    assert frame.diverged.tolist() == [0, 4]


def test_text_says_what_was_chosen_and_why():
    assert repr(PATH) == ("<NeuralPath: Linear with L2: 5 strengths x 2 folds x 2 seeds, 4 epochs, mean squared error>")
    lines = PATH.summary().splitlines()
    assert str(PATH) == PATH.summary()
    assert lines[1].split() == ["rule", "strength", "loss", "std_error", "train_loss", "epochs"]
    assert [line.split() for line in lines[2:5]] == [
        ["min", "0.1", "1", "0.1", "0.5", "4"],
        ["1se", "1", "1.05", "0.1", "0.525", "4"],
        ["none", "0", "1.4", "0.1", "0.7", "4"],
    ]
    assert lines[5:] == [
        "The held-out loss is least, 1, at strength 0.1; the training loss there is 0.5.",
        "The strongest regularization within one standard error, 0.1, is strength 1.",
    ]
    html = PATH._repr_html_()
    assert "<th>train_loss</th>" in html
    assert "<td>0.525</td>" in html
    assert "least, 1, at strength 0.1" in html
    assert repr(PATH.select()) == (
        "<NeuralSelection: strength 0.1, index 0, loss 1, std_error 0.1, 4 parameters in 2 arrays>"
    )
    assert "(0.1, 0.5)" in PAIR.summary()
    one = make_path([1.0, 2.0], [1.0, 2.0], error=0.0, seeds=1)
    one = replace(one, valid_loss=one.valid_loss[:, :1])
    assert "One fold and one seed have no standard error." in one.summary()


@pytest.mark.parametrize(
    ("strengths", "regularizer", "best", "said"),
    [
        ([0.1, 1.0], neural.L2(), 0.1, "That is the smallest strength of L2: smaller ones, or 0, may do better."),
        ([0.0, 1.0], neural.L2(), 0.0, None),
        ([0.0, 1.0], neural.L2(), 1.0, "That is the largest strength of L2: larger ones may do better."),
        ([0.0, 1.0], neural.BatchNorm(), 1.0, None),
        ([0.0, 1.0], EarlyStopping(), 0.0, "That is the last epoch: more epochs may do better."),
    ],
)
def test_the_ends_of_the_grid_are_named(strengths, regularizer, best, said):
    summary = make_path(strengths, 1 + (np.array(strengths) != best), (regularizer,)).summary()
    assert [line for line in summary.splitlines() if line.startswith("That")] == ([said] if said else [])


def test_what_diverged_is_in_the_text():
    path = make_path(STRENGTHS, [1.0, 1.4, np.inf, 1.05, np.nan])
    assert "; 8 of 20 lanes diverged>" in repr(path)
    said = "Lanes diverged at strength 10, 0.001, which is never chosen: train with a smaller step size."
    assert path.summary().splitlines()[-1] == said


@pytest.fixture(scope="module")
def fitted():
    """Early stopping beside a penalty: a network is trained for two penalties, and judged after 1 epoch and after 3."""
    rng = np.random.default_rng(0)
    X = rng.standard_normal((40, 3))
    y = X @ [1.0, -1.0, 0.0] + 0.1 * rng.standard_normal(40)
    regularizers = (EarlyStopping(), neural.L2())
    model = neural.MLP((4,))
    strengths = ([1.0, 0.0], [0.0, 0.1])
    return X, neural.fit_path(
        model,
        X,
        y,
        regularizer=regularizers,
        strengths=strengths,
        cv=2,
        optimizer=optax.sgd(0.1),
        epochs=3,
        batch_size=8,
    )


def test_a_fit_learns_and_knows_its_regularizers_in_their_order(fitted):
    _, path = fitted
    assert path.regularizers == (EarlyStopping(), neural.L2())
    assert path.strengths.tolist() == [[1, 0], [1, 0.1], [0, 0], [0, 0.1]]
    np.testing.assert_array_equal(path.kept_epoch[:, 0, 0], [1, 1, 3, 3])
    assert (path.train_loss[2, ..., -1] < 0.9 * path.train_loss[0, ..., -1]).all()
    for layer in path.params.values():  # 2 epochs apart
        assert np.abs(layer["kernel"][2] - layer["kernel"][0]).max() > 1e-2
    assert list(path.plot.frame())[:2] == ["strength_EarlyStopping", "strength_L2"]
    assert path.plot(ax=new_axes()).get_xlabel().startswith("EarlyStopping: 1 / epochs")


def test_a_path_goes_into_a_pickle_with_the_functions_of_its_model(fitted):
    X, path = fitted
    for again in (pickle.loads(pickle.dumps(path)), copy.deepcopy(path)):
        assert again.model == path.model  # jax.nn.relu, which pickle does not take
        assert again.model.activation is path.model.activation
        np.testing.assert_array_equal(again.predict(X, (0.0, 0.1)), path.predict(X, (0.0, 0.1)))
        assert again.summary() == path.summary()


def test_figures_are_methods_and_functions():
    figure = Figure()
    for name in ("plot_strengths", "plot_strength_folds", "plot_epochs"):
        function = getattr(plotting, name)
        ax = figure.subplots()
        assert function(PATH, ax=ax) is ax
        assert name in plotting.__all__
    assert NeuralPath.plot is plotting.plot_strengths


def test_every_regularizer_says_what_its_strength_is():
    kinds = [kind for kind in neural.Regularizer.__subclasses__() if kind.__module__.startswith("jaxreg.")]
    assert len(kinds) >= 15
    assert all(kind.quantity != neural.Regularizer.quantity for kind in kinds)
