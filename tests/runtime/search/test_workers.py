"""Two workers of random speed, killed, with drivers killed, find what two workers find that nobody disturbs."""

import json
import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import TrialState

from runtime.search.study import Search
from runtime.search.trial_process import TrialProcesses, killed_for_memory
from tests.helpers.postgres import find_server, running_server
from tests.helpers.search_driver import EXPERIMENT, OBJECTIVE, open_search, settings_of
from tests.helpers.tiny import make_arguments

PROJECT = Path(__file__).parents[3]
STORAGES = ["journal", "postgresql"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """Trials of a search with two workers in this process, one after the other."""
    undisturbed = open_search(tmp_path_factory.mktemp("whole"), workers=2)
    undisturbed.run()
    assert {trial.state for trial in undisturbed.counted()} == {TrialState.COMPLETE, TrialState.PRUNED}
    return trials_of(undisturbed)


@pytest.fixture(params=STORAGES)
def url(request: pytest.FixtureRequest) -> Iterator[str | None]:
    """Where the study lives."""
    with ExitStack() as stack:
        if request.param == "journal":
            yield None
        elif (programs := find_server()) is None:
            pytest.skip("PostgreSQL's server is not installed (Debian: postgresql)")
        else:
            yield stack.enter_context(running_server(programs)).url()


def trials_of(search: Search) -> list[tuple[Any, ...]]:
    return [(trial.params, trial.state, trial.values, trial.intermediate_values) for trial in search.counted()]


def found_in(project: Path, url: str | None) -> list[tuple[Any, ...]]:
    search = open_search(project, url, workers=2)
    found = trials_of(search)
    if url is not None:  # close the connections that Optuna keeps for as long as its process lives
        backend = search.study._storage._backend  # type: ignore[attr-defined]
        backend.remove_session()
        backend.engine.dispose()
    return found


def start(project: Path, url: str | None, *arguments: str) -> subprocess.Popen[str]:
    storage = ["--storage", url] if url else []
    command = [sys.executable, "-m", "tests.helpers.search_driver", str(project), "jitter", *storage, *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    project.mkdir(exist_ok=True)
    return subprocess.Popen(command, cwd=PROJECT, start_new_session=True, **pipes)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def begun(project: Path) -> list[int]:
    """Processes that trained a trial, in the order they began."""
    file = project / "begun"
    return [int(line) for line in file.read_text().splitlines()] if file.exists() else []


def wait_for_trainings(project: Path, count: int) -> None:
    wait_until(lambda: len(begun(project)) >= count)


def test_random_speed_changes_nothing_and_lines_come_in_the_order_of_trials(
    whole: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    driver = start(tmp_path, None, "--workers", "2")
    out, errors = driver.communicate(timeout=300)
    assert (driver.returncode, errors) == (0, "")
    assert found_in(tmp_path, None) == whole
    assert re.findall(r"^trial (\d+)/14: (?:val_loss|pruned)", out, re.MULTILINE) == [
        str(each) for each in range(1, 15)
    ]
    assert "search: 14 trials, 2 at once, at most 1.0 hours, seed 5\n" in out
    assert json.loads((tmp_path / "experiments/phase0/script.best.json").read_text())["workers"] == 2


@pytest.mark.skipif(killed_for_memory() is None, reason="this kernel does not tell whom it kills for lack of memory")
def test_killed_worker_is_replaced_and_changes_nothing(whole: list[tuple[Any, ...]], tmp_path: Path) -> None:
    driver = start(tmp_path, None, "--workers", "2", "--dying", "2,5")
    out, _ = driver.communicate(timeout=300)
    assert driver.returncode == 0
    assert found_in(tmp_path, None) == whole
    assert out.count("was killed by SIGKILL, and not for lack of memory; training it again\n") == 2
    assert len(begun(tmp_path)) == 14 + 2


def test_drivers_and_workers_killed_change_nothing(
    whole: list[tuple[Any, ...]], url: str | None, tmp_path: Path
) -> None:
    chance = random.Random(url is None)
    for _ in range(2):
        driver, seen = start(tmp_path, url, "--workers", "2", "--dying", "2,6"), len(begun(tmp_path))
        wait_for_trainings(tmp_path, seen + chance.randint(1, 4))
        time.sleep(chance.uniform(0.0, 0.5))
        driver.kill()
        driver.communicate()
        assert driver.returncode == -signal.SIGKILL, "this test needs a longer search"
    driver = start(tmp_path, url, "--workers", "2", "--dying", "2,6,9")
    driver.communicate(timeout=300)
    assert driver.returncode == 0
    assert found_in(tmp_path, url) == whole
    best = json.loads((tmp_path / "experiments/phase0/script.best.json").read_text())
    assert sum(best["trials"].values()) == len(whole)


def test_both_trials_of_a_batch_train_at_the_same_time(tmp_path: Path) -> None:
    driver = start(tmp_path, None, "--workers", "2")
    alive = tmp_path / "alive"
    wait_until(lambda: alive.exists() and len(list(alive.iterdir())) == 2)
    os.killpg(driver.pid, signal.SIGINT)
    _, errors = driver.communicate(timeout=60)
    assert driver.returncode == 75
    assert errors.startswith("stopped after ")
    wait_until(lambda: not any(Path(f"/proc/{process}").exists() for process in begun(tmp_path)))


def test_trials_in_processes_are_those_in_this_one(whole: list[tuple[Any, ...]], tmp_path: Path) -> None:
    output = make_arguments(tmp_path).output
    found = Search(EXPERIMENT, OBJECTIVE, settings_of(2), output, TrialProcesses(OBJECTIVE, 2))
    found.run()
    assert trials_of(found) == whole
