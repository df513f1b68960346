"""A trial gives up for lack of memory only after it has tried with less."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from optuna.trial import TrialState

from runtime.errors import RunError
from runtime.search.engine import WorkerLost
from runtime.search.objective import Hyperparameters, Objective
from runtime.search.study import Search, SearchSettings
from runtime.search.trial import LOSSES_ALLOWED
from runtime.training.trainer import EpochRecord, TrainingResult
from tests.helpers import hostile
from tests.helpers.in_this_process import InThisProcess, Replayed
from tests.helpers.tiny import SEARCHED, make_experiment, make_formula_objective

EXPERIMENT = make_experiment()


def make_search(output: Path, objective: Objective, n_trials: int) -> Search:
    settings = SearchSettings(n_trials=n_trials, timeout_hours=1.0, seed=5, startup_trials=9, pruning_warmup_epochs=9)
    return Search(EXPERIMENT, objective, settings, output, InThisProcess(objective))


def starve(_values: Hyperparameters) -> list[float]:
    raise MemoryError("no room")


def search_hungry(output: Path, fits: int) -> Search:
    values = vars(make_formula_objective(EXPERIMENT, hostile.steady)) | {"suggest": lambda _trial: SEARCHED}
    return make_search(output, hostile.HungryObjective(**values, fits=fits, starve=starve), 1)


@dataclass
class Losing(InThisProcess):
    """Workers that are lost so often before one trains to the end."""

    times: int = 0
    started: list[int] = field(default_factory=list)

    def start(self, hyperparameters: Hyperparameters, *, micro_batch_size: int, worker: int) -> Replayed:
        self.started.append(micro_batch_size)
        training = super().start(hyperparameters, micro_batch_size=micro_batch_size, worker=worker)
        if len(self.started) > self.times:
            return training

        def lost(on_epoch: Callable[[EpochRecord], None]) -> TrainingResult:
            on_epoch(EpochRecord(1, 0.0, 0.5, 0.1, 0.0, 0.0))
            raise WorkerLost("killed")

        return Replayed(lost)


@pytest.mark.parametrize(
    ("times", "sizes"),
    [(0, [32]), (1, [32] * 2), (LOSSES_ALLOWED, [32] * 6), (LOSSES_ALLOWED + 1, [32] * 6 + [16])],
)
def test_lost_worker_is_replaced_until_it_looks_like_lack_of_memory(
    times: int, sizes: list[int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    search = search_hungry(tmp_path, fits=32)
    search.engine = Losing(search.objective, times=times)
    search.run()
    (trial,) = search.counted()
    assert (trial.state, trial.user_attrs["micro_batch_size"]) == (TrialState.COMPLETE, sizes[-1])
    assert trial.intermediate_values == {1: 0.5, 2: 0.4, 3: 0.4}
    assert search.engine.started == sizes
    again = capsys.readouterr().out.count("trial 1: killed; training it again\n")
    assert again == min(times, LOSSES_ALLOWED)


def tried(printed: str) -> list[str]:
    return [line.split(":")[0] for line in printed.splitlines() if "trying smaller ones" in line]


def test_memory_that_runs_out_halves_the_micro_batch(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search = search_hungry(tmp_path, fits=8)
    search.run()
    (trial,) = search.counted()
    assert (trial.state, trial.value, trial.user_attrs["micro_batch_size"]) == (TrialState.COMPLETE, 0.4, 8)
    assert trial.intermediate_values == {1: 0.5, 2: 0.4, 3: 0.4}
    assert tried(capsys.readouterr().out) == [f"trial 1 in micro-batches of {size}" for size in (32, 16)]


def test_memory_that_never_suffices_is_a_failed_trial(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search = search_hungry(tmp_path, fits=3)
    with pytest.raises(RunError, match="0 completed"):
        search.run()
    (trial,) = search.counted()
    assert (trial.state, trial.user_attrs["micro_batch_size"]) == (TrialState.FAIL, 4)
    assert trial.user_attrs["failure"] == "out of memory: no room; micro-batches of 4 are the smallest tried"
    assert tried(capsys.readouterr().out) == [f"trial 1 in micro-batches of {size}" for size in (32, 16, 8)]
