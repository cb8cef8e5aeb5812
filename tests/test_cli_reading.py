"""What a reader of tables would guess: counts of fields, names, marks in numbers, spaces, separators, encodings."""

import numpy as np
import pytest

pd = pytest.importorskip("pandas")

from jaxreg import tables

ROWS = [(3.5, 40, 2, 7), (1.25, 30, 5, 9), (2.0, 25, 1, 8), (6.0, 70, 2, 3)]


@pytest.fixture
def load(tmp_path):
    """Writes the text of a CSV file, and loads it."""

    def write_and_load(text, target="price", encoding="utf-8", **options):
        file = tmp_path / "houses.csv"
        file.write_bytes(text.encode(encoding))
        return tables.read(file, target, **options)

    return write_and_load


def lines(rows=ROWS, header="price,area,rooms,floor", end=""):
    return "\n".join([header, *(",".join(map(str, row)) + end for row in rows)]) + "\n"


def refuses(load, text, *parts, **options):
    with pytest.raises(ValueError) as error:  # noqa: PT011 (the message is compared below)
        load(text, **options)
    for part in parts:
        assert part in str(error.value)


def assert_rows(table, rows=ROWS, names=("area", "rooms", "floor")):
    assert list(table.X.columns) == list(names)
    np.testing.assert_array_equal(np.column_stack([table.y, table.X]), rows)


# ---- counts of fields ----


@pytest.mark.parametrize("header", ["price,area,rooms,floor", "price,area,rooms,floor,"])
def test_a_comma_at_the_end_of_every_row_moves_no_column(load, header):
    table = load(lines(header=header, end=","))
    assert_rows(table)
    assert [("ends in a comma" in note, "left out" in note) for note in table.notes] == [(True, True)]
    assert list(load(lines(header=header, end=","), drop=["floor"]).X.columns) == ["area", "rooms"]


def test_empty_columns_at_the_end_are_left_out_with_a_note(load):
    """As a spreadsheet writes cells that were used once."""
    table = load(lines(header="price,area,rooms,floor,,,", end=",,,"))
    assert_rows(table)
    assert table.notes == ["every line of houses.csv ends in a comma; the empty fields behind it are left out."]


@pytest.mark.parametrize(
    ("text", "line", "fields"),
    [
        ("price,area\n1,2\n3,4,\n5,6\n", 3, 3),  # some rows end in a comma
        ("price,area\n1,2,\n3,4\n", 2, 3),
        ("price,area\n1,2,\n3,4,5\n", 2, 3),
        ("price,area,rooms,\n1,2,3\n4,5,6\n", 2, 3),  # only the header ends in one
        ("price,area,rooms\n1,2,3\n4,5\n", 3, 2),  # a short row is not filled up
        ("price,area\na,1,2\nb,3,4\n", 2, 3),  # labels of rows without a name in the header
        ("# houses of 2020\nprice,area\n1,2\n", 2, 2),
        ('price,area\n1,"2\n3"\n4,5,6\n', 4, 3),  # a field of two lines
        ("price,area\n1,1,234\n", 2, 3),
    ],
)
def test_the_first_row_of_another_length_is_named(load, text, line, fields):
    refuses(load, text, f"has {fields} field(s) in the row that ends in line {line},", "in its header")


def test_blank_lines_are_no_rows(load):
    assert_rows(load("\n" + lines().replace("\n", "\n\n") + "   \n"))


def test_quoted_text_is_one_field(load):
    table = load('price,"the\ntown"\n' + '1,"Rome, ""old"""\n2,Bern\n3,Bern\n' * 2)
    assert list(table.X.columns) == ["the\ntown=Bern", 'the\ntown=Rome, "old"']
    refuses(load, 'price,area\n1,"2\n3,4\n', "cannot be read", "unexpected end of data")


# ---- names ----


@pytest.mark.parametrize("header", ["price,area,rooms,price", "price,area, price ,floor", "price,area,area,floor"])
def test_a_column_named_twice_is_refused(load, header):
    refuses(load, lines(header=header), "two columns called", "rename one of them")


