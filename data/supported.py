"""Where this project runs: on Linux or macOS, from the folder that holds its configurations."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path


def require_supported() -> None:
    """End the process in one line, before an import fails somewhere else without saying why.

    Raises
    ------
    SystemExit
        With exit code 2: the system has no POSIX file locks (Windows), or the packages were installed as a copy.
    """
    home = Path(__file__).resolve().parents[1]
    if importlib.util.find_spec("fcntl") is None:
        problem = f"{sys.platform} has no POSIX file locks: run this on Linux or macOS; on Windows, in WSL"
    elif not (home / "configs" / "phases").is_dir():
        problem = (
            f"{home} holds a copy of the packages alone: install in a clone of the project with `pip install -e .`"
        )
    else:
        return
    print(f"error: {problem}", file=sys.stderr)
    raise SystemExit(2)
