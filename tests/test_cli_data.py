"""Tables of the command line: what becomes a number, what a level, and what is refused."""

import datetime
import decimal

import numpy as np
import pytest

import jaxreg as jr

pd = pytest.importorskip("pandas")

from jaxreg import _tables

N = 60


def houses():
    """Numbers of few digits, which every CSV parser reads exactly, and text."""
    rng = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "town": rng.choice(["Rome", "Bern", "Oslo"], N),
            "area": rng.uniform(40, 200, N).round(1),
            "garden": rng.choice([True, False], N),
            "zip": rng.choice([100, 200, 300], N),
            "heating": rng.choice(["yes", "no"], N),
            "rooms": rng.integers(1, 6, N),
        }
    )
    frame["price"] = (3 * frame["area"] + 40 * (frame["town"] == "Rome") + rng.normal(0, 10, N)).round(1)
    return frame


@pytest.fixture
def load(tmp_path):
    """Writes a frame and loads it; `parquet` keeps the types that CSV has no place for."""

    def write_and_load(frame, target="price", parquet=False, **columns):
        file = tmp_path / ("table.parquet" if parquet else "table.csv")
        if parquet:
            pytest.importorskip("pyarrow")
            frame.to_parquet(file)
        else:
            frame.to_csv(file, index=False)
        return _tables.load(file, target, **columns)

    return write_and_load


@pytest.mark.parametrize("parquet", [False, True])
def test_levels_are_those_of_pandas_in_the_place_of_their_column(load, parquet):
    table = load(houses(), parquet=parquet, categorical=["zip"])
    towns, zips, heating = ["town=Bern", "town=Oslo", "town=Rome"], ["zip=100", "zip=200", "zip=300"], ["no", "yes"]
    heating = [f"heating={each}" for each in heating]
    assert list(table.X.columns) == [*towns, "area", "garden", *zips, *heating, "rooms"]
    features = houses().drop(columns="price")
    expected = pd.get_dummies(features, columns=["town", "zip", "heating"], prefix_sep="=", dtype=float)
    pd.testing.assert_frame_equal(table.X, expected[list(table.X.columns)].astype(float))
    np.testing.assert_array_equal(table.y, houses()["price"])
    assert table.notes == [
        "'town' has 3 levels and became 3 columns: 'town=Bern', 'town=Oslo', 'town=Rome'.",
        "'zip' has 3 levels and became 3 columns: 'zip=100', 'zip=200', 'zip=300'.",
        "'heating' has 2 levels and became 2 columns: 'heating=no', 'heating=yes'.",
    ]


def test_every_column_has_one_role(load):
    frame = houses().assign(w=1.5)
    table = load(frame, weights="w", groups="town", drop=["zip", "heating", "garden"])
    assert list(table.X.columns) == ["area", "rooms"]
    assert table.notes == []
    assert table.weight.tolist() == [1.5] * N
    assert table.groups.tolist() == frame["town"].tolist()


def test_long_lists_of_levels_are_shortened(load):
    frame = houses()[["price"]].assign(street=[f"s{i % 12:02d}" for i in range(N)])
    levels = ", ".join(f"'street=s{i:02d}'" for i in range(5))
    assert load(frame).notes == [f"'street' has 12 levels and became 12 columns: {levels} and 7 more."]


