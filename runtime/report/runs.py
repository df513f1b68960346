"""One folder of a training: its records, its epochs, its forecasts, and what can be said when they are incomplete.

A script writes to a folder of its own name, further seeds to ``seed_43`` and so on inside it; shorter looks and
trainings on a part of the days have folders beside it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import msgspec
import pandas as pd

from runtime.records.files import is_held
from runtime.records.results import Epoch, Result


class Unknown(Exception):  # noqa: N818 - not an error: the page shows the reason in place of what is missing
    """Something cannot be shown; the message says why."""


SHORT = "_short"
"""How folders of shorter looks end."""

PART = "_fraction_"
"""Stands between the script's name and the fraction, where a part of the training days was trained on."""


@dataclass(frozen=True, eq=False)
class ReportedRun:
    """One record of a training.

    Attributes:
        script: name of its script's folder.
        path: its ``result.json``, or ``result-*.json`` of an earlier training in the same folder.
        result: what it holds; None if it is not understood.
        problem: why it is not understood.
        state: ``finished``, ``trained``, ``failed``, ``interrupted``, ``running``, ``killed`` or ``unreadable``.
    """

    script: str
    path: Path
    result: Result | None
    problem: str
    state: str

    @property
    def name(self) -> str:
        """The folder, as the script is called; with its seed where it is a further one."""
        return f"{self.script}_{self.path.parent.name}" if self.is_further_seed else self.script

    @property
    def title(self) -> str:
        """The folder, and for an earlier record whose weights it is about: no two records share one."""
        return self.name if self.is_latest else f"{self.name}_{self.path.stem.removeprefix('result-')}"

    @property
    def is_short(self) -> bool:
        """Whether it was a shorter look."""
        return self.script.endswith(SHORT)

    @property
    def is_part(self) -> bool:
        """Whether it was trained on a part of the training days."""
        return PART in self.script

    @property
    def is_further_seed(self) -> bool:
        """Whether it repeats the training with another seed than the script's own."""
        return self.path.parent.name != self.script

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
        """Every stored forecast (`runtime.judging.predictions`).

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


def read_runs(folder: Path) -> Iterator[ReportedRun]:
    """Every record of a script's folder: of each seed the latest first; none if it holds none."""
    further = sorted(folder.glob("seed_*/"), key=lambda path: (len(path.name), path.name))
    for place in (folder, *further):
        latest = place / "result.json"
        if latest.exists() or (place / "metrics.jsonl").exists():
            yield _read_run(folder, latest)
        for path in sorted(place.glob("result-*.json")):
            yield _read_run(folder, path)


def _read_run(folder: Path, path: Path) -> ReportedRun:
    try:
        result = msgspec.json.decode(path.read_bytes(), type=Result)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        return ReportedRun(folder.name, path, None, one_line(error), "unreadable")
    return ReportedRun(folder.name, path, result, "", _state(result, folder))


def _state(result: Result, folder: Path) -> str:
    """A record that says ``running`` is what a killed run leaves, too: only the lock on its script's folder tells."""
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
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            break
    return epochs


def one_line(error: Exception) -> str:
    """The first line of a message, without the folder that an operating system names."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return str(error).splitlines()[0] if str(error) else type(error).__name__
