"""One trial: draw, train in as little memory as needed, report, and know what it took."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import optuna
from optuna.trial import FrozenTrial, TrialState

from runtime.errors import OutOfMemory
from runtime.judging.alarms import Watch
from runtime.search.objective import Hyperparameters, Objective, record_result, reporter
from runtime.search.trial_process import DeadlineReached, TrialProcesses
from runtime.training.trainer import EpochRecord, TrainingResult


@dataclass
class TrialRun:
    """A trial that is being worked on.

    Attributes:
        trial: where to draw from and report to.
        objective: what to train.
        processes: where to train it.
        deadline: when to give up, in the time of ``time.monotonic()``.
        show: called with what happens in between, one line each.
    """

    trial: optuna.Trial
    objective: Objective
    processes: TrialProcesses
    deadline: float
    show: Callable[[str], None]
    _began: float = field(default_factory=time.monotonic)
    _trained: bool = False

    def value(self) -> float:
        """Draw and train.

        Raises:
            optuna.TrialPruned: if the pruner gives it up.
            DeadlineReached: if the time is spent.
            RunError: if it fails: it diverges, dies, or needs too much memory.
        """
        return record_result(self.trial, self._train(self.objective.suggest(self.trial)))

    def _train(self, hyperparameters: Hyperparameters) -> TrainingResult:
        report = reporter(self.trial)

        def on_epoch(record: EpochRecord) -> None:
            report(record)
            self.record_cost()  # counts even if the driver is killed
            if time.monotonic() > self.deadline:
                raise DeadlineReached

        *sizes, last = self.objective.micro_batch_sizes(hyperparameters)
        for size in sizes:
            try:
                return self._train_in(size, hyperparameters, on_epoch)
            except OutOfMemory as error:
                self.show(f"trial in micro-batches of {size}: {error}; trying smaller ones")
        try:
            return self._train_in(last, hyperparameters, on_epoch)
        except OutOfMemory as error:
            raise OutOfMemory(f"{error}; micro-batches of {last} are the smallest tried") from error

    def _train_in(
        self, size: int, hyperparameters: Hyperparameters, on_epoch: Callable[[EpochRecord], None]
    ) -> TrainingResult:
        self._trained = True
        self.trial.set_user_attr("micro_batch_size", size)
        return self.processes.train(hyperparameters, on_epoch, micro_batch_size=size, deadline=self.deadline)

    def record_cost(self) -> None:
        """Store with the trial how long it took so far, and the most memory its process used."""
        self.trial.set_user_attr("seconds", time.monotonic() - self._began)
        if self._trained and self.processes.peak_memory_bytes is not None:
            self.trial.set_user_attr("peak_memory_bytes", self.processes.peak_memory_bytes)


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
