"""The command line, through its app and as a process."""

import os
import signal
import subprocess
import sys

import numpy as np
import pytest

import jaxreg as jr

pytest.importorskip("typer")
pd = pytest.importorskip("pandas")
pytest.importorskip("matplotlib")

from command_line import CACHES, COLUMNS, assert_fails, assert_same, assert_told, call, table, written

from jaxreg import tables as table_files
from jaxreg.__main__ import main
from jaxreg.cli import _messages


@pytest.fixture
def file(tmp_path):
    name = tmp_path / "data.csv"
    table().to_csv(name, index=False)
    return name


@pytest.mark.parametrize("extension", ["csv", "parquet"])
def test_path_writes_what_fit_path_gives(tmp_path, extension):
    frame, name, out = table().drop(columns="w"), tmp_path / f"data.{extension}", tmp_path / "deep" / "out"
    if extension == "csv":
        frame.to_csv(name, index=False)
    else:
        pytest.importorskip("pyarrow")
        frame.to_parquet(name)
    result = call("path", name, "--target", "y", "--out", out)
    assert result.exit_code == 0, result.output
    path = jr.fit_path(table()[list(COLUMNS)], table()["y"])
    assert_same(written(out), path)
    about, _, summary = (out / "summary.txt").read_text().partition("\n\n")
    assert about.splitlines()[0].startswith(f"Command: jaxreg path {name} --target y --out ")
    assert about.splitlines()[1:] == [
        f"Table: {name}, 60 rows, 4 features, target 'y'",
        "Loss Squared(), penalty ElasticNet(l1_ratio=1)",
        "Family gaussian: 'y' has numbers.",
    ]
    assert summary in result.stdout
    read = table_files.read(name, "y")  # its order in memory decides on the last bits of a gap
    path = jr.fit_path(read.X, read.y)
    assert summary.splitlines()[:-2] == path.summary().splitlines()[:-1]  # the last line is seconds
    assert summary.splitlines()[-1] == f"Worst relative gap {path.gap.max():.1e}."
    assert str(out) in result.stdout
    assert result.stderr == ""


def test_path_options(file, tmp_path):
    options = ["--weights", "w", "--l1-ratio", "0.5", "--n-lambdas", "20", "--no-standardize"]
    result = call("path", file, "--target", "y", "--out", tmp_path / "out", *options)
    assert result.exit_code == 0, result.output
    frame = table()
    path = jr.fit_path(
        frame[list(COLUMNS)],
        frame["y"],
        sample_weight=frame["w"],
        penalty=jr.penalties.ElasticNet(0.5),
        n_lambdas=20,
        standardize=False,
    )
    assert_same(written(tmp_path / "out"), path)


