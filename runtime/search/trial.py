"""One trial: train in as little memory as needed, report, know what it took, and tell how it ended."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from runtime.errors import OutOfMemory, RunError
from runtime.judging.alarms import Watch
from runtime.search.engine import Engine, Training, WorkerLost
from runtime.search.objective import Hyperparameters, Objective, record_result, reporter
from runtime.training.trainer import EpochRecord, TrainingResult

LOSSES_ALLOWED = 5
"""A trial that has lost more workers than this is not tried again in as much memory: something guards the machine's."""


@dataclass
class TrialRun:
    """A trial that is being worked on, one message of its training after the other.

    Attributes:
        trial: where to report to.
        position: of the trial in its search, counted from 0.
        hyperparameters: what it has drawn.
        objective: what to train.
        engine: who trains it.
        worker: which of the engine's workers.
        show: called with what happens in between, one line each.
        training: its newest; None before the first.
    """

    trial: optuna.Trial
    position: int
    hyperparameters: Hyperparameters
    objective: Objective
    engine: Engine[Any]
    worker: int
    show: Callable[[str], None]
    training: Training | None = None
    _began: float = field(default_factory=time.monotonic)
    _losses: int = 0
    _ended: bool = False

    def __post_init__(self) -> None:
        self._report = reporter(self.trial)
        self._sizes = self.objective.micro_batch_sizes(self.hyperparameters)

    @property
    def has_ended(self) -> bool:
        """Whether its study knows how."""
        return self._ended

    def start(self) -> None:
        """Begin to train, from the first epoch."""
        self.stop()
        self.trial.set_user_attr("micro_batch_size", self._sizes[0])
        self.training = self.engine.start(self.hyperparameters, micro_batch_size=self._sizes[0], worker=self.worker)

    def advance(self) -> bool:
        """Take what its training says next; True once the trial has ended, and how was told to its study.

        Raises:
            UserError: if the input cannot be used.
            TrialFault: if a bug showed.
        """
        try:
            value = self._next()
        except optuna.TrialPruned:
            self._tell(state=TrialState.PRUNED)
        except RunError as error:
            self.trial.set_user_attr("failure", str(error))
            self._tell(state=TrialState.FAIL)
        else:
            if value is None:
                return False
            self._tell(value=value)
        return True

    def interrupt(self, reason: str) -> None:
        """Give the trial up, unless it has ended: it does not count, and another one takes its place."""
        self.stop()
        if not self._ended:
            self._record_cost()
            close(self.trial, reason)

    def stop(self) -> None:
        """End its training."""
        if self.training is not None:
            self.training.stop()

    def _next(self) -> float | None:
        """The trial's value if its training has ended, None if it goes on."""
        assert self.training is not None
        try:
            message = self.training.receive()
            if isinstance(message, TrainingResult):
                return record_result(self.trial, message)
            self._on_epoch(message)
            self.training.go_on()
        except WorkerLost as error:
            self._begin_again(error)
        except OutOfMemory as error:
            self._take_less_memory(error)
        return None

    def _on_epoch(self, record: EpochRecord) -> None:
        self._report(record)
        self._record_cost()  # counts even if the driver is killed

    def _begin_again(self, error: WorkerLost) -> None:
        self._losses += 1
        if self._losses > LOSSES_ALLOWED:
            return self._take_less_memory(OutOfMemory(f"{error}, {self._losses} times"))
        self.show(f"trial {self.position + 1}: {error}; training it again")
        return self.start()

    def _take_less_memory(self, error: OutOfMemory) -> None:
        size, *smaller = self._sizes
        if not smaller:
            raise OutOfMemory(f"{error}; micro-batches of {size} are the smallest tried") from error
        self.show(f"trial {self.position + 1} in micro-batches of {size}: {error}; trying smaller ones")
        self._sizes = smaller
        self.start()

    def _record_cost(self) -> None:
        """Store with the trial how long it took so far, and the most memory its process used."""
        self.trial.set_user_attr("seconds", time.monotonic() - self._began)
        if self.training is not None and self.training.peak_memory_bytes is not None:
            self.trial.set_user_attr("peak_memory_bytes", self.training.peak_memory_bytes)

    def _tell(self, *, value: float | None = None, state: TrialState | None = None) -> None:
        self.stop()
        self._ended = True  # an interruption from here on leaves the trial open, to be closed by the next driver
        self._record_cost()
        self.trial.study.tell(self.trial, values=value, state=state)


def close(trial: optuna.Trial, reason: str) -> None:
    """End a trial that does not count."""
    trial.set_user_attr("interrupted", reason)
    trial.study.tell(trial, state=TrialState.FAIL)


def describe(counted: Sequence[FrozenTrial], n_trials: int, watch: Watch) -> str:
    """One line that says how the last of the trials that count ended."""
    trial = counted[-1]
    values = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in trial.params.items()
    )
    outcome = {
        TrialState.COMPLETE: f"val_loss {trial.value:.4f}" if trial.value is not None else "",
        TrialState.PRUNED: f"pruned after epoch {len(trial.intermediate_values)}",
        TrialState.FAIL: f"FAILED ({trial.user_attrs.get('failure')})",
    }[trial.state]
    if trial.state is TrialState.COMPLETE:
        alarms = watch(trial.values[0], trial.user_attrs["val_spread"])
        outcome += "".join(f", alarm: {each['name']}" for each in alarms)
    return f"trial {len(counted)}/{n_trials}: {outcome}, {trial.user_attrs['seconds']:.0f} s  [{values}]"
