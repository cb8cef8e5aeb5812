"""Tables of the command line: what becomes a number, what a level, and what is refused."""

import datetime
import decimal

import numpy as np
import pytest

pd = pytest.importorskip("pandas")

from jaxreg import tables

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
        return tables.read(file, target, **columns)

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
    table = load(frame.set_index(frame.index + 7), parquet=True, missing="impute")
    assert list(table.X.columns) == ["grade=c", "grade=b", "grade=a", "cost", "known"]
    assert table.X["grade=c"].sum() == 0  # a level of the file, though no row has it
    assert table.X["cost"].tolist() == [i / 4 for i in range(N)]
    assert table.X["known"].isna().sum() == N // 3


DAYS = pd.date_range("2024-01-30", periods=N)
REFUSED = {
    "names": ([f"n{i}" for i in range(N)], r"another text in each of its 60 rows, such as 'n0': drop=\['x'\], or cat"),
    "few rows": (["a", "b", "c"], "another text in each of its 3 rows"),
    "half the rows": (["a", "b", "c"] * 2, r"3 different texts in 6 rows, such as 'a': drop=\['x'\]"),
    "many levels": ([f"n{i % 60:02d}" for i in range(6 * N)], r"60 different texts .*: categorical=\['x'\], or drop"),
    "decimal commas": (
        [f"{i},5" for i in range(N)],
        "holds numbers as text, such as '0,5', in another notation than other columns",
    ),
    "bad cells": (["1", "2", "?"] * (N // 3), "holds numbers, but '[?]' is none: na="),
    "ISO dates": (DAYS.strftime("%Y-%m-%d"), "dates, such as '2024-01-30': dates='parts', dates='numbers', or drop"),
    "few dates": (["2024-01-30 10:00", "2024-01-31 11:00"] * (N // 2), "holds dates"),
    "German dates": (DAYS.strftime("%d.%m.%Y"), "holds dates"),
    "a bad date": ([*DAYS.strftime("%d %b %Y")[1:], "soon"], r"holds dates, .* but 'soon' is none: na=\['soon'\]"),
    "holes": (
        ["a", "b", None] * (N // 3),
        r"values in 'x' \(20\), and 40 of 60 rows are complete: missing='im",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_text_that_is_no_category_is_refused(load, name):
    values, message = REFUSED[name]
    frame = pd.concat([houses()[["area", "price"]]] * 6, ignore_index=True).iloc[: len(values)].assign(x=values)
    with pytest.raises(tables.TableError, match=message):
        load(frame)
    assert list(load(frame, drop=["x"]).X.columns) == ["area"]
    if name == "holes":
        with pytest.raises(tables.TableError, match="missing"):
            load(frame, categorical=["x"])
    else:
        table = load(frame, categorical=["x"])
        assert table.X.shape[1] == 1 + frame["x"].nunique()
        assert (table.X.drop(columns="area").sum(axis=1) == 1).all()


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (DAYS, "holds dates or times, such as '2024-01-30"),
        (DAYS.to_period("M"), "holds dates or times, such as '2024-01'"),
        ([datetime.date(2024, 1, 30)] * N, "holds dates or times, such as '2024-01-30'"),
        (pd.to_timedelta(range(N), unit="D"), "holds lengths of time"),
        ([[1, 2]] * N, r"neither numbers nor text: drop=\['the x'\]"),
        (["1", "2"] * (N // 2), "holds numbers as text, such as '1': decimal='.'"),
        ([None] * N, r"'the x' has no value at all: drop=\['the x'\]"),
        ([np.inf, 1.0] * (N // 2), r"'the x' has infinite values in 30 rows: drop"),
    ],
)
def test_types_of_parquet_that_are_no_category_are_refused(load, values, message):
    frame = houses()[["area", "price"]].assign(**{"the x": values})
    with pytest.raises(tables.TableError, match=message) as error:
        load(frame, parquet=True)
    options = dict(error.value.options)
    assert len(load(frame, parquet=True, **options).X) == N


# ---- dates ----


def parts(frame, name):
    """The columns that a date became, without its name."""
    return [column.removeprefix(f"{name}.") for column in frame.columns if column.startswith(f"{name}.")]


@pytest.mark.parametrize(
    "written", ["%Y-%m-%d", "%Y/%m/%d", "%d.%m.%Y", "%d/%m/%y", "%m/%d/%Y", "%b %d, %Y", "%d-%b-%Y"]
)
def test_dates_become_days_and_parts(load, written):
    frame = houses()[["area", "price"]].assign(sold=DAYS.strftime(written))
    numbers = load(frame, dates="numbers")
    assert list(numbers.X.columns) == ["area", "sold.days"]
    np.testing.assert_array_equal(numbers.X["sold.days"], 19752 + np.arange(N))
    table = load(frame, dates="parts").X
    weekdays = [f"weekday={day}" for day in ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")]
    assert parts(table, "sold") == ["days", "month=Jan", "month=Feb", "month=Mar", *weekdays]  # all of one year
    assert table["sold.month=Jan"].sum() == 2
    assert table["sold.weekday=Tue"][0] == 1


def test_dates_of_parquet_have_hours_and_zones(load):
    hours = pd.date_range("2023-12-30 23:00", periods=N, freq="13h")
    frame = houses()[["price"]].assign(when=hours, where=hours.tz_localize("Asia/Tokyo"), took=hours - hours[0])
    table = load(frame, parquet=True, dates="parts").X
    assert parts(table, "when")[:4] == ["days", "year", "month=Jan", "month=Dec"]
    assert "when.hour=23" in table
    np.testing.assert_allclose(table["where.days"], table["when.days"] - 9 / 24)
    np.testing.assert_allclose(table["took.days"], 13 / 24 * np.arange(N))


def test_the_order_of_day_and_month_is_not_guessed(load):
    frame = houses()[["price"]].iloc[:12].assign(sold=[f"0{m}/04/2024" for m in range(1, 7)] * 2)
    with pytest.raises(
        tables.TableError, match="the dates of 'sold' is not clear, such as in '01/04/2024': dayfirst=F"
    ):
        load(frame, dates="numbers")
    days = {first: load(frame, dates="numbers", dayfirst=first).X["sold.days"] for first in (True, False)}
    assert np.diff(days[True][:6]).tolist() == [1] * 5
    assert np.diff(days[False][:6]).min() > 27
    clear = frame.assign(sold=[f"{day}/04/2024" for day in range(20, 26)] * 2)
    assert len(load(clear, dates="numbers").X) == 12
    with pytest.raises(tables.TableError, match=r"in another order, .*: dayfirst=True, or drop"):
        load(clear, dates="numbers", dayfirst=False)


# ---- missing values ----


def gaps():
    frame = houses()[["area", "town", "price"]]
    frame.loc[[1, 7], "area"] = np.nan
    frame.loc[[7, 8], "town"] = None
    frame.loc[[9], "price"] = np.nan
    return frame


def test_rows_with_missing_values_are_left_out_if_asked(load):
    table = load(gaps(), missing="drop")
    complete = gaps().dropna()
    np.testing.assert_array_equal(table.y, complete["price"])
    np.testing.assert_array_equal(table.X["area"], complete["area"])
    assert "4 of 60 rows are left out, with missing values in 'price' (1), 'area' (2), 'town' (2)." in table.notes


def test_missing_values_stay_for_the_fit_to_impute_but_never_the_target(load):
    table = load(gaps(), missing="impute")
    assert len(table.y) == N - 1
    assert table.X.isna().sum().tolist() == [2, 2, 2, 2]
    assert table.notes[0] == "1 of 60 rows is left out, with missing values in 'price' (1)."
    assert table.notes[1].startswith("missing values are filled with means of the rows that a fit trains on: 'area' (")
    with pytest.raises(tables.TableError, match=r"no row is complete: .* 'area' \(60\), .*: missing='impute'"):
        load(gaps().assign(area=np.nan), missing="drop")
    with pytest.raises(tables.TableError, match=r"'price' \(1\), and 59 of 60 rows are complete: missing='drop'"):
        load(gaps()[["price"]].assign(x=np.arange(N) % 7))


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"target": "town"}, "target 'town' has values that are not numbers, such as 'Oslo'"),
        ({"target": "Rooms"}, "target is 'Rooms', which is not a column. Did you mean 'rooms'?"),
        ({"weights": "town"}, "weights 'town' has values that are not numbers"),
        ({"drop": ["towns"]}, "drop is 'towns', which is not a column. Did you mean 'town'?"),
        ({"categorical": ["zap"]}, "categorical is 'zap', which is not a column. Did you mean 'zip'?"),
        ({"groups": "price"}, "target and groups are both 'price'; give two columns"),
        ({"drop": ["zip"], "categorical": ["zip"]}, "drop and categorical are both 'zip'"),
        ({"drop": [name for name in houses() if name != "price"]}, "no column is left to predict 'price' from"),
    ],
)
def test_wrong_columns_are_named(load, columns, message):
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the message is compared below)
        load(houses(), **columns)
    assert message in str(error.value)


def test_the_bad_cell_of_a_target_is_shown(load):
    frame = houses().assign(price=["12.5", "13", "n.a."] * (N // 3))
    with pytest.raises(ValueError, match=r"'price' has values that are not numbers, such as 'n.a.': na=\['n.a.'\]"):
        load(frame)


def test_levels_must_not_take_the_name_of_a_column(load):
    with pytest.raises(ValueError, match="two columns called 'town=Rome'; rename"):
        load(houses().assign(**{"town=Rome": 1.0}))
