"""What the house promises of itself: one declaration of the request, one table of engines, one backend question."""

import gc
import inspect
import re
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest

import jaxreg as jr
from jaxreg._request import Request
from jaxreg._status import CAUSES, Status
from jaxreg.design._base import Design
from jaxreg.engines import _table

SOURCES = sorted(Path(jr.__file__).parent.rglob("*.py"))
LOSSES, PENALTIES = jr.losses, jr.penalties
PLAIN = {
    "loss": LOSSES.Squared(), "responses": None, "n": 6, "p": 6, "accelerated": False, "has_room": True,
}  # fmt: skip


def text_of(function):
    return " ".join(function.__doc__.split())


@pytest.mark.parametrize("function", [jr.fit_path, jr.fit_cv])
def test_shared_keywords_are_those_of_the_request(function):
    shared = {keyword.name: keyword.default for keyword in fields(Request)}
    parameters = inspect.signature(function).parameters
    defaults = {name: parameters[name].default for name in parameters if name in shared}
    assert list(defaults) == list(shared)
    if function is jr.fit_cv:  # None: ElasticNet with its l1_ratios
        assert defaults.pop("penalty") is None
        shared.pop("penalty")
    assert defaults == shared


def test_the_table_of_engines_is_that_of_the_docstring():
    lines = _table.described()
    positions = [text_of(jr.fit_path).find(line) for line in lines]
    assert min(positions) > 0, lines
    assert positions == sorted(positions)
    assert len(set(_table.solvers())) == len(_table.TABLE) + 1


CHOICES = [
    ({"penalty": PENALTIES.Ridge()}, "ridge"),
    ({"penalty": PENALTIES.Ridge(), "responses": 3}, "ridge"),
    ({"penalty": PENALTIES.Ridge().within(-1.0, 1.0)}, "pivot"),
    ({"penalty": PENALTIES.Lasso()}, "pivot"),
    ({"penalty": PENALTIES.Lasso(), "accelerated": True}, "batched"),
    ({"penalty": PENALTIES.Lasso(), "accelerated": True, "n": 1}, "pivot"),  # columns come in one by one
    ({"penalty": PENALTIES.Lasso(), "accelerated": True, "has_room": False}, "pivot"),
    ({"penalty": PENALTIES.Lasso().within(0.0, 1.0), "accelerated": True}, "pivot"),
    ({"penalty": PENALTIES.Ridge(), "accelerated": True}, "ridge"),
    ({"penalty": PENALTIES.MCP(), "accelerated": True}, "proximal"),
    ({"penalty": PENALTIES.Lasso(), "loss": LOSSES.Huber(), "accelerated": True, "has_room": False}, "batched"),
    ({"penalty": PENALTIES.GroupLasso([0, 0, 1, 1, 2, 2])}, "block"),
    ({"penalty": PENALTIES.GroupLasso([0, 0, 1, 1, 2, 2]), "accelerated": True}, "batched"),
    ({"penalty": PENALTIES.GroupLasso([0, 0, 0, 0, 0, 0, *range(1, 31)]), "p": 36}, "proximal"),  # uneven
    ({"penalty": PENALTIES.MCP()}, "proximal"),
    ({"penalty": PENALTIES.MultiTaskLasso(), "responses": 3}, "block"),
    ({"penalty": PENALTIES.SLOPE([1.0] * 6)}, "proximal"),
    ({"penalty": PENALTIES.Lasso(), "loss": LOSSES.Huber()}, "proximal"),
    ({"penalty": PENALTIES.Lasso().within(0.0, 1.0), "loss": LOSSES.Huber()}, "newton"),
    ({"penalty": PENALTIES.Lasso(), "loss": LOSSES.Poisson()}, "newton"),
    ({"penalty": PENALTIES.Lasso().within(0.0, 1.0), "loss": LOSSES.Poisson(), "accelerated": True}, "newton"),
]


@pytest.mark.parametrize(("changes", "expected"), CHOICES)
def test_auto_takes_the_first_engine_that_solves_it(changes, expected):
    assert _table.chosen("auto", _table.Problem(**PLAIN | changes)) == expected


REFUSALS = [
    (
        "pivot",
        {"loss": LOSSES.Huber()},
        r"solver is 'pivot'.*not Huber with ElasticNet: it lacks the squared loss; give",
    ),
    ("ridge", {"penalty": PENALTIES.MCP()}, r"lacks ElasticNet and l1_ratio=0; give 'auto' or 'block' or 'proximal'"),
    ("block", {"penalty": PENALTIES.SLOPE([1.0] * 6)}, r"lacks a penalty that is a sum over blocks of columns"),
    (
        "proximal",
        {"loss": LOSSES.Huber(), "penalty": PENALTIES.Lasso().within(0.0, 1.0)},
        r"not Huber with ElasticNet with limits: it lacks no limits; give 'auto' or 'newton'",
    ),
]


@pytest.mark.parametrize(("name", "changes", "message"), REFUSALS)
def test_a_refusal_says_what_an_engine_lacks(name, changes, message):
    with pytest.raises(ValueError, match=message):
        _table.chosen(name, _table.Problem(**PLAIN | {"penalty": PENALTIES.Lasso()} | changes))


def test_no_engine_solves_what_it_does_not_declare():
    """A request of all losses and penalties gets an engine whose needs it meets, or a sentence."""
    for loss in (LOSSES.Squared(), LOSSES.Huber()):
        for penalty in (PENALTIES.Lasso(), PENALTIES.Lasso().within(0.0, 1.0), PENALTIES.MCP()):
            for responses in (None, 2):
                request = _table.Problem(loss, penalty, responses, 6, 6, False, True)
                able = [entry.name for entry in _table.TABLE if not entry.lacks(request)]
                for name in _table.solvers()[1:]:
                    if name in able:
                        assert _table.chosen(name, request) == name
                    else:
                        with pytest.raises(ValueError, match=r"lacks|needs?"):
                            _table.chosen(name, request)


def test_every_status_that_is_no_end_has_its_text():
    ends = {Status.converged, Status.early_stop, Status.interrupted}
    assert set(CAUSES) == set(Status) - ends


def occurrences(pattern):
    return {
        str(path.relative_to(SOURCES[0].parent)): matches
        for path in SOURCES
        if (matches := re.findall(pattern, path.read_text()))
    }


def test_the_backend_is_asked_in_one_place():
    assert set(occurrences(r"default_backend\(")) == {"design/_placement.py"}


def test_no_route_is_chosen_by_the_class_of_a_loss_or_penalty():
    classes = "|".join([*LOSSES.__all__, *PENALTIES.__all__, "Loss", "Penalty", "Norm", "Screened", "Blockwise"])
    asked = occurrences(rf"isinstance\([^)]*\b(?:{classes})\b")
    assert {path for path in asked if not path.startswith("neural/")} == set()


@pytest.mark.parametrize("fit", [jr.fit_path, lambda *of: jr.fit_cv(*of, cv=3)], ids=["path", "cv"])
@pytest.mark.parametrize("p", [8, 80])
def test_data_go_with_the_result(fit, p):
    """Not when the garbage collector comes: X may fill half of the memory."""
    rng = np.random.default_rng(0)
    X, y = rng.standard_normal((40, p)), rng.standard_normal(40)
    gc.collect()
    before = sum(isinstance(thing, Design) for thing in gc.get_objects())
    gc.disable()
    try:
        result = fit(X, y)
        assert np.isfinite(result.lambdas).all()
        del result
        assert sum(isinstance(thing, Design) for thing in gc.get_objects()) == before
    finally:
        gc.enable()
