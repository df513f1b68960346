"""Each trial trains as a task of a Ray cluster that streams its epochs back: workers on many machines, one driver."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch

from runtime.errors import OutOfMemory, RunError
from runtime.records.environment import peak_memory_bytes
from runtime.search.engine import DeadlineReached, WorkerLost
from runtime.search.objective import Hyperparameters, Objective
from runtime.search.ray_session import connect, ray
from runtime.search.trial_process import outcome, threads_of
from runtime.training.trainer import EpochRecord, TrainingResult

Message = EpochRecord | TrainingResult | Exception

_LOOK_SECONDS = 0.2
"""How often a task looks whether its trial is to end: nothing interrupts a thread that waits for another."""


class RayTrials:
    """Trains configurations as tasks of a Ray cluster; see `Engine`.

    A trial gives the same as in a process of its own: the driver alone draws and prunes, and a task, wherever it runs,
    trains with as many threads as one of so many local workers. A machine that is lost gives its trial back.

    Args:
        objective: what to train; everything but its ``suggest`` must be picklable and not come from the script.
        workers: how many train at once, each on a GPU of its own if the objective trains on CUDA.
    """

    def __init__(self, objective: Objective, workers: int = 1) -> None:
        connect()
        self._gpus = int(torch.device(objective.device).type == "cuda")
        self._threads = threads_of(workers)
        self._objective = ray.put(replace(objective, suggest=_draws_in_the_driver))

    def start(self, hyperparameters: Hyperparameters, *, micro_batch_size: int, worker: int) -> RayTrial:
        """Hand one configuration to the cluster."""
        task = _TASK.options(num_cpus=self._threads, num_gpus=self._gpus)
        return RayTrial(task.remote(self._objective, hyperparameters, micro_batch_size, self._threads))

    def ready(self, trainings: Sequence[RayTrial], deadline: float) -> list[RayTrial]:
        """Wait until some have sent a message, or have ended."""
        by_stream = {training.stream: training for training in trainings}
        while True:
            seconds = min(max(0.0, deadline - time.monotonic()), 1.0)
            found, _ = ray.wait(list(by_stream), num_returns=1, timeout=seconds, fetch_local=False)
            if found:
                return [by_stream[stream] for stream in found]
            if time.monotonic() >= deadline:
                raise DeadlineReached


class RayTrial:
    """A configuration that trains somewhere in the cluster; see `Training`.

    Args:
        stream: the task's messages, one after the other.
    """

    def __init__(self, stream: Any) -> None:
        self.stream = stream
        self.peak_memory_bytes: int | None = None
        self._ended = False

    def receive(self) -> EpochRecord | TrainingResult:
        """Take its next message."""
        try:
            message, self.peak_memory_bytes = ray.get(next(self.stream))
        except StopIteration as error:
            raise RunError("the trial's task ended in the middle of its training") from error
        except ray.exceptions.OutOfMemoryError as error:
            raise OutOfMemory("the trial's task was killed by Ray, as memory ran out on its machine") from error
        except ray.exceptions.RayTaskError as error:
            raise RunError(f"the trial's task failed: {error.cause}") from error
        except ray.exceptions.RayError as error:
            raise WorkerLost(f"the trial's worker was lost ({type(error).__name__})") from error
        if isinstance(message, Exception):
            self._ended = True
            raise message
        assert isinstance(message, EpochRecord | TrainingResult)
        self._ended = isinstance(message, TrainingResult)
        return message

    def go_on(self) -> None:
        """The task goes on as soon as its message is taken."""

    def stop(self) -> None:
        """Let the task end, which it does after the epoch that it trains."""
        if not self._ended:
            self._ended = True
            ray.cancel(self.stream)


def _draws_in_the_driver(trial: object) -> Hyperparameters:
    raise AssertionError("configurations are drawn in the driver")


def _train(
    objective: Objective, hyperparameters: Hyperparameters, micro_batch_size: int, threads: int
) -> Iterator[tuple[Message, int | None]]:
    """Train; yield each epoch and how it ended, each with the most memory that the process took.

    The next epoch begins when the last one's message was taken.
    """
    told: queue.Queue[Message] = queue.Queue()
    answers: queue.Queue[bool] = queue.Queue()

    def on_epoch(record: EpochRecord) -> None:
        told.put(record)
        if not answers.get():
            raise KeyboardInterrupt

    def work() -> None:
        torch.set_num_threads(threads)  # counts for this thread alone
        try:
            told.put(outcome(lambda: objective.train(hyperparameters, on_epoch, micro_batch_size=micro_batch_size)))
        except KeyboardInterrupt:  # the trial is to end
            return

    thread = threading.Thread(target=work)
    thread.start()
    try:
        while True:
            message = _next(told)
            yield message, peak_memory_bytes()
            if not isinstance(message, EpochRecord):
                return
            answers.put(True)
    finally:  # cancelled, or done
        answers.put(False)
        thread.join()


_STREAM: dict[str, Any] = {"num_returns": "streaming", "max_retries": 0, "_generator_backpressure_num_objects": 1}
_TASK: Any = ray.remote(**_STREAM)(_train)


def _next(told: queue.Queue[Message]) -> Message:
    while True:
        try:
            return told.get(timeout=_LOOK_SECONDS)
        except queue.Empty:
            continue