@pytest.mark.slow
def test_booleans_and_nullable_integers_are_numbers(tmp_path):
    pytest.importorskip("pyarrow")
    frame = table().drop(columns="w")
    frame["age"] = frame["age"] > 0
    frame["bp"] = pd.array(frame["bp"].round(1) * 10, dtype="Float64").astype("Int64")
    frame.to_parquet(tmp_path / "data.parquet")
    result = call("path", tmp_path / "data.parquet", "--target", "y", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert_same(written(tmp_path / "out"), jr.fit_path(frame[list(COLUMNS)].astype(float), frame["y"]))


def test_a_column_may_be_called_lambda(tmp_path):
    frame = table()[["age", "bmi", "y"]].rename(columns={"age": "lambda"})
    frame.to_csv(tmp_path / "data.csv", index=False)
    result = call("path", tmp_path / "data.csv", "--target", "y", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert written(tmp_path / "out")[0] == ["lambda", "(intercept)", "lambda", "bmi"]


def test_text_is_fitted_as_the_design_made_by_hand(tmp_path):
    towns, n = ("Bern", "Oslo", "Rome"), 60
    frame = table().drop(columns=["w", "glucose"]).assign(country="X")
    frame.insert(0, "town", np.random.default_rng(1).choice(towns, n))
    frame["y"] += frame["town"] == "Rome"
    frame.to_csv(tmp_path / "data.csv", index=False)
    result = call("path", tmp_path / "data.csv", "--target", "y", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [
        "Note: 'town' has 3 levels and became 3 columns: 'town=Bern', 'town=Oslo', 'town=Rome'.",
        "Note: 'country' has 1 level and became 1 column: 'country=X'.",
    ]
    assert "Constant, left out: country=X" in result.stdout
    by_hand = [(frame["town"] == town).astype(float) for town in towns]
    X = np.column_stack([*by_hand, frame[["age", "bmi", "bp"]], np.ones(n)])
    path = jr.fit_path(X, frame["y"])
    header, numbers = written(tmp_path / "out")
    assert header[2:] == ["town=Bern", "town=Oslo", "town=Rome", "age", "bmi", "bp", "country=X"]
    np.testing.assert_allclose(numbers[:, 2:], path.coef, rtol=0, atol=1e-9)
    assert path.coef[-1, 2] - path.coef[-1, 0] > 0.8  # Rome, what was added to y


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--l1-ratio", "2"], ["l1_ratio is 2.0"]),
        (["--n-lambdas", "0"], ["--n-lambdas is 0"]),
        (["--lambdas", "1,a"], ["--lambdas is '1,a'; give numbers with commas between them"]),
        (["--lambdas", ","], ["lambdas has shape (0,)"]),
        (["--lambdas", "1,-1"], ["lambdas has negative values, the least -1"]),
        (["--lambdas", "1,nan"], ["lambdas has NaN"]),
        (["--lambdas", "1", "--n-lambdas", "100"], ["--lambdas", "--n-lambdas", "give one of both"]),
        (["--lambdas", "1", "--lambda-min-ratio", "0.1"], ["--lambdas", "--lambda-min-ratio", "give one of both"]),
        (["--lambda-min-ratio", "1"], ["--lambda-min-ratio is 1.0; give a number above 0 and below 1"]),
        (["--penalty", "slope"], ["--penalty is 'slope', but slope needs a number; give slope:Q"]),
        (["--penalty", "slope:2"], ["--penalty slope:2 has a level that is no number between 0 and 1"]),
        (["--penalty", "l0:1.5"], ["budget is 1.5"]),
        (["--penalty", "l1"], ["--penalty is 'l1'; give one of lasso (L1)"]),
        (["--loss", "absolute"], ["quantile:TAU (0.5 for absolute errors)"]),
        (["--loss", "huber:-1"], ["-1"]),
    ],
)
def test_bad_options_are_told_before_anything_is_read(tmp_path, options, parts):
    assert_fails(call("path", tmp_path / "absent.csv", "--target", "y", *options), *parts)


def test_bad_weights_and_marks_are_told(file, tmp_path):
    options = [file, "--target", "y", "--out", tmp_path / "out"]
    assert_fails(call("path", *options, "--weights", "age"), "sample_weight has", "negative")
    assert_fails(call("path", *options, "--decimal", ",", "--thousands", ","), "thousands and the decimal mark")
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "parts"),
    [
        (["--target", "Glucos"], ["target is 'Glucos'", "Did you mean 'glucose'?", "'age', 'bmi', 'bp'"]),
        (["--target", "zzz"], ["target is 'zzz'", "'age', 'bmi', 'bp'"]),
        (["--target", "y", "--weights", "ww"], ["weights is 'ww'", "Did you mean 'w'?", "--weights w\n"]),
        (["--target", "y", "--weights", "y"], ["target and weights are both 'y'"]),
    ],
)
def test_columns_that_are_none_are_told(file, tmp_path, options, parts):
    assert_told(call("path", file, "--out", tmp_path / "out", *options), *parts)
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("command", ["path", "cv", "report"])
def test_the_grid_comes_to_the_fit(file, tmp_path, monkeypatch, command):
    seen = []

    def fit(*_, lambdas=None, n_lambdas=None, lambda_min_ratio=None, **__):
        seen.append((lambdas, n_lambdas, lambda_min_ratio))
        raise RuntimeError("no more is needed")

    monkeypatch.setattr(jr, "fit_path", fit)
    monkeypatch.setattr(jr, "fit_cv", fit)
    out = tmp_path / ("out.html" if command == "report" else "out")
    for options in (["--lambdas", "10 1e-1,0"], ["--lambda-min-ratio", "0.5"], ["--n-lambdas", "7"]):
        assert_fails(call(command, file, "--target", "y", "--out", out, *options), "no more", code=1)
    assert seen == [([10.0, 0.1, 0.0], None, None), (None, 100, 0.5), (None, 7, None)]


