"""JSON files and logs; whole files go through the project's one atomic writer."""

from __future__ import annotations

import fcntl
import json
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from data.files import write_atomically
from runtime.errors import UserError


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON. NaN and infinity are refused: an undefined number is None with a reason.

    Raises:
        ValueError: if a number is not finite.
    """
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def append_json_line(path: Path, value: Any) -> None:
    """Append one JSON object as a line, in a single write.

    Raises:
        ValueError: if a number is not finite; the file is then unchanged.
    """
    line = (json.dumps(value, allow_nan=False) + "\n").encode()
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as file:
        file.write(line)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def sole_process(folder: Path) -> Iterator[None]:
    """Hold a folder while running in it; the lock goes with the process, however it ends.

    Raises:
        UserError: if another process runs in it, naming that process.
    """
    folder.mkdir(parents=True, exist_ok=True)
    holder = folder / ".lock.holder"
    with (folder / ".lock").open("ab") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UserError(
                f"another process is running in {folder}{_told_by(holder)}; wait for it, or give another --output"
            ) from error
        now = datetime.now().astimezone()
        write_atomically(
            holder, f"process {os.getpid()} on {platform.node()} since {now:%Y-%m-%d %H:%M:%S %z}".encode()
        )
        yield


def _told_by(holder: Path) -> str:
    """What the holder wrote, for people only: the lock alone decides."""
    try:
        text = holder.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    return f" ({text})" if text.isprintable() else ""
