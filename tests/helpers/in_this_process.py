"""An engine that trains trials in the test's own process."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

from runtime.errors import resource_failures
from runtime.search.objective import Hyperparameters, Objective
from runtime.training.trainer import EpochRecord, TrainingResult


@dataclass(eq=False)
class Replayed:
    """A training that is over before it tells its first epoch."""

    train: Callable[[Callable[[EpochRecord], None]], TrainingResult]
    peak_memory_bytes: int | None = None
    _messages: Iterator[EpochRecord | TrainingResult | BaseException] | None = None

    def receive(self) -> EpochRecord | TrainingResult:
        """Tell what happened next."""
        self._messages = self._messages or iter(self._all())
        message = next(self._messages)
        self.peak_memory_bytes = 1
        if isinstance(message, BaseException):
            raise message
        return message

    def _all(self) -> list[EpochRecord | TrainingResult | BaseException]:
        records: list[EpochRecord] = []
        try:
            with resource_failures():
                result = self.train(records.append)
        except BaseException as error:  # whatever ends the training ends it after the epochs before
            return [*records, error]
        return [*records, result]

    def go_on(self) -> None:
        """It did."""

    def stop(self) -> None:
        """It has."""


@dataclass
class InThisProcess:
    """Stands in for `TrialProcesses` where a test is about something else."""

    objective: Objective
    workers: int = 1

    def start(self, hyperparameters: Hyperparameters, *, micro_batch_size: int, worker: int) -> Replayed:
        """Train here, when the first epoch is asked for."""
        return Replayed(partial(self.objective.train, hyperparameters, micro_batch_size=micro_batch_size))

    def ready(self, trainings: Sequence[Replayed], deadline: float) -> list[Replayed]:
        """All of them."""
        return list(trainings)
