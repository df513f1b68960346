"""Trainings of one question that differ in their size and their seed alone."""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import msgspec
import numpy as np

from runtime.arrays import Floats
from runtime.records.differences import Difference
from runtime.records.results import ArchitectureRecord, Forecasts, Result, TrainingRecord


class FinishedResult(Result, frozen=True, kw_only=True):
    """A record that lacks nothing of what a study needs."""

    training_seed: int
    architecture: ArchitectureRecord
    recipe: dict[str, Any]
    parameter_count: int
    training: TrainingRecord
    validation: Forecasts


@dataclass(frozen=True)
class Axis:
    """What is made larger.

    Attributes:
        noun: what is counted.
        levels: what its steps are called.
        size: the measured count.
        level: name of the step that a record belongs to.
        family: name that the records of one study share.
        takes: whether a record belongs on this axis at all.
    """

    noun: str
    levels: str
    size: Callable[[FinishedResult], int]
    level: Callable[[Result], str]
    family: Callable[[Result], str]
    takes: Callable[[Result], bool]


PARAMETERS = Axis(
    noun="parameters",
    levels="budgets",
    size=lambda record: record.parameter_count,
    level=lambda record: record.budget,
    family=lambda record: record.experiment.replace(f"_{record.budget}_", "_*_", 1),
    takes=lambda record: record.train_fraction is None,
)


def _amount(record: Result) -> str:
    """Which of the data trained: a share of the days, or some assets of a panel."""
    there, trained = len(record.assets) - len(record.holdout_assets), len(record.training_assets)
    if trained < there:
        return f"{trained} of {there} assets" + (f", {record.train_fraction:g}" if record.train_fraction else "")
    return f"{record.train_fraction or 1:g}" if record.train_fraction or not there else f"{there} assets"


TRAINING_SAMPLES = Axis(
    noun="training samples",
    levels="amounts of data",
    size=lambda record: record.splits["training"].samples,
    level=_amount,
    family=lambda record: re.sub(r"_[0-9]+assets?(?=_|$)", "", record.experiment),
    takes=lambda record: True,
)


@dataclass(frozen=True)
class SizedRun:
    """One finished training, judged on one split.

    Attributes:
        record: what was recorded.
        level: its step on the axis, such as ``2M``.
        size: measured count on the axis.
        split: that of the study.
        reports: forecast -> its report on that split.
    """

    record: FinishedResult
    level: str
    size: int
    split: str
    reports: Forecasts

    @property
    def seed(self) -> int:
        """Training seed."""
        return self.record.training_seed

    @property
    def loss(self) -> float:
        """Log loss of the model on the study's split, in nats."""
        return self.reports["model"].log_loss

    @property
    def train_loss(self) -> float:
        """Lowest training loss of any epoch: how well this size can fit the training days at all."""
        return min(epoch.train_loss for epoch in self.record.training.epochs)

    @property
    def chunk_losses(self) -> list[float]:
        """Log loss of the model in each chunk; in records of before less the base rate's. Shape (chunks,)."""
        return self.reports["model"].intervals["log_loss"].per_chunk or self.differences("base_rate")

    @property
    def gain(self) -> Difference | None:
        """Log loss of the combination with the best rival less the rival's; None where the record lacks it."""
        added = self.record.addition.on(self.split) if self.record.addition else None
        return added.minus_rival.combination if added else None

    def differences(self, baseline: str) -> list[float]:
        """The model's log loss less a baseline's in each chunk, shape (chunks,)."""
        return self.reports[baseline].model_minus_this["log_loss"].per_chunk


@dataclass(frozen=True)
class Level:
    """All seeds of one size; ``size`` is the geometric mean of their measured counts."""

    name: str
    size: float
    runs: tuple[SizedRun, ...]


