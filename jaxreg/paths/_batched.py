"""All columns and lambdas of a path side by side: for accelerators.

Penalties that are not convex do not belong here: their solutions depend on where they start, and are followed from one
lambda to the next.
"""

from jaxreg.paths import _solutions


def alone(objective, certify, lambdas, options, start):
    """The points of an Objective at lambdas (L,), as a path in one block; a generator, as the path loop is."""
    solutions = _solutions.solve([objective], [certify], [objective.penalty], lambdas[None, None], options, [start])
    yield solutions.blocks()[0]
