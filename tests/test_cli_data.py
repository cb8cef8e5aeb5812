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
    "bad cells": (["1", "2", "?"] * (N // 3), r"holds numbers, but '[?]' is none \(in 20 of 60 rows\): na="),
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


def with_y(**columns):
    """A frame of 24 rows with a y that is no counter; each column repeats its values."""
    rows = 24
    repeated = {name: [values[i % len(values)] for i in range(rows)] for name, values in columns.items()}
    return pd.DataFrame({"y": (np.arange(rows) * 7 % 24) / 8, **repeated})


MONTHS_FIRST = [f"{i % 12 + 1:02d}/{i + 5:02d}/2024" for i in range(24)]
DAYS_FIRST = [f"{i + 5:02d}/{i % 12 + 1:02d}/2024" for i in range(24)]
UNCLEAR = [f"0{i % 9 + 1}/0{i % 7 + 1}/2024" for i in range(24)]


@pytest.mark.parametrize("dates", [["01/01/1990", "01/01/1991"], ["01/01/2024", "02/02/2024", "03/03/2024"]])
def test_an_order_that_makes_no_difference_yet_is_asked_for(dates):
    """New rows may tell day and month apart."""
    with pytest.raises(tables.TableError, match=r"not clear, such as in '01/01/.*dayfirst=False, dayfirst=True"):
        tables.read(with_y(d=dates), "y", dates="numbers")
    for first, day in ((True, "2024-04-03"), (False, "2024-03-04")):
        table = tables.read(with_y(d=dates), "y", dates="numbers", dayfirst=first)
        days = table.encoding.transform(pd.DataFrame({"d": ["03/04/2024"]}))
        assert days["d.days"][0] == (pd.Timestamp(day) - pd.Timestamp(0)).days


@pytest.mark.parametrize(
    ("columns", "given", "works"),
    [
        ({"d": DAYS_FIRST, "e": MONTHS_FIRST}, None, None),
        ({"d": DAYS_FIRST, "e": MONTHS_FIRST}, True, {"dayfirst": None}),
        ({"d": DAYS_FIRST, "e": UNCLEAR}, None, {"dayfirst": True}),
        ({"d": MONTHS_FIRST, "e": UNCLEAR}, None, {"dayfirst": False}),
        ({"d": DAYS_FIRST, "e": MONTHS_FIRST, "f": UNCLEAR}, True, None),
        ({"d": DAYS_FIRST, "e": MONTHS_FIRST, "f": UNCLEAR}, None, {"dayfirst": False}),
    ],
)
def test_dates_of_two_orders_contradict_no_option(columns, given, works):
    options = {"dates": "numbers", "dayfirst": given}
    if works is not None:
        with pytest.raises(tables.TableError) as error:
            tables.read(with_y(**columns), "y", **options)
        options = {name: error.value.options[name] for name in ("dates", "dayfirst", "drop")}
        assert {name: options[name] for name in works} == works
    assert tables.read(with_y(**columns), "y", **options).X.shape == (24, len(columns))


ZONED = ["2024-03-01T00:30:00+02:00", "2024-04-01T00:30:00Z"]
NAIVE = ["2024-03-01T00:30:00", "2024-04-01T00:30:00"]


def test_time_zones_are_noted_and_not_mixed():
    table = tables.read(with_y(d=ZONED), "y", dates="numbers")
    assert "with a time zone and taken in UTC, from 2024-02-29 to 2024-04-01, and became" in table.notes[0]
    for mixed in ([*ZONED, *NAIVE], list(pd.to_datetime(NAIVE)) + list(pd.to_datetime(ZONED, utc=True))):
        with pytest.raises(tables.TableError, match=r"holds times with a time zone, such as '2024-.*, and without one"):
            tables.read(with_y(d=mixed), "y", dates="numbers")
    with pytest.raises(tables.TableError, match="needs times with a time zone, but has '2024-03-01T00:30:00', '20"):
        table.encoding.transform(pd.DataFrame({"d": NAIVE}))
    plain = tables.read(with_y(d=NAIVE), "y", dates="numbers")
    with pytest.raises(tables.TableError, match="needs times without a time zone"):
        plain.encoding.transform(pd.DataFrame({"d": pd.to_datetime(ZONED, utc=True)}))


@pytest.mark.parametrize("new", ["2024", 2024, 20240301.0])
@pytest.mark.parametrize("dates", [NAIVE, ["2024-03-01", "2024-04-01"], list(pd.to_datetime(NAIVE))])
def test_a_year_alone_is_no_date(dates, new):
    encoding = tables.read(with_y(d=dates), "y", dates="numbers").encoding
    with pytest.raises(tables.TableError, match=r"'d' needs (times|dates written as .*), but has '2024"):
        encoding.transform(pd.DataFrame({"d": [new]}))


@pytest.mark.parametrize(
    "dates",
    [
        ["2020-01-01", "01/02/2020", "3 Mar 2020"],
        [pd.Timestamp("2020-01-01"), "01/02/2020"],
        ["13/01/2020", "01/14/2020", "01/15/2020", "01/16/2020", "01/17/2020", "01/18/2020"],
    ],
)
def test_dates_of_several_notations_are_no_categories(dates):
    with pytest.raises(tables.TableError, match="'d' holds dates in different notations, such as '"):
        tables.read(with_y(d=dates), "y", dates="numbers")


def test_the_range_of_dates_is_noted():
    """Two digits of a year may be of another century."""
    notes = tables.read(with_y(d=["01.03.65", "04.05.75"]), "y", dates="numbers").notes
    said = "(as '01.03.65', read as %d.%m.%y) from 1975-05-04 to 2065-03-01, and became 1 column: 'd.days'"
    assert said in notes[0]


# ---- one meaning in every format ----


def in_every_format(frame, folder, types=("csv", "frame", "parquet", "feather")):
    pytest.importorskip("pyarrow")
    frame.to_csv(folder / "t.csv", index=False)
    frame.to_parquet(folder / "t.parquet")
    frame.to_feather(folder / "t.feather")
    return [frame if each == "frame" else folder / f"t.{each}" for each in types]


@pytest.mark.parametrize(
    ("values", "options", "names"),
    [
        ([-999.0, 1.5, 2.0], {"na": ["-999"]}, ["x"]),
        ([-999, 1, 2], {"na": ["-999"]}, ["x"]),
        ([True, False], {}, ["x"]),
        ([True, False, None], {}, ["x"]),
        (["True", "False"], {}, ["x"]),
        (["", "a", "NA", "None", "b"], {}, ["x=a", "x=b"]),
        ([1.0, 2.0, None], {"categorical": ["x"]}, ["x=1", "x=2"]),
        ([True, False], {"categorical": ["x"]}, ["x=False", "x=True"]),
        ([2**53, 2**53 + 1, None], {"categorical": ["x"]}, [f"x={2**53}", f"x={2**53 + 1}"]),
    ],
)
def test_a_column_is_the_same_in_every_format(tmp_path, values, options, names):
    whole = type(values[0]) is int
    frame = with_y().assign(x=pd.array(values * 8, dtype="Int64")) if whole else with_y(x=values)
    sources = in_every_format(frame, tmp_path)
    read = [tables.read(source, "y", missing="impute", **options) for source in sources]
    assert list(read[0].X.columns) == names
    assert read[0].X.isna().any(axis=None) == any(value in (None, -999, "") for value in values)
    for table in read[1:]:
        pd.testing.assert_frame_equal(table.X, read[0].X)
        assert table.encoding.columns == read[0].encoding.columns
    for source in sources:
        pd.testing.assert_frame_equal(read[0].encoding.transform(source), read[0].X)


def test_groups_are_told_apart_as_written(tmp_path):
    frame = with_y(x=[1.5, 2.0], g=["1", "01", "1.0"])
    for source in in_every_format(frame, tmp_path):
        assert set(tables.read(source, "y", groups="g").groups) == {"1", "01", "1.0"}
    numbers = pd.array([2**53, 2**53 + 1] * 12, dtype="Int64")
    for source in in_every_format(frame.assign(g=numbers), tmp_path):
        assert tables.read(source, "y", groups="g").groups.nunique() == 2


def test_codes_of_text_stay_as_written_in_new_rows():
    encoding = tables.read(with_y(x=["1", "01"]), "y", categorical=["x"]).encoding
    assert encoding.names == ("x=01", "x=1")
    with pytest.raises(tables.TableError, match=r"not seen, '1.0' in row 1"):
        tables.read(with_y(x=["1", "b", "c"]), "y").encoding.transform(pd.DataFrame({"x": ["1.0"]}))


def test_a_column_of_truths_takes_no_other_numbers():
    encoding = tables.read(with_y(x=[True, False]), "y").encoding
    assert encoding.transform(pd.DataFrame({"x": ["True", "FALSE", "true"]}))["x"].tolist() == [1, 0, 1]
    assert encoding.transform(pd.DataFrame({"x": [1.0, 0.0]}))["x"].tolist() == [1, 0]
    with pytest.raises(tables.TableError, match=r"'x' needs True or False, but has '0.5', '7.0' in rows 2, 3"):
        encoding.transform(pd.DataFrame({"x": [1, 0.5, 7]}))


def test_types_of_arrow_are_read():
    pa = pytest.importorskip("pyarrow")
    dates = pd.Series([datetime.date(2024, 1, day) for day in range(1, 25)], dtype=pd.ArrowDtype(pa.date32()))
    assert tables.read(with_y().assign(d=dates), "y", dates="numbers").X["d.days"][0] == 19723


def test_categories_that_are_numbers():
    frame = with_y(x=[1.5, 2.0], c=[1, 2, 3]).astype({"c": "category"})
    assert list(tables.read(frame, "y").X.columns) == ["x", "c=1", "c=2", "c=3"]
    assert tables.read(frame, "c").y.tolist() == [1, 2, 3] * 8


@pytest.mark.parametrize(
    ("columns", "options", "said"),
    [
        ({"y": [np.inf, 1.0, 2.0]}, {}, r"target 'y' has infinite values in 8 rows: na=\['inf'\]"),
        ({"w": [1.0, -np.inf]}, {"weights": "w"}, r"weights 'w' has infinite values in 12 rows: na=\['-inf'\]"),
        (
            {"x": ["inf", "1"], "w": [1.5]},
            {"decimal": "."},
            r"'x' has infinite values in 12 rows: drop=\['x'\], or na=",
        ),
        ({"y": ["(5)", "3", "4"]}, {}, r"target 'y' holds what looks like numbers, negative ones as '\(5\)'"),
        ({"g": [[1], [2]]}, {"groups": "g"}, "groups 'g' holds neither numbers nor text"),
        ({"y": [None]}, {"missing": "drop"}, "target 'y' has no value at all; give another column"),
    ],
)
def test_roles_that_cannot_be_are_told(columns, options, said):
    with pytest.raises(tables.TableError, match=said) as error:
        tables.read(with_y(x=[1.5, 2.5, 4.0]).assign(**with_y(**columns)[list(columns)]), "y", **options)
    assert (error.value.options is None) == ("inf" not in said)


def test_an_infinite_target_of_new_rows_is_refused():
    encoding = tables.read(with_y(x=[1.5, 2.5]), "y").encoding
    with pytest.raises(tables.TableError, match="target 'y' has values that are no finite numbers, 'inf' in row 1"):
        encoding.rows(pd.DataFrame({"x": [1.0], "y": [np.inf]}), judge=True)


def test_frames_of_several_names_for_a_column_are_refused():
    frame = with_y(x=[1.5, 2.5]).set_axis(pd.MultiIndex.from_tuples([("y", ""), ("x", "a")]), axis=1)
    with pytest.raises(ValueError, match="the table has 2 names for each column, such as"):
        tables.read(frame, "y")


def test_digits_that_are_lost_are_noted():
    notes = tables.read(with_y(x=[2**53 + 1, 5, 2**53 + 3]), "y").notes
    assert notes == [
        "'x' has whole numbers beyond 2^53, of which a fit does not tell the last digits apart; "
        "if they are codes: categorical=['x'], or drop=['x']."
    ]


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
    with pytest.raises(ValueError, match=r"'price' has values that are not numbers, 'n.a.': na=\['n.a.'\]"):
        load(frame)


def test_levels_must_not_take_the_name_of_a_column(load):
    with pytest.raises(ValueError, match="two columns called 'town=Rome'; rename"):
        load(houses().assign(**{"town=Rome": 1.0}))
