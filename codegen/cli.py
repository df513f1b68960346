"""The command line ``python -m codegen``. Heavy imports wait until the arguments are known to be good."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from codegen.request.choices import PROJECT, UsageError
from codegen.request.command_line import check_choices, make_parser
from data import command_line

MODES = {
    "--check": "write nothing; exit 1 unless every file is fresh",
    "--diff": "write nothing; show what would change",
    "--stdout": "write nothing; print the scripts",
    "--graph": "write nothing; print which search feeds which training, as JSON",
    "--merge": "keep edits by hand, and merge what is new into them",
    "--force": "overwrite files that were edited by hand, too",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0: fresh or written. 1: ``--check`` found differences, a file edited by hand was left alone, or one could not be
        written. 2: bad usage or input. 75: interrupted. 123: our bug.
    """
    return command_line.run(lambda: _main(sys.argv[1:] if arguments is None else arguments), UsageError)


def _parser() -> argparse.ArgumentParser:
    parser = make_parser()
    modes = parser.add_mutually_exclusive_group()
    for flag, told in MODES.items():
        modes.add_argument(flag, action="store_true", help=told)
    parser.add_argument(
        "--no-cache", action="store_true", help="with --check: render everything, trust no earlier check"
    )
    return parser


def _main(given: Sequence[str]) -> int:
    options = _parser().parse_args(given)
    check_choices(options)
    if options.no_cache and not options.check:
        raise UsageError("--no-cache goes with --check; everything else renders anew anyway")
    asked = [each for each in given if each not in (*MODES, "--no-cache")]
    return _run(options, shlex.join(["python", "-m", "codegen", *asked]))


def _run(options: argparse.Namespace, command: str) -> int:
    if options.graph:
        import json

        from codegen.files.graph import graph_of

        print(json.dumps(graph_of(options), indent=2))
        return command_line.EXIT_OK
    from codegen.files.planning import plan_all

    experiments = plan_all(options)
    folder = _phase_folder(options.phase)
    if options.check:
        from codegen.files.check import check
        from codegen.files.freshness import KnownSeals, cache_file

        known = KnownSeals(None if options.no_cache else cache_file())
        given = (options.budget, options.task, options.horizon, options.timescale)
        whole_phase = given == (None,) * 4 and options.hyperparameters == "search"
        return check(experiments, folder, command=command, known=known, whole_phase=whole_phase)
    from codegen.files.actions import Action, run

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
