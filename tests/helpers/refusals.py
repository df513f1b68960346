"""Run in a scratch project: puts each case's files there, gives its arguments to the command line, and cleans up.

Reads cases from standard input as JSON, writes what each was answered: exit code, output, errors, files it changed.
"""

from __future__ import annotations

import contextlib
import io
import json
import sys
from pathlib import Path

Files = dict[str, str | None]
"""Path and text; None for no file."""


def place(files: Files) -> Files:
    """Put files where they belong.

    Returns:
        What undoes it.
    """
    before: Files = {}
    for name, text in files.items():
        path = Path(name)
        before[name] = path.read_text() if path.exists() else None
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text)
    return before


def snapshot() -> dict[str, tuple[int, int]]:
    """Every folder, and every file with time and size; Python's caches aside, which change their folders' times."""
    paths = [path for path in Path().rglob("*") if "__pycache__" not in path.parts]
    stats = {path: path.stat() for path in paths}
    return {str(path): (0, 0) if path.is_dir() else (stat.st_mtime_ns, stat.st_size) for path, stat in stats.items()}


def answer(arguments: list[str]) -> tuple[int, str, str, list[str]]:
    """Exit code, output, errors, and the paths that were changed."""
    from codegen.cli import main

    before, out, err = snapshot(), io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = int(ended.code or 0)
    changed = sorted(path for path, _ in before.items() ^ snapshot().items())
    return code, out.getvalue(), err.getvalue(), changed


if __name__ == "__main__":
    answers = []
    for case in json.load(sys.stdin):
        undo = place(case["files"])
        answers.append(answer(case["arguments"]))
        place(undo)
    json.dump(answers, sys.stdout)
