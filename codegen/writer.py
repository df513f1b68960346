"""Puts generated files on disk, never over a hand edit."""

from __future__ import annotations

from dataclasses import dataclass
from difflib import unified_diff
from enum import Enum
from pathlib import Path

from codegen.seal import is_intact, seal_of
from data.files import write_atomically


class State(Enum):
    """How a file on disk relates to what would be written."""

    MISSING = "missing"
    FRESH = "fresh"
    STALE = "stale"
    EDITED = "edited"
    FOREIGN = "foreign"

    @property
    def may_overwrite(self) -> bool:
        """Whether nothing by hand would be lost."""
        return self in (State.MISSING, State.FRESH, State.STALE)


@dataclass(frozen=True)
class Target:
    """A file to be generated: where, and its text."""

    path: Path
    text: str

    def current(self) -> str | None:
        """What is on disk, with plain newlines; None if nothing is. Bytes that are no text never match the seal."""
        if not self.path.exists():
            return None
        return self.path.read_bytes().decode(errors="replace").replace("\r\n", "\n")

    def state(self) -> State:
        """Compare the file on disk with the text."""
        current = self.current()
        if current is None:
            return State.MISSING
        if current == self.text:
            return State.FRESH
        if is_intact(current):
            return State.STALE
        return State.EDITED if seal_of(current) else State.FOREIGN

    def write(self, *, force: bool) -> State:
        """Write unless the file is fresh, or would be lost and ``force`` is not given.

        Returns:
            The state before; the file is now fresh if ``state.may_overwrite or force``.
        """
        state = self.state()
        if state is not State.FRESH and (state.may_overwrite or force):
            write_atomically(self.path, self.text.encode())
        return state

    def diff(self, project: Path) -> str:
        """Unified diff from the file on disk to the text; empty when fresh."""
        name = self.path.relative_to(project).as_posix()
        old = (self.current() or "").splitlines(keepends=True)
        return "".join(unified_diff(old, self.text.splitlines(keepends=True), f"a/{name}", f"b/{name}"))