@dataclass(frozen=True)
class Study:
    """Trainings of one question, data and split that differ in size and seed alone.

    Attributes:
        axis: what is made larger.
        split: ``validation`` or ``test``; every number of a study comes from the same one.
        asked: one of the records, for what they share.
        runs: finished trainings, by size and seed.
        left_out: a sentence for each record that belongs here and is not among them.
    """

    axis: Axis
    split: str
    asked: Result
    runs: tuple[SizedRun, ...]
    left_out: tuple[str, ...]

    @property
    def levels(self) -> list[Level]:
        """By size, the smallest first."""
        named: dict[str, list[SizedRun]] = {}
        for run in self.runs:
            named.setdefault(run.level, []).append(run)
        levels = [
            Level(name, float(np.exp(np.mean(np.log([run.size for run in runs])))), tuple(runs))
            for name, runs in named.items()
        ]
        return sorted(levels, key=lambda level: level.size)

    @property
    def seeds(self) -> list[int]:
        """Every training seed, increasing."""
        return sorted({run.seed for run in self.runs})

    def table(self, value: Callable[[SizedRun], float]) -> Floats:
        """A value of every run, NaN where a seed did not run a level; shape (seeds, levels)."""
        found = {(run.seed, run.level): value(run) for run in self.runs}
        levels = self.levels
        return np.array([[found.get((seed, level.name), np.nan) for level in levels] for seed in self.seeds])


def studies(records: Iterable[Result], *, axis: Axis = PARAMETERS, split: str | None = None) -> list[Study]:
    """Group records by what they share.

    Losses of another task, horizon or timescale have another base rate, so each of these is a study of its own.

    Args:
        records: of any experiments, in any order.
        axis: what is made larger.
        split: ``validation`` or ``test``; None takes test where all finished runs of a study opened it.
    """
    taken = sorted((each for each in records if axis.takes(each)), key=lambda each: _key(each, axis))
    return [_study(list(group), axis, split) for _, group in groupby(taken, key=lambda each: _key(each, axis))]


def _key(record: Result, axis: Axis) -> tuple[str, str, bytes]:
    inputs = (record.split, record.feature_columns, record.normalisation)
    return axis.family(record), record.data_sha256, msgspec.json.encode(inputs)


def _study(members: list[Result], axis: Axis, split: str | None) -> Study:
    usable: list[FinishedResult] = []
    left_out: list[str] = []
    for record in members:
        finished = _usable(record)
        if isinstance(finished, str):
            left_out.append(f"{_name(record)}: {finished}")
        else:
            usable.append(finished)
    split = split or ("test" if usable and all(each.test is not None for each in usable) else "validation")
    runs: dict[Hashable, list[SizedRun]] = {}
    for each in usable:
        reports = each.validation if split == "validation" else each.test
        if reports is None:
            left_out.append(f"{_name(each)}: its test split is not opened")
        else:
            run = SizedRun(each, axis.level(each), axis.size(each), split, reports)
            runs.setdefault((run.level, run.seed), []).append(run)
    left_out += [f"{_name(same[0].record)}: {len(same)} records claim to be it" for same in runs.values() if same[1:]]
    single = sorted((same[0] for same in runs.values() if not same[1:]), key=lambda run: (run.size, run.seed))
    return Study(axis, split, min(members, key=_name), tuple(single), tuple(sorted(left_out)))


def _name(record: Result) -> str:
    fraction = "" if record.train_fraction is None else f", training fraction {record.train_fraction:g}"
    return f"{record.experiment}, seed {'unknown' if record.training_seed is None else record.training_seed}{fraction}"


_UNUSABLE = {
    "trained": "trained, but its test split is not opened yet; the same command goes on",
    "running": "still running, or killed",
    "interrupted": "interrupted",
}


def _usable(record: Result) -> FinishedResult | str:
    """The whole record, or why it cannot be used."""
    if record.shortened_to_epochs is not None:
        return f"a shorter look of {record.shortened_to_epochs} epochs"
    if record.status == "failed":
        return f"failed: {record.failure or 'without a reason'}"
    if record.status != "finished":
        return _UNUSABLE[record.status]
    try:
        return msgspec.convert(record, FinishedResult, from_attributes=True)
    except msgspec.ValidationError as error:
        return f"its record is not understood: {error}"