def test_a_column_may_be_called_as_pandas_would_rename_one(load):
    assert_rows(load(lines(header="price,area,price.1,floor")), names=("area", "price.1", "floor"))


def test_columns_of_parquet_named_twice_are_refused(tmp_path):
    pa, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    twice = pa.Table.from_arrays([pa.array([1.0, 2.0])] * 3, names=["price", "area", "price"])
    parquet.write_table(twice, tmp_path / "twice.parquet")
    with pytest.raises(ValueError, match="two columns called 'price'; rename one"):
        tables.read(tmp_path / "twice.parquet", "price")


def test_spaces_around_names_and_values_are_not_theirs(load):
    table = load("price , area,town\n 1 , 2,Rome \n3, 4,Rome\n5,6, Bern\n7,8,Bern\n9,8,\tBern\n1,1,Bern\n")
    assert list(table.X.columns) == ["area", "town=Bern", "town=Rome"]
    assert table.X["town=Rome"].tolist() == [1, 1, 0, 0, 0, 0]
    assert table.notes[0] == "spaces around the values of 'town' are left out."


@pytest.mark.parametrize("name", ["", "Unnamed: 0"])
def test_labels_of_rows_are_left_out_with_a_note(load, name):
    rows = [(label, *row) for label, row in zip((11, 4, 5, 9), ROWS, strict=True)]
    table = load(lines(rows, header=f"{name},price,area,rooms,floor"))
    assert_rows(table)
    text = "what pandas calls a first column without a name is left out, as labels of the rows"
    assert table.notes == [f"{text}: 'Unnamed: 0'."]
    dropped = load(lines(rows, header=f"{name},price,area,rooms,floor"), drop=["Unnamed: 0"])
    assert_rows(dropped)
    assert dropped.notes == []
    assert list(load(lines(rows, header=f"{name},price,area,rooms,floor"), weights="Unnamed: 0").weight) == [
        11,
        4,
        5,
        9,
    ]


def test_a_column_without_a_name_elsewhere_is_refused(load):
    refuses(load, lines(header="price,area,,floor"), "no name for column 3 of 4")


@pytest.mark.parametrize("first", [0, 1])
def test_a_column_that_counts_the_rows_is_noted(load, first):
    rows = [(*row[:3], first + i) for i, row in enumerate(ROWS)]
    table = load(lines(rows))
    assert_rows(table, rows)
    said = "counts the rows, and is fitted like other columns; if it is an index: drop=['floor']."
    assert table.notes == [f"'floor' {said}"]


def test_the_index_of_parquet_is_a_column_or_noted(tmp_path):
    pytest.importorskip("pyarrow")
    file = tmp_path / "houses.parquet"
    frame = pd.DataFrame(ROWS, columns=["price", "area", "rooms", "floor"], dtype=float)
    frame.set_index("area").to_parquet(file)
    assert_rows(tables.read(file, "price"), [(row[0], row[1], row[2], row[3]) for row in ROWS])
    frame.set_index(pd.Index([4, 9, 1, 2])).to_parquet(file)
    table = tables.read(file, "price")
    assert_rows(table)
    assert table.notes == ["the index of houses.parquet has no name; as labels of the rows it is left out."]


# ---- numbers ----

WRITTEN = {
    "1,5": ({"decimal": ","}, 1.5),
    "1,234": ({"thousands": ","}, 1234.0),
    "1.234.567": ({"decimal": ",", "thousands": "."}, 1234567.0),
    "1.234,5": ({"decimal": ",", "thousands": "."}, 1234.5),
    "1 234.5": ({"thousands": " "}, 1234.5),
    "1\u202f234,5": ({"decimal": ",", "thousands": " "}, 1234.5),
    "1\u2019234": ({"thousands": "'"}, 1234.0),
    "5%": ({"units": ("%",)}, 5.0),
    "$5": ({"units": ("$",)}, 5.0),
    "-3 €": ({"units": ("€",)}, -3.0),
    "-$1,234.5": ({"thousands": ",", "units": ("$",)}, -1234.5),
}


