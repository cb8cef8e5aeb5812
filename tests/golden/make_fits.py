"""Writes fits.npz, the results of the fits of `tests/golden_fits.py`: python tests/golden/make_fits.py

fits.npz was made with the library of commit 01f7bfd, before its loops and certificates were rebuilt. It says what later
code has to give, and is not to be made again in order that a test passes. With names of fits these are only tried.

Before it is written, each fit is made with the rows and the columns of X in another order as well, and that of block
descent by the proximal solver: what this changes is at most a tenth of the error that is allowed, or a thirtieth where
a fit has a tolerance of its own. Gaps are far from the tolerance, but for block descent, which goes on until it is met.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np

sys.path[:0] = [str(Path(__file__).parents[1]), str(Path(__file__).parents[2])]

from golden_fits import DATA, FITS

ORDERS = 3


def reordered(fit, seed):
    """The fit with rows and columns of X in a random order, as far as they may move."""
    rng, (n, p) = np.random.default_rng(seed), DATA[fit.data]()[0].shape
    rows, columns = rng.permutation(n), rng.permutation(p)
    return fit.run(rows if "rows" in fit.moves else None, columns if "columns" in fit.moves else None)


def checked(name):
    """(the results of a fit, whether rounding may change them by more than is allowed)."""
    fit = FITS[name]
    first = fit.run()
    others = [reordered(fit, seed) for seed in range(ORDERS)]
    descends = first.get("solver") == "block"
    if descends:
        by_gradient = replace(fit, keywords=fit.keywords | {"solver": "proximal"})
        others.append(by_gradient.run() | {"solver": first["solver"]})
    errors = {key: max(fit.error(key, first[key], other[key]) for other in others) for key in first}
    margin = 30 if fit.rtol > 1e-10 else 10
    beyond = {key: error for key, error in errors.items() if not margin * error <= fit.allowed(key)}
    share = first.get("gap", np.zeros(1)) / fit.keywords["tol"]
    near = not descends and ((share > 0.1) & (share < 10)).any()
    statuses = np.unique(first.get("status", 0)).tolist()
    print(f"{name:32} {max(errors.values()):.1e}  statuses {statuses}, gap {share.max():.0e} of tol  {beyond or ''}")
    return first, bool(beyond or near)


def main(names):
    found = {name: checked(name) for name in names or FITS}
    fragile = [name for name, (_, changes) in found.items() if changes]
    if fragile:
        raise SystemExit(f"rounding may change {', '.join(fragile)}; nothing is written")
    if not names:
        results = {f"{name}/{key}": value for name, (first, _) in found.items() for key, value in first.items()}
        np.savez_compressed(Path(__file__).parent / "fits.npz", **results)


if __name__ == "__main__":
    main(sys.argv[1:])
