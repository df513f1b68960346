"""JSON files and logs; whole files go through the project's one atomic writer."""

from __future__ import annotations

import errno
import fcntl
import json
import os
import platform
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from data.files import sync_folder, write_atomically
from runtime.errors import UserError


def write_json(path: Path, value: Any) -> None:
    """Write indented JSON. NaN and infinity are refused: an undefined number is None with a reason.

    Raises:
        ValueError: if a number is not finite.
        OSError: if the file cannot be written; what it held before is then unchanged.
    """
    write_atomically(path, (json.dumps(value, indent=2, allow_nan=False) + "\n").encode())


def write_json_lines(path: Path, values: Iterable[Any]) -> None:
    """Write one JSON object a line, in place of what the file held; raises as `write_json` does."""
    write_atomically(path, b"".join(map(_line, values)))


def append_json_line(path: Path, value: Any) -> None:
    """Append one JSON object as a line, in a single write that is on the disk when this returns.

    Raises:
        ValueError: if a number is not finite; the file is then unchanged.
        OSError: if the line cannot be written; the file is then unchanged.
    """
    line = _line(value)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab", buffering=0) as file:
        size = file.tell()
        try:
            if file.write(line) < len(line):  # a disk that fills up takes a part and raises nothing
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            os.fsync(file.fileno())
        except OSError as error:
            file.truncate(size)
            error.filename = str(path)
            raise
    if size == 0:
        sync_folder(path.parent)


def read_json_lines(path: Path) -> list[Any]:
    """Values of a log, one a line; none if there is no file.

    What a process left that was killed while it appended, a last line that is cut off, is not among them.

    Raises:
        ValueError: if any other line is not JSON.
    """
    if not path.exists():
        return []
    *lines, last = path.read_bytes().split(b"\n")
    return [parse_json(line) for line in lines] + ([parse_json(last)] if _is_json(last) else [])


def mend_last_line(path: Path) -> None:
    """Make a log end with a whole line: one that lacks only its end gets it, one that is cut off goes, said aloud.

    Args:
        path: a log that nobody else appends to meanwhile; it need not exist.
    """
    content = path.read_bytes() if path.exists() else b""
    last = content.rpartition(b"\n")[2]
    if _is_json(last):
        write_atomically(path, content + b"\n")
    elif last:
        print(f"warning: {path}: its last line was cut off by a crash and is removed", file=sys.stderr)
        write_atomically(path, content.removesuffix(last))


def parse_json(content: bytes) -> Any:
    """Like `json.loads`, but a hostile depth is a `ValueError`, as any other nonsense."""
    try:
        return json.loads(content)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _is_json(line: bytes) -> bool:
    try:
        parse_json(line)
    except ValueError:
        return False
    return True


def _line(value: Any) -> bytes:
    return (json.dumps(value, allow_nan=False) + "\n").encode()


def read_record(path: Path) -> dict[str, Any]:
    """The JSON object that a file holds; an empty one if there is no file.

    Raises:
        UserError: if it holds anything else.
    """
    try:
        record = parse_json(path.read_bytes())
    except FileNotFoundError:
        return {}
    except ValueError as error:
        raise UserError(f"{path} is damaged ({error}); move it away") from error
    if not isinstance(record, dict):
        raise UserError(f"{path} is damaged (it holds no JSON object); move it away")
    return record


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


def is_held(folder: Path) -> bool:
    """Whether a process holds a folder as `sole_process` does; nothing is written."""
    try:
        with (folder / ".lock").open("rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _told_by(holder: Path) -> str:
    """What the holder wrote, for people only: the lock alone decides."""
    try:
        text = holder.read_text()
    except (OSError, UnicodeDecodeError):
        return ""
    return f" ({text})" if text.isprintable() else ""
