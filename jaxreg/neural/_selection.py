"""NeuralSelection: a chosen network."""

from typing import Any, NamedTuple

import jax
import numpy as np


class NeuralSelection(NamedTuple):
    """A chosen network: what `NeuralPath.select` returns.

    Attributes
    ----------
    strength : float, or tuple of float for several regularizers
    index : int
        Its position among the strengths.
    loss, std_error : float
        Held-out loss there.
    params, state : pytree of NumPy arrays, or None
        Of the model that was refitted to all the data, None without `refit`.

    Examples
    --------
    >>> import jaxreg as jr
    >>> from sklearn.datasets import load_diabetes
    >>> X, y = load_diabetes(return_X_y=True)
    >>> path = jr.neural.fit_path(jr.neural.Linear(), X, y / y.std(), epochs=2)
    >>> strength, index, loss, std_error, params, state = path.select("min")
    >>> params["layer0"]["kernel"].shape
    (10, 1)
    """

    strength: Any
    index: int  # type: ignore[assignment]
    loss: float
    std_error: float
    params: Any
    state: Any

    def __repr__(self):
        sizes = [np.size(leaf) for leaf in jax.tree.leaves(self.params)]
        params = f"{sum(sizes)} parameters in {len(sizes)} arrays" if sizes else "not refitted"
        return (
            f"<NeuralSelection: strength {self.strength}, index {self.index}, loss {self.loss:.5g}, std_error "
            f"{self.std_error:.3g}, {params}>"
        )
