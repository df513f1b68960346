"""What goes wrong in a trial arrives as what it is, and reaches nothing but the trial."""

import fcntl
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import OutOfMemory, RunError, UserError
from runtime.records.environment import peak_memory_bytes
from runtime.samples.windows import WindowDataset
from runtime.search.objective import Hyperparameters
from runtime.search.trial_process import DeadlineReached, TrialFault, TrialProcesses
from runtime.training.trainer import EpochRecord, TrainingResult
from tests.helpers import hostile
from tests.helpers.tiny import FIXED, SEARCHED, losses_of, make_experiment, make_formula_objective, make_objective

EXPERIMENT = make_experiment()


def train(
    losses: Callable[[Hyperparameters], list[float]],
    on_epoch: Callable[[EpochRecord], None] = lambda _record: None,
    seconds: float = 60.0,
) -> TrainingResult:
    processes = TrialProcesses(make_formula_objective(EXPERIMENT, losses))
    return processes.train(SEARCHED, on_epoch, micro_batch_size=32, deadline=time.monotonic() + seconds)


def test_training_in_a_process_of_its_own_is_the_same_training() -> None:
    objective = make_objective(EXPERIMENT, fixed=FIXED | {"max_epochs": 3})
    records: list[EpochRecord] = []
    processes = TrialProcesses(objective)
    there = processes.train(SEARCHED, records.append, micro_batch_size=32, deadline=time.monotonic() + 60)
    assert losses_of(there) == losses_of(objective.train(SEARCHED))
    assert tuple(records) == there.epochs
    assert processes.peak_memory_bytes is not None
    assert 2**24 < processes.peak_memory_bytes != peak_memory_bytes()


@pytest.mark.parametrize(
    ("losses", "error", "message"),
    [
        (hostile.diverge, RunError, "diverged in epoch 2"),
        (hostile.crash, RunError, "process was killed by SIGSEGV"),
        (hostile.leave, RunError, "ended with exit code 3"),
        (hostile.kill_itself, OutOfMemory, "killed by SIGKILL, as the kernel does when memory runs out"),
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
    processes = TrialProcesses(hostile.ScribblingObjective(**values))
    processes.train(SEARCHED, lambda _record: None, micro_batch_size=32, deadline=time.monotonic() + 60)
    assert dataset.values[0, 0] == 123.0


def test_process_of_a_trial_is_gone_when_the_training_ends(tmp_path: Path) -> None:
    with pytest.raises(DeadlineReached):
        train(hostile.HangHolding(tmp_path / "held"), seconds=1.0)
    with (tmp_path / "held").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
