"""``python -m runtime``: run a phase, show what it found. Heavy imports wait until the arguments are good."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

from data import command_line
from data.names import DEFAULT_NAME
from runtime.errors import UserError
from runtime.phase.flags import add_run_parser
from runtime.records.budgets import budget_size

PROJECT = Path(__file__).resolve().parents[1]


def main(arguments: Sequence[str] | None = None, project: Path = PROJECT) -> int:
    """Run one command.

    Returns:
        0: done. 1: a script of a phase failed. 2: bad usage or input. 75: interrupted. 123: our bug.
    """
    return command_line.run(lambda: _main(_parser().parse_args(arguments), project), UserError)


def _main(options: argparse.Namespace, project: Path) -> int:
    if options.command == "report":
        return _report(options, project)
    from runtime.phase.command import run_phase

    return run_phase(options, project)


def _parser() -> argparse.ArgumentParser:
    parser = command_line.Parser(prog="python -m runtime", description="Run phases, and show what they found.")
    commands = parser.add_subparsers(dest="command", required=True)
    add_run_parser(commands)
    report = commands.add_parser(
        "report",
        help="write a page about everything that was searched and trained",
        description="Write one self-contained page about a phase, and its pictures beside it; without PHASE one about "
        "each, and one that compares them. Nothing is trained.",
    )
    report.add_argument(
        "phase", metavar="PHASE", nargs="?", help="such as phase6a (default: every phase that has runs)"
    )
    report.add_argument("--data", metavar="NAME", help="on this dataset alone (default: every one that has runs)")
    report.add_argument("--output", type=Path, metavar="DIR", help="write DIR/report.html (default: outputs/PHASE)")
    report.add_argument("--runs", type=Path, metavar="DIR", help="read the runs of scripts that wrote to --output DIR")
    return parser


def _report(options: argparse.Namespace, project: Path) -> int:
    outputs = options.runs or project / "outputs"
    phases = _phases(options.phase, options.data, project, outputs)
    if options.output and len(phases) > 1:
        raise UserError(f"--output takes one phase on one dataset (--data); there are {', '.join(phases)}")
    from runtime.report.page import write_comparison, write_phase
    from runtime.report.phase import read_phase

    read = [read_phase(project, name, outputs) for name in phases]
    for phase in read:
        print(f"written: {write_phase(phase, options.output or outputs / phase.name)}")
    if len(read) > 1:
        print(f"written: {write_comparison(read, outputs)}")
    return 0


def _phases(asked: str | None, dataset: str | None, project: Path, outputs: Path) -> list[str]:
    """The phases to report, each with its dataset behind if that is not the default one: ``phase6a/AAPL``.

    Raises:
        UserError: if there is no such phase, or nothing was run.
    """
    folder = project / "experiments"
    every = sorted([*folder.glob("*/*.py"), *folder.glob("*/*/*.py")], key=_cost, reverse=True)
    scripts = {path.parent.relative_to(folder).as_posix(): path for path in every}
    run = sorted({name for phase in outputs.glob("*/") if phase.name != "baselines" for name in _run(phase)})
    known = sorted({name.partition("/")[0] for name in (*scripts, *run)})
    if asked is not None and asked not in known:
        raise UserError(f"phase {asked!r} is not known; known: {', '.join(known) or 'none'}; python -m codegen --help")
    wanted = [name for name in run if _is_wanted(name, asked, dataset)]
    if not wanted:
        first = next((scripts[name] for name in sorted(scripts) if _is_wanted(name, asked, dataset)), None)
        data = f" --data {dataset}" if dataset else ""
        command = f"python {first.relative_to(project)}" if first else f"python -m codegen {asked or 'phase6a'}{data}"
        raise UserError(f"nothing was run yet in {outputs}; run first: {command}")
    return wanted


def _run(phase: Path) -> Iterator[str]:
    """The phase whose outputs these are, where scripts of the default dataset ran, and each further dataset's."""
    for inside in phase.glob("*/"):
        if any(inside.glob("hpo_*/")) or any(inside.glob("train_*/")):
            yield f"{phase.name}/{inside.name}"
        elif inside.name not in ("report", "slurm"):
            yield phase.name


def _is_wanted(name: str, asked: str | None, dataset: str | None) -> bool:
    phase, _, of = name.partition("/")
    return asked in (None, phase) and dataset in (None, of or DEFAULT_NAME)


def _cost(script: Path) -> tuple[float, str]:
    """Sorts scripts by their budget: the first to run is the cheapest."""
    return min(map(budget_size, script.stem.split("_"))), script.name


if __name__ == "__main__":
    raise SystemExit(main())
