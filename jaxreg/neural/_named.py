"""Modules of other libraries: their leaves by names, as plain dicts and back, and the functions that make them."""

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


def check_build(build, module, form):
    """`build` is a function of this form, as "(key) -> equinox.Module", and no instance of the class `module`."""
    if isinstance(build, module):
        raise TypeError(
            f"build is a {type(build).__name__}, a module; give the function that makes it, {form}, as each seed "
            "starts from its own parameters."
        )
    if not callable(build):
        raise TypeError(f"build is {build!r}; give a function {form}.")
