"""The part of ``python -m codegen`` that says what to generate: from its words to requests."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from codegen.request import choices
from codegen.request.choices import PROJECT, require_choice
from codegen.request.datasets import assets_of, dataset_of, path_of
from codegen.request.parameters import PARAMETERS
from data import command_line
from data.names import DEFAULT_NAME

if TYPE_CHECKING:
    from codegen.request.phases import ExperimentKey
    from codegen.request.request import Request

_DESCRIPTION = "Write the search and training scripts of one experiment, one budget or a whole phase."
_EPILOG = """examples:
  python -m codegen phase6a 2M threshold_1pct          write one experiment
  python -m codegen phase6a 2M threshold_1pct --check  exit 1 unless its files are fresh
  python -m codegen phase6a                            write the whole phase
  python -m codegen phase6a 20M --merge                one budget, keeping what was edited by hand
"""
_METAVARS = {int: "N", float: "X", str: "NAME"}


class _Parser(command_line.Parser):
    def error(self, message: str) -> NoReturn:
        misspelt = re.match(r"unrecognized arguments: (--[^\s=]+)", message)
        guess = choices.nearest(misspelt[1], self._option_string_actions) if misspelt else None
        super().error(message + (f". Did you mean {guess}?" if guess else ""))


def make_parser() -> argparse.ArgumentParser:
    """All arguments that a script's own command may hold, with the specification's defaults."""
    parser = _Parser(
        prog="python -m codegen",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    add = parser.add_argument
    add("phase", metavar="PHASE", help=", ".join(choices.phase_names()))
    add("budget", metavar="BUDGET", nargs="?", help=", ".join(choices.budget_names()))
    add("task", metavar="TASK", nargs="?", help=", ".join(choices.TASKS))
    add("--horizon", type=int, metavar="N", help="trading days: 1, 2, 3, 5 or 7 (default: the phase's)")
    add("--timescale", metavar="T", help="daily, 2d, 3d, 5d or weekly (default: the phase's)")
    data = parser.add_mutually_exclusive_group()
    data.add_argument("--data", metavar="NAME", help="dataset that was imported under this name (default: the phase's)")
    data.add_argument("--data-path", metavar="P", help=f"the same by its file, such as {choices.DEFAULT_DATASET}")
    add("--feature-column", action="append", metavar="C", help="use this column; repeat it (default: all)")
    add(
        "--holdout-assets", type=int, default=0, metavar="N", help="of a panel, that never train (default: %(default)s)"
    )
    add("--training-assets", type=_count, metavar="N", help="of a panel, that train; all: all (default: the phase's)")
    add(
        "--hyperparameters",
        default="search",
        metavar="H",
        help="search (default); default: the untuned recipe; from:NAME: what was searched on another dataset",
    )
    group = parser.add_argument_group("parameters of the scripts")
    for each in PARAMETERS.values():
        told = {"default": each.default, "metavar": _METAVARS[each.type], "help": each.help}
        group.add_argument(each.flag, dest=each.name, type=each.type, **told)
    return parser


def _count(text: str) -> str | int:
    if text != "all" and not (text.isascii() and text.isdigit() and 0 < len(text) < 7 and int(text)):
        raise argparse.ArgumentTypeError(
            f"{text[:20]!r} is not allowed; allowed is a whole number of at least 1, or all"
        )
    return text if text == "all" else int(text)


def check_choices(options: argparse.Namespace) -> None:
    """Refuse a wrong word or number before any file but the names of the phases is read.

    Raises:
        UsageError: one line that says what is allowed.
    """
    choices.require_phase(options.phase)
    for name, allowed in (
        ("budget", choices.budget_names()),
        ("task", choices.TASKS),
        ("horizon", choices.HORIZONS),
        ("timescale", choices.TIMESCALES),
    ):
        if getattr(options, name) is not None:
            require_choice(name, getattr(options, name), allowed)
    if lender_of(options) is None:
        require_choice("--hyperparameters", options.hyperparameters, ("search", "default", "from:NAME"))
    budget, task = options.budget or choices.budget_names()[0], options.task or choices.TASKS[0]
    horizon, timescale = options.horizon or 1, options.timescale or "daily"
    question = {"budget": budget, "task": task, "horizon": horizon, "timescale": timescale}
    path = options.data_path or choices.DEFAULT_DATASET
    _request(options, PROJECT, path, phase=options.phase, **question)


def lender_of(options: argparse.Namespace) -> str | None:
    """The dataset whose searches are asked for, empty for the default one; None where the data's own are."""
    asked, _, name = options.hyperparameters.partition(":")
    if asked != "from" or not name or name == "NAME":
        return None
    return "" if name == DEFAULT_NAME else name


def requests(options: argparse.Namespace, project: Path = PROJECT) -> list[tuple[ExperimentKey, Request]]:
    """Every experiment that the arguments ask for.

    Raises:
        UsageError: if there is none, or a parameter cannot be used with one of them.
    """
    from codegen.request.phases import select

    asked = {name: getattr(options, name) for name in ("budget", "task", "horizon", "timescale", "training_assets")}
    dataset = options.data if options.data_path is None else dataset_of(options.data_path)
    dataset = "" if dataset == DEFAULT_NAME else dataset
    found = []
    for cell in select(options.phase, **asked, dataset=dataset, project=project):
        path = options.data_path or path_of(cell.dataset, project)
        there = assets_of(path, project) - options.holdout_assets
        if options.training_assets or (cell.training_assets or 0) < max(there, 1):  # of a phase's sets the smaller ones
            question = asdict(cell)
            del question["dataset"]
            found.append((cell, _request(options, project, path, experiment=cell.experiment, **question)))
    return found


def _request(options: argparse.Namespace, project: Path, data_path: str, **question: Any) -> Request:
    from codegen.request.request import Request

    begin = "_".join(question[name] for name in ("phase", "budget", "task"))
    return Request(
        **{"experiment": begin} | question,
        data_path=data_path,
        feature_columns=options.feature_column,
        holdout_assets=options.holdout_assets,
        project=project,
        **{name: getattr(options, name) for name in PARAMETERS},
    )
