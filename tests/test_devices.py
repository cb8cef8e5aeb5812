"""Groups of problems over several devices, virtual ones of a CPU: the same numbers on one, two, four and eight."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from jaxreg.paths._solutions import Groups

SCRIPT = Path(__file__).with_name("on_devices.py")


@pytest.mark.parametrize(("F", "A", "devices"), [(1, 1, 1), (11, 10, 8), (5, 4, 2), (1, 6, 4), (3, 7, 8)])
def test_groups_hold_every_problem_once(F, A, devices):
    L = 5
    groups = Groups.of(F, A, L, devices)
    lanes, parts = groups.shape
    assert lanes == F
    assert len(groups.lane) % devices == 0
    counts = groups.counts()
    assert counts.sum() == F * A * L
    place = np.arange(F * A * L, dtype=float).reshape(F, A, L)
    of_groups = groups.of_groups(place)
    of_lanes = of_groups[: F * parts].reshape(F, -1)
    np.testing.assert_array_equal(of_lanes[:, groups.at], place)
    busiest = -(-F * parts // devices) / parts
    assert busiest <= 1.05 * min(-(-F * S // devices) / S for S in range(1, A + 1) if A % S == 0)


@pytest.mark.slow
def test_the_same_numbers_whatever_is_side_by_side():
    """On any number of devices, in parts and with other places, at the default `tol`, compiled as users compile.

    By the flags of other tests sums are rounded otherwise in another batch.
    """
    environment = os.environ | {"XLA_FLAGS": "--xla_force_host_platform_device_count=8", "JAX_PLATFORMS": "cpu"}
    root = str(SCRIPT.parents[1])
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [root, os.environ.get("PYTHONPATH")]))
    run = subprocess.run([sys.executable, str(SCRIPT)], env=environment, capture_output=True, text=True, check=True)
    one, *others = [json.loads(line) for line in run.stdout.splitlines()]
    assert [result["devices"] for result in (one, *others)] == [1, 2, 4, 8, 1, 1]
    assert [result["solves"] for result in others[-2:]] == [5, 2]
    assert others[-1]["places"] != one["places"]
    for result in others:
        assert result["gap"] <= 1e-6
        assert result["solver"] == "ridge"
        for name in ("fold_loss", "coef", "path", "ridge"):
            ours, theirs = np.array(result[name]), np.array(one[name])
            np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-9 * np.abs(theirs).max())
