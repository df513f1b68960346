"""The flags of ``python -m runtime run``; nothing heavy is imported to read them."""

from __future__ import annotations

import argparse
from typing import Any

from runtime.errors import UserError

ENGINES = ("local", "ray", "slurm")


def add_run_parser(commands: Any) -> None:
    """Add the command ``run`` to the subparsers of ``python -m runtime``."""
    parser: argparse.ArgumentParser = commands.add_parser(
        "run",
        help="run a whole phase: search, generate, train, report",
        description="Run what a phase holds, in order: searches, then the scripts that findings are written into, "
        "then trainings, then the report. What is finished is not run again, what was interrupted goes on. Scripts are "
        "changed by findings: review them as a diff.",
    )
    add = parser.add_argument
    add("phase", metavar="PHASE", help="such as phase6a")
    add("budget", metavar="BUDGET", nargs="?", help="this budget alone")
    add("task", metavar="TASK", nargs="?", help="this task alone")
    add("--data", metavar="NAME", help="on this dataset alone (default: those of the phase's file)")
    add("--jobs", type=positive, default=1, metavar="N", help="scripts at a time (default: 1); on GPUs one each")
    add("--engine", choices=ENGINES, default="local", help="this machine (default), Ray, or jobs for Slurm")
    add("--workers", type=positive, default=1, metavar="N", help="draw and train N trials of a search at once")
    add("--submit", action="store_true", help="with --engine slurm: hand the jobs to Slurm, too")
    add("--device", default="auto", help="as scripts take it: auto (default), cpu, cuda, mps")
    add("--seeds", type=positive, default=1, metavar="N", help="train with N seeds each (default: 1)")
    add("--newest-row-network", action="store_true", help="train each network without its history, too: doubles cost")
    add("--dry-run", action="store_true", help="show what would run, what is finished, how long the rest takes")
    add("--no-regenerate", action="store_true", help="stop before findings are written into scripts; say what is next")
    add("--reopen-test", action="store_true", help="open test splits that were opened before, too; records say so")
    failing = parser.add_mutually_exclusive_group()
    failing.add_argument(
        "--keep-going", action="store_true", help="go on with what does not need a failed one (default)"
    )
    failing.add_argument("--fail-fast", action="store_true", help="after a failure stop everything")


def check_flags(options: argparse.Namespace) -> None:
    """Refuse flags that do not go together.

    Raises:
        UserError: naming them.
    """
    slurm = options.engine == "slurm"
    for flag, given, goes in (
        ("--submit", options.submit, slurm),
        ("--no-regenerate", options.no_regenerate, not slurm),
        ("--fail-fast", options.fail_fast, not slurm),
    ):
        if given and not goes:
            raise UserError(f"{flag} does not go with --engine {options.engine}")


def positive(text: str) -> int:
    """A whole number of at least 1."""
    if not (text.isascii() and text.isdigit() and int(text) > 0 and len(text) < 10):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not allowed; allowed is a whole number of at least 1")
    return int(text)
