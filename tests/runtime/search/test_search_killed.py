"""Whenever a driver is killed, running again continues to the very trials of a search that never was."""

import fcntl
import json
import multiprocessing
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from runtime.errors import UserError
from runtime.search.storage import JOURNAL
from runtime.search.study import Search
from tests.helpers.search_driver import open_search, search, search_quietly

DRIVERS = multiprocessing.get_context("forkserver")
DRIVERS.set_forkserver_preload(["tests.helpers.search_driver", "torch._dynamo"])
KILLS = 6


def trials_of(search: Search) -> list[tuple[Any, ...]]:
    """Everything about the trials that count which no interruption may change."""
    return [(trial.params, trial.state, trial.values, trial.intermediate_values) for trial in search.counted()]


def interruptions_of(search: Search) -> list[str]:
    reasons = [trial.user_attrs.get("interrupted") for trial in search.study.trials]
    return [reason for reason in reasons if reason is not None]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Any, ...]]:
    """Trials of a search that nobody interrupts."""
    project = tmp_path_factory.mktemp("whole")
    uninterrupted = open_search(project)
    uninterrupted.run()
    trials = trials_of(uninterrupted)
    assert {state for _, state, _, _ in trials} == {TrialState.COMPLETE, TrialState.PRUNED}
    return trials


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.0005)


def run_driver(project: Path, url: str | None, writes: int | None = None) -> int | None:
    """Run a driver, killed after so many writes to its storage; return its exit code."""
    storage = project / "trials.db" if url else project / "outputs" / "phase0" / "script" / JOURNAL
    driver = DRIVERS.Process(target=search_quietly, args=(project, url))
    stamp = stamp_of(storage)
    driver.start()
    for _ in range(writes or 0):
        wait_until(lambda seen=stamp: stamp_of(storage) != seen or not driver.is_alive())
        stamp = stamp_of(storage)
    if writes is not None:
        driver.kill()
    driver.join()
    return driver.exitcode


def stamp_of(file: Path) -> tuple[int, int]:
    return (file.stat().st_size, file.stat().st_mtime_ns) if file.exists() else (0, 0)


@pytest.mark.parametrize("database", [False, True], ids=["journal", "sqlite"])
def test_search_killed_at_random_moments_ends_with_the_trials_of_an_uninterrupted_one(
    database: bool, whole: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path}/trials.db" if database else None
    moments = random.Random(database)
    codes = [run_driver(tmp_path, url, writes=moments.randint(1, 30)) for _ in range(KILLS)]
    assert codes == [-signal.SIGKILL] * KILLS, "this test needs a longer search"
    assert run_driver(tmp_path, url) == 0
    resumed = open_search(tmp_path, url)
    assert trials_of(resumed) == whole
    assert 0 < len(interruptions_of(resumed)) == len(resumed.study.trials) - len(whole)
    (best,) = tmp_path.rglob("script.best.json")
    assert sum(json.loads(best.read_text())["trials"].values()) == len(whole)


def test_journal_torn_anywhere_resumes_to_the_same_trials(whole: list[tuple[Any, ...]], tmp_path: Path) -> None:
    journal = tmp_path / "outputs" / "phase0" / "script" / JOURNAL
    moments = random.Random(2)
    for _ in range(3):
        assert run_driver(tmp_path, None, writes=moments.randint(1, 30)) == -signal.SIGKILL
        last_line = len(journal.read_bytes().splitlines()[-1])
        os.truncate(journal, journal.stat().st_size - moments.randint(1, last_line))
    assert run_driver(tmp_path, None) == 0
    assert trials_of(open_search(tmp_path)) == whole


def start(project: Path, *arguments: str) -> subprocess.Popen[str]:
    """Start a driver as a shell does: in a process group of its own, trials in processes of their own."""
    command = [sys.executable, "-m", "tests.helpers.search_driver", str(project), *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=Path(__file__).parents[3], start_new_session=True, **pipes)


def is_held(file: Path) -> bool:
    """Whether the trial in question trains."""
    if not file.exists() or not file.read_text():
        return False
    with file.open() as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_ctrl_c_stops_the_trial_and_says_how_to_continue_and_a_second_driver_is_refused(
    whole: list[tuple[Any, ...]], tmp_path: Path
) -> None:
    driver = start(tmp_path, "hang")
    wait_until(lambda: is_held(tmp_path / "held"))
    with pytest.raises(UserError, match=rf"another process is running in .* \(process {driver.pid} on .* since 20"):
        search(tmp_path)
    os.killpg(driver.pid, signal.SIGINT)
    _, errors = driver.communicate(timeout=30)
    assert driver.returncode == 75
    assert errors.startswith("stopped after 0 of 8 trials\ninterrupted; continue with: ")
    assert errors.count("\n") == 2
    assert not is_held(tmp_path / "held")
    assert interruptions_of(open_search(tmp_path)) == ["KeyboardInterrupt"]


def test_trial_dies_with_its_driver_and_the_next_driver_continues(whole: list[tuple[Any, ...]], tmp_path: Path) -> None:
    driver = start(tmp_path, "hang")
    wait_until(lambda: is_held(tmp_path / "held"))
    driver.kill()
    driver.communicate()
    wait_until(lambda: not is_held(tmp_path / "held"))
    search(tmp_path)
    resumed = open_search(tmp_path)
    assert (interruptions_of(resumed), trials_of(resumed)) == (["killed"], whole)


def test_disk_that_fills_up_leaves_a_journal_that_the_next_run_repairs(
    whole: list[tuple[Any, ...]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Half a line, then nothing more: a line behind it would damage the journal for good."""
    append, lines = JournalFileBackend.append_logs, 0

    def tear(self: JournalFileBackend, logs: list[dict[str, Any]]) -> None:
        nonlocal lines
        lines += 1
        if lines == 30:
            with Path(self._file_path).open("a") as file:
                file.write('{"op_')
            raise OSError(28, "No space left on device")
        append(self, logs)

    monkeypatch.setattr(JournalFileBackend, "append_logs", tear)
    with pytest.raises(OSError, match="No space left"):
        open_search(tmp_path).run()
    assert lines == 30
    open_search(tmp_path).run()
    assert trials_of(open_search(tmp_path)) == whole
