"""The command line ``python -m codegen``. Heavy imports wait until the arguments are known to be good."""

from __future__ import annotations

import argparse
import os
import re
import shlex
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from codegen import choices
from codegen.choices import PROJECT, UsageError, require_choice
from data import command_line

if TYPE_CHECKING:
    from codegen.generate import PlannedExperiment
    from codegen.request import Request

MODES = ("--check", "--diff", "--stdout", "--force", "--merge", "--no-cache")

_DESCRIPTION = "Write the search and training scripts of one experiment, one budget or a whole phase."
_EPILOG = """examples:
  python -m codegen phase6a 2M threshold_1pct          write one experiment
  python -m codegen phase6a 2M threshold_1pct --check  exit 1 unless its files are fresh
  python -m codegen phase6a                            write the whole phase
  python -m codegen phase6a 20M --merge                one budget, keeping what was edited by hand
"""


class _Parser(command_line.Parser):
    def error(self, message: str) -> NoReturn:
        misspelt = re.match(r"unrecognized arguments: (--[^\s=]+)", message)
        guess = choices.nearest(misspelt[1], self._option_string_actions) if misspelt else None
        super().error(message + (f". Did you mean {guess}?" if guess else ""))


def make_parser() -> argparse.ArgumentParser:
    """All arguments, with the specification's defaults."""
    parser = _Parser(
        prog="python -m codegen",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("phase", metavar="PHASE", help=", ".join(choices.phase_names()))
    add("budget", metavar="BUDGET", nargs="?", help=", ".join(choices.BUDGETS))
    add("task", metavar="TASK", nargs="?", help=", ".join(choices.TASKS))
    add("--horizon", type=int, metavar="N", help="trading days: 1, 2, 3, 5 or 7 (default: the phase's)")
    add("--timescale", metavar="T", help="daily, 2d, 3d, 5d or weekly (default: the phase's)")
    add("--data-path", default=choices.DEFAULT_DATASET, metavar="P", help="parquet file (default: %(default)s)")
    add("--feature-column", action="append", metavar="C", help="use this column; repeat it (default: all)")
    add("--hyperparameters", default="search", metavar="H", help="search (default) or default: the untuned recipe")
    _add_parameters(parser)
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; exit 1 unless every file is fresh")
    mode.add_argument("--diff", action="store_true", help="write nothing; show what would change")
    mode.add_argument("--stdout", action="store_true", help="write nothing; print the scripts")
    mode.add_argument("--merge", action="store_true", help="keep edits by hand, and merge what is new into them")
    mode.add_argument("--force", action="store_true", help="overwrite files that were edited by hand, too")
    add("--no-cache", action="store_true", help="with --check: render everything, trust no earlier check")
    return parser


def _add_parameters(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("parameters of the scripts")
    add = group.add_argument
    add("--trials", dest="n_trials", type=int, default=50, metavar="N", help="of the search (%(default)s)")
    add("--timeout-hours", type=float, default=4.0, metavar="H", help="of the search (%(default)s)")
    add("--hpo-train-fraction", type=float, default=0.3, metavar="F", help="of training samples (%(default)s)")
    add("--context-length", type=int, default=60, metavar="N", help="bars of a window (%(default)s)")
    add("--val-ratio", type=float, default=0.15, metavar="R", help="held out for validation (%(default)s)")
    add("--test-ratio", type=float, default=0.15, metavar="R", help="held out for test (%(default)s)")
    add("--chunk-length", type=int, metavar="N", help="bars of a held-out chunk (3 * (context length + 7))")
    add("--split-mode", default="scattered", metavar="M", help="scattered (default) or contiguous")
    add("--embargo", type=int, default=0, metavar="N", help="bars around held-out chunks left out (%(default)s)")
    add("--label-price", default="high", metavar="P", help="high (default) or close")
    add("--seed", type=int, default=42, metavar="N", help="of the split (%(default)s)")
    add("--search-seed", type=int, default=42, metavar="N", help="of the sampler (%(default)s)")
    add("--training-seed", type=int, default=42, metavar="N", help="of weights, order, dropout (%(default)s)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0: fresh or written. 1: ``--check`` found differences, a file edited by hand was left alone, or one could not be
        written. 2: bad usage or input. 75: interrupted. 123: our bug.
    """
    return command_line.run(lambda: _main(sys.argv[1:] if arguments is None else arguments), UsageError)


def _main(given: Sequence[str]) -> int:
    options = make_parser().parse_args(given)
    _check_choices(options)
    return _run(options, shlex.join(["python", "-m", "codegen", *(each for each in given if each not in MODES)]))


def _check_choices(options: argparse.Namespace) -> None:
    choices.require_phase(options.phase)
    for name, allowed in (
        ("budget", choices.BUDGETS),
        ("task", choices.TASKS),
        ("horizon", choices.HORIZONS),
        ("timescale", choices.TIMESCALES),
    ):
        if getattr(options, name) is not None:
            require_choice(name, getattr(options, name), allowed)
    require_choice("--hyperparameters", options.hyperparameters, ("search", "default"))
    if options.no_cache and not options.check:
        raise UsageError("--no-cache goes with --check; everything else renders anew anyway")
    budget, task = options.budget or choices.BUDGETS[0], options.task or choices.TASKS[0]
    _request(options, options.phase, budget, task, options.horizon or 1, options.timescale or "daily")


def _run(options: argparse.Namespace, command: str) -> int:
    experiments = plan_all(options)
    folder = _phase_folder(options.phase)
    if options.check:
        from codegen.check import check
        from codegen.freshness import KnownSeals, cache_file

        known = KnownSeals(None if options.no_cache else cache_file())
        given = (options.budget, options.task, options.horizon, options.timescale)
        whole_phase = given == (None,) * 4 and options.hyperparameters == "search"
        return check(experiments, folder, command=command, known=known, whole_phase=whole_phase)
    from codegen.actions import Action, run

    action = next((each for each in Action if getattr(options, each.value, False)), Action.WRITE)
    return run(experiments, folder, action, command=command)


def _phase_folder(phase: str) -> Path:
    folder = PROJECT / "experiments" / phase
    if os.path.realpath(folder) != str(folder):
        raise UsageError(
            f"experiments/{phase} lies behind a symbolic link, but a script finds its project from where it really "
            "lies; put the folder itself there"
        )
    return folder


def plan_all(options: argparse.Namespace, project: Path = PROJECT) -> list[PlannedExperiment]:
    """Resolve every experiment that the command line asks for.

    Raises:
        UsageError: if one of them cannot be generated.
    """
    from codegen.generate import plan
    from codegen.phases import select
    from data.build import ensure
    from data.errors import DataError

    asked = {name: getattr(options, name) for name in ("budget", "task", "horizon", "timescale")}
    cells = select(options.phase, **asked, project=project)
    requests = [_request(options, **asdict(cell), project=project) for cell in cells]
    try:
        ensure(Path(options.data_path), project)
    except DataError as error:
        raise UsageError(str(error)) from error
    default_recipe = options.hyperparameters == "default"
    pairs = zip(cells, requests, strict=True)
    return [plan(cell, request, default_recipe=default_recipe) for cell, request in pairs]


def _request(
    options: argparse.Namespace,
    phase: str,
    budget: str,
    task: str,
    horizon: int,
    timescale: str,
    project: Path = PROJECT,
) -> Request:
    from codegen.request import FLAGS, Request, name_suffix

    return Request(
        experiment=f"{phase}_{budget}_{task}{name_suffix(horizon, timescale)}",
        phase=phase,
        budget=budget,
        task=task,
        horizon=horizon,
        timescale=timescale,
        data_path=options.data_path,
        feature_columns=options.feature_column,
        project=project,
        **{name: getattr(options, name) for name in FLAGS},
    )
