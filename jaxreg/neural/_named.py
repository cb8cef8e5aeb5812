"""Leaves of a module by their names: what turns the modules of other libraries into plain dicts, and back."""

import jax
import jax.numpy as jnp


def names(path):
    """("layers", "0", "kernel") of a path of JAX."""
    return tuple(jax.tree_util.keystr((key,), simple=True) for key in path)


def named(tree):
    """{names: leaf} of a pytree."""
    return {names(path): leaf for path, leaf in jax.tree.leaves_with_path(tree)}


def nested(leaves, dtype):
    """The dicts in dicts of {names: array}, with floats of this dtype: those of a fit, whatever the library likes."""
    tree: dict = {}
    for (*above, last), leaf in leaves.items():
        place = tree
        for name in above:
            place = place.setdefault(name, {})
        place[last] = jnp.asarray(leaf, dtype if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf.dtype)
    return tree