@pytest.mark.parametrize("written", WRITTEN)
def test_numbers_in_another_notation_are_no_levels(load, written):
    options, value = WRITTEN[written]
    text = "price,area,x\n" + f'2,1,"{written}"\n3,4,"{written}"\n' * 10
    with pytest.raises(tables.TableError, match="'x' holds numbers as text, such as") as error:
        load(text)
    assert {name: error.value.options[name] for name in options} == options
    assert load(text, categorical=["x"]).X[f"x={written}"].tolist() == [1.0] * 20
    table = load(text, **options)
    assert table.X["x"].tolist() == [value] * 20
    assert table.X["area"].tolist() == [1, 4] * 10
    assert load(text, target="x", **options).y.tolist() == [value] * 20
    refuses(load, text, "target 'x' holds numbers as text", target="x")


def test_words_may_be_units_but_not_of_identifiers(load):
    """1,248 cc is a number, and so is EUR 5; h12, room 12 and 4wd are none."""
    rows = "".join(f'{i % 4}.5,"1,{200 + i} cc",EUR {i % 13},h{i},{i % 2 + 2}wd,room {i % 12}\n' for i in range(40))
    with pytest.raises(tables.TableError) as error:
        load("price,size,cost,name,drive,room\n" + rows)
    options = dict(error.value.options)
    assert (options["units"], options["thousands"], options["drop"]) == (("cc", "EUR"), ",", ("name",))
    options.pop("target")
    table = load("price,size,cost,name,drive,room\n" + rows, **options)
    assert list(table.X.columns)[:5] == ["size", "cost", "drive=2wd", "drive=3wd", "room=room 0"]
    assert table.X["size"].tolist() == [1200.0 + i for i in range(40)]
    assert table.X["cost"].tolist() == [i % 13 for i in range(40)]


def test_an_ambiguous_mark_is_offered_both_ways(load):
    text = "price,x\n" + '2,"1,234"\n3,"5,678"\n' * 10
    refuses(load, text, "'x' holds numbers as text, such as '1,234': thousands=',', or decimal=','.")


def test_one_choice_of_marks_reads_all_columns(load):
    """1,234 alone may be either; beside 0,5 it has a decimal comma, beside 0.5 thousands."""
    rows = '2,"1,234",OTHER\n3,"5,678",OTHER\n' * 10
    for other, options in (('"0,5"', {"decimal": ","}), ("0.5", {"thousands": ","})):
        with pytest.raises(tables.TableError) as error:
            load("price,x,z\n" + rows.replace("OTHER", other))
        found = error.value.options
        assert {name: found[name] for name in ("decimal", "thousands") if found[name]} == options


def test_marks_are_taken_by_their_word(load):
    """1,5 has no thousands, and with a decimal comma 1.5 is no number."""
    text = "price,x\n" + '2,"1,5"\n3,"2,5"\n' * 10
    refuses(load, text, "'x' holds numbers as text, such as '1,5'", "decimal=','", thousands=",")
    refuses(load, "price,x\n" + "2,1.5\n3,2.5\n" * 10, "'x' holds numbers as text, such as '1.5'", decimal=",")
    refuses(
        load, "price,x\n" + "2,1.500.00\n3,2\n" * 10, "look like numbers in no notation", decimal=",", thousands="."
    )
    rows = "price,x,b,town\n" + '2,"-1,5e-1",True,A\n3,,False,B\n' * 10
    table = load(rows, decimal=",", missing="impute")
    np.testing.assert_array_equal(table.X["x"][:2], [-0.15, np.nan])
    assert list(table.X.columns) == ["x", "b", "town=A", "town=B"]


