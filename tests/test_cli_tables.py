"""Tables that nobody prepared: from a file to predictions of new rows by the command line alone."""

import numpy as np
import pytest

import jaxreg as jr

pytest.importorskip("typer")
pytest.importorskip("sklearn")
pd = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

from command_line import assert_fails, assert_told, call, what_works
from instances import few

from jaxreg import tables

N, NEW = 90, 12
FEW = ["--n-lambdas", "10", "--folds", "4"]


def houses():
    """What an office exports: identifiers, dates, thousands, currencies, categories, missing values."""
    rng = np.random.default_rng(0)
    area, town = rng.uniform(40, 200, N).round(1), rng.choice(["Rome", "Bern", "Oslo"], N)
    price = 300_000 + 2_000 * area + 40_000 * (town == "Rome") + rng.normal(0, 8_000, N)
    frame = pd.DataFrame(
        {
            "id": [f"H-{i:04d}" for i in rng.permutation(N)],
            "sold": pd.date_range("2019-01-03", periods=N, freq="9D").strftime("%Y-%m-%d"),
            "price": [f"{each:,.0f}" for each in price],
            "area": area,
            "town": town,
            "heating": rng.choice(["gas", "oil", "wood"], N),
            "garden": rng.choice(["yes", "no"], N),
            "rooms": [str(each) for each in rng.integers(1, 7, N)],
            "tax": [f"${each:,.2f}" for each in rng.uniform(500, 4_000, N)],
        }
    )
    frame.loc[rng.choice(N, 9, replace=False), "area"] = np.nan
    frame.loc[rng.choice(N, 9, replace=False), "heating"] = None
    frame.loc[rng.choice(N, 5, replace=False), "rooms"] = "?"
    return frame


def german():
    frame = houses()[["area", "town"]].dropna()
    frame["Preis"] = [f"{1_000 * area:,.2f}".translate(str.maketrans(",.", ".,")) for area in frame["area"]]
    frame["Fläche"] = [f"{area:.1f}".replace(".", ",") for area in frame.pop("area")]
    frame["Datum"] = pd.date_range("2019-01-03", periods=len(frame), freq="40D").strftime("%d.%m.%Y")
    return frame


def times():
    when = pd.date_range("2023-11-01", periods=N, freq="31h")
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "when": when,
            "zoned": (when + pd.Timedelta(hours=3)).tz_localize("Europe/Zurich"),
            "took": pd.to_timedelta(rng.integers(1, 90, N), unit="m"),
            "kind": pd.Categorical(rng.choice(["a", "b"], N)),
            "load": rng.normal(size=N) + np.arange(N) / 10,
        }
    )


@pytest.fixture
def here(tmp_path, monkeypatch):
    """The three tables, in the folder where the commands run."""
    monkeypatch.chdir(tmp_path)
    houses().iloc[NEW:].to_csv("houses.csv", index=False)
    houses().iloc[:NEW].to_csv("test.csv", index=False)
    houses().iloc[:NEW].drop(columns="price").to_csv("new.csv", index=False)
    german().to_csv("haus.csv", index=False, sep=";", encoding="cp1252")
    return tmp_path


