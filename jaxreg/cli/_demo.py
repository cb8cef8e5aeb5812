"""The data of the demonstration, as Python source that is run here and shown in its report."""

SOURCE = """\
import itertools
import pandas as pd
from sklearn.datasets import load_diabetes

data = load_diabetes(scaled=False)
X, y = pd.DataFrame(data.data, columns=data.feature_names), data.target
centred = X - X.mean()
products = [(a, b) for a, b in itertools.combinations(data.feature_names, 2)]
X = X.assign(**{f"{a}:{b}": centred[a] * centred[b] for a, b in products})"""


def diabetes():
    """(X, y, title)."""
    names: dict = {}
    exec(SOURCE, names)
    X, n_features = names["X"], len(names["data"].feature_names)
    return X, names["y"], f"Diabetes data: {n_features} columns and their {X.shape[1] - n_features} products"
