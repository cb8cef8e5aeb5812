"""Blocks of the path loop on an accelerator, counted on a CPU: `python -m benchmarks.blocks` (minutes, 6 GB).

The loop believes to be on a device, which changes neither its blocks nor the products of its engines. A block is one
pass over X for some lambdas at once; products are the steps of the engine at all of them, also in vain, columns those
that its working set has room for, a mean over products, and members the most that were in it.
"""

import argparse
import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from unittest.mock import patch

import numpy as np

from benchmarks import accelerator_rows

FILE = Path(__file__).parent / "results" / "blocks.json"
PATHS = "lasso-500x200000", "lasso-20000x20000", "group-1000x20000"


def counted(name, tiny=False):
    """The counts of the path of a row."""
    from jaxreg.design import _placement
    from jaxreg.paths import _loop

    case = accelerator_rows.CASES[name](tiny)
    device = replace(_placement.current(), on_host=False, accelerated=True)
    blocks, judge = [], _loop._Loop.judge

    def judged(loop, look, block):
        products = int(np.sum(look.solved.n_iter[: look.solved.count]))
        columns = loop.columns
        blocks.append((loop.engine.pace.block, products, columns.capacity, int(columns.member.sum())))
        return judge(loop, look, block)

    with patch.object(_placement, "current", lambda: device), patch.object(_loop._Loop, "judge", judged):
        path = case.call()
    side, products, columns, members = np.transpose(blocks)
    return case.about | {
        "name": name,
        "solver": path.solver,
        "lambdas": len(path.lambdas),
        "gap": float(path.gap.max()),
        "blocks": len(blocks),
        "at_once": int(side.max()),
        "products": int(products.sum()),
        "columns": float(np.average(columns, weights=products)),
        "members": int(members.max()),
    }


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks.blocks", description=__doc__)
    parser.add_argument("--out", type=Path, default=FILE, metavar="FILE")
    out, rows = parser.parse_args().out, []
    for name in PATHS:
        rows.append(counted(name))
        out.write_text(json.dumps({"date": f"{datetime.now(UTC):%Y-%m-%d}", "rows": rows}, indent=1) + "\n")


if __name__ == "__main__":
    main()