def test_what_parquet_tells_of_types_counts(load):
    frame = houses()[["price"]]
    frame["grade"] = pd.Categorical(["b", "a"] * (N // 2), categories=["c", "b", "a"])
    frame["cost"] = [decimal.Decimal(i) / 4 for i in range(N)]
    frame["known"] = pd.array([True, False, None] * (N // 3), dtype="boolean")
    table = load(frame.set_index(frame.index + 7), parquet=True)
    assert list(table.X.columns) == ["grade=c", "grade=b", "grade=a", "cost", "known"]
    assert table.X["grade=c"].sum() == 0  # a level of the file, though no row has it
    assert table.X["cost"].tolist() == [i / 4 for i in range(N)]
    assert table.X["known"].isna().sum() == N // 3  # which the fit refuses, by name
    with pytest.raises(ValueError, match=r"NaN or infinite values in column 'known'"):
        jr.fit_path(table.X, table.y)


DAYS = pd.date_range("2024-01-30", periods=N)
REFUSED = {
    "names": ([f"n{i}" for i in range(N)], r"60 levels, more than 50, such as 'n0'; .*\(--drop x\).*--categorical x"),
    "few rows": (["a", "b", "c"], "text with 3 levels, for 3 rows"),
    "decimal commas": (
        [f"{i},5" for i in range(N)],
        "holds numbers as text, such as '0,5'; read them with --decimal ,, ",
    ),
    "half the rows": (["a", "b", "c"] * 2, "text with 3 levels, for 6 rows, such as 'a'; .*--categorical x"),
    "bad cells": (["1", "2", "?"] * (N // 3), "2 of its 3 different values are numbers, but '[?]' is not"),
    "ISO dates": (DAYS.strftime("%Y-%m-%d"), "holds dates or times, such as '2024-01-30'; make numbers .*--drop x"),
    "few dates": (["2024-01-30 10:00", "2024-01-31 11:00"] * (N // 2), "holds dates or times"),
    "German dates": (DAYS.strftime("%d.%m.%Y"), "holds dates or times"),
    "holes": (["a", "b", None] * (N // 3), r"missing values .*: 'x' \(20\); name what is missing .*--drop x\."),
}


@pytest.mark.parametrize("name", REFUSED)
def test_text_that_is_no_category_is_refused(load, name):
    values, message = REFUSED[name]
    frame = houses()[["area", "price"]].iloc[: len(values)].assign(x=values)
    with pytest.raises(ValueError, match=message):
        load(frame)
    assert list(load(frame, drop=["x"]).X.columns) == ["area"]
    if name == "holes":
        with pytest.raises(ValueError, match="missing"):
            load(frame, categorical=["x"])
    else:
        table = load(frame, categorical=["x"])
        assert table.X.shape[1] == 1 + frame["x"].nunique()
        assert (table.X.drop(columns="area").sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (DAYS, "holds dates or times, such as '2024-01-30"),
        ([datetime.date(2024, 1, 30)] * N, "holds dates or times, such as '2024-01-30'"),
        (pd.to_timedelta(range(N), unit="D"), "holds dates or times"),
        ([[1, 2]] * N, "neither numbers nor text; leave it out: --drop 'the x'"),
        (["1", "2"] * (N // 2), "holds numbers as text, such as '1'; make numbers of them in the file"),
        ([None] * N, r"'the x' \(60\); name .*--drop 'the x'"),
    ],
)
def test_types_of_parquet_that_are_no_category_are_refused(load, values, message):
    frame = houses()[["area", "price"]].assign(**{"the x": values})
    with pytest.raises(ValueError, match=message):
        load(frame, parquet=True)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"target": "town"}, "--target 'town' has values that are not numbers, such as 'Oslo'"),
        ({"target": "Rooms"}, "--target is 'Rooms', which is not a column. Did you mean 'rooms'?"),
        ({"weights": "town"}, "--weights 'town' has values that are not numbers"),
        ({"drop": ["towns"]}, "--drop is 'towns', which is not a column. Did you mean 'town'?"),
        ({"categorical": ["zap"]}, "--categorical is 'zap', which is not a column. Did you mean 'zip'?"),
        ({"groups": "price"}, "--target and --groups are both 'price'; give two columns"),
        ({"drop": ["zip"], "categorical": ["zip"]}, "--drop and --categorical are both 'zip'"),
        ({"drop": [name for name in houses() if name != "price"]}, "no column left to predict 'price' from"),
    ],
)
def test_wrong_columns_are_named(load, columns, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the message is compared below)
        load(houses(), **columns)
    assert message in str(error.value)


def test_the_bad_cell_of_a_target_is_shown(load):
    frame = houses().assign(price=["12.5", "13", "n.a."] * (N // 3))
    with pytest.raises(ValueError, match=r"--target 'price' has values that are not numbers, such as 'n.a.'"):
        load(frame)


def test_levels_must_not_take_the_name_of_a_column(load):
    with pytest.raises(ValueError, match="two columns called 'town=Rome'; rename"):
        load(houses().assign(**{"town=Rome": 1.0}))
