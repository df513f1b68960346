"""What the command line does with generated files: write, force, check, diff or print them."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from codegen.choices import UsageError
from codegen.generate import make_targets, manifest_entry
from codegen.manifest import Entry, is_current, update_manifest
from codegen.phases import Cell
from codegen.request import Request
from codegen.writer import State, Target
from data.files import locked, write_atomically


class Action(Enum):
    """What to do; each value is the flag that asks for it."""

    WRITE = "write"
    FORCE = "force"
    CHECK = "check"
    DIFF = "diff"
    STDOUT = "stdout"


def run(requests: Sequence[tuple[Cell, Request]], action: Action, *, command: str, default_recipe: bool) -> int:
    """Generate every request's files and act on them.

    Args:
        requests: the experiments of one phase.
        action: what to do.
        command: the command line without the action's flag, for messages.
        default_recipe: see `make_targets`.

    Returns:
        0: fresh, written or shown. 1: a check found differences, or a hand edit was left alone.

    Raises:
        UsageError: if a request cannot be generated; nothing is written then.
    """
    made = [(cell, request, make_targets(cell, request, default_recipe=default_recipe)) for cell, request in requests]
    targets = [target for _, _, each in made for target in each]
    project = requests[0][1].project
    if action is Action.STDOUT:
        sys.stdout.write("".join(target.text for target in targets))
        return 0
    if action is Action.DIFF:
        sys.stdout.write("".join(target.diff(project) for target in targets))
        return 0
    manifest = project / "experiments" / requests[0][0].phase / "README.md"
    if action is Action.CHECK:
        entries = [manifest_entry(cell, request, each) for cell, request, each in made]
        return _check(targets, manifest, entries, command)
    with locked(manifest.parent):
        current = _read(manifest)  # first: nothing is written if it cannot be read
        states = [(target, target.write(force=action is Action.FORCE)) for target in targets]
        entries = [manifest_entry(cell, request, each) for cell, request, each in made]
        _write_manifest(manifest, current, entries)
    return _report_written(states, command, project, force=action is Action.FORCE)


def _check(
    targets: Sequence[Target],
    manifest: Path,
    entries: Sequence[Entry],
    command: str,
) -> int:
    project = manifest.parents[2]
    wrong = [(target.path, state) for target in targets if (state := target.state()) is not State.FRESH]
    current = _read(manifest)
    if not is_current(current, update_manifest(current, manifest.parent.name, entries, today="")):
        wrong.append((manifest, State.STALE if current else State.MISSING))
    for path, state in wrong:
        print(f"{state.value}: {path.relative_to(project)}", file=sys.stderr)
    if wrong:
        force = "" if all(state.may_overwrite for _, state in wrong) else " --force (see --diff first)"
        print(f"fix: {command}{force}", file=sys.stderr)
        return 1
    print(f"{len(targets)} scripts and the manifest are fresh")
    return 0


def _read(manifest: Path) -> str | None:
    try:
        return manifest.read_text("utf-8") if manifest.exists() else None
    except UnicodeDecodeError as error:
        name = manifest.relative_to(manifest.parents[2])
        raise UsageError(f"{name} is no text ({error}); restore or remove it") from error


def _write_manifest(path: Path, current: str | None, entries: Sequence[Entry]) -> None:
    updated = update_manifest(current, path.parent.name, entries, today=datetime.now(UTC).date().isoformat())
    if updated != current:
        write_atomically(path, updated.encode())


def _report_written(
    states: Sequence[tuple[Target, State]],
    command: str,
    project: Path,
    *,
    force: bool,
) -> int:
    outcomes: Counter[str] = Counter()
    for target, state in states:
        name = target.path.relative_to(project)
        refused = not (state.may_overwrite or force)
        outcome = "unchanged" if state is State.FRESH else "refused" if refused else "written"
        outcomes[outcome] += 1
        if refused:
            print(f"refused: {name} was {_REASONS[state]}; it is left as it is", file=sys.stderr)
        elif state is not State.FRESH:
            print(f"written: {name}")
    print(", ".join(f"{outcomes[name]} {name}" for name in ("written", "unchanged", "refused")))
    if outcomes["refused"]:
        print(f"see the difference: {command} --diff; overwrite it: {command} --force")
        return 1
    return 0


_REASONS = {State.EDITED: "edited by hand", State.FOREIGN: "not written by codegen"}