@pytest.mark.parametrize(
    ("typed", "call", "changed", "works"),
    [
        ("--drop=idn --drop=idno", {"drop": ("idn", "idno")}, {"drop": ("idno",)}, "--drop=idno"),
        ("--drop idn --drop=idno", {"drop": ("idn", "idno")}, {"drop": ("idno", "x")}, "--drop=idno --drop x"),
        ("--na -- a.csv", {"na": ("--",)}, {"na": ("--",), "drop": ("x",)}, "--na -- a.csv --drop x"),
        ("--na -- -- a.csv", {"na": ("--",)}, {"na": ("--",), "drop": ("x",)}, "--na -- --drop x -- a.csv"),
        ("--drop --target -- --target", {}, {"target": "y"}, "--drop --target --target y -- --target"),
        ("--target=Y --no-cache a.csv", {"target": "Y"}, {"target": "y"}, "--target y --no-cache a.csv"),
        ("--monthfirst a.csv", {"dayfirst": False}, {"dayfirst": True}, "--dayfirst a.csv"),
        ("--rule=bic --loss huber:1 --metric r2 a.csv", {}, {"classes": True}, "--family auto a.csv"),
        ("--rule 1se --metric deviance a.csv", {}, {"classes": True}, "--rule 1se --metric deviance a.csv"),
    ],
)
def test_the_options_of_a_command_are_changed_where_they_are(typed, call, changed, works):
    """Words behind a -- are no options, and neither are values that look like some."""
    valued = {"--drop", "--na", "--target", "--rule", "--loss", "--metric"}
    if "--loss" not in typed and "classes" in changed:
        works += " --family auto"
    assert " ".join(_messages._with_options(tuple(typed.split()), valued, call, call | changed)) == works


def test_rows_that_end_in_a_comma_give_the_numbers_of_those_that_do_not(file, tmp_path):
    """As a spreadsheet may write them; pandas takes the first column for an index, and all others move."""
    header, *rows = file.read_text().splitlines()
    (tmp_path / "commas.csv").write_text("\n".join([header, *(f"{row}," for row in rows)]) + "\n")
    result = call("path", tmp_path / "commas.csv", "--target", "y", "--drop", "w", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stderr == "Note: every row of commas.csv ends in a comma; the empty field behind it is left out.\n"
    assert_same(written(tmp_path / "out"), jr.fit_path(table()[list(COLUMNS)], table()["y"]))


def test_a_target_named_twice_does_not_leak(tmp_path):
    frame = table()[["y", "age", "bmi", "y"]]
    frame.to_csv(tmp_path / "data.csv", index=False)
    result = call("path", tmp_path / "data.csv", "--target", "y", "--out", tmp_path / "out")
    assert_fails(result, "two columns called 'y'; rename one of them")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_marks_are_those_of_the_file(tmp_path):
    frame = table()[[*COLUMNS, "y"]]
    frame["bmi"] *= 10_000
    german = frame.map(lambda value: f"{value:,.3f}".translate(str.maketrans(",.", ".,")))
    german.to_csv(tmp_path / "data.csv", index=False)
    options = ["--target", "y", "--out", tmp_path / "out"]
    works = "--decimal ',' --thousands '.'"
    assert_told(call("path", tmp_path / "data.csv", *options), "target 'y' holds numbers as text", works)
    result = call("path", tmp_path / "data.csv", *options, "--decimal", ",", "--thousands", ".")
    assert (result.exit_code, result.stderr) == (0, ""), result.output
    assert_same(written(tmp_path / "out"), jr.fit_path(frame[list(COLUMNS)].round(3), frame["y"]))


def test_bad_columns_are_told(tmp_path):
    name, out = tmp_path / "data.csv", tmp_path / "out"
    frame = table()
    frame.assign(city="Rome", day="2024-01-01").to_csv(name, index=False)
    assert_told(call("path", name, "--target", "y", "--out", out), "'day' holds dates", "--dates parts")
    assert_told(call("path", name, "--target", "city", "--out", out), "'city' has values that are not numbers")
    frame.assign(bmi=frame["bmi"].where(frame.index > 2)).to_csv(name, index=False)
    assert_told(call("path", name, "--target", "y", "--out", out), "missing values in 'bmi' (3)", "--missing impute")
    assert_told(call("path", name, "--target", "bmi", "--out", out), "missing values in 'bmi' (3)", "--missing drop")
    frame[["y"]].to_csv(name, index=False)
    assert_told(call("path", name, "--target", "y", "--out", out), "no column is left")
    assert not out.exists()


def test_bad_files_end_in_one_line(file, tmp_path):
    target = ["--target", "y", "--out", tmp_path / "out"]
    assert_fails(call("path", tmp_path / "absent.csv", *target), "absent.csv is not there")
    assert_fails(call("path", tmp_path / "data.xlsx", *target), "unknown extension '.xlsx'", ".csv, .tsv")
    for name in ("empty.csv", "empty.parquet", "binary.csv"):
        (tmp_path / name).write_bytes(b"\xff\xfe\x00" if name.startswith("binary") else b"")
        if name.endswith("parquet"):
            pytest.importorskip("pyarrow")
        assert_fails(call("path", tmp_path / name, *target), f"{name} cannot be read")
    assert_fails(call("path", file, "--target", "y", "--out", file), str(file))


def test_many_columns_are_not_all_listed(tmp_path):
    frame = pd.DataFrame(np.zeros((2, 50)), columns=[f"column{j}" for j in range(50)])
    frame.to_csv(tmp_path / "data.csv", index=False)
    assert_told(call("path", tmp_path / "data.csv", "--target", "y"), "and 30 more")


def test_convergence_warning_is_one_line(file, tmp_path):
    frame = table().assign(y=1.0)
    frame.to_csv(file, index=False)
    result = call("path", file, "--target", "y", "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    assert result.stderr.startswith("Warning: ")
    assert "constant" in result.stderr
    assert result.stderr.count("\n") == 1
    assert not written(tmp_path / "out")[1][:, 2:].any()


def test_what_typer_refuses_ends_in_code_2(file):
    for arguments in (["path"], ["cv", file, "--target", "y", "--folds", "1"], ["bench", "--fast"], ["paths"]):
        result = call(*arguments)
        assert (result.exit_code, result.stdout) == (2, "")
        assert "Error: " in result.stderr
    assert_fails(call("bench", "--rows", "20"), "--rows and --columns go together")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (MemoryError(), 1, "jaxreg: out of memory"),
        (RuntimeError("no device\nfound"), 1, "jaxreg: no device found"),
        (PermissionError(13, "Permission denied", "out"), 2, "jaxreg: [Errno 13] Permission denied: 'out'"),
    ],
)
def test_what_goes_wrong_is_one_line_and_a_code(file, tmp_path, monkeypatch, error, code, line):
    def fit_path(*_, **options):
        assert options["progress"] is True
        raise error

    monkeypatch.setattr(jr, "fit_path", fit_path)
    result = call("path", file, "--target", "y", "--progress", "--out", tmp_path / "out")
    assert (result.exit_code, result.stdout, result.stderr) == (code, "", f"{line}\n")


