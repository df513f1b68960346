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
        SystemExit: with exit code 2: the system has no POSIX file locks (Windows), the packages were installed as a
            copy, or the number of threads is none.
    """
    problem = _problem(Path(__file__).resolve().parents[1])
    if problem:
        print(f"error: {problem}", file=sys.stderr)
        raise SystemExit(2)


def _problem(home: Path) -> str | None:
    if importlib.util.find_spec("fcntl") is None:
        return f"{sys.platform} has no POSIX file locks: run this on Linux or macOS, or on Windows in WSL"
    if not (home / "configs" / "phases").is_dir():
        return f"{home} holds a copy of the packages alone: run `pip install -e .` in a clone of the project instead"
    threads = os.environ.get("OMP_NUM_THREADS", "1")
    if not re.fullmatch(r"\s*0*[1-9][0-9]*(\s*,\s*0*[1-9][0-9]*)*\s*", threads):
        return f"OMP_NUM_THREADS is {threads!a}: allowed is a whole number of at least 1; set one, or unset it"
    return None
