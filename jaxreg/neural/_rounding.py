"""A wall for the compiler: what is computed before it does not depend on what comes after."""

import jax
import jax.numpy as jnp


def rounded(tree, never):
    """The floats of a pytree as they are, but rounded: no product is carried unrounded into a sum beyond here.

    Else the last bit of a step would depend on what is fused with it, and a regularizer of strength 0 would not be the
    same as none. XLA takes optimization barriers out before it fuses for a CPU. `never` is a condition that is false,
    which the compiler cannot know.
    """

    def one(leaf):
        return _rounded(leaf, never) if jnp.issubdtype(leaf.dtype, jnp.floating) else leaf

    return jax.tree.map(one, tree)


@jax.custom_jvp
def _rounded(leaf, never):
    bits = jax.lax.bitcast_convert_type(leaf, f"uint{8 * leaf.dtype.itemsize}")
    return jax.lax.bitcast_convert_type(bits ^ never.astype(bits.dtype), leaf.dtype)


@_rounded.defjvp
def _derivative(primals, tangents):
    return _rounded(*primals), tangents[0]  # that of bits would be 0
