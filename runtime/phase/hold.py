"""One driver a phase, and none of its scripts left over from a driver that was killed."""

from __future__ import annotations

import fcntl
import os
import platform
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from data.files import write_atomically
from runtime.errors import UserError

PATIENCE_SECONDS = 120.0
"""How long scripts of a killed driver may take to save and end."""


@contextmanager
def hold(outputs: Path) -> Iterator[int]:
    """Hold a project's outputs while running in them; yields a file descriptor that scripts inherit.

    The lock lasts as long as the driver or any script that inherited it lives, so that a new driver waits for what a
    killed one left.

    Raises:
        UserError: if another driver is at work here.
    """
    outputs.mkdir(parents=True, exist_ok=True)
    holder = outputs / ".run.holder"
    with (outputs / ".run.lock").open("ab") as lock:
        until, told = time.monotonic() + PATIENCE_SECONDS, False
        while not _take(lock.fileno()):
            if (who := _at_work(holder)) or time.monotonic() > until:
                raise UserError(
                    f"another run is at work in {outputs}{who and f' ({who})'}; wait for it, or stop it: it saves first"
                )
            if not told:
                print("waiting until the scripts of a run that was killed have saved and ended", flush=True)
                told = True
            time.sleep(0.2)
        write_atomically(holder, f"{os.getpid()} {platform.node()}".encode())
        yield lock.fileno()


def _take(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _at_work(holder: Path) -> str:
    """The driver that holds the folder, where it is alive or on another machine; empty where it is gone."""
    try:
        process, machine = holder.read_text().split(" ", 1)
        if machine == platform.node():
            os.kill(int(process), 0)
    except (OSError, ValueError):
        return ""
    return f"process {process} on {machine}"
