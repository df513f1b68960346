"""What the command line does with generated files: write, force, merge or print them; looking is next door."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Sequence
from datetime import UTC, datetime
from enum import Enum
from pathlib import Path

from codegen.files.manifest import update_manifest, without_gone
from codegen.files.merge import merge
from codegen.files.planning import Planned, PlannedExperiment, render_all
from codegen.files.writer import State, Target, write_text
from codegen.request.choices import UsageError
from codegen.seal import seal_of
from data.files import locked


class Action(Enum):
    """What to do besides looking; each value is the flag that asks for it."""

    WRITE = "write"
    FORCE = "force"
    MERGE = "merge"
    STDOUT = "stdout"


def run(experiments: Sequence[PlannedExperiment], project: Path, action: Action, *, command: str) -> int:
    """Render every experiment's scripts and act on them.

    Args:
        experiments: of one phase.
        project: holds the folder ``experiments``.
        action: what to do.
        command: the command line without the action's flag, for messages.

    Returns:
        0: fresh, written, merged or printed. 1: a hand edit was left alone or conflicts, or the disk refused a file.

    Raises:
        UsageError: if a merge has no git to find its base in.
    """
    targets = render_all(scripts_of(experiments))
    if action is Action.STDOUT:
        sys.stdout.write("".join(target.text for target in targets))
        return 0
    try:
        return _write_all(experiments, targets, project, action, command)
    except OSError as error:
        print(
            f"failed: {error}; that file and all after it are as they were; mend this and run again: {command}",
            file=sys.stderr,
        )
        return 1


def scripts_of(experiments: Sequence[PlannedExperiment]) -> list[Planned]:
    """All scripts of all experiments, in order."""
    return [script for experiment in experiments for script in experiment.scripts]


def read_manifest(folder: Path) -> str | None:
    """The phase's manifest; None if there is none.

    Raises:
        UsageError: if it is no text.
    """
    path = folder / "README.md"
    try:
        return path.read_text("utf-8") if path.exists() else None
    except UnicodeDecodeError as error:
        raise UsageError(f"{name_of(path)} is no text ({error}); restore or remove it") from error


def name_of(path: Path) -> str:
    """A file of ``experiments``, relative to the project."""
    above = next(number for number, folder in enumerate(path.parents) if folder.name == "experiments")
    return path.relative_to(path.parents[above + 1]).as_posix()


def updated_manifest(
    current: str | None, experiments: Sequence[PlannedExperiment], folder: Path, seals: dict[Path, str | None]
) -> str:
    """What the manifest should say when the scripts carry these seals."""
    entries = [experiment.entry(seals) for experiment in experiments]
    today = datetime.now(UTC).date().isoformat()
    title = name_of(folder).removeprefix("experiments/")
    return update_manifest(without_gone(current, folder), title, entries, today=today)


def by_folder(experiments: Sequence[PlannedExperiment]) -> dict[Path, list[PlannedExperiment]]:
    """The experiments of each folder, every one of which has a manifest of its own."""
    found: dict[Path, list[PlannedExperiment]] = {}
    for experiment in experiments:
        found.setdefault(experiment.folder, []).append(experiment)
    return found


def _write_all(
    experiments: Sequence[PlannedExperiment], targets: Sequence[Target], project: Path, action: Action, command: str
) -> int:
    outcomes: Counter[str] = Counter()
    for folder, inside in by_folder(experiments).items():
        with locked(folder):
            current = read_manifest(folder)  # first: nothing is written if it cannot be read
            there = [target for target in targets if target.path.parent == folder]
            outcomes.update(_act(target, action, project) for target in there)
            updated = updated_manifest(current, inside, folder, {each.path: _seal(each) for each in there})
            if updated != current:
                write_text(folder / "README.md", updated)
    shown = [name for name in _OUTCOMES if outcomes[name] or name in ("written", "unchanged", "refused")]
    print(", ".join(f"{outcomes[name]} {name}" for name in shown))
    if outcomes["refused"]:
        print(f"see the difference: {command} --diff; keep the edits: {command} --merge; overwrite: {command} --force")
    return 1 if outcomes["refused"] or outcomes["in conflict"] else 0


_OUTCOMES = ("written", "unchanged", "merged", "in conflict", "refused")
_REASONS = {
    State.EDITED: "was edited by hand",
    State.REFORMATTED: "was reformatted by another formatter",
    State.FOREIGN: "was not written by codegen",
}


def _act(target: Target, action: Action, project: Path) -> str:
    """Write or merge one file, say what happened, and return it as one of the outcomes."""
    name = target.path.relative_to(project)
    if action is Action.MERGE and target.state() in (State.EDITED, State.REFORMATTED):
        return _merge(target, name)
    state = target.write(force=action is Action.FORCE)
    if state is State.FRESH:
        return "unchanged"
    if state.may_overwrite or action is Action.FORCE:
        print(f"written: {name}")
        return "written"
    print(f"refused: {name} {_REASONS[state]}; it is left as it is", file=sys.stderr)
    return "refused"


def _merge(target: Target, name: Path) -> str:
    merged = merge(target)
    if merged.refusal:
        print(f"refused: {name} {merged.refusal}; it is left as it is", file=sys.stderr)
        return "refused"
    if merged.conflicts:
        print(f"conflict: {name}: {merged.conflicts} marked; resolve them by hand", file=sys.stderr)
        return "in conflict"
    if not merged.changed:
        return "unchanged"
    print(f"merged: {name}, with the edits by hand")
    return "merged"


def _seal(target: Target) -> str | None:
    return seal_of(target.current() or target.text)
