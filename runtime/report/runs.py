"""One folder of a training: its record, its epochs, its forecasts, and what can be said when they are incomplete."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import pandas as pd

from runtime.files import is_held
from runtime.report.results import Epoch, Result


class Unknown(Exception):  # noqa: N818 - not an error: the page shows the reason in place of what is missing
    """Something cannot be shown; the message says why."""


SHORT = "_short"
"""How folders of shorter looks end."""


@dataclass(frozen=True, eq=False)
class Run:
    """One record of a training.

    Attributes:
        path: its ``result.json``, or ``result-*.json`` of an earlier training in the same folder.
        result: what it holds; None if it is not understood.
        problem: why it is not understood.
        state: ``finished``, ``failed``, ``interrupted``, ``running``, ``killed`` or ``unreadable``.
    """

    path: Path
    result: Result | None
    problem: str
    state: str

    @property
    def name(self) -> str:
        """The folder, as the script is called."""
        return self.path.parent.name

    @property
    def title(self) -> str:
        """The folder, and for an earlier record whose weights it is about: no two records share one."""
        return self.name if self.is_latest else f"{self.name}_{self.path.stem.removeprefix('result-')}"

    @property
    def is_short(self) -> bool:
        """Whether it was a shorter look."""
        return self.name.endswith(SHORT)

    @property
    def is_latest(self) -> bool:
        """Whether the folder's other files belong to this record."""
        return self.path.name == "result.json"

    @cached_property
    def epochs(self) -> list[Epoch]:
        """Epochs of the chosen candidate so far; of all candidates while none is chosen."""
        result = self.result
        if result is not None and result.training is not None:
            return result.training.epochs
        return _read_epochs(self.path.with_name("metrics.jsonl")) if self.is_latest else []

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Every stored forecast (`runtime.predictions`).

        Raises:
            Unknown: if they are not stored, or the file cannot be read.
        """
        path = self.path.with_name("predictions.parquet")
        if not path.is_file():
            raise Unknown("predictions.parquet is missing")
        try:
            table = pd.read_parquet(path)
        except (OSError, ValueError) as error:
            raise Unknown(f"predictions.parquet: {one_line(error)}") from error
        if missing := {"split", "label", "model"} - set(table.columns):
            raise Unknown(f"predictions.parquet lacks {', '.join(sorted(missing))}")
        return table


def read_runs(folder: Path) -> Iterator[Run]:
    """Every record of a folder, the latest first; none if it holds none."""
    latest = folder / "result.json"
    if latest.exists() or (folder / "metrics.jsonl").exists():
        yield _read_run(latest)
    for path in sorted(folder.glob("result-*.json")):
        yield _read_run(path)


def _read_run(path: Path) -> Run:
    try:
        result = msgspec.json.decode(path.read_bytes(), type=Result)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError) as error:
        return Run(path, None, one_line(error), "unreadable")
    return Run(path, result, "", _state(result, path.parent))


def _state(result: Result, folder: Path) -> str:
    """A record that says ``running`` is what a killed run leaves, too: only the lock on its folder tells."""
    if result.status != "running":
        return result.status
    return "running" if is_held(folder) else "killed"


def _read_epochs(path: Path) -> list[Epoch]:
    """The whole lines of the file; the last may be torn."""
    if not path.is_file():
        return []
    epochs = []
    for line in path.read_bytes().splitlines():
        try:
            epochs.append(msgspec.json.decode(line, type=Epoch))
        except (msgspec.MsgspecError, UnicodeDecodeError):
            break
    return epochs


def one_line(error: Exception) -> str:
    """The first line of a message, without the folder that an operating system names."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0] if str(error) else type(error).__name__
