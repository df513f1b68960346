"""What goes wrong in a trial arrives as what it is, and reaches nothing but the trial."""

import fcntl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.errors import OutOfMemory, RunError, UserError
from runtime.records.environment import peak_memory_bytes
from runtime.samples.windows import WindowDataset
from runtime.search.engine import DeadlineReached, TrialFault, WorkerLost
from runtime.search.objective import Hyperparameters
from runtime.search.trial_process import TrialProcess, TrialProcesses, devices_of, killed_for_memory, threads_of
from runtime.training.trainer import EpochRecord, TrainingResult
from tests.helpers import hostile
from tests.helpers.tiny import FIXED, SEARCHED, losses_of, make_experiment, make_formula_objective, make_objective

EXPERIMENT = make_experiment()


def train(
    losses: Callable[[Hyperparameters], list[float]],
    on_epoch: Callable[[EpochRecord], None] = lambda _record: None,
    seconds: float = 60.0,
) -> TrainingResult:
    return train_in(TrialProcesses(make_formula_objective(EXPERIMENT, losses)), on_epoch, seconds)[0]


def train_in(
    processes: TrialProcesses, on_epoch: Callable[[EpochRecord], None], seconds: float = 60.0
) -> tuple[TrainingResult, TrialProcess]:
    """One training from beginning to end, and where it was."""
    deadline = time.monotonic() + seconds
    training = processes.start(SEARCHED, micro_batch_size=32, worker=0)
    try:
        while True:
            assert processes.ready([training], deadline) == [training]
            message = training.receive()
            if isinstance(message, TrainingResult):
                return message, training
            on_epoch(message)
            training.go_on()
    finally:
        training.stop()


def test_training_in_a_process_of_its_own_is_the_same_training() -> None:
    objective = make_objective(EXPERIMENT, fixed=FIXED | {"max_epochs": 3})
    records: list[EpochRecord] = []
    there, process = train_in(TrialProcesses(objective), records.append)
    assert losses_of(there) == losses_of(objective.train(SEARCHED))
    assert tuple(records) == there.epochs
    assert process.peak_memory_bytes is not None
    assert 2**24 < process.peak_memory_bytes != peak_memory_bytes()


@pytest.mark.parametrize(
    ("losses", "error", "message"),
    [
        (hostile.diverge, RunError, "diverged in epoch 2"),
        (hostile.crash, RunError, "process was killed by SIGSEGV"),
        (hostile.leave, RunError, "ended with exit code 3"),
        (hostile.allocate_too_much, OutOfMemory, "out of memory"),
        (hostile.allocate_too_large_a_tensor, OutOfMemory, "out of memory"),
        (hostile.give_bad_input, UserError, "no such column"),
        (hostile.have_a_bug, TrialFault, r"(?s)Traceback.*in have_a_bug\n.*KeyError: .no such name."),
    ],
)
def test_what_goes_wrong_arrives_as_what_it_is(
    losses: Callable[[Hyperparameters], list[float]], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message) as raised:
        train(losses)
    assert type(raised.value) is error


@pytest.mark.parametrize(
    ("counted", "error", "message"),
    [
        ([3, 4], OutOfMemory, "killed by SIGKILL, as the kernel does when memory runs out"),
        ([None, None], OutOfMemory, "killed by SIGKILL, as the kernel does when memory runs out"),
        ([3, 3], WorkerLost, "killed by SIGKILL, and not for lack of memory"),
    ],
)
def test_who_killed_a_process_is_told_by_the_kernels_count_of_those_it_has_killed_for_memory(
    counted: list[int | None], error: type[Exception], message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = iter(counted)
    monkeypatch.setattr("runtime.search.trial_process.killed_for_memory", lambda: next(counts))
    with pytest.raises(error, match=message) as raised:
        train(hostile.kill_itself)
    assert type(raised.value) is error


def test_kernel_counts_whom_it_kills_for_memory() -> None:
    counters = Path("/proc/vmstat")
    told = counters.exists() and "\noom_kill " in counters.read_text()
    assert (killed_for_memory() is not None) == told
    assert killed_for_memory() == killed_for_memory()


def test_deadline_ends_a_training_inside_an_epoch() -> None:
    began = time.monotonic()
    with pytest.raises(DeadlineReached):
        train(hostile.hang, seconds=0.5)
    assert time.monotonic() - began < 20


def test_process_waits_for_the_driver_and_ends_with_what_it_raises() -> None:
    class GivenUpError(Exception):
        pass

    seen = []

    def give_up(record: EpochRecord) -> None:
        seen.append(record.epoch)
        if record.epoch == 2:
            raise GivenUpError

    with pytest.raises(GivenUpError):
        train(hostile.steady, give_up)
    assert seen == [1, 2]


@pytest.mark.parametrize("losses", [hostile.signal_itself, hostile.look_at_the_accelerator])
def test_process_leaves_signals_to_the_driver_and_the_accelerator_untouched(
    losses: Callable[[Hyperparameters], list[float]],
) -> None:
    assert train(losses).best_val_loss == 0.4


def test_samples_are_shared_not_copied() -> None:
    windows = EXPERIMENT.windows
    dataset = WindowDataset(windows.values.numpy().copy(), EXPERIMENT.labels, windows.context_length)
    values: dict[str, Any] = vars(make_formula_objective(EXPERIMENT, hostile.steady)) | {"dataset": dataset}
    train_in(TrialProcesses(hostile.ScribblingObjective(**values)), lambda _record: None)
    assert dataset.values[0, 0] == 123.0


def test_process_of_a_trial_is_gone_when_the_training_ends(tmp_path: Path) -> None:
    with pytest.raises(DeadlineReached):
        train(hostile.HangHolding(tmp_path / "held"), seconds=1.0)
    with (tmp_path / "held").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


@pytest.mark.parametrize(("workers", "threads"), [(1, 8), (2, 4), (3, 2), (8, 1), (20, 1)])
def test_workers_share_the_threads(workers: int, threads: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 8)
    assert threads_of(workers) == threads


@pytest.mark.parametrize(
    ("device", "workers", "devices"),
    [
        ("cuda", 1, ["cuda"]),
        ("cuda", 2, ["cuda:0", "cuda:1"]),
        ("cuda", 5, ["cuda:0", "cuda:1", "cuda:2"]),
        ("cuda:1", 2, ["cuda:1"]),
        ("cpu", 2, ["cpu"]),
    ],
)
def test_workers_take_turns_on_the_devices(
    device: str, workers: int, devices: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    assert devices_of(torch.device(device), workers) == [torch.device(each) for each in devices]


def test_each_worker_trains_with_its_share_of_the_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 6)
    processes = TrialProcesses(make_formula_objective(EXPERIMENT, hostile.count_threads), workers=2)
    result, _ = train_in(processes, lambda _record: None)
    assert result.best_val_loss == 3.0
