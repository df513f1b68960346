"""Puts generated files on disk, never over a hand edit."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from difflib import unified_diff
from enum import Enum
from pathlib import Path

from codegen.request.choices import UsageError
from codegen.seal import is_intact, seal_of
from data.files import write_atomically


class State(Enum):
    """How a file on disk relates to what would be written."""

    MISSING = "missing"
    FRESH = "fresh"
    STALE = "stale"
    EDITED = "edited"
    REFORMATTED = "reformatted"
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
        return read_text(self.path)

    def state(self) -> State:
        """Compare the file on disk with the text."""
        current = self.current()
        if current is None:
            return State.MISSING
        if current == self.text:
            return State.FRESH
        if is_intact(current):
            return State.STALE
        if seal_of(current) is None:
            return State.FOREIGN
        return State.REFORMATTED if _same_code(current, self.text) else State.EDITED

    def write(self, *, force: bool) -> State:
        """Write unless the file is fresh, or would be lost and ``force`` is not given.

        Returns:
            The state before; the file is now fresh if ``state.may_overwrite or force``.
        """
        state = self.state()
        if state is not State.FRESH and (state.may_overwrite or force):
            write_text(self.path, self.text)
        return state

    def diff(self, project: Path) -> str:
        """Unified diff from the file on disk to the text; empty when fresh."""
        return unified(self.current(), self.text, self.path.relative_to(project).as_posix())


def read_text(path: Path) -> str | None:
    """What a file says, with plain newlines; None if there is none.

    Raises:
        UsageError: if something else is in its place, or a link.
    """
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise UsageError(f"{path} is no plain file; move it away")
    return path.read_bytes().decode(errors="replace").replace("\r\n", "\n") if path.exists() else None


def write_text(path: Path, text: str) -> None:
    """Replace a file in one step; where a checkout has given it CRLF newlines, it keeps them.

    Raises:
        OSError: if it cannot be written; the old file is then untouched.
    """
    has_crlf = path.exists() and b"\r\n" in path.read_bytes()
    write_atomically(path, (text.replace("\n", "\r\n") if has_crlf else text).encode())


def unified(old: str | None, new: str, name: str) -> str:
    """Unified diff in git's manner; empty when nothing differs."""
    before, after = (old or "").splitlines(keepends=True), new.splitlines(keepends=True)
    return "".join(unified_diff(before, after, f"a/{name}", f"b/{name}"))


def _same_code(one: str, other: str) -> bool:
    """Whether two texts differ at most by what a formatter may touch: same syntax tree, same comments."""
    try:
        return ast.dump(ast.parse(one)) == ast.dump(ast.parse(other)) and [*_comments(one)] == [*_comments(other)]
    except (SyntaxError, ValueError, RecursionError):  # an edit may leave anything behind
        return False


def _comments(text: str) -> Iterator[str]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.COMMENT:
            yield token.string
