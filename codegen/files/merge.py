"""Merges a regenerated script with edits made by hand; git finds the common base and merges."""

from __future__ import annotations

import re
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from codegen.files.writer import Target, write_text
from codegen.request.choices import UsageError
from codegen.seal import is_intact, seal_of

_CONFLICT = re.compile(r"^(<{7}|>{7}) ", re.MULTILINE)


class HistoryError(UsageError):
    """Git is missing, or the project is no repository.

    Args:
        reason: in git's words.
    """

    def __init__(self, reason: str) -> None:
        super().__init__(f"--merge looks for the base in git history: {reason}; use --diff")
        self.reason = reason


@dataclass(frozen=True)
class Merged:
    """How a merge ended: whether the file changed, how many conflicts are marked in it, or why nothing was merged."""

    changed: bool = False
    conflicts: int = 0
    refusal: str | None = None


def merge(target: Target) -> Merged:
    """Merge the text to be written into an edited file: what was generated before is the base of both.

    Raises:
        HistoryError: if git is missing or the project is no repository.
        OSError: if the file cannot be written; it is then untouched.
    """
    edited = target.current() or ""
    if _CONFLICT.search(edited):
        return Merged(refusal="still holds conflict markers; resolve them first")
    if seal_of(edited) == seal_of(target.text):  # made by hand upon the very text that would be written
        return Merged()
    base = find_base(target.path, seal_of(edited))
    if base is None:
        return Merged(refusal="no version in its git history carries an intact seal, so there is no base to merge from")
    text, conflicts = three_way(edited, base, target.text)
    if text != edited:
        write_text(target.path, text)
    return Merged(text != edited, conflicts)


def find_base(path: Path, seal: str | None) -> str | None:
    """The generated text that was edited: in git history the version with this seal, else the newest intact one.

    Raises:
        HistoryError: if git is missing or the project is no repository.
    """
    newest = None
    for text in _history(path):
        if is_intact(text):
            if seal_of(text) == seal:
                return text
            newest = newest or text
    return newest


def three_way(edited: str, base: str, generated: str) -> tuple[str, int]:
    """Both changes to the base in one text, and the number of conflicts marked in it."""
    with tempfile.TemporaryDirectory() as folder:
        files = {"edited by hand": edited, "generated before": base, "generated now": generated}
        labels = [argument for label in files for argument in ("-L", label)]
        for label, text in files.items():
            (Path(folder) / label).write_bytes(text.encode())
        ended = _git(Path(folder), "merge-file", "--stdout", "--quiet", *labels, *files)
    if ended.returncode > 127:  # git's sign of an error; fewer count conflicts
        raise UsageError(f"git merge-file: {ended.stderr.decode().strip()}")
    return ended.stdout.decode(), ended.returncode


def _history(path: Path) -> Iterator[str]:
    """What a file held in each commit that changed it, newest first."""
    log = _git(path.parent, "log", "--format=%H", "--", path.name)
    if log.returncode != 0:
        raise HistoryError(log.stderr.decode().strip())
    for commit in log.stdout.decode().split():
        shown = _git(path.parent, "show", f"{commit}:./{path.name}")
        if shown.returncode == 0:  # a commit that deletes the file has nothing to show
            yield shown.stdout.decode(errors="replace").replace("\r\n", "\n")


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    try:
        return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, check=False)
    except FileNotFoundError as error:
        raise HistoryError("git is not installed") from error
