"""Ridge paths of several responses from one decomposition."""

import time
from dataclasses import replace

import numpy as np

from jaxreg import _fit, _grid, _loops
from jaxreg._problem import centred_response, make_problem
from jaxreg.solvers.ridge import decomposed


def path(setup, request, l1_ratio, began):
    """(PathResult, what to warn of) of all responses at the same lambdas."""
    solver = _fit.choose_solver(request.solver, l1_ratio, setup.model)
    if solver != "ridge":
        raise ValueError(
            f"y has {setup.responses.shape[1]} columns; several responses need l1_ratio=0 and no limits: give one."
        )
    for name in ("early_stop", "max_features"):
        if getattr(request, name):
            raise ValueError(f"{name} is given, but cuts the path of one response; y has {setup.responses.shape[1]}.")
    setups = _setups(setup)
    options = replace(setup.options, l1_ratio=0.0)
    lambdas = request.lambdas
    if lambdas is None:
        largest = max(_grid.lambda_max(each.problem, 0.0) for each in setups)
        lambdas = _grid.geometric(largest, request.n_lambdas, setup.ratio)
    ridge, kept, found = decomposed(setup.problem, setup.gram), np.arange(len(lambdas)), []
    for each in setups:
        started = time.perf_counter()
        loop = _loops.eigen(ridge, each.problem, each.gram, lambdas, options)
        points = [point for block in _fit.answered(loop, each.problem.design) for point in block]
        seconds = time.perf_counter() - started
        found.append(_fit.path_result(each, options, solver, points, lambdas, kept, None, seconds, began))
    said = list(dict.fromkeys(clause for _, clauses in found for clause in clauses))
    return _joined([path for path, _ in found], setups, began), said


def _setups(setup):
    """One for each response; the products with X are taken together."""
    design, model = setup.problem.design, setup.model
    data = [replace(setup.data, y=y) for y in setup.responses.T]
    z = np.stack([centred_response(each, model.fit_intercept)[0] for each in data])
    corr = np.asarray(design.correlate(z), dtype=np.float64)
    problems = [make_problem(design, each, model, c) for each, c in zip(data, corr, strict=True)]
    return [replace(setup, data=each, problem=problem) for each, problem in zip(data, problems, strict=True)]


def _joined(paths, setups, began):
    """One path: its objective is the sum of theirs."""
    from scipy.sparse import csr_array

    first = paths[0]
    null, total = (np.array([getattr(each.problem, name) for each in setups]) for name in ("null_loss", "total"))
    coef = np.stack([path.coef for path in paths], axis=-1)
    return replace(
        first,
        coef_sparse=csr_array(coef.reshape(len(first.lambdas), -1)),
        intercept=np.stack([path.intercept for path in paths], axis=-1),
        gap=_weighted([path.gap for path in paths], null),
        df=(coef != 0).any(axis=-1).sum(axis=-1),
        dev_ratio=_weighted([path.dev_ratio for path in paths], total),
        status=np.max([path.status for path in paths], axis=0),
        timings={
            "prepare": first.timings["prepare"],
            "solve": sum(path.timings["solve"] for path in paths),
            "total": time.perf_counter() - began,
        },
        n_responses=len(paths),
    )


def _weighted(values, weight):
    return np.average(values, axis=0, weights=weight) if weight.any() else np.zeros_like(values[0])
