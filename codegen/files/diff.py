"""``--diff``: what would change, in one line a value first, then line by line; and what was edited by hand."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.files.actions import by_folder, name_of, read_manifest, scripts_of, updated_manifest
from codegen.files.changes import changes
from codegen.files.extras import find_extras
from codegen.files.manifest import changed_entries, is_current
from codegen.files.markdown import as_comment
from codegen.files.merge import HistoryError, find_base
from codegen.files.planning import PlannedExperiment, render_all
from codegen.files.writer import State, Target, unified
from codegen.seal import seal_of
from data.command_line import one_line


@dataclass(frozen=True)
class Section:
    """Files of which the same is to be said.

    Attributes:
        state: ``stale``, ``edited by hand``.
        names: their paths in the project.
        lines: what is to be said.
    """

    state: str
    names: tuple[str, ...]
    lines: tuple[str, ...]

    def text(self) -> str:
        """A line a file, and below an indented line for all that is said of them."""
        headings = [f"{self.state}: {name}" for name in self.names]
        return "\n".join([*headings, *(f"  {one_line(line)}" for line in self.lines)]) + "\n"


def diff(
    experiments: Sequence[PlannedExperiment],
    folder: Path,
    *,
    markdown: bool,
    summary: bool,
    command: str,
    whole_phase: bool,
) -> int:
    """Show what would change; write nothing.

    Args:
        experiments: of one phase.
        folder: the phase's.
        markdown: as the comment of a pull request, instead of plain text.
        summary: leave out the line by line difference.
        command: writes the files, for messages.
        whole_phase: the experiments are all of the phase, so that any other sealed script is an extra one.

    Returns:
        As ``--check``: 0 if all are fresh, 1 if not.
    """
    project, targets = folder.parents[1], render_all(scripts_of(experiments))
    sections = _grouped([section for target in targets for section in _script(target, project)])
    manifests = [_manifest(inside, targets, place) for place, inside in by_folder(experiments).items()]
    for name, current, updated in manifests:
        if not is_current(current, updated):
            state = State.STALE if current else State.MISSING
            entries = f"entries: {', '.join(changed_entries(current, updated))}"
            sections.append(Section(state.value, (name,), (entries,)))
    for extra in find_extras(folder, [target.path for target in targets]) if whole_phase else []:
        sections.append(Section("extra", (name_of(extra.path),), (extra.reason,)))
    lines = [] if summary else [*_lines(targets, project, manifests)]
    if markdown:
        sys.stdout.write(as_comment([(each.state, each.names, each.lines) for each in sections], lines, command))
    else:
        sys.stdout.write("".join(each.text() for each in sections) + ("\n" if lines else ""))
        sys.stdout.writelines(_coloured(lines))
    return 1 if sections else 0


def _manifest(
    experiments: Sequence[PlannedExperiment], targets: Sequence[Target], folder: Path
) -> tuple[str, str | None, str]:
    """Name of a folder's manifest, what it says, and what it should say."""
    seals, current = {each.path: seal_of(each.text) for each in targets}, read_manifest(folder)
    return name_of(folder / "README.md"), current, updated_manifest(current, experiments, folder, seals)


def _script(target: Target, project: Path) -> Iterator[Section]:
    """What writing it would change, and in a section of its own what was edited by hand."""
    state, name = target.state(), (target.path.relative_to(project).as_posix(),)
    if state is State.MISSING:
        yield Section(state.value, name, ("new script",))
    elif state is State.FOREIGN:
        yield Section(state.value, name, ("not written by codegen: only --force would write over it",))
    elif state is State.STALE:
        yield Section(state.value, name, _changes(target.current() or "", target.text))
    elif state is State.REFORMATTED:
        yield Section(state.value, name, ("the same code and comments, by another formatter",))
    elif state is State.EDITED:
        yield from _edited(target, name)


def _edited(target: Target, name: tuple[str, ...]) -> Iterator[Section]:
    edited = target.current() or ""
    try:
        base, reason = _base(target, edited)
    except HistoryError as error:
        base, reason = None, error.reason
    if base is None:
        together = (
            f"no generated version is found in git history ({reason}): edits by hand and what is new stand together"
        )
        yield Section("edited by hand", name, (together, *_changes(edited, target.text)))
        return
    if base != target.text:
        yield Section("stale", name, _changes(base, target.text))
    yield Section("edited by hand", name, (*([reason] if reason else []), *_changes(base, edited, by_hand=True)))


def _base(target: Target, edited: str) -> tuple[str | None, str]:
    """The text that was edited, and what must be said of it."""
    seal = seal_of(edited)
    if seal == seal_of(target.text):
        return target.text, ""
    base = find_base(target.path, seal)
    if base is None:
        return None, "none carries an intact seal"
    return base, "" if seal_of(base) == seal else "none in git history has its seal; against the newest generated one:"


def _changes(before: str, after: str, *, by_hand: bool = False) -> tuple[str, ...]:
    try:
        return tuple(each.text for each in changes(before, after, by_hand=by_hand))
    except (SyntaxError, ValueError, RecursionError) as error:
        return (f"cannot be read as Python ({error}): see the difference line by line, --diff without --summary",)


def _grouped(sections: Sequence[Section]) -> list[Section]:
    """One section for all files of which the same is said; what was edited by hand comes last."""
    groups: dict[tuple[str, tuple[str, ...]], list[str]] = {}
    for each in sorted(sections, key=lambda section: section.state == "edited by hand"):
        groups.setdefault((each.state, each.lines), []).extend(each.names)
    return [Section(state, tuple(names), lines) for (state, lines), names in groups.items()]


def _lines(targets: Sequence[Target], project: Path, manifests: Sequence[tuple[str, str | None, str]]) -> Iterator[str]:
    """The difference line by line, as git shows it."""
    for target in targets:
        yield from target.diff(project).splitlines(keepends=True)
    for name, current, updated in manifests:
        if not is_current(current, updated):
            yield from unified(current, updated, name).splitlines(keepends=True)


def _coloured(lines: Sequence[str]) -> Iterator[str]:
    """The lines in git's colours, if someone is looking and did not ask for none (https://no-color.org)."""
    plain = not sys.stdout.isatty() or os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb"
    for line in lines:
        colour = "" if plain else next((_COLOURS[start] for start in _COLOURS if line.startswith(start)), "")
        yield f"\x1b[{colour}m{line.removesuffix(chr(10))}\x1b[m\n" if colour else line


_COLOURS = {"---": "1", "+++": "1", "@@": "36", "-": "31", "+": "32"}  # bold, cyan, red, green
