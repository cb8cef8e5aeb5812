"""What a sweep leaves in a directory, so that it goes on from there when it is called again."""

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from jaxreg.neural._fingerprint import described, differences, versions

FINGERPRINT = "sweep.json"
UNFINISHED = "sweep.json.tmp"
MOST = 5  # differences that are told


def require_orbax():
    try:
        import orbax.checkpoint  # noqa: F401
    except ImportError as error:
        raise ImportError('checkpoint needs orbax: pip install "jaxreg[neural]"') from error


def check_directory(directory):
    """An absolute path, or None."""
    if directory is None:
        return None
    if not isinstance(directory, (str, os.PathLike)):
        raise TypeError(f"checkpoint is {directory!r}; give the path of a directory, or None.")
    path = Path(directory).absolute()
    if path.exists() and not path.is_dir():
        raise ValueError(f"checkpoint is {str(directory)!r}, which is a file; give a directory.")
    require_orbax()
    return path


class Unkept:
    """No checkpoint: all epochs are one block."""

    every = math.inf

    def last(self, sweep, of):
        return 0, [None] * len(sweep.tiles)

    def save(self, done, lanes):
        pass


@dataclass(frozen=True)
class Stage:
    """Saves of one stage of a sweep, each a step of orbax named by the epochs done: the last one is there.

    orbax writes a save under another name and renames it when it is whole; then the one before is deleted.
    """

    directory: Path
    every: int

    def _manager(self):
        import orbax.checkpoint as ocp

        options = ocp.CheckpointManagerOptions(
            max_to_keep=1, enable_async_checkpointing=False, cleanup_tmp_directories=True
        )
        return ocp.CheckpointManager(self.directory, options=options)

    def last(self, sweep, of):
        """(epochs done, lanes of each tile), after the last epoch of(lane), as `run` and `Sweep.train` have them."""
        import orbax.checkpoint as ocp

        with self._manager() as manager:
            done = manager.latest_step()
            if done is None:
                return Unkept().last(sweep, of)
            like = [jax.eval_shape(of, sweep.shapes()) if done == sweep.epochs else sweep.shapes()] * len(sweep.tiles)
            leaves, structure = jax.tree.flatten(like)
            plain = [jax.eval_shape(jax.random.key_data, leaf) if _is_key(leaf) else leaf for leaf in leaves]
            empty = [np.empty(leaf.shape, leaf.dtype) for leaf in plain]
            try:
                stored = iter(manager.restore(done, args=ocp.args.StandardRestore(_filled(empty))))
            except Exception as error:  # of orbax, of its storage, of the system
                raise ValueError(
                    f"checkpoint has {self.directory / str(done)}, which cannot be read ({type(error).__name__}); "
                    f"delete {self.directory} to train this stage again."
                ) from error
        found = [_as(leaf, next(stored) if own.size else own) for leaf, own in zip(leaves, empty, strict=True)]
        return done, jax.tree.unflatten(structure, found)

    def save(self, done, lanes):
        import orbax.checkpoint as ocp

        leaves = jax.tree.leaves(lanes)
        arrays = _filled([np.asarray(jax.random.key_data(leaf) if _is_key(leaf) else leaf) for leaf in leaves])
        with self._manager() as manager:
            manager.save(done, args=ocp.args.StandardSave(arrays))


def _filled(arrays):
    """Those that orbax can save: it refuses empty ones."""
    return [array for array in arrays if array.size]


def _is_key(leaf):
    """Whether it holds random keys, as the state of an optimizer that adds noise does."""
    return jax.dtypes.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _as(leaf, found):
    """What was found in a file, as the keys that it may have been."""
    if not _is_key(leaf):
        return found
    return jax.random.wrap_key_data(found, impl=jax.random.key_impl(jax.numpy.empty((), leaf.dtype)))


def stages(directory, every, names, facts):
    """Unkept or a Stage for each name; facts() are the arguments of the sweep, whose directory this must be."""
    if directory is None:
        return [Unkept() for _ in names]
    # as it comes back from a file: lists for tuples, text for all keys
    own = json.loads(json.dumps(described(facts() | {"versions": versions()})))
    file = directory / FINGERPRINT
    if file.exists():
        _check_same(directory, json.loads(file.read_text(encoding="utf-8")), own)
    else:
        directory.mkdir(parents=True, exist_ok=True)
        others = sorted(each.name for each in directory.iterdir() if each.name != UNFINISHED)
        if others:
            raise ValueError(
                f"checkpoint is {str(directory)!r}, which has {others[0]!r} in it but no {FINGERPRINT}; give an empty "
                "or a new directory."
            )
        unfinished = directory / UNFINISHED
        unfinished.write_text(json.dumps(own, indent=1), encoding="utf-8")
        unfinished.replace(file)
    return [Stage(directory / name, every) for name in names]


def _check_same(directory, there, here):
    found = differences(there, here)
    if found:
        rest = f" and {len(found) - MOST} more" if len(found) > MOST else ""
        raise ValueError(
            f"checkpoint is {str(directory)!r}, which holds another sweep: {'; '.join(found[:MOST])}{rest}. Give "
            "another directory, or the arguments of that sweep."
        )
