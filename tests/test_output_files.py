"""Files that results are written to and read from: what is wrong with a path is said of `path`."""

import numpy as np
import pytest
from reference import ar_problem

import jaxreg as jr
from jaxreg.report import write_report


@pytest.fixture(scope="module")
def path():
    return jr.fit_path(*ar_problem(60, 8), n_lambdas=20)


@pytest.mark.parametrize("method", ["report", "save", "load"])
def test_a_path_without_a_folder_is_named(path, method, tmp_path, monkeypatch):
    if method == "report":
        pytest.importorskip("plotly")
    monkeypatch.chdir(tmp_path)
    act = getattr(path, method)
    with pytest.raises(FileNotFoundError, match=r"path is 'nodir/x.html', but there is no folder 'nodir'; make it"):
        act("nodir/x.html")
    with pytest.raises(IsADirectoryError, match=r"path is '\.', which is a folder; give the name of a file"):
        act(".")
    with pytest.raises(TypeError, match=r"path is None; give the name of a file"):
        act(None)
    assert not list(tmp_path.iterdir())


def test_only_what_was_saved_is_loaded(path, tmp_path):
    file = tmp_path / "x.npz"
    with pytest.raises(FileNotFoundError, match=r"x.npz"):
        jr.PathResult.load(file)
    np.savez(file, coef=np.zeros(3))
    others = [file.read_bytes(), b"", b"lambda,a,b\n", b"PK\x03\x04"]
    np.save(tmp_path / "x.npy", np.zeros(3))
    for content in (*others, (tmp_path / "x.npy").read_bytes()):
        file.write_bytes(content)
        with pytest.raises(ValueError, match=r"x.npz', which is not a file that PathResult.save wrote"):
            jr.PathResult.load(file)
    path.save(str(file))
    np.testing.assert_array_equal(jr.PathResult.load(str(file)).coef, path.coef)


def test_a_report_is_of_a_result(tmp_path):
    with pytest.raises(TypeError, match=r"result is a dict; give a PathResult or a CVResult"):
        write_report({}, tmp_path / "x.html")
