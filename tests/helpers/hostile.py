"""Trainings that go wrong, to be run in a trial's process; each takes hyperparameters and returns validation losses."""

from __future__ import annotations

import ctypes
import fcntl
import os
import random
import resource
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from runtime.errors import UserError
from runtime.search.objective import Hyperparameters, Objective
from runtime.training.trainer import EpochRecord, TrainingResult
from tests.helpers.tiny import FormulaObjective


def steady(_values: Hyperparameters) -> list[float]:
    return [0.5, 0.4, 0.45]


def diverge(_values: Hyperparameters) -> list[float]:
    return [0.5, float("nan")]


def diverge_or_not(values: Hyperparameters) -> list[float]:
    return [float("nan")] if values["dropout"] > 0.4 else [values["dropout"] + 0.5]


def kill_itself(_values: Hyperparameters) -> list[float]:
    os.kill(os.getpid(), signal.SIGKILL)
    return []


def crash(_values: Hyperparameters) -> list[float]:
    ctypes.string_at(0)
    return []


def leave(_values: Hyperparameters) -> list[float]:
    os._exit(3)


def allocate_too_much(_values: Hyperparameters) -> list[float]:
    resource.setrlimit(resource.RLIMIT_AS, (2**33, 2**33))
    return [float(len(bytearray(2**34)))]


def allocate_too_large_a_tensor(_values: Hyperparameters) -> list[float]:
    return [float(torch.empty(2**48).sum())]


def give_bad_input(_values: Hyperparameters) -> list[float]:
    raise UserError("no such column")


def have_a_bug(values: Hyperparameters) -> list[float]:
    return [values["no such name"]]


def hang(_values: Hyperparameters) -> list[float]:
    time.sleep(600)
    return []


def signal_itself(values: Hyperparameters) -> list[float]:
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        os.kill(os.getpid(), number)
    return steady(values)


def look_at_the_accelerator(values: Hyperparameters) -> list[float]:
    if torch.cuda.is_initialized():
        raise UserError("the fork server has touched the accelerator")
    return steady(values)


def count_threads(_values: Hyperparameters) -> list[float]:
    return [float(torch.get_num_threads())]


def die_if_wide(values: Hyperparameters) -> list[float]:
    """Half of the trials kill their own process."""
    return crash(values) if values["architecture"] == "wide" else [values["dropout"] + 0.5]


@dataclass(frozen=True)
class HangHolding:
    """Hangs in its first epoch, with a file that holds its process locked for as long as that lives."""

    file: Path

    def __call__(self, values: Hyperparameters) -> list[float]:
        with self.file.open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            file.write(str(os.getpid()))
            file.flush()
            return hang(values)


@dataclass(frozen=True, eq=False, kw_only=True)
class HungryObjective(FormulaObjective):
    """Runs out of memory as ``starve`` does in micro-batches larger than ``fits``, after one epoch."""

    fits: int
    starve: Callable[[Hyperparameters], list[float]]

    def train(
        self,
        hyperparameters: Hyperparameters,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        *,
        micro_batch_size: int | None = None,
    ) -> TrainingResult:
        if micro_batch_size is not None and micro_batch_size > self.fits:
            if on_epoch is not None:
                on_epoch(EpochRecord(1, 0.0, 0.5, 0.1, 0.0, 0.0))
            self.starve(hyperparameters)
        return FormulaObjective.train(self, hyperparameters, on_epoch)


@dataclass(frozen=True, eq=False, kw_only=True)
class ScribblingObjective(FormulaObjective):
    """Writes into its samples."""

    def train(
        self,
        hyperparameters: Hyperparameters,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        *,
        micro_batch_size: int | None = None,
    ) -> TrainingResult:
        self.dataset.values[0, 0] = 123.0
        return FormulaObjective.train(self, hyperparameters, on_epoch)


@dataclass(frozen=True, eq=False, kw_only=True)
class JitteringObjective(Objective):
    """Trains at a speed of chance, and shows itself: a file for each process that trains, a line for each begun.

    Attributes:
        folder: of these files.
        dying: which trainings, in the order they begin and counted from 1, kill their process in their first epoch.
    """

    folder: Path
    dying: tuple[int, ...] = ()

    def train(
        self,
        hyperparameters: Hyperparameters,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        *,
        micro_batch_size: int | None = None,
    ) -> TrainingResult:
        def late(record: EpochRecord) -> None:
            if number in self.dying:
                kill_itself(hyperparameters)
            time.sleep(random.SystemRandom().choice([0.0, 0.01, 0.05, 0.2]))
            if on_epoch is not None:
                on_epoch(record)

        alive = self.folder / "alive" / str(os.getpid())
        alive.parent.mkdir(exist_ok=True)
        with (self.folder / "begun").open("a+") as begun:
            fcntl.flock(begun, fcntl.LOCK_EX)
            begun.write(f"{os.getpid()}\n")
            begun.flush()
            begun.seek(0)
            number = len(begun.readlines())
        alive.touch()
        try:
            return super().train(hyperparameters, late, micro_batch_size=micro_batch_size)
        finally:
            alive.unlink()
