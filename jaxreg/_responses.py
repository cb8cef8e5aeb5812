"""Several responses: in ridge each is solved as alone, on what they share; together they are one path."""

import time
from dataclasses import replace

import numpy as np

from jaxreg import _fit
from jaxreg._objective import Objective
from jaxreg._problem import make_problems


def setups(setup, request, l1_ratios):
    """A Setup for each response: of several the products with X are taken together."""
    if setup.responses is None:
        return [setup]
    K = setup.responses.shape[1]
    if isinstance(setup.problem, Objective):
        return [
            replace(setup, data=replace(setup.data, y=y), problem=setup.problem.of_response(r))
            for r, y in enumerate(setup.responses.T)
        ]
    if any(_fit.choose_solver(request, l1_ratio, setup.model) != "ridge" for l1_ratio in l1_ratios):
        raise ValueError(
            f"y has {K} columns; several responses need l1_ratio=0 and no limits, and a solver other than 'pivot': "
            "give one column, or these."
        )
    for name in ("early_stop", "max_features"):
        if getattr(request, name):
            raise ValueError(f"{name} is given, but cuts the path of one response; y has {K}.")
    data = [replace(setup.data, y=y) for y in setup.responses.T]
    problems = make_problems(setup.problem.design, data, setup.model)
    return [replace(setup, data=each, problem=problem) for each, problem in zip(data, problems, strict=True)]


def path(setup, request, l1_ratio, began):
    """(PathResult, what to warn of) of all responses at the same lambdas."""
    each = setups(setup, request, [l1_ratio])
    options = replace(setup.options, l1_ratio=l1_ratio)
    lambdas = _fit.lambdas_for(each, request, l1_ratio)
    started, found = time.perf_counter(), []
    loops = _fit.blocks([s.problem for s in each], setup.gram, lambdas, options, "ridge", request.warm_start)
    for own, (loop, grid, kept) in zip(each, loops, strict=True):
        points = [point for block in _fit.answered(loop, own.problem.design) for point in block]
        seconds = time.perf_counter() - started
        found.append(_fit.path_result(own, options, "ridge", points, grid, kept, None, seconds, began))
    return joined([path for path, _ in found], each), said_once(clauses for _, clauses in found)


def said_once(clauses):
    """One list of all, each once."""
    return list(dict.fromkeys(clause for each in clauses for clause in each))


def joined(paths, setups):
    """One path of the responses' paths: its objective is the sum of theirs."""
    from scipy.sparse import csr_array

    last = paths[-1]  # its timings are those of all
    if setups[0].responses is None:
        return last
    coef = np.stack([path.coef for path in paths], axis=-1)
    return replace(
        last,
        coef_sparse=csr_array(coef.reshape(len(coef), -1)),
        intercept=np.stack([path.intercept for path in paths], axis=-1),
        gap=weighted([path.gap for path in paths], [each.problem.null_loss for each in setups]),
        df=(coef != 0).any(axis=-1).sum(axis=-1),
        dev_ratio=weighted([path.dev_ratio for path in paths], [each.problem.total for each in setups]),
        status=np.max([path.status for path in paths], axis=0),
        n_responses=len(paths),
    )


def weighted(values, weights):
    """Averages (..., L) of values (K, ..., L) with weights (K, ...); 0 where all weigh nothing."""
    weights = np.asarray(weights)
    total = weights.sum(axis=0)
    share = weights / np.where(total > 0, total, 1.0)
    return (share[..., None] * values).sum(axis=0)