def test_from_a_raw_file_to_predictions_of_new_rows(here):
    told = call("cv", "houses.csv", "--target", "price", *FEW)
    assert_told(
        told,
        "target 'price' holds numbers as text",
        "'id' has another text in each of its 78 rows, such as",
        "'sold' holds dates, such as '2019-04-21': --dates parts, --dates numbers, or --drop sold.",
        "): --na '?', --categorical rooms, or --drop rooms.",
        "'tax' holds numbers as text, such as '$",
        "missing values in 'area' (9), 'heating' (",
    )
    assert not (here / "jaxreg-cv").exists()
    result = call(*what_works(told), "--test", "test.csv")
    assert result.exit_code == 0, result.output
    fitted = tables.Model.load("jaxreg-cv/model.npz")
    assert [column.name for column in fitted.encoding.columns] == list(houses().drop(columns=["id", "price"]))

    predicted = call("predict", "jaxreg-cv/model.npz", "new.csv")
    assert predicted.exit_code == 0
    filled = "missing values are filled with means of the rows that the fit was trained on: 'heating' (1)."
    assert predicted.stderr == f"Note: {filled}\n"
    assert predicted.stdout == f"Wrote {NEW} predictions to predictions.csv.\n"
    predictions = pd.read_csv("predictions.csv")
    assert predictions["id"].tolist() == houses()["id"][:NEW].tolist()
    X = fitted.encoding.transform("new.csv")
    assert X.isna().any(axis=None)
    np.testing.assert_allclose(predictions["prediction"], fitted.path.predict(X, fitted.lam))
    truth = houses()["price"][:NEW].str.replace(",", "").astype(float)
    error = np.sqrt(np.mean((truth - predictions["prediction"]) ** 2))
    said = f"test.csv: {NEW} rows, RMSE {error:.5g}, MAE "
    assert said in result.stdout
    assert said in (here / "jaxreg-cv" / "summary.txt").read_text("utf-8")
    assert error < truth.std() / 2
    judged = call("predict", "jaxreg-cv/model.npz", "test.csv", "--lam", fitted.lam, "--out", "deep/p.csv")
    assert said in judged.stdout
    assert (here / "deep" / "p.csv").is_file()


def test_the_script_gives_what_the_command_gave(here, capsys, monkeypatch):
    houses().assign(w=1.0 + np.arange(N) % 3, street=np.arange(N) % 9).to_csv("houses.csv", index=False)
    options = ["--drop", "id", "--dates", "parts", "--missing", "impute", "--na", "?", "--units", "$"]
    options += ["--thousands", ",", "--weights", "w", "--groups", "street", "--rule", "1se"]
    options += ["--penalty", "grouplasso"]
    result = call("cv", "houses.csv", "--target", "price", *options, "--n-lambdas", "5", "--folds", "3")
    assert result.exit_code == 0, result.output
    names = {}
    monkeypatch.chdir(here / "jaxreg-cv")  # from any folder
    exec((here / "jaxreg-cv" / "reproduce.py").read_text("utf-8"), names)
    fitted = tables.Model.load("model.npz")
    assert names["choice"].lam == fitted.lam
    intercept, coef = fitted.path.coef_at(fitted.lam)
    np.testing.assert_allclose(names["choice"].coef, coef, rtol=0, atol=1e-9 * np.abs(coef).max())
    assert np.isclose(names["choice"].intercept, intercept)
    assert "Selection by 1se" in capsys.readouterr().out
    assert "penalty_groups = " in (here / "jaxreg-cv" / "reproduce.py").read_text("utf-8")


def written(frame, name):
    getattr(frame, "to_parquet" if name.endswith("parquet") else "to_csv")(
        name, **({} if "parquet" in name else {"index": False})
    )


CASES = {
    "haus.csv": (german, "Preis", 4 - 1),
    "times.parquet": (times, "load", 5 - 1),
    "typos.csv": (lambda: houses().assign(price=1.5 * np.arange(N)), "Prce", 8 - 1),
    "classes.csv": (lambda: houses()[["garden", "area", "town"]], "garden", 2),
    "months.csv": (lambda: pd.DataFrame({"d": [f"0{m}/05/2021" for m in range(1, 10)] * 4, "y": range(36)}), "y", 1),
    "days.csv": (
        lambda: pd.DataFrame({"d": ["0000-00-00", *pd.date_range("2021-01-05", periods=20)], "y": range(21)}),
        "y",
        1,
    ),
    "names.csv": (
        lambda: pd.DataFrame({"a b": [f"it's {i}" for i in range(20)], "x": [7, 1, 5, 2] * 5, "y": range(20)}),
        "y",
        1,
    ),
    "empty.csv": (
        lambda: pd.DataFrame({"a": [None] * 9, "x": [1, np.inf, 3] * 3, "z": range(9), "y": range(9)}),
        "y",
        1,
    ),
    "gaps.csv": (lambda: pd.DataFrame({"x": [1, 2, 3] * 4, "y": [1, 2, None] * 4}), "y", 1),
    "signs.csv": (lambda: pd.DataFrame({"x": ["1,5 %", "2,25 %", "-"] * 4, "y": range(12)}), "y", 1),
}


