"""What a search asks of whoever trains its trials: processes of this machine, or later those of a cluster."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol, TypeVar

from runtime.search.objective import Hyperparameters
from runtime.training.trainer import EpochRecord, TrainingResult


class DeadlineReached(Exception):  # noqa: N818 - not an error: the time the user granted is spent
    """The search's time is spent in the middle of a trial."""


class TrialFault(Exception):  # noqa: N818 - a fault of ours, not of the trial
    """A bug showed where a trial trains; the message is its traceback there."""


class WorkerLost(Exception):  # noqa: N818 - the training is not at fault, and is begun again
    """Whoever trained was killed from outside: nothing is known of the training."""


class Training(Protocol):
    """One configuration in training, which tells its epochs one after the other.

    Attributes:
        peak_memory_bytes: the most memory it took, as of its last message; None before.
    """

    peak_memory_bytes: int | None

    def receive(self) -> EpochRecord | TrainingResult:
        """Wait for the next epoch, or for the result.

        Raises:
            OutOfMemory: if an allocation failed, or the worker was killed as the kernel does it.
            RunError: if the training failed, or the worker died of it.
            WorkerLost: if the worker was killed by something else.
            UserError: if the input cannot be used.
            TrialFault: if a bug showed.
        """

    def go_on(self) -> None:
        """Let it train the next epoch, which it awaits after each one."""

    def stop(self) -> None:
        """End it, wherever it is; a training that has ended stays so."""


TrainingType = TypeVar("TrainingType", bound=Training)


class Engine(Protocol[TrainingType]):
    """Trains configurations, several at once."""

    def start(self, hyperparameters: Hyperparameters, *, micro_batch_size: int, worker: int) -> TrainingType:
        """Begin to train one configuration.

        Args:
            hyperparameters: what `Objective.suggest` drew.
            micro_batch_size: see `Trainer`.
            worker: which of the workers trains it, counted from 0.
        """

    def ready(self, trainings: Sequence[TrainingType], deadline: float) -> list[TrainingType]:
        """Wait until some of the trainings have something to say.

        Args:
            trainings: what was started and has not ended.
            deadline: when to give up, in the time of ``time.monotonic()``.

        Returns:
            Those whose `Training.receive` returns at once.

        Raises:
            DeadlineReached: if none has until then.
        """
