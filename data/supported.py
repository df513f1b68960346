"""Where this project runs: on Linux or macOS, from the folder that holds its configurations."""

from __future__ import annotations

import importlib.util
import os
import re
import sys
from pathlib import Path


def require_supported() -> None:
    """End the process in one line, before an import fails, or warns, without saying what to do.

    Raises:
        SystemExit: with exit code 2: the system has no POSIX file locks (Windows), a path is not readable in this
            locale, the packages were installed as a copy, or the number of threads is none.
    """
    problem = _problem(Path(__file__).resolve().parents[1])
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        raise SystemExit(2)


def _problem(home: Path) -> str | None:
    if importlib.util.find_spec("fcntl") is None:
        return f"{sys.platform} has no POSIX file locks: run this on Linux or macOS, or on Windows in WSL"
    for path in (str(home), *sys.argv[1:]):
        if not _is_text(path):
            return _unreadable(path)
    if not (home / "configs" / "phases").is_dir():
        return f"{home} holds a copy of the packages alone: run `pip install -e .` in a clone of the project instead"
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    if not re.fullmatch(r"\s*0*[1-9][0-9]*(\s*,\s*0*[1-9][0-9]*)*\s*", threads):
        return f"OMP_NUM_THREADS is {threads!a}: allowed is a whole number of at least 1; set one, or unset it"
    return None


def _is_text(path: str) -> bool:
    """Whether Python could decode a path; where not, it holds bytes as surrogates, which no library takes."""
    return not any("\ud800" <= character <= "\udfff" for character in path)


def _unreadable(path: str) -> str:
    encoding = sys.getfilesystemencoding()
    if encoding == "utf-8":
        return f"{path!a} is not UTF-8: rename it"
    return f"{path!a} cannot be read as {encoding}, which this locale stands for: set PYTHONUTF8=1 or LC_ALL=C.UTF-8"