def test_texts_of_missing_values(load):
    text = "price,x,z\n" + "2,1,a\n3, ? ,-\n4,3,b\n" * 10
    refuses(
        load, text, "'x' holds numbers, but '?' is none (in 10 of 30 rows): na=['?'], categorical=['x'], or drop=['x']."
    )
    table = load(text, na=["?", "-"], missing="impute")
    np.testing.assert_array_equal(table.X["x"][:3], [1, np.nan, 3])
    assert list(table.X.columns) == ["x", "z=a", "z=b"]
    assert table.X["z=a"].isna().tolist() == [False, True, False] * 10


def test_marks_count_in_texts_of_parquet(tmp_path):
    pytest.importorskip("pyarrow")
    file = tmp_path / "houses.parquet"
    pd.DataFrame({"price": ["1,5", "2,5", "3"], "area": [1.5, 2.5, 0.5]}).to_parquet(file)
    table = tables.read(file, "price", decimal=",")
    assert (table.y.tolist(), table.X["area"].tolist()) == ([1.5, 2.5, 3.0], [1.5, 2.5, 0.5])


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"decimal": ";"}, "decimal is ';'; give . or ,."),
        ({"thousands": "0"}, "thousands is '0'; give one mark"),
        ({"thousands": ", "}, "thousands is ', '; give one mark"),
        ({"thousands": "-"}, "thousands is '-'; give one mark"),
        ({"thousands": "."}, "thousands and the decimal mark are both '.'"),
        ({"decimal": ",", "thousands": ","}, "thousands and the decimal mark are both ','"),
    ],
)
def test_bad_marks_are_refused(load, options, message):
    refuses(load, lines(), message, **options)


def test_labels_stay_as_they_are_written(load):
    """01 and 1 are two labels, and their order is that of numbers."""
    table = load("price,x\n" + "1,01\n2,1\n3,10\n4,9\n" * 3, categorical=["x"])
    assert list(table.X.columns) == ["x=01", "x=1", "x=9", "x=10"]


UNITS = {
    "masses": ([f"{i} kg" for i in range(9)] + [f"{i}000 g" for i in range(9)], ["kg", "g"]),
    "sizes": ([f"{i}K" for i in range(1, 9)] + [f"{i}M" for i in range(1, 9)], ["K", "M"]),
    "currencies": (["$5", "€6"], ["$", "€"]),
    "percent and shares": (["2%", "0.03"], ["%"]),
}


@pytest.mark.parametrize("name", UNITS)
def test_numbers_of_different_units_are_not_offered(load, name):
    values, units = UNITS[name]
    text = "price,a,x\n" + "".join(f"{i % 5}.5,{i % 3}.5,{value}\n" for i, value in enumerate(values * 2))
    with pytest.raises(tables.TableError, match="'x' mixes numbers of different units, such as '") as error:
        load(text)
    assert error.value.options["units"] == ()
    notes = load(text, units=units).notes
    assert notes[0].startswith("the units of 'x' are left out, and nothing is converted, though they differ: '")


def test_a_currency_may_stand_beside_some_numbers_only(load):
    assert load("price,x\n" + "1,$5\n2,6\n3,$7\n" * 5, units=["$"]).X["x"].tolist() == [5, 6, 7] * 5


def test_two_notations_in_a_file_are_told(load):
    rows = "".join(f'{i % 4}.5,"1,{200 + i}","{i % 20},5"\n' for i in range(40))
    with pytest.raises(tables.TableError) as error:
        load("price,a,b\n" + rows)
    assert "'b' holds numbers as text, such as '0,5', in another notation than other columns" in str(error.value)
    assert (error.value.options["thousands"], error.value.options["drop"]) == (",", ("b",))