@pytest.mark.parametrize("name", CASES)
def test_the_options_of_an_error_settle_it(here, name):
    make, target, predictors = CASES[name]
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    if name != "haus.csv":
        written(make(), name)
    with pytest.raises(tables.TableError) as error:
        tables.read(name, target)
    table = tables.read(name, **error.value.options)
    assert len(table.encoding.columns) == predictors
    assert table.X.notna().all(axis=None) or error.value.options["missing"] == "impute"


@pytest.mark.parametrize("name", few(CASES, "haus.csv"))
def test_the_command_at_the_end_of_an_error_works(here, name):
    make, target, predictors = CASES[name]
    if name.endswith("parquet"):
        pytest.importorskip("pyarrow")
    if name != "haus.csv":
        written(make(), name)
    told = call("path", name, "--target", target, "--n-lambdas", "5", "--out", "out")
    assert_told(told, "This works: jaxreg path ")
    assert not (here / "out").exists()
    result = call(*what_works(told))
    assert result.exit_code == 0, result.output
    assert {"path.png", "coefficients.csv", "summary.txt", "reproduce.py"} == {
        file.name for file in (here / "out").iterdir()
    }
    names = {}
    exec((here / "out" / "reproduce.py").read_text("utf-8"), names)
    assert len(names["table"].encoding.columns) == predictors


def test_names_with_typos_are_put_right(here):
    typos = [
        "--target=Price",
        "--drop",
        "ID",
        "--drop",
        "tax",
        "--categorical",
        "roms",
        "--dates",
        "parts",
        "--weights=Area",
    ]
    told = call("path", "houses.csv", *typos, "--missing", "drop", "--thousands", ",")
    assert_told(told, "target is 'Price'", "drop is 'ID'", "categorical is 'roms'", "weights is 'Area'")
    kept = ["path", "houses.csv", "--target", "price", "--drop", "tax", "--dates", "parts", "--weights", "area"]
    found = what_works(told)
    assert found == [*kept, "--missing", "drop", "--thousands", ",", "--drop", "id", "--categorical", "rooms"]


# ---- new rows that differ ----


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    file = tmp_path_factory.mktemp("model") / "model.npz"
    frame = houses().dropna().assign(price=np.arange(len(houses().dropna())) * 1.0, floor=lambda frame: frame["area"])
    options = {"drop": ["id"], "dates": "parts", "units": ["$"], "thousands": ",", "categorical": ["rooms"]}
    table = tables.read(frame, "price", **options)
    tables.Model(jr.fit_path(table.X, table.y, lambdas=[1.0]), table.encoding, 1.0).save(file)
    return file, frame


@pytest.mark.parametrize(
    ("change", "parts"),
    [
        (
            {"town": "Paris"},
            ["'town' has levels that the fit has not seen, 'Paris' in rows 1, 2, 3 and", "--unknown zero"],
        ),
        ({"area": "large"}, ["'area' needs numbers, but has 'large' in rows 1"]),
        ({"area": np.inf}, ["'area' has infinite values, 'inf' in rows 1"]),
        ({"area": None, "town": None}, ["missing values in 'area' (", "'town' (", "missing='impute'"]),
        ({"sold": "03.01.2019"}, ["'sold' needs dates written as %Y-%m-%d, but has '03.01.2019' in rows 1"]),
        ({"tax": "€ 5"}, ["'tax' needs numbers, but has '€ 5'"]),
    ],
)
def test_new_rows_that_differ_are_refused(model, tmp_path, change, parts):
    file, frame = model
    frame.assign(**change).to_csv(tmp_path / "new.csv", index=False)
    assert_told(call("predict", file, tmp_path / "new.csv", "--out", tmp_path / "p.csv"), *parts)
    assert not (tmp_path / "p.csv").exists()


