"""Command line: `python -m benchmarks COMMAND`; `--help` names the commands."""

import argparse
import os
from pathlib import Path

from benchmarks.environments import UNSET

for name in UNSET:  # before NumPy reads them
    os.environ.pop(name, None)

RESULTS = Path(__file__).parent / "results"


def main():
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    commands = parser.add_subparsers(required=True)

    run = commands.add_parser("run", help="measure rows and print their table")
    run.add_argument("--rows", nargs="+", metavar="NAME", help="names or shell-style patterns; default: all")
    run.add_argument("--peers", nargs="+", metavar="NAME", help="programs; default: all (GPU: jaxreg)")
    run.add_argument("--device", choices=["cpu", "gpu"], default="cpu")
    kind = run.add_mutually_exclusive_group()
    kind.add_argument("--cv", action="store_true", help="the rows of cross-validation")
    kind.add_argument("--penalties", action="store_true", help="the rows of penalties beyond the elastic net")
    kind.add_argument("--families", action="store_true", help="the rows of families: logistic, Cox and others")
    run.add_argument("--out", type=Path, metavar="FILE", help="JSON; rows that it has already are replaced")
    run.add_argument("--runs", type=int, default=5, help="least number of warm fits behind a median (5)")
    run.add_argument("--limit", type=float, default=20.0, help="seconds that one fit may take (20)")
    run.set_defaults(command=_run)

    accelerator = commands.add_parser("accelerator", help="the rows for a GPU or TPU, see benchmarks/accelerator.md")
    accelerator.add_argument("--minutes", type=float, default=8.0, help="in all; rows beyond are left out (8)")
    accelerator.add_argument("--out", type=Path, metavar="FILE", default=RESULTS / "accelerator.json")
    accelerator.add_argument("--rows", nargs="+", metavar="NAME", help="default: all, most valuable first")
    accelerator.add_argument("--tiny", action="store_true", help="small sizes, to rehearse on a CPU")
    accelerator.set_defaults(command=_accelerator)

    products = commands.add_parser("products", help="count the products of the batched solver, on any machine")
    products.add_argument("--large", action="store_true", help="the accelerator's problems too: minutes on a CPU")
    products.add_argument("--out", type=Path, metavar="FILE", default=RESULTS / "products.json")
    products.set_defaults(command=_products)

    kernels = commands.add_parser(
        "kernels", help="count what a step of the batched solver launches on a GPU, without one"
    )
    kernels.add_argument("--out", type=Path, metavar="FILE", default=RESULTS / "kernels.json")
    kernels.set_defaults(command=_kernels)

    roofline = commands.add_parser("roofline", help="print the accelerator run on paper, from counts and rates")
    roofline.add_argument("--measured", type=Path, metavar="FILE", default=RESULTS / "accelerator-h200.json")
    roofline.set_defaults(command=_roofline)

    table = commands.add_parser("table", help="print the results as Markdown")
    table.add_argument("file", type=Path)
    table.set_defaults(command=_table)

    readme = commands.add_parser("readme", help="write the short table between the README's markers")
    readme.add_argument("file", type=Path)
    readme.add_argument("--readme", type=Path, help="default: that of the project, or of benchmarks")
    readme.set_defaults(command=_readme)

    scaling = commands.add_parser("scaling", help="measure how cost and memory grow, and draw it")
    scaling.add_argument("--out", type=Path, default=RESULTS, metavar="DIR")
    scaling.set_defaults(command=_scaling)

    picture = commands.add_parser("picture", help="draw time against certified gap")
    picture.add_argument("file", type=Path)
    picture.add_argument("--rows", nargs="+", metavar="NAME")
    picture.add_argument("--out", type=Path, default=RESULTS / "time_against_gap.png")
    picture.set_defaults(command=_picture)

    given = parser.parse_args()
    given.command(given)


def _run(given):
    from benchmarks.measure import Effort
    from benchmarks.suite import run

    kind = next((kind for kind in ("families", "penalties", "cv") if getattr(given, kind)), None)
    name = "-".join(filter(None, [kind, given.device])) if given.device == "gpu" else kind or "cpu"
    out = given.out or RESULTS / f"{name}.json"
    effort = Effort(given.runs, given.limit)
    _print(run(given.rows, given.peers, given.device, out, effort, given.cv, given.penalties, given.families))


def _accelerator(given):
    from benchmarks.accelerator import run

    _print(run(given.minutes, given.out, given.tiny, given.rows))


def _products(given):
    from benchmarks.products import measure

    print(measure(given.out, given.large))


def _kernels(given):
    from benchmarks.kernels import measure

    print(measure(given.out))


def _roofline(given):
    from benchmarks.roofline import read

    print(read(given.measured))


def _table(given):
    from benchmarks.suite import read

    _print(read(given.file))


def _print(results):
    from benchmarks import accelerator, family_table, neural, penalty_table, table

    kinds = {"accelerator": accelerator, "neural": neural, "penalties": penalty_table, "families": family_table}
    print(next((module for kind, module in kinds.items() if results.get(kind)), table).full_table(results))


def _readme(given):
    from benchmarks.readme import update
    from benchmarks.suite import read

    results = read(given.file)
    apart = any(results.get(kind) for kind in ("folds", "penalties", "families", "neural"))
    update(given.readme or (RESULTS.parent if apart else RESULTS.parents[1]) / "README.md", results)


def _scaling(given):
    from benchmarks.scaling import run

    run(given.out)


def _picture(given):
    from benchmarks.picture import draw
    from benchmarks.suite import read

    draw(read(given.file), given.rows, given.out)


if __name__ == "__main__":
    main()
