"""``--check``: whether every file of a phase is exactly what would be written, and what to do if not."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

from codegen.files.actions import by_folder, name_of, read_manifest, scripts_of, updated_manifest
from codegen.files.extras import find_extras
from codegen.files.freshness import KnownSeals
from codegen.files.manifest import is_current
from codegen.files.planning import Planned, PlannedExperiment, render_all
from codegen.files.writer import State
from codegen.seal import seal_of


def check(
    experiments: Sequence[PlannedExperiment], folder: Path, *, command: str, known: KnownSeals, whole_phase: bool
) -> int:
    """Compare every file with what would be written; write nothing.

    Args:
        experiments: of one phase.
        folder: the phase's.
        command: writes the files, for messages.
        known: seals of what was rendered before; files they vouch for are not rendered again.
        whole_phase: the experiments are all of the phase, so that any other sealed script is an extra one.

    Returns:
        0 if all are fresh, 1 if not.
    """
    found, seals = _compare(scripts_of(experiments), known)
    for place, inside in by_folder(experiments).items():
        current = read_manifest(place)
        if not is_current(current, updated_manifest(current, inside, place, seals)):
            found[place / "README.md"] = State.STALE if current else State.MISSING
    extras = find_extras(folder, seals) if whole_phase else []
    wrong = [f"{state.value}: {name_of(path)}" for path, state in found.items() if state is not State.FRESH]
    wrong += [f"extra: {name_of(extra.path)} ({extra.reason})" for extra in extras]
    if not wrong:
        print(f"{len(seals)} scripts and the manifest are fresh")
        return 0
    fixes = [f"fix: {fix}" for fix in _fixes(set(found.values()), command, extras=bool(extras))]
    print("\n".join(wrong + fixes), file=sys.stderr)
    return 1


def _compare(scripts: Sequence[Planned], known: KnownSeals) -> tuple[dict[Path, State], dict[Path, str | None]]:
    """The state of each script, and the seal that it carries on disk."""
    seals = {script.path: known.vouch_for(script.path, script.spec) for script in scripts}
    states = dict.fromkeys(seals, State.FRESH)
    doubtful = [script for script in scripts if seals[script.path] is None]
    for script, target in zip(doubtful, render_all(doubtful), strict=True):
        known.remember(script.spec, target.text)
        states[script.path] = target.state()
        seals[script.path] = seal_of(target.current() or target.text)
    known.save()
    return states, seals


def _fixes(states: set[State], command: str, *, extras: bool) -> list[str]:
    fixes = [command] if states & {State.MISSING, State.STALE} else []
    if states & {State.EDITED, State.REFORMATTED}:
        fixes.append(f"{command} --merge keeps what was edited by hand, --force overwrites it, --diff shows it")
    if State.FOREIGN in states:
        fixes.append(f"move foreign files away, or overwrite them: {command} --force")
    return [*fixes, "remove extra files, or run their own commands"] if extras else fixes