def test_marks_of_a_target_come_first(load):
    rows = "".join(f'"{i % 4},5",{i % 7}.5,{i % 5}\n' for i in range(40))
    with pytest.raises(tables.TableError) as error:
        load("price,a,b\n" + rows)
    assert error.value.options["decimal"] == ","
    assert load("price,a,b\n" + rows, drop=["a"], decimal=",").y[0] == 0.5


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (["(5)", "7"], "'x' holds what looks like numbers, negative ones as '\\(5\\)'"),
        (["8-", "7"], "'x' holds what looks like numbers, negative ones as '8-'"),
        (["1.500.00", "2,5"], "look like numbers in no notation that all of them have"),
    ],
)
def test_numbers_that_no_option_reads_are_told(load, values, said):
    rows = "".join(f'{i % 4}.5,{i % 3},"{values[i % 2]}"\n' for i in range(20))
    with pytest.raises(tables.TableError, match=said):
        load("price,a,x\n" + rows)


def test_the_minus_of_typographers_is_one(load):
    assert load("price,x\n" + "1,\u22121\n2,2\n" * 10).X["x"].tolist() == [-1, 2] * 10


def test_columns_with_one_cause_share_a_line(load):
    header = ",".join(f"v{i}" for i in range(40))
    rows = "".join(f"{j % 4}.5," + ",".join(f"n{i}{j}" for i in range(40)) + "\n" for j in range(20))
    with pytest.raises(tables.TableError) as error:
        load(f"price,{header},x\n" + rows.replace("\n", ",1\n"))
    lines = str(error.value).splitlines()
    assert len(lines) == 3
    assert "'v0' has another text in each of its 20 rows, such as 'n00', and likewise 'v1'," in lines[1]
    assert len(error.value.options["drop"]) == len(error.value.problems) == 40


def test_options_that_keep_a_column_are_found(load):
    """Without the only predictor nothing can be fitted."""
    with pytest.raises(tables.TableError) as error:
        load("price,x\n" + "".join(f"{i % 4}.5,n{i}\n" for i in range(20)))
    assert (error.value.options["drop"], error.value.options["categorical"]) == ((), ("x",))


@pytest.mark.parametrize("broken", [False, True])
def test_a_counter_is_kept_whatever_else_is_wrong(load, broken):
    rows = "".join(f"{i % 4}.5,{i},{i % 3},{'n' * broken}{i * 7 % 20}\n" for i in range(20))
    options = {"target": "price"}
    if broken:
        with pytest.raises(tables.TableError) as error:
            load("price,i,a,x\n" + rows)
        options = error.value.options
        assert options["drop"] == ("x",)
    table = load("price,i,a,x\n" + rows, **options)
    assert list(table.X.columns)[:2] == ["i", "a"]
    assert table.notes[0].startswith("'i' counts the rows, and is fitted like other columns; if it is an index: drop=")


# ---- files ----


def test_labels_that_pandas_wrote_twice_are_left_out(load):
    table = load(",Unnamed: 0,price,area\n0,0,1,2\n1,1,2,3\n2,2,5,1\n")
    assert list(table.X.columns) == ["area"]
    assert "'Unnamed: 0.1', 'Unnamed: 0'" in table.notes[0]


def test_a_declared_separator_is_taken(load):
    assert_rows(load("sep=;\n" + lines().replace(",", ";")))
    refuses(load, "sep=x\n" + lines(), "its first line declares 'x' between columns; write commas, semicolons")


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Houses of 2020\n" + lines(), "If line 1, 'Houses of 2020', is a title rather than the header, delete it."),
        ("1,2\n3,4\n", "The columns are '1', '2'; if these are no names, the first line of the file is no header"),
        ("a b\n1 2\n", "if these are no names, the first line of the file is no header"),
    ],
)
def test_a_first_line_that_is_no_header_is_told(load, text, said):
    refuses(load, text, said)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"price,\x81rea\n1,2\n", "it is neither UTF-8 nor Windows-1252; save it as UTF-8"),
        (b"\x1f\x8b\x08\x00", "it is compressed by gzip; call it houses.csv.gz"),
        (b"PK\x03\x04", "it is compressed by zip, as Excel files are; save it as CSV"),
    ],
)
def test_files_of_other_kinds_are_told(tmp_path, content, said):
    (tmp_path / "houses.csv").write_bytes(content)
    with pytest.raises(ValueError, match=said):
        tables.read(tmp_path / "houses.csv", "price")


