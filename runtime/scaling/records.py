"""The part of ``result.json`` that scaling reads, checked when it is read; `runtime.judge` describes all of it.

Which training a run is stands in its record (``experiment``, ``training_seed``, ``train_fraction``,
``shortened_to_epochs``), never in its folder: folders are for people, and are searched to any depth.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from msgspec import Struct

Record = Mapping[str, Any]
"""What a ``result.json`` holds."""


class PerChunk(Struct):
    """A paired difference of log losses, one a chunk."""

    per_chunk: list[float]


class Paired(Struct):
    """The model's log loss less a baseline's on the same samples."""

    log_loss: PerChunk


class Interval(Struct):
    """Student's t interval over chunks; None where it is undefined."""

    t: tuple[float, float] | None


class Intervals(Struct):
    """Intervals of one forecast's metrics."""

    log_loss: Interval


class Report(Struct):
    """One forecast on one split; ``model_minus_this`` is a baseline's alone."""

    log_loss: float
    chunks: int
    intervals: Intervals
    model_minus_this: Paired | None = None


class Epoch(Struct):
    """One epoch of a training."""

    train_loss: float


class Training(Struct):
    """How a training went."""

    best_epoch: int
    epochs: list[Epoch]


class Split(Struct):
    """Size of a split."""

    samples: int


class Architecture(Struct):
    """What is needed to count the numbers that a training reads."""

    num_channels: int


class Asked(Struct):
    """What every record holds from the start: which training this is, and how far it came."""

    status: str
    experiment: str
    phase: str
    budget: str
    task: str
    horizon: int
    timescale: str
    data_sha256: str
    split: dict[str, Any]
    shortened_to_epochs: int | None = None
    training_seed: int | None = None
    train_fraction: float | None = None
    failure: str = ""


class Finished(Asked, kw_only=True):
    """What a finished record holds besides."""

    training_seed: int
    parameter_count: int
    architecture: Architecture
    recipe: dict[str, Any]
    splits: dict[str, Split]
    training: Training
    validation: dict[str, Report]
    test: dict[str, Report] | None
    test_opening: dict[str, Any] | None


def read_records(folder: Path) -> list[Record]:
    """Every ``result.json`` below a folder, such as ``outputs/``, in the order of their paths.

    Raises:
        ValueError: if a file is no JSON; records are written whole or not at all.
    """
    return [json.loads(path.read_text()) for path in sorted(folder.rglob("result.json"))]
