"""Each trial trains in a process of its own: what kills it, or what it leaks, costs one trial and not the search."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType

import torch

from runtime.errors import OutOfMemory, RunError, UserError, memory_failures
from runtime.records.environment import peak_memory_bytes
from runtime.search.objective import Hyperparameters, Objective
from runtime.training.trainer import EpochRecord, TrainingResult

OnEpoch = Callable[[EpochRecord], None]

_PRELOADED = [__name__, "torch._dynamo"]  # the first optimiser of a process would import the second, for seconds
_DRIVERS_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_LONGEST_WAIT = 86_400.0  # poll(2) takes at most 24 days


class DeadlineReached(Exception):  # noqa: N818 - not an error: the time the user granted is spent
    """The search's time is spent in the middle of a trial."""


class TrialFault(Exception):  # noqa: N818 - a fault of ours, not of the trial
    """A bug showed in a trial's process; the message is its traceback there."""


class TrialProcesses:
    """Trains one configuration after the other, each in a fresh process that a fork server has ready.

    The fork server has imported what training needs, and never touches an accelerator. The samples are handed over
    without a copy: torch moves a tensor to shared memory when it is first sent. A process ends with its driver, however
    that ends, and leaves all signals to it.

    Args:
        objective: what to train; everything but its ``suggest`` must be picklable and not come from the script.

    Attributes:
        peak_memory_bytes: largest resident size of the last process, as of its last epoch; None before.
    """

    def __init__(self, objective: Objective) -> None:
        self._objective = objective
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOADED)
        self.peak_memory_bytes: int | None = None

    def train(
        self, hyperparameters: Hyperparameters, on_epoch: OnEpoch, *, micro_batch_size: int, deadline: float
    ) -> TrainingResult:
        """Train one configuration in a new process.

        Args:
            hyperparameters: what `Objective.suggest` drew.
            on_epoch: called here after each epoch, which the process awaits; what it raises ends the process.
            micro_batch_size: see `Trainer`.
            deadline: when to give up, in the time of ``time.monotonic()``.

        Raises:
            DeadlineReached: at the deadline, even in the middle of an epoch.
            OutOfMemory: if an allocation failed, or the process was killed as the kernel does it.
            RunError: if the training failed, or the process died.
            UserError: if the input cannot be used.
            TrialFault: if the process showed a bug.
        """
        self.peak_memory_bytes = None
        ours, theirs = self._context.Pipe()
        arguments = (theirs, self._objective, hyperparameters, micro_batch_size, torch.get_num_threads())
        process = self._context.Process(target=_serve, args=arguments, daemon=True)
        with ours:
            try:
                with theirs, _signals_kept_from_children(), _script_kept_from_children():
                    process.start()
                return self._follow(process, ours, on_epoch, deadline)
            finally:
                if process.pid is not None:
                    process.kill()
                    process.join()

    def _follow(
        self, process: ForkServerProcess, connection: Connection, on_epoch: OnEpoch, deadline: float
    ) -> TrainingResult:
        while True:
            try:
                _wait(connection, deadline)
                message, self.peak_memory_bytes = connection.recv()
            except (EOFError, OSError) as error:
                raise _death(process) from error
            if isinstance(message, TrainingResult):
                return message
            if isinstance(message, Exception):
                raise message
            on_epoch(message)
            try:
                connection.send("go on")
            except OSError as error:
                raise _death(process) from error


def _wait(connection: Connection, deadline: float) -> None:
    while not connection.poll(min(max(0.0, deadline - time.monotonic()), _LONGEST_WAIT)):
        if time.monotonic() >= deadline:
            raise DeadlineReached


def _death(process: ForkServerProcess) -> RunError:
    process.join()
    code = process.exitcode
    if code == -signal.SIGKILL:
        return OutOfMemory("the trial's process was killed by SIGKILL, as the kernel does when memory runs out")
    if code is not None and code < 0:
        return RunError(f"the trial's process was killed by {signal.Signals(-code).name}")
    return RunError(f"the trial's process ended with exit code {code} in the middle of its training")


@contextmanager
def _signals_kept_from_children() -> Iterator[None]:
    """Have new processes block, as they inherit the mask, what may be sent to the whole group but is for the driver."""
    resource_tracker.ensure_running()  # its start, too, would unblock them
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _DRIVERS_SIGNALS)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _script_kept_from_children() -> Iterator[None]:
    """Keep multiprocessing from running the script's file in each child: it may have been edited since the start."""
    script = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")
    try:
        yield
    finally:
        sys.modules["__main__"] = script


def _serve(
    connection: Connection, objective: Objective, hyperparameters: Hyperparameters, micro_batch_size: int, threads: int
) -> None:
    """What the process does: train, tell each epoch, and tell how it ended."""
    signal.pthread_sigmask(signal.SIG_BLOCK, _DRIVERS_SIGNALS)  # where someone else has started the fork server
    threading.Thread(target=_end_with_driver, daemon=True).start()
    _go_first_when_memory_runs_out()
    torch.set_num_threads(threads)

    def tell(message: EpochRecord | TrainingResult | Exception) -> None:
        connection.send((message, peak_memory_bytes()))

    def on_epoch(record: EpochRecord) -> None:
        tell(record)
        connection.recv()

    try:
        with connection:
            tell(_outcome(lambda: objective.train(hyperparameters, on_epoch, micro_batch_size=micro_batch_size)))
    except (EOFError, ConnectionError):
        os._exit(1)  # the driver is gone: nobody is left to tell


def _outcome(train: Callable[[], TrainingResult]) -> TrainingResult | Exception:
    try:
        with memory_failures():
            return train()
    except (EOFError, ConnectionError):
        raise
    except (UserError, RunError) as error:
        return error
    except Exception:
        return TrialFault(f"in the trial's process:\n{traceback.format_exc()}")


def _end_with_driver() -> None:
    if (driver := multiprocessing.parent_process()) is not None:
        driver.join()
        os._exit(1)


def _go_first_when_memory_runs_out() -> None:
    """Have Linux's out-of-memory killer take this process, never the driver."""
    score = Path("/proc/self/oom_score_adj")
    if score.exists():
        score.write_text("1000")
