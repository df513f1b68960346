"""How far a script is, read from what it prints."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from pathlib import Path

_STEP = re.compile(rb"^(?:(trial|epoch) (\d+)/(\d+)|(seed \d+, \d+ of \d+)$)", re.MULTILINE)


@dataclass
class LogProgress:
    """Follows a log from where it stood when its script was started."""

    log: Path
    words: str = ""
    seconds_left: float | None = None
    _read: int = field(default=-1)
    _seed: str = ""
    _first: tuple[int, float] | None = None

    def look(self) -> None:
        """Read what is new."""
        size = self.log.stat().st_size if self.log.exists() else 0
        if self._read < 0:
            self._read = size
            return
        if size <= self._read:
            return
        with self.log.open("rb") as file:
            file.seek(self._read)
            new = file.read()
        whole = new.rpartition(b"\n")[0]
        self._read += len(whole) + bool(whole)
        for unit, done, total, seed in _STEP.findall(whole):
            if seed:
                self._seed, self._first = f"{seed.decode()}, ", None
            else:
                self._count(unit.decode(), int(done), int(total))

    def _count(self, unit: str, done: int, total: int) -> None:
        now = time.monotonic()
        self.words = f"{self._seed}{unit} {done}/{total}"
        if self._first is None or done <= self._first[0]:
            self._first, self.seconds_left = (done, now), None
        else:
            first, began = self._first
            self.seconds_left = (now - began) / (done - first) * (total - done)
