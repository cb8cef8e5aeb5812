"""Ridge paths (l1_ratio = 0, no limits) from one eigendecomposition of the smaller Gram matrix.

With D = diag(1/f2) on the penalised columns and everything projected off the unpenalised ones,

    p <= n:  D^(1/2) G D^(1/2) = V S V',   b = D^(1/2) V (S + lambda)^-1 V' D^(1/2) c
    p > n:   A' D A = V S V',              b = D A V (S + lambda)^-1 V' z

(Hastie, Tibshirani and Friedman 2009, section 18.3.5). At lambda = 0 the pseudo-inverse takes the place of the inverse:
the solution of least penalty. The decompositions run on the host, once, outside of any compiled loop.
"""

import numpy as np


def _shrink(values, vectors, target, lambdas, size):
    """((L, k) rows V (S + lambda)^-1 V' target, effective degrees of freedom (L,))."""
    values = np.maximum(values, 0.0)
    rounding = np.finfo(float).eps * size * values.max(initial=0.0)
    denominator = values + lambdas[:, None]
    inverse = np.where(denominator > rounding, 1.0 / np.where(denominator > 0, denominator, 1.0), 0.0)
    return (inverse * (target @ vectors)) @ vectors.T, (values * inverse).sum(axis=1)


def ridge_from_gram(gram, problem, lambdas):
    """(b (L, p), effective degrees of freedom (L,)) from the Gram matrix (p, p)."""
    b = np.zeros((len(lambdas), problem.design.p))
    P, U = np.flatnonzero(problem.l2_factor > 0), np.flatnonzero(problem.l1_factor == 0)
    onto = np.linalg.pinv(gram[np.ix_(U, U)], hermitian=True) if U.size else np.zeros((0, 0))
    cross = gram[np.ix_(U, P)]
    scale = 1.0 / np.sqrt(problem.l2_factor[P])
    inner = scale[:, None] * (gram[np.ix_(P, P)] - cross.T @ onto @ cross) * scale
    corr = scale * (problem.corr[P] - cross.T @ onto @ problem.corr[U])
    shrunk, df = _shrink(*np.linalg.eigh(inner), corr, lambdas, len(P))
    b[:, P] = shrunk * scale
    b[:, U] = (problem.corr[U] - b[:, P] @ cross.T) @ onto
    return b, df + np.linalg.matrix_rank(onto) if U.size else df


def ridge_from_kernel(problem, lambdas, block):
    """Blocks (b (B, p), effective degrees of freedom (B,)) of a path through the (n, n) side."""
    design, basis = problem.design, problem.basis
    U = np.flatnonzero(problem.l1_factor == 0)
    penalised = problem.l2_factor > 0
    weight = np.where(penalised, 1.0 / np.where(penalised, problem.l2_factor, 1.0), 0.0)
    kernel = np.asarray(design.kernel(weight), dtype=np.float64)
    kernel = kernel - (kernel @ basis.T) @ basis
    kernel = kernel - basis.T @ (basis @ kernel)
    z = problem.z - (problem.z @ basis.T) @ basis
    dual, df = _shrink(*np.linalg.eigh((kernel + kernel.T) / 2), z, lambdas, design.n)
    onto = np.linalg.pinv(np.asarray(design.gather(U), dtype=np.float64)) if U.size else np.zeros((design.n, 0))
    for start in range(0, len(lambdas), block):
        part = slice(start, start + block)
        b = np.asarray(design.correlate(dual[part]), dtype=np.float64) * weight
        if U.size:
            b[:, U] = (problem.z - np.asarray(design.predict(b))) @ onto
        yield b, df[part] + len(basis)
