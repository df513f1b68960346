"""Each trial trains in a process of its own: what kills it, or what it leaks, costs one trial and not the search."""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from types import ModuleType

import torch

from runtime.errors import OutOfMemory, RunError, UserError, resource_failures
from runtime.records.environment import peak_memory_bytes
from runtime.search.engine import DeadlineReached, TrialFault, WorkerLost
from runtime.search.objective import Hyperparameters, Objective
from runtime.training.trainer import EpochRecord, TrainingResult

_PRELOADED = [__name__, "torch._dynamo"]  # the first optimiser of a process would import the second, for seconds
_DRIVERS_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT)
_LONGEST_WAIT = 86_400.0  # poll(2) takes at most 24 days


class TrialProcesses:
    """Trains configurations, each in a fresh process that a fork server has ready; see `Engine`.

    The fork server has imported what training needs, and never touches an accelerator. The samples are handed over
    without a copy: torch moves a tensor to shared memory when it is first sent. A process ends with its driver, however
    that ends, and leaves all signals to it.

    Args:
        objective: what to train; everything but its ``suggest`` must be picklable and not come from the script.
        workers: how many train at once; they share the threads and the devices that there are.
    """

    def __init__(self, objective: Objective, workers: int = 1) -> None:
        devices = devices_of(torch.device(objective.device), workers)
        self._objectives = [replace(objective, device=device) for device in devices]
        self._threads = threads_of(workers)
        self._context = multiprocessing.get_context("forkserver")
        self._context.set_forkserver_preload(_PRELOADED)

    def start(self, hyperparameters: Hyperparameters, *, micro_batch_size: int, worker: int) -> TrialProcess:
        """Begin to train one configuration in a new process."""
        ours, theirs = self._context.Pipe()
        objective = self._objectives[worker % len(self._objectives)]
        arguments = (theirs, objective, hyperparameters, micro_batch_size, self._threads)
        process = self._context.Process(target=_serve, args=arguments, daemon=True)
        training = TrialProcess(process, ours)
        try:
            with theirs, _signals_kept_from_children(), _script_kept_from_children():
                process.start()
        except BaseException:
            training.stop()
            raise
        return training

    def ready(self, trainings: Sequence[TrialProcess], deadline: float) -> list[TrialProcess]:
        """Wait until some have sent a message, or have ended."""
        by_connection = {training.connection: training for training in trainings}
        while True:
            seconds = min(max(0.0, deadline - time.monotonic()), _LONGEST_WAIT)
            if found := wait(list(by_connection), seconds):
                return [training for ours, training in by_connection.items() if ours in found]
            if time.monotonic() >= deadline:
                raise DeadlineReached


class TrialProcess:
    """A configuration that trains in a process of its own; see `Training`.

    Args:
        process: not started yet.
        connection: our end of its pipe.
    """

    def __init__(self, process: ForkServerProcess, connection: Connection) -> None:
        self.connection = connection
        self.peak_memory_bytes: int | None = None
        self._process = process
        self._killed_for_memory = killed_for_memory()

    def receive(self) -> EpochRecord | TrainingResult:
        """Take its next message."""
        try:
            message, self.peak_memory_bytes = self.connection.recv()
        except (EOFError, OSError) as error:
            raise self._death() from error
        if isinstance(message, Exception):
            raise message
        assert isinstance(message, EpochRecord | TrainingResult)
        return message

    def go_on(self) -> None:
        """Answer an epoch."""
        try:
            self.connection.send("go on")
        except OSError as error:
            raise self._death() from error

    def stop(self) -> None:
        """Kill it, if it still runs."""
        if self._process.pid is not None:
            self._process.kill()
            self._process.join()
        self.connection.close()

    def _death(self) -> Exception:
        self._process.join()
        code = self._process.exitcode
        if code == -signal.SIGKILL:
            # Where the kernel does not count, lack of memory is by far the likeliest reason.
            if self._killed_for_memory is not None and killed_for_memory() == self._killed_for_memory:
                return WorkerLost("the trial's process was killed by SIGKILL, and not for lack of memory")
            return OutOfMemory("the trial's process was killed by SIGKILL, as the kernel does when memory runs out")
        if code is not None and code < 0:
            return RunError(f"the trial's process was killed by {signal.Signals(-code).name}")
        return RunError(f"the trial's process ended with exit code {code} in the middle of its training")


def killed_for_memory() -> int | None:
    """How many processes of this machine the kernel has killed for lack of memory; None where it does not tell."""
    counters = Path("/proc/vmstat")
    lines = counters.read_text(encoding="utf-8").splitlines() if counters.exists() else []
    return next((int(line.split()[1]) for line in lines if line.startswith("oom_kill ")), None)


def devices_of(device: torch.device, workers: int) -> list[torch.device]:
    """Where workers train, who take turns: each on a GPU of its own as far as there are, unless one was asked for."""
    if workers == 1 or device.type != "cuda" or device.index is not None:
        return [device]
    return [torch.device("cuda", index) for index in range(min(workers, torch.cuda.device_count()))]


def threads_of(workers: int) -> int:
    """Threads of each worker; all workers together use as many as one does."""
    return max(1, torch.get_num_threads() // workers)


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
            tell(outcome(lambda: objective.train(hyperparameters, on_epoch, micro_batch_size=micro_batch_size)))
    except (EOFError, ConnectionError):
        os._exit(1)  # the driver is gone: nobody is left to tell


def outcome(train: Callable[[], TrainingResult]) -> TrainingResult | Exception:
    """The result, or what its driver is to raise; a driver that is gone is not among it."""
    try:
        with resource_failures():
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