@pytest.mark.parametrize(("separator", "word"), [(";", "semicolons"), ("\t", "tabs"), ("|", "bars")])
def test_other_separators_are_found_and_told(load, separator, word):
    table = load(lines().replace(",", separator))
    assert_rows(table)
    assert table.notes == [f"houses.csv has {word} between its columns."]


def test_a_separator_is_one_that_gives_rows_the_fields_of_the_header(load):
    """Commas in names, and decimal ones, are no separators; a lone column has none."""
    rows = [";".join(map(str, row)).replace(".", ",") for row in ROWS]
    table = load("\n".join(["price;area, m2;rooms;floor", *rows]) + "\n", decimal=",")
    assert_rows(table, names=("area, m2", "rooms", "floor"))
    refuses(load, "price\n1\n2\n", "no column is left to predict 'price' from")


@pytest.mark.parametrize("name", ["houses.tsv", "houses.TXT", "houses.tsv.gz", "houses.feather"])
def test_other_formats(tmp_path, name):
    file, frame = tmp_path / name, pd.DataFrame(ROWS, columns=["price", "area", "rooms", "floor"])
    if name.endswith("feather"):
        pytest.importorskip("pyarrow")
        frame.to_feather(file)
    else:
        frame.to_csv(file, sep="\t", index=False)
    table = tables.read(file, "price")
    assert_rows(table)
    assert table.notes == (["houses.TXT has tabs between its columns."] if name.endswith("TXT") else [])
    np.testing.assert_array_equal(table.encoding.transform(str(file)), table.X)


def test_what_is_not_compressed_is_refused(tmp_path):
    (tmp_path / "houses.csv.gz").write_text(lines())
    with pytest.raises(
        ValueError, match=r"houses.csv.gz cannot be read: it is not compressed by gzip; call it houses.csv"
    ):
        tables.read(tmp_path / "houses.csv.gz", "price")


def test_a_byte_order_mark_is_no_part_of_a_name(load):
    assert_rows(load(lines(), encoding="utf-8-sig"))
    assert_rows(load(lines(header='"price",area,rooms,floor'), encoding="utf-8-sig"))


@pytest.mark.parametrize(("encoding", "told"), [("cp1252", "Windows-1252"), ("utf-16", "UTF-16"), ("utf-8", None)])
def test_encodings_are_found_and_told(load, encoding, told):
    table = load(lines(header="price,área €,rooms,floor"), encoding=encoding)
    assert_rows(table, names=("área €", "rooms", "floor"))
    assert table.notes == ([f"houses.csv is read as {told}, since it is not UTF-8."] if told else [])
    refuses(
        load,
        lines(),
        "cannot be read: it holds zero bytes, as UTF-16 without a mark of its order does; save it as UTF-8",
        encoding="utf-16-le",
    )


def test_a_header_alone_has_no_rows(load):
    refuses(load, "price,area\n", "has no rows below the names of its columns")
    refuses(load, "\n \n", "cannot be read: it is empty")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ((0, 1), "2 different values, 0, 1"),
        (("True", "False"), "2 different values, 0, 1"),
        (("2.0", "0", "7"), "3 different values, 0, 2, 7"),
        (range(6), "6 different values, 0, 1, 2, 3, 4 and 1 more"),
        (range(11), None),
        ((0.5, 1), None),
        ((3,), None),
    ],
)
def test_a_target_of_few_whole_numbers_is_noted(load, values, said):
    table = load("price,area\n" + "".join(f"{value},{i % 7}.5\n" for i, value in enumerate([*values] * 3)))
    classes = "; if they are classes: classes=True" * (len(values) == 2)
    notes = [f"target 'price' has {said}: fitted as numbers, not as classes{classes}."] if said else []
    assert table.notes == notes
