"""Ridge in rational arithmetic: what a solution is, free of rounding, for a few rows and columns."""

from fractions import Fraction

import numpy as np


def rational(array):
    """Lists of rows of exact values of an array (n, k)."""
    return [[Fraction(value) for value in row] for row in np.asarray(array, dtype=float).tolist()]


def _solved(A, B):
    """A^-1 B by elimination."""
    rows = [list(a) + list(b) for a, b in zip(A, B, strict=True)]
    for i in range(len(rows)):
        pivot = next(k for k in range(i, len(rows)) if rows[k][i])
        rows[i], rows[pivot] = rows[pivot], rows[i]
        rows[i] = [value / rows[i][i] for value in rows[i]]
        for k, row in enumerate(rows):
            if k != i and row[i]:
                rows[k] = [value - row[i] * of_pivot for value, of_pivot in zip(row, rows[i], strict=True)]
    return [row[len(rows) :] for row in rows]


def _product(A, B):
    return [[sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*B, strict=True)] for row in A]


def _centred(rows):
    means = [sum(column) / len(rows) for column in zip(*rows, strict=True)]
    return means, [[value - mean for value, mean in zip(row, means, strict=True)] for row in rows]


def ridge(X, Y, alpha):
    """(intercepts (K,), coefficients (p, K)) that minimise |Y - b0 - X b|^2 + alpha |b|^2, as Fractions."""
    (x_mean, X), (y_mean, Y), alpha = _centred(rational(X)), _centred(rational(Y)), Fraction(float(alpha))
    XT = [list(column) for column in zip(*X, strict=True)]
    wide = len(X) < len(XT)
    square = _product(X, XT) if wide else _product(XT, X)
    square = [[value + alpha * (i == j) for j, value in enumerate(row)] for i, row in enumerate(square)]
    coef = _product(XT, _solved(square, Y)) if wide else _solved(square, _product(XT, Y))
    (level,) = _product([x_mean], coef)
    return [mean - shift for mean, shift in zip(y_mean, level, strict=True)], coef


def coefficients(X, Y, alpha):
    """The same in float64: (K,), (p, K)."""
    intercept, coef = ridge(X, Y, alpha)
    return np.array([float(value) for value in intercept]), np.array([[float(v) for v in row] for row in coef])


def held_out_errors(X, Y, alpha, train, test):
    """Errors (k, K) of the rows `test`, predicted by the fit of the rows `train`."""
    intercept, coef = ridge(X[train], Y[train], alpha)
    fitted = _product(rational(X[test]), coef)
    each = zip(rational(Y[test]), fitted, strict=True)
    return np.array([[float(y - f - b) for y, f, b in zip(*rows, intercept, strict=True)] for rows in each])


def left_out_errors(X, Y, alpha):
    """Errors (n, K) of all rows, each predicted by the fit of the others."""
    n = np.arange(len(X))
    return np.vstack([held_out_errors(X, Y, alpha, n != i, n == i) for i in n])
