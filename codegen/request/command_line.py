"""The part of ``python -m codegen`` that says what to generate: from its words to requests."""

from __future__ import annotations

import argparse
import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from codegen.request import choices
from codegen.request.choices import PROJECT, require_choice
from codegen.request.parameters import PARAMETERS
from data import command_line

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
    add("--data-path", default=choices.DEFAULT_DATASET, metavar="P", help="parquet file (default: %(default)s)")
    add("--feature-column", action="append", metavar="C", help="use this column; repeat it (default: all)")
    add(
        "--holdout-assets", type=int, default=0, metavar="N", help="of a panel, that never train (default: %(default)s)"
    )
    add("--hyperparameters", default="search", metavar="H", help="search (default) or default: the untuned recipe")
    group = parser.add_argument_group("parameters of the scripts")
    for each in PARAMETERS.values():
        told = {"default": each.default, "metavar": _METAVARS[each.type], "help": each.help}
        group.add_argument(each.flag, dest=each.name, type=each.type, **told)
    return parser


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
    require_choice("--hyperparameters", options.hyperparameters, ("search", "default"))
    budget, task = options.budget or choices.budget_names()[0], options.task or choices.TASKS[0]
    horizon, timescale = options.horizon or 1, options.timescale or "daily"
    _request(options, PROJECT, phase=options.phase, budget=budget, task=task, horizon=horizon, timescale=timescale)


def requests(options: argparse.Namespace, project: Path = PROJECT) -> list[tuple[ExperimentKey, Request]]:
    """Every experiment that the arguments ask for.

    Raises:
        UsageError: if there is none, or a parameter cannot be used with one of them.
    """
    from codegen.request.phases import select

    asked = {name: getattr(options, name) for name in ("budget", "task", "horizon", "timescale")}
    cells = select(options.phase, **asked, project=project)
    return [(cell, _request(options, project, **asdict(cell))) for cell in cells]


def _request(options: argparse.Namespace, project: Path, **question: Any) -> Request:
    from codegen.request.request import Request, name_suffix

    begin = "_".join(question[name] for name in ("phase", "budget", "task"))
    return Request(
        **question,
        experiment=begin + name_suffix(question["horizon"], question["timescale"]),
        data_path=options.data_path,
        feature_columns=options.feature_column,
        holdout_assets=options.holdout_assets,
        project=project,
        **{name: getattr(options, name) for name in PARAMETERS},
    )
