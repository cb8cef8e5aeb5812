"""Families on the command line and in tables: which one a table has, what is refused, and what is written."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import jaxreg as jr

pytest.importorskip("typer")
pd = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

from command_line import assert_fails, assert_told, call, what_works
from reference import ar_problem

from jaxreg import tables
from jaxreg.losses._record import parameters_of

N = 60
X, SCORE = ar_problem(N, 3, 0.5, active=2, seed=0)
COLUMNS = ["a", "b", "c"]


def patients():
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(X.round(3), columns=COLUMNS)
    frame["ill"] = np.where(SCORE > 0, "yes", "no")
    frame["ward"] = np.array(["north", "south", "west"])[np.digitize(SCORE, [-1, 1])]
    frame["visits"] = rng.poisson(np.exp(0.2 * SCORE))
    frame["cost"] = np.exp(0.1 * SCORE).round(3) + 1
    frame["code"] = np.where(SCORE > 0, 2, 10)
    frame["share"] = np.linspace(0, 1, N).round(2)
    frame["time"] = rng.exponential(size=N).round(2) + 0.01
    frame["status"] = rng.choice(["alive", "dead"], N)
    frame["seen"] = rng.choice([0, 1], N)
    frame["center"] = rng.choice(["x", "y"], N)
    return frame


RESPONSES = [name for name in patients() if name not in COLUMNS]


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    patients().to_csv("data.csv", index=False)


def without(*used):
    """Options that leave out the other columns."""
    return [word for name in RESPONSES if name not in used for word in ("--drop", name)]


def asked(monkeypatch, *options, name="cv"):
    """The keywords of the fit that a command asks for, y among them."""
    seen = {}

    def fit(_, y, **keywords):
        seen.update(keywords, y=y)
        raise RuntimeError("no more is needed")

    monkeypatch.setattr(jr, "fit_cv", fit)
    result = call(name, "data.csv", *options)
    assert "no more is needed" in result.stderr, result.output
    return seen


L = jr.losses


@pytest.mark.parametrize(
    ("target", "options", "loss"),
    [
        ("ill", [], L.Binomial()),
        ("code", [], L.Binomial()),
        ("ill", ["--family", "binomial", "--link", "probit"], L.Binomial("probit")),
        ("share", ["--family", "binomial"], L.Binomial()),
        ("ward", [], L.Multinomial()),
        ("visits", [], None),
        ("visits", ["--family", "multinomial"], L.Multinomial()),
        ("visits", ["--family", "poisson"], L.Poisson()),
        ("visits", ["--family", "negative_binomial", "--theta", "2"], L.NegativeBinomial(2.0)),
        ("cost", [], None),
        ("cost", ["--family", "gamma"], L.Gamma()),
        ("cost", ["--family", "tweedie", "--power", "1.2"], L.Tweedie(1.2)),
        ("code", ["--family", "gaussian"], None),
        ("code", ["--loss", "squared"], None),
        ("ill", ["--loss", "squaredhinge"], L.SquaredHinge()),
    ],
)
def test_the_family_is_that_of_the_option_or_of_the_target(here, monkeypatch, target, options, loss):
    seen = asked(monkeypatch, "--target", target, *without(target), *options)
    assert repr(seen.get("loss")) == repr(loss)
    np.testing.assert_array_equal(seen["y"], patients()[target])


def test_survival_times_offsets_and_strata_come_to_the_fit(here, monkeypatch):
    used = ("time", "status", "center", "cost", "share")
    options = [
        "--time",
        "time",
        "--event",
        "status=dead",
        "--strata",
        "center",
        "--offset",
        "cost",
        "--weight",
        "share",
    ]
    seen = asked(monkeypatch, *options, *without(*used))
    assert repr(seen["loss"]) == repr(L.Cox())
    frame = patients()
    assert list(seen["y"]) == ["time", "event"]
    np.testing.assert_array_equal(seen["y"]["event"], frame["status"] == "dead")
    for keyword, name in (("strata", "center"), ("offset", "cost"), ("sample_weight", "share")):
        np.testing.assert_array_equal(seen[keyword], frame[name])


def test_an_event_that_is_not_clear_is_asked_for(here):
    told = call("cv", "data.csv", "--time", "time", "--event", "status")
    works = "--event status=dead, or --event status=alive"
    assert_told(told, "event 'status' has the values 'alive', 'dead'; say which one is the event", works)
    assert ["--event", "status=dead"] == what_works(told)[4:6]
    assert_told(call("cv", "data.csv", "--time", "tim", "--event", "statu=dead"), "tim", "--event status=dead")
    assert_told(call("cv", "data.csv", "--time", "time", "--event", "status=gone"), "has no value 'gone'")


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        ([], ["--target is missing; give the column to predict, or --time and --event"]),
        (["--target", "ill", "--family", "poison"], ["--family is 'poison'; give one of auto, gaussian, binomial"]),
        (["--target", "ill", "--family", "cox"], ["--family cox is for survival times; give --time and --event"]),
        (["--time", "time"], ["--time is for survival times, which need --event"]),
        (["--time", "time", "--event", "seen", "--target", "ill"], ["--target is 'ill', and --time is of survival"]),
        (["--time", "time", "--event", "seen", "--family", "gamma"], ["which --family gamma does not fit"]),
        (["--target", "ill", "--family", "gamma", "--loss", "huber:1"], ["--loss huber:1 and --family gamma both say"]),
        (["--target", "cost", "--power", "1.5"], ["--power is for --family tweedie; give both"]),
        (["--target", "cost", "--family", "tweedie", "--power", "3"], ["power is 3"]),
        (["--target", "ill", "--family", "binomial", "--link", "log"], ["link is 'log'; give 'logit'"]),
        (["--target", "ward", "--family", "binomial"], ["has 3, 'north', 'south', 'west'", "--family multinomial"]),
        (["--target", "visits", "--family", "binomial"], ["two classes, or shares from 0 to 1, but 'visits' has"]),
        (["--target", "ill", "--metric", "r2"], ["metric is 'r2', which is none of classes"]),
        (["--target", "ill", "--rule", "bic"], ["--rule bic is for the squared loss", "not for --family binomial"]),
        (["--time", "time", "--event", "seen", "--metric", "auc"], ["metric is 'auc'; give one of 'deviance', 'c_i"]),
    ],
)
def test_what_does_not_fit_a_family_is_refused(here, monkeypatch, options, parts):
    monkeypatch.setattr(jr, "fit_cv", None)
    assert_fails(call("cv", "data.csv", *options), *parts)


def test_text_of_many_kinds_is_no_class(here):
    patients().assign(name=[f"n{i}" for i in range(N)]).to_csv("data.csv", index=False)
    assert_told(call("cv", "data.csv", "--target", "name"), "'name' has values that are not numbers", "give a column")
    told = call("cv", "data.csv", "--target", "ward", "--loss", "huber:1", "--metric", "r2")
    assert_told(told, "'ward' has values that are not numbers, such as ", "; of 3 classes: --family auto")
    assert "--loss" not in what_works(told)


def test_reading_says_what_it_took_for_classes():
    frame = patients()
    several = tables.read(frame[[*COLUMNS, "ward"]], "ward", classes="auto")
    assert several.notes == ["target 'ward' has 3 classes: 'north', 'south', 'west'."]
    assert "classes=True" in several.source()
    numbers = tables.read(frame[[*COLUMNS, "cost"]], "cost", classes="auto")
    assert "classes" not in numbers.source()
    codes = tables.read(frame[[*COLUMNS, "code"]], "code", classes=True)
    assert codes.encoding.classes == ("2", "10")  # by size
    assert codes.y.tolist() == frame["code"].tolist()
    for wrong in ({"target": "ill", "time": "time"}, {"time": "time"}, {"target": "ill", "classes": "yes"}):
        with pytest.raises(ValueError, match=r"give one of both|need event, too|give True, False or 'auto'"):
            tables.read(frame, **wrong)


# ---- predictions ----


@pytest.fixture(scope="module")
def paths():
    """Of one response and of three, to have the coefficients of other losses."""
    frame, three = patients()[COLUMNS], np.stack([SCORE, -SCORE, X[:, 2]], axis=1)
    ridge = jr.penalties.Ridge()
    return {y.ndim: jr.fit_path(frame, y, penalty=ridge, lambdas=[0.5]) for y in (SCORE, three)}


def model_of(path, loss, response, **options):
    """A Model whose path has another loss."""
    table = tables.read(patients()[[*COLUMNS, *response]], **options)
    labels = None if table.encoding.classes is None else np.unique(table.y)
    fitted = replace(path, loss=repr(loss), loss_parameters=parameters_of(loss), link=loss.link, classes=labels)
    return tables.Model(fitted, table.encoding, 0.5), fitted.predict(table.X, 0.5), table


def test_classes_are_predicted_with_their_probabilities(paths, tmp_path):
    model, eta, table = model_of(paths[1], L.Binomial(), ["code"], target="code", classes=True)
    model.save(tmp_path / "model.npz")
    model = tables.Model.load(tmp_path / "model.npz")
    rows = model.encoding.rows(patients().astype({"code": float}))
    found = model.columns(rows)
    assert list(found) == ["class", "probability=2", "probability=10"]
    np.testing.assert_allclose(found["probability=10"], 1 / (1 + np.exp(-eta)))
    np.testing.assert_allclose(found["probability=2"] + found["probability=10"], 1)
    np.testing.assert_array_equal(found["class"], np.where(eta > 0, "10", "2"))
    scores = model.score(rows)
    assert (scores["rows"], scores["accuracy"]) == (N, np.mean((eta > 0) == (table.y == 10)))
    assert scores["AUC"] == pytest.approx(np.mean(np.subtract.outer(eta[table.y == 10], eta[table.y == 2]) > 0))
    some = model.encoding.rows(patients().assign(code=np.where(np.arange(N) < 9, 7, patients()["code"])))
    assert (some.judged.sum(), model.score(some)["rows"]) == (N - 9, N - 9)
    several, eta, _ = model_of(paths[2], L.Multinomial(), ["ward"], target="ward", classes=True)
    found = several.columns(several.encoding.rows(patients()))
    assert list(found) == ["class", "probability=north", "probability=south", "probability=west"]
    share = np.exp(eta) / np.exp(eta).sum(axis=1, keepdims=True)
    np.testing.assert_allclose(np.stack(list(found.values())[1:], axis=1).astype(float), share)
    np.testing.assert_array_equal(found["class"], np.array(["north", "south", "west"])[eta.argmax(axis=1)])


def test_survival_times_are_predicted_by_relative_risks(paths, tmp_path):
    path, options = replace(paths[1], offset_used=True), {"time": "time", "event": "seen", "offset": "cost"}
    table = tables.read(patients()[[*COLUMNS, "time", "seen", "cost"]], **options)
    loss = L.Cox()
    path = replace(path, loss=repr(loss), loss_parameters=parameters_of(loss), link=loss.link)
    tables.Model(path, table.encoding, 0.5).save(tmp_path / "model.npz")
    model = tables.Model.load(tmp_path / "model.npz")
    rows = model.encoding.rows(patients())
    eta = path.predict(table.X, 0.5, table.offset)
    np.testing.assert_allclose(model.columns(rows)["relative_risk"], np.exp(eta))
    (title, score) = list(model.score(rows).items())[1]
    assert (title, score) == ("C-index", pytest.approx(path.score(table.X, table.y, 0.5, offset=table.offset)))
    without_times = model.encoding.rows(patients().drop(columns=["time"]))
    assert not without_times.judged.any()
    with pytest.raises(tables.TableError, match="there is no column 'cost', the offset of the fit"):
        model.encoding.rows(patients().drop(columns="cost"))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said", "columns"),
    [
        (["--target", "ill"], "Family binomial: 'ill' has two values, 'no' and 'yes'", ["class", "probability=no"]),
        (["--target", "ward"], "Family multinomial: 'ward' has text of 3 kinds.", ["class", "probability=north"]),
        (["--target", "visits"], "if they count, --family poisson.", ["prediction"]),
        (["--target", "visits", "--family", "poisson"], "Cross-validated at the choice: deviance", ["prediction"]),
        (["--time", "time", "--event", "seen"], "Cross-validated at the choice: deviance", ["relative_risk"]),
    ],
)
def test_from_a_file_to_predictions(here, options, said, columns):
    dropped = without(*options[1::2])
    more = ["--n-lambdas", "6", "--folds", "3", "--report", "page.html", "--test", "data.csv"]
    result = call("cv", "data.csv", *options, *dropped, *more)
    assert result.exit_code == 0, result.output
    assert said in result.stdout
    result = call("predict", "jaxreg-cv/model.npz", "data.csv")
    assert result.exit_code == 0, result.output
    assert f"data.csv: {N} rows, " in result.stdout
    written = pd.read_csv("predictions.csv")
    assert set(columns) <= set(written)
    names = {}
    exec(Path("jaxreg-cv/reproduce.py").read_text("utf-8"), names)
    assert names["choice"].lam == tables.Model.load("jaxreg-cv/model.npz").lam
