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
    "--diff": "write nothing; show what would change, each value in a line, then line by line; exit codes of --check",
    "--stdout": "write nothing; print the scripts",
    "--graph": "write nothing; print which search feeds which training, as JSON",
    "--merge": "keep edits by hand, and merge what is new into them",
    "--force": "overwrite files that were edited by hand, too",
}
FORMATS = ("text", "markdown")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Returns:
        0: fresh or written. 1: ``--check`` or ``--diff`` found differences, a file edited by hand was left alone, or
        one could not be written. 2: bad usage or input. 75: interrupted. 123: our bug.
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
    parser.add_argument("--summary", action="store_true", help="with --diff: only what stands in one line a value")
    parser.add_argument(
        "--format", choices=FORMATS, help="with --diff: markdown is what a pull request's comment takes"
    )
    return parser


def _main(given: Sequence[str]) -> int:
    options = _parser().parse_args(given)
    check_choices(options)
    if options.no_cache and not options.check:
        raise UsageError("--no-cache goes with --check; everything else renders anew anyway")
    if (options.summary or options.format) and not options.diff:
        raise UsageError("--summary and --format go with --diff")
    return _run(options, shlex.join(["python", "-m", "codegen", *_asked(given)]))


def _asked(given: Sequence[str]) -> list[str]:
    """What a command line asks for, without what it wants done."""
    before = ["", *given]
    return [
        each
        for each, previous in zip(given, before, strict=False)
        if each not in (*MODES, "--no-cache", "--summary", "--format")
        and previous != "--format"
        and not each.startswith("--format=")
    ]


def _run(options: argparse.Namespace, command: str) -> int:
    if options.graph:
        import json

        from codegen.files.graph import graph_of

        print(json.dumps(graph_of(options), indent=2))
        return command_line.EXIT_OK
    from codegen.files.planning import plan_all

    experiments = plan_all(options)
    folder = PROJECT / "experiments" / options.phase
    for each in {folder, *(experiment.folder for experiment in experiments)}:
        _require_real(each)
    picked = ("budget", "task", "horizon", "timescale", "data", "data_path", "training_assets")
    whole_phase = options.hyperparameters == "search" and not any(getattr(options, name) for name in picked)
    if options.diff:
        from codegen.files.diff import diff

        markdown = options.format == "markdown"
        return diff(
            experiments,
            folder,
            markdown=markdown,
            summary=options.summary,
            command=command,
            whole_phase=whole_phase,
        )
    if options.check:
        from codegen.files.check import check
        from codegen.files.freshness import KnownSeals, cache_file

        known = KnownSeals(None if options.no_cache else cache_file())
        return check(experiments, folder, command=command, known=known, whole_phase=whole_phase)
    from codegen.files.actions import Action, run

    action = next((each for each in Action if getattr(options, each.value, False)), Action.WRITE)
    return run(experiments, PROJECT, action, command=command)


def _require_real(folder: Path) -> None:
    if os.path.realpath(folder) != str(folder):
        raise UsageError(
            f"{folder.relative_to(PROJECT).as_posix()} lies behind a symbolic link, but a script finds its project "
            "from where it really lies; put the folder itself there"
        )