def test_all_that_differs_is_told_at_once(model, tmp_path):
    file, frame = model
    frame.drop(columns=["area", "floor"]).assign(Area=1.0, town="Paris", tax="?").to_csv(
        tmp_path / "new.csv", index=False
    )
    told = call("predict", file, tmp_path / "new.csv")
    absent = (
        "the fit has used the columns 'area', 'floor', which the table has not ('Area' may be 'area'); add or rename."
    )
    assert_told(told, absent, "'Paris'", "'tax' needs numbers")


def test_unknown_levels_may_be_none_of_the_known_ones(model, tmp_path):
    file, frame = model
    new = frame.assign(town="Paris", more=1).sample(frac=1, random_state=0)[::-1].drop(columns="price")
    new[sorted(new)].to_csv(tmp_path / "new.csv", index=False)
    told = call("predict", file, tmp_path / "new.csv", "--out", tmp_path / "p.csv")
    result = call(*what_works(told))
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [
        f"Note: 'town' has levels that the fit has not seen, 'Paris' in rows 1, 2, 3 and {len(new) - 3} more; none of "
        "its columns is 1 there.",
        "Note: what the fit has not used is left out: 'more'.",
    ]
    fitted = tables.Model.load(file)
    X = fitted.encoding.transform(new, unknown="zero")
    assert not X.filter(like="town=").to_numpy().any()
    predictions = pd.read_csv(tmp_path / "p.csv")
    np.testing.assert_allclose(predictions["prediction"], fitted.path.predict(X, 1.0))
    assert predictions["id"].tolist() == new["id"].tolist()


def test_an_encoding_does_the_same_to_its_own_table_after_json(model):
    _, frame = model
    table = tables.read(frame, "price", drop=["id"], dates="parts", units=["$"], thousands=",", categorical=["rooms"])
    again = tables.Encoding.from_json(table.encoding.to_json())
    assert again == table.encoding
    pd.testing.assert_frame_equal(again.transform(frame), table.X)
    assert set(again.sources) == {column.name for column in again.columns}
    assert len(again.sources) == len(again.names) == table.X.shape[1]


def test_other_files_are_no_models(here, tmp_path):
    assert_fails(call("predict", "houses.csv", "new.csv"), "houses.csv", "Give the model.npz that `jaxreg cv` wrote.")
    assert_fails(call("predict", "absent.npz", "new.csv"), "absent.npz")


def test_a_test_file_without_the_target_is_refused(here):
    frame = pd.DataFrame({"x": [1.5, 2, 3, 5] * 5, "y": range(20)})
    frame.to_csv("data.csv", index=False)
    frame[["x"]].to_csv("x.csv", index=False)
    assert_told(call("cv", "data.csv", "--target", "y", "--test", "x.csv"), "x.csv", "there is no column 'y' to judge")
    frame.rename(columns={"x": "z"}).to_csv("z.csv", index=False)
    assert_told(call("cv", "data.csv", "--target", "y", "--test", "z.csv"), "z.csv", "the column 'x', which")
    assert not (here / "jaxreg-cv").exists()


@pytest.mark.slow
def test_classes_are_predicted(here):
    houses().dropna().to_csv("houses.csv", index=False)
    options = ["--drop", "id", "--drop", "sold", "--drop", "tax", "--drop", "price", "--drop", "rooms"]
    result = call("cv", "houses.csv", "--target", "garden", "--loss", "squaredhinge", *options, *FEW)
    assert result.exit_code == 0, result.output
    assert "Note: target 'garden' has two classes, 'no' and 'yes': what is predicted is 'yes'.\n" in result.stderr
    result = call("predict", "jaxreg-cv/model.npz", "houses.csv")
    assert "rows, accuracy 0." in result.stdout
    predictions = pd.read_csv("predictions.csv")
    assert ((predictions["class"] == "yes") == (predictions["prediction"] > 0)).all()
