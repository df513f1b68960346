"""Finds scripts in a phase's folder that carry our seal and yet belong to nothing."""

from __future__ import annotations

import contextlib
import io
import shlex
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from codegen.files.planning import plan_all
from codegen.files.writer import State, read_text
from codegen.request.choices import UsageError
from codegen.request.command_line import make_parser
from codegen.seal import command_of, seal_of

_PROGRAM = "python -m codegen "


@dataclass(frozen=True)
class Extra:
    """A sealed script that neither the phase nor its own command accounts for."""

    path: Path
    reason: str


def find_extras(folder: Path, expected: Collection[Path]) -> list[Extra]:
    """Look at every script that is not expected; one without a seal is the user's own business.

    Args:
        folder: the phase's folder, which holds those of further datasets.
        expected: scripts of the phase.
    """
    found = sorted([*folder.glob("*.py"), *folder.glob("*/*.py")])
    sealed = [path for path in found if path not in expected and seal_of(read_text(path) or "")]
    return [Extra(path, reason) for path in sealed if (reason := _reason(path, folder.parents[1]))]


def _reason(path: Path, project: Path) -> str | None:
    """Why a script is extra; None if its own command renders exactly this file."""
    command = command_of(read_text(path) or "") or ""
    arguments = command.removeprefix(_PROGRAM)
    if arguments == command:
        return "it does not say which command made it"
    try:
        states = _states(shlex.split(arguments), project)
    except (UsageError, ValueError) as error:
        return f"its own command cannot be run: {error}"
    state = states.get(path)
    if state is None:
        return f"its own command writes another file: {command}"
    return None if state is State.FRESH else f"{state.value} against its own command: {command}"


def _states(arguments: list[str], project: Path) -> dict[Path, State]:
    complaint = io.StringIO()
    try:
        with contextlib.redirect_stderr(complaint):
            options = make_parser().parse_args(arguments)
    except SystemExit as error:
        raise UsageError(complaint.getvalue().strip()) from error
    scripts = [script for experiment in plan_all(options, project) for script in experiment.scripts]
    return {script.path: script.render().state() for script in scripts}
