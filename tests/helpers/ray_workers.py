"""Finds the workers of a Ray cluster that this process, or one it started, has started: others may run beside it."""

from __future__ import annotations

import os
import subprocess


def workers_at(task: str) -> list[int]:
    """Processes that run a task whose name begins so."""
    found = subprocess.run(["pgrep", "-f", f"^ray::{task}"], capture_output=True, text=True, check=False)
    return [int(each) for each in found.stdout.split() if _is_ours(int(each))]


def _is_ours(process: int) -> bool:
    while process > 1:
        if process == os.getpid():
            return True
        parent = subprocess.run(["ps", "-o", "ppid=", "-p", str(process)], capture_output=True, text=True, check=False)
        process = int(parent.stdout or 0)
    return False
