"""JSON files and logs; whole files go through the project's one atomic writer."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from data.files import write_atomically


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