@pytest.mark.parametrize(
    ("command", "module"),
    [("demo", "sklearn"), ("demo", "pandas"), ("path", "matplotlib"), ("bench", "sklearn")],
)
def test_missing_libraries_are_named(monkeypatch, file, command, module):
    for name in list(sys.modules):
        if name == module or name.startswith(f"{module}."):
            monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.setitem(sys.modules, module, None)
    arguments = {"demo": [], "bench": ["--compare"]}.get(command, [file, "--target", "y"])
    assert_fails(call(command, *arguments), f"needs {module}", "pip install", code=1)


def test_version():
    result = call("--version")
    assert (result.exit_code, result.stdout) == (0, f"jaxreg {jr.__version__}\n")


def test_help_starts_no_backend_and_imports_no_big_library():
    code = (
        "import sys\n"
        "from jaxreg.__main__ import main\n"
        "sys.argv = ['jaxreg', '--help']\n"
        "try: main()\n"
        "except SystemExit as end: assert end.code == 0\n"
        "print(sorted({'pandas', 'matplotlib', 'sklearn', 'plotly', 'tqdm'} & set(sys.modules)))\n"
    )
    environment = os.environ | {"JAX_PLATFORMS": "no_such_platform"}  # a backend could not start
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    for text in ("path", "cv", "report", "predict", "bench", "demo", "130  interrupted"):
        assert f"  {text}" in done.stdout
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.slow
def test_python_m_ends_with_one_line_and_code_2(tmp_path):
    command = [sys.executable, "-m", "jaxreg", "path", "absent.csv", "--target", "y"]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=with_path())
    assert done.returncode == 2
    assert done.stderr.startswith("jaxreg: absent.csv is not there, or not a file; give a table, ")
    assert done.stderr.count("\n") == 1


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_ctrl_c_ends_with_one_line_and_code_130():
    command = [sys.executable, "-m", "jaxreg", "bench", "--rows", "1000", "--columns", "1000"]
    streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    with subprocess.Popen(command, env=with_path(), **streams) as process:
        for line in process.stdout:
            if "worst gap" in line:  # the first fit begins
                process.send_signal(signal.SIGINT)
                break
        rest, message = process.communicate()
    assert (process.returncode, rest, message) == (130, "", "interrupted\n")


def with_path():
    """The environment, with the package's folder where this run found it."""
    parent = os.path.dirname(os.path.dirname(jr.__file__))
    path = os.pathsep.join([parent, os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    return os.environ | {"PYTHONPATH": path, "XDG_CACHE_HOME": CACHES.name}


def test_without_typer_the_message_says_what_to_install():
    code = "import sys; sys.modules['typer'] = None; import jaxreg.__main__"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=with_path())
    assert done.returncode == 1
    assert done.stderr == 'The command line needs typer: pip install "jaxreg[cli]"\n'


def test_main_is_the_entry_point(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["jaxreg", "--help"])
    monkeypatch.setattr(signal, "signal", lambda *_: None)  # Ctrl-C remains that of pytest
    with pytest.raises(SystemExit) as end:
        main()
    assert end.value.code == 0
    assert "--help" in capsys.readouterr().out
