"""Trials as tasks of a Ray cluster find what trials in this process find, whatever the speed and whoever is killed."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import RunError, UserError
from runtime.search.engine import DeadlineReached, TrialFault, WorkerLost
from runtime.search.objective import Objective
from runtime.search.study import Search
from runtime.training.trainer import EpochRecord, TrainingResult
from tests.helpers.hostile import HangHolding, JitteringObjective
from tests.helpers.search_driver import EXPERIMENT, FEW_EPOCHS, OBJECTIVE, settings_of
from tests.helpers.tiny import make_arguments, make_formula_objective
from tests.runtime.search.test_workers import trials_of
from tests.runtime.search.test_workers import whole as whole  # noqa: PLC0414 - a fixture

ray = pytest.importorskip("ray", reason="Ray is not installed: no trial ran on a cluster")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own

DRAWN = {"architecture": "narrow", "learning_rate": 0.02, "weight_decay": 0.01, "dropout": 0.1, "batch_size": 32}


@pytest.fixture(scope="module", autouse=True)
def cluster() -> Iterator[None]:
    """Two processors; signals are pytest's own again afterwards."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    project = str(Path(__file__).parents[3])
    ray.init(
        num_cpus=2,
        num_gpus=0,
        log_to_driver=False,
        include_dashboard=False,
        runtime_env={"env_vars": {"PYTHONPATH": project, "OMP_NUM_THREADS": "1"}},
    )
    yield
    ray.shutdown()
    for number, handler in before.items():
        signal.signal(number, handler)


def engine(objective: Objective = OBJECTIVE, workers: int = 2) -> Any:
    from runtime.search.ray_trials import RayTrials

    return RayTrials(objective, workers)


def start(objective: Objective = OBJECTIVE) -> Any:
    return engine(objective).start(DRAWN, micro_batch_size=32, worker=0)


def test_a_search_on_ray_is_the_search_in_this_process(whole: list[tuple[Any, ...]], tmp_path: Path) -> None:
    jittering = JitteringObjective(**vars(OBJECTIVE), folder=tmp_path, dying=(2, 6))
    output = make_arguments(tmp_path).output
    found = Search(EXPERIMENT, OBJECTIVE, settings_of(2), output, engine(jittering))
    found.run()
    assert trials_of(found) == whole
    assert len((tmp_path / "begun").read_text().splitlines()) == len(whole) + 2


def test_a_training_tells_its_epochs_and_its_result() -> None:
    training, messages = start(), []
    while not (messages and isinstance(messages[-1], TrainingResult)):
        assert engine().ready([training], time.monotonic() + 60) == [training]
        messages.append(training.receive())
        training.go_on()
    here = OBJECTIVE.train(DRAWN, micro_batch_size=32)
    assert [each.val_loss for each in messages[:-1]] == [each.val_loss for each in here.epochs]
    assert messages[-1].best_val_loss == here.best_val_loss
    assert training.peak_memory_bytes > 1e8


def test_a_training_that_is_stopped_ends_after_its_epoch(tmp_path: Path) -> None:
    training = start()
    assert isinstance(training.receive(), EpochRecord)
    training.stop()
    training.stop()
    with pytest.raises(DeadlineReached):
        engine().ready([start(hanging(tmp_path / "held"))], time.monotonic() + 0.3)
    until = time.monotonic() + 30
    while ray.available_resources().get("CPU", 0) < 1:  # the one that hangs has the other
        assert time.monotonic() < until
        time.sleep(0.1)
    kill_holder(tmp_path / "held")


def hanging(held: Path) -> Objective:
    return make_formula_objective(EXPERIMENT, HangHolding(held), fixed=FEW_EPOCHS)


def kill_holder(held: Path) -> None:
    until = time.monotonic() + 60
    while not (held.exists() and (process := held.read_text())):
        assert time.monotonic() < until
        time.sleep(0.05)
    os.kill(int(process), signal.SIGKILL)


def fail(_: object) -> list[float]:
    raise ValueError("a fault of ours")


def diverge(_: object) -> list[float]:
    return [0.5, float("nan")]


def test_what_goes_wrong_is_told_as_by_a_process(tmp_path: Path) -> None:
    with pytest.raises(TrialFault, match="a fault of ours"):
        start(make_formula_objective(EXPERIMENT, fail)).receive()
    diverging = start(make_formula_objective(EXPERIMENT, diverge))
    assert diverging.receive().val_loss == 0.5
    with pytest.raises(RunError, match="diverged in epoch 2"):
        diverging.receive()
    lost = start(hanging(tmp_path / "held"))
    kill_holder(tmp_path / "held")
    with pytest.raises(WorkerLost, match="the trial's worker was lost"):
        lost.receive()


def test_without_ray_the_package_to_install_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "ray", None)
    monkeypatch.delitem(sys.modules, "runtime.search.ray_session", raising=False)
    with pytest.raises(UserError, match=r'pip install -e "\.\[ray\]"'):
        __import__("runtime.search.ray_session")
