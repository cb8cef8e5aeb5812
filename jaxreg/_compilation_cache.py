"""JAX's compilation cache: programs that one process compiles are read from a folder by the next.

No fit and no import switches it on: the command line does, and whoever calls `enable_compilation_cache`.
"""

import hashlib
import os
import platform
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import jax

FOLDER = "jax_compilation_cache_dir"
SWITCH = "jax_enable_compilation_cache"
ALL_PROGRAMS = {  # by default JAX keeps those alone that take a second to compile
    "jax_persistent_cache_min_compile_time_secs": 0.0,
    "jax_persistent_cache_min_entry_size_bytes": -1,
}


def enable_compilation_cache(path=None) -> Path:
    """Let JAX keep what it compiles in a folder, for later processes to read: for notebooks and scripts.

    Sets three options of JAX for this process, `jax_compilation_cache_dir` to the folder,
    `jax_persistent_cache_min_compile_time_secs` to 0 and `jax_persistent_cache_min_entry_size_bytes` to -1, so that
    programs are kept as well that compile in less than a second. The call may come before or after the first fit.
    Whatever JAX compiles in this process is kept, other packages' programs included.

    Parameters
    ----------
    path : str, pathlib.Path or None
        Folder, made where it is missing. None is the one that JAX has been told of (the environment variable
        JAX_COMPILATION_CACHE_DIR), else the one of the command line: `jaxreg`, and in it one for each kind of
        processor, in the user's folder of caches (XDG_CACHE_HOME, or what the platform has: ~/.cache on Linux,
        ~/Library/Caches on macOS, %LOCALAPPDATA% on Windows).

    Returns
    -------
    pathlib.Path
        The folder.

    Raises
    ------
    TypeError
        For a path that is no path.
    ValueError
        For a URL.
    OSError
        For a folder that cannot be made or written to.

    Notes
    -----
    JAX runs the programs that it reads there: keep the folder where nobody else can write, and give machines with
    different processors one each. A new version of jaxlib compiles anew. Nothing is ever removed from the folder (some
    100 kB for each shape of data); it may be deleted at any time.

    Examples
    --------
    >>> import tempfile
    >>> import jax
    >>> import jaxreg as jr
    >>> with tempfile.TemporaryDirectory() as folder:  # without an argument: the user's folder of caches
    ...     jr.enable_compilation_cache(folder) == jr.enable_compilation_cache()
    True
    >>> jax.config.update("jax_compilation_cache_dir", None)  # switches it off again
    """
    folder = _told(path) or _users_folder()
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder):  # it can be written to
        pass
    _update({FOLDER: str(folder)} | ALL_PROGRAMS)
    return folder


def disable_compilation_cache():
    """Let JAX neither read nor keep programs in this process."""
    _update({SWITCH: False})


@contextmanager
def restored():
    """At the end the options of JAX that are set here have the values that they had at the beginning."""
    before = {option: getattr(jax.config, option) for option in (FOLDER, SWITCH, *ALL_PROGRAMS)}
    try:
        yield
    finally:
        _update(before)


def remedy(warning):
    """What to do about a warning of JAX, where it is that a file of the folder is broken, as a full disk leaves one."""
    broken = warning.startswith("Error reading persistent compilation cache entry")
    return f"; delete {getattr(jax.config, FOLDER)}, where JAX does not replace it" if broken else ""


def _update(options):
    from jax.experimental.compilation_cache import compilation_cache

    for option, value in options.items():
        jax.config.update(option, value)
    compilation_cache.reset_cache()  # JAX opens the folder once, and would stay with the one before


def _told(path):
    """The folder that the argument names, or that JAX has been told of; None if there is none."""
    if path is not None and not isinstance(path, (str, os.PathLike)):
        raise TypeError(f"path is {path!r}; give a folder, or None for the user's folder of caches.")
    told = path if path is not None else getattr(jax.config, FOLDER)
    if "://" in str(told):
        raise ValueError(f"path is {str(told)!r}, a URL; give a folder, or set the options of JAX yourself.")
    return Path(told).expanduser().absolute() if told else None


def _users_folder():
    return _users_caches() / "jaxreg" / _processor()


def _users_caches():
    told = os.environ.get("XDG_CACHE_HOME", "")
    if os.path.isabs(told):
        return Path(told)
    try:
        home = Path.home()
    except RuntimeError as error:
        raise OSError("the user has no home folder; set XDG_CACHE_HOME to a folder for caches.") from error
    if sys.platform == "darwin":
        return home / "Library" / "Caches"
    if os.name == "nt":
        return Path(os.environ.get("LOCALAPPDATA") or home / "AppData" / "Local")
    return home / ".cache"


def _processor():
    """A name of what the processor can do: JAX does not ask whether it can run what another machine compiled."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        abilities = next((line for line in lines if line.startswith(("flags", "Features"))), "")
    except OSError:
        abilities = platform.processor()
    return f"{platform.machine()}-{hashlib.sha256(abilities.encode()).hexdigest()[:8]}"
