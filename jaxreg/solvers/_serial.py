"""Products and Cholesky factors on the host by one thread: in pieces for which BLAS and LAPACK start no others.

In between, compiled programs have threads of their own. Two pools that wait for one another by spinning take a hundred
times as long as one thread does.
"""

import numpy as np
from scipy.linalg import lapack

BLOCK = 48  # columns of a factor at once: LAPACK starts threads from 64 on
PIECE = 2**18  # multiplications in a product of matrices up to which BLAS starts no threads


def product(left, right):
    """left (r, k) @ right (k, c)."""
    (r, k), c = left.shape, right.shape[1]
    out = np.empty((r, c))
    columns = max(1, min(c, PIECE // max(1, k * min(r, 64))))
    rows = max(1, PIECE // max(1, k * columns))
    for i in range(0, r, rows):
        for j in range(0, c, columns):
            np.matmul(left[i : i + rows], right[:, j : j + columns], out=out[i : i + rows, j : j + columns])
    return out


def factorise(square, done):
    """Whether `square` (k, k) is positive definite; its lower triangle becomes that of Cholesky's factor.

    The first `done` rows and columns are those of the factor already.
    """
    k, start = len(square), 0
    while start < k:
        stop = min(start + BLOCK, done if start < done else k)
        corner = np.tril(square[start:stop, start:stop])
        if start >= done:
            corner, failed = lapack.dpotrf(corner, lower=1)
            if failed:
                return False
            square[start:stop, start:stop] = corner
        below = max(stop, done)
        inverse, _ = lapack.dtrtri(corner, lower=1)
        panel = product(square[below:, start:stop], inverse.T)
        square[below:, start:stop] = panel
        _reduce(square[below:, stop:], panel, square[stop:, start:stop])
        start = stop
    return True


def _reduce(rows, panel, others):
    """rows - panel others', in place, up to the diagonal: panel are the last of the rows `others`."""
    across = np.ascontiguousarray(others.T)  # of a matrix and its own transpose, a product starts threads
    before, step = len(others) - len(panel), max(1, PIECE // max(1, others.size))
    for start in range(0, len(rows), step):
        stop = min(start + step, len(rows))
        rows[start:stop, : before + stop] -= product(panel[start:stop], across[:, : before + stop])


def solved(factor, right):
    """The solution (k,) of the system with a factor of `factorise`."""
    return lapack.dpotrs(factor.T, right, lower=0)[0]  # rows of a factor are contiguous here, there columns
