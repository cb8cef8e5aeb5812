"""Lanes over several devices: a mesh has one axis, along which they are shared out."""

from typing import Any

import jax
from jax.sharding import PartitionSpec

from jaxreg.design._placement import GROUPS


def on_mesh(run, mesh, groups, shared):
    """run(groups, shared) of arrays with a leading axis of the groups, which is shared out, and of others."""
    if mesh is None:
        return run(groups, shared)
    by_group: Any = PartitionSpec(GROUPS)
    whole: Any = PartitionSpec()
    return jax.shard_map(run, mesh=mesh, in_specs=(by_group, whole), out_specs=by_group, check_vma=False)(
        groups, shared
    )
