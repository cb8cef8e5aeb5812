"""The compilation cache: who switches it on, where it is, and what a command leaves of it."""

import sys
from pathlib import Path

import jax
import numpy as np
import pytest

import jaxreg as jr
from jaxreg import _compilation_cache

OPTIONS = (_compilation_cache.FOLDER, _compilation_cache.SWITCH, *_compilation_cache.ALL_PROGRAMS)


def options():
    return [getattr(jax.config, option) for option in OPTIONS]


@pytest.fixture(autouse=True)
def _as_before():
    with _compilation_cache.restored():
        jax.config.update(_compilation_cache.FOLDER, None)
        yield


def compiled(number):
    """Compiles a program that was not there before."""
    return float(jax.jit(lambda x: x * number)(2.0))


def programs(folder):
    return sorted(file.name for file in Path(folder).rglob("*-cache"))


def test_programs_are_kept_where_it_is_said(tmp_path):
    before = options()
    assert compiled(3) == 6  # JAX has compiled: it is not too late
    first = jr.enable_compilation_cache(tmp_path / "deep" / "first")
    assert first == tmp_path / "deep" / "first"
    assert options() == [str(first), True, 0.0, -1]
    assert compiled(5) == 10
    assert len(programs(first)) == 1
    assert jr.enable_compilation_cache() == first  # what JAX has been told
    second = jr.enable_compilation_cache(str(tmp_path / "second"))
    assert compiled(7) == 14
    assert compiled(5) == 10
    assert (len(programs(first)), len(programs(second))) == (1, 2)
    with _compilation_cache.restored():
        _compilation_cache.disable_compilation_cache()
        assert compiled(11) == 22
    assert compiled(13) == 26
    assert len(programs(second)) == 3
    assert options() != before


def test_a_fit_switches_nothing_on(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    before = options()
    jr.fit_path(np.arange(12.0).reshape(6, 2) % 5, np.arange(6.0) % 4, penalty=jr.penalties.Ridge(), n_lambdas=5)
    assert options() == before
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("platform", "told", "folder"),
    [
        ("linux", "", "home/.cache"),
        ("linux", "/caches", "/caches"),
        ("linux", "caches", "home/.cache"),  # a relative path does not count
        ("darwin", "", "home/Library/Caches"),
        ("darwin", "/caches", "/caches"),
    ],
)
def test_the_users_folder_is_that_of_the_platform(tmp_path, monkeypatch, platform, told, folder):
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", told)
    monkeypatch.setattr(sys, "platform", platform)
    users = _compilation_cache._users_folder()
    assert users.parent == tmp_path / folder / "jaxreg"
    assert users.name == _compilation_cache._processor()
    if not told:
        assert jr.enable_compilation_cache() == users
        assert users.stat().st_mode & 0o777 == 0o700


def test_bad_folders_are_named(tmp_path, monkeypatch):
    with pytest.raises(TypeError, match="path is 3; give a folder, or None"):
        jr.enable_compilation_cache(3)
    with pytest.raises(ValueError, match="path is 'gs://bucket', a URL"):
        jr.enable_compilation_cache("gs://bucket")
    before = options()
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="file"):
        jr.enable_compilation_cache(tmp_path / "file")

    def homeless():
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.setattr(Path, "home", homeless)
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    with pytest.raises(OSError, match="no home folder; set XDG_CACHE_HOME"):
        jr.enable_compilation_cache()
    assert options() == before


# ---- the command line ----


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs a command that compiles one program and ends, the user's caches in the folder `caches`; gives its notes."""
    pytest.importorskip("pandas")
    pytest.importorskip("matplotlib")
    testing = pytest.importorskip("typer.testing")
    from jaxreg.__main__ import app

    def fit_path(*_, **__):
        compiled(17)
        raise RuntimeError("enough")

    monkeypatch.setattr(jr, "fit_path", fit_path)
    (tmp_path / "data.csv").write_text("y,a\n1.5,2\n3,1\n2,5\n")

    def call(*arguments):
        runner = testing.CliRunner(env={"XDG_CACHE_HOME": str(tmp_path / "caches")})
        arguments = ["path", tmp_path / "data.csv", "--target", "y", "--out", tmp_path / "out", *arguments]
        said = runner.invoke(app, [str(each) for each in arguments]).stderr.splitlines()
        said.remove("jaxreg: enough")
        return said

    return call


def test_a_command_keeps_programs_and_then_leaves_jax_as_it_was(tmp_path, run):
    before = options()
    assert run() == []
    assert any(name.startswith("jit__lambda") for name in programs(tmp_path / "caches" / "jaxreg"))
    assert options() == before
    count = len(programs(tmp_path))
    compiled(19)
    assert len(programs(tmp_path)) == count


def test_no_cache_reads_and_keeps_nothing(tmp_path, run):
    jr.enable_compilation_cache(tmp_path / "told")
    before = options()
    assert run("--no-cache") == []
    assert programs(tmp_path) == []
    assert options() == before
    assert run() == []
    assert programs(tmp_path / "told")  # JAX has been told of a folder: that one is used
    assert not (tmp_path / "caches").exists()


def test_a_folder_that_cannot_be_written_to_is_noted(tmp_path, run):
    (tmp_path / "caches").write_text("")
    (note,) = run()
    assert note.startswith("Note: compiled programs are not kept for the next time: ")
    assert str(tmp_path / "caches") in note


@pytest.mark.filterwarnings("default:Error reading persistent")
def test_a_broken_file_is_told_with_a_remedy(tmp_path, run):
    assert run() == []
    (file,) = (tmp_path / "caches").rglob("jit__lambda*-cache")
    file.write_bytes(file.read_bytes()[:50])  # as a full disk leaves it
    (note,) = run()
    assert note.startswith("Warning: Error reading persistent compilation cache entry for 'jit__lambda'")
    assert note.endswith(f"; delete {file.parent}, where JAX does not replace it")
