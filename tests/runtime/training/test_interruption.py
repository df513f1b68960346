"""Real training processes, killed and interrupted at any moment, against one that was left alone."""

import contextlib
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from runtime.judging.openings import OPENINGS
from tests.helpers.tiny_process import STEPS_PER_EPOCH, finish, start
from tests.helpers.tiny_run import metrics_of, read

OUTPUT = "outputs/phase0/script"
KILLS = 12


def outcome(project: Path) -> dict[str, Any]:
    """Everything a finished run is about: its record without the seconds, its metrics, and what else lies there."""
    record = read(project / OUTPUT / "result.json")
    assert record["status"] == "finished"
    for changing in ("test_opening", "environment"):
        del record[changing]
    for changing in ("seconds", "peak_memory_bytes"):
        del record["training"][changing]
    for epoch in record["training"]["epochs"]:
        del epoch["seconds"]
    return {
        "record": record,
        "metrics": metrics_of(project / OUTPUT),
        "files": sorted(path.name for path in (project / OUTPUT).rglob("*")),
        "openings": len((project / OPENINGS).read_text().splitlines()),
    }


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    project = tmp_path_factory.mktemp("undisturbed")
    assert finish(start(project)) == 0
    found = outcome(project)
    assert not [name for name in found["files"] if name.endswith((".pt", ".tmp"))]
    return found


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < deadline, "it never came"
        time.sleep(0.002)


@pytest.mark.parametrize("share", [1.0, 0.1])
def test_killed_at_random_moments_it_ends_as_if_left_alone(
    share: float, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    chance, kills, runs = random.Random(str(share)), 0, 0
    while kills < KILLS:
        project = tmp_path / str(runs)
        project.mkdir()
        runs += 1
        while True:
            process = start(project, share=share, step_seconds=0.01)
            process.join(chance.uniform(0, 0.8))
            process.kill()
            process.join()
            if process.exitcode == 0:
                break
            kills += process.exitcode == -signal.SIGKILL
            assert process.exitcode == -signal.SIGKILL, (project / "printed").read_text()
            if kills >= KILLS:
                assert finish(start(project)) == 0, (project / "printed").read_text()
                break
        assert outcome(project) == undisturbed


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_finishes_the_step_saves_and_says_how_to_continue(
    number: signal.Signals, undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    process = start(tmp_path, share=0.0, step_seconds=0.03)
    metrics, printed = tmp_path / OUTPUT / "metrics.jsonl", tmp_path / "printed"
    wait_for(lambda: metrics.exists() and len(metrics.read_bytes().splitlines()) >= 2)
    os.kill(process.pid or 0, number)
    assert finish(process) == 75
    lines = printed.read_text().splitlines()
    assert "stopping as soon as this step is saved; the same again leaves at once" in lines
    assert lines[-2].startswith("saved after 2 epochs and ")
    assert lines[-1].startswith("interrupted; continue with: ")
    assert read(tmp_path / OUTPUT / "result.json")["status"] == "interrupted"
    assert finish(start(tmp_path)) == 0
    assert "continuing after 2 epochs and" in printed.read_text(), "it saved because it was asked to stop"
    assert outcome(tmp_path) == undisturbed


@pytest.mark.parametrize("numbers", [(signal.SIGINT, signal.SIGINT), (signal.SIGTERM, signal.SIGINT)])
def test_second_signal_leaves_at_once(
    numbers: tuple[signal.Signals, ...], undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    process = start(tmp_path, slow_step=STEPS_PER_EPOCH + 3)
    metrics, printed = tmp_path / OUTPUT / "metrics.jsonl", tmp_path / "printed"
    wait_for(lambda: metrics.exists() and len(metrics.read_bytes()) > 0)
    time.sleep(0.3)
    os.kill(process.pid or 0, numbers[0])
    wait_for(lambda: "stopping as soon as" in printed.read_text())
    assert process.is_alive(), "the step is not finished"
    os.kill(process.pid or 0, numbers[1])
    assert finish(process) == 75
    assert printed.read_text().splitlines()[-1].startswith("interrupted; continue with: ")
    assert finish(start(tmp_path)) == 0
    assert "continuing after 1 epochs and 3 of 7 steps" in printed.read_text(), "the checkpoint of before stays"
    assert outcome(tmp_path) == undisturbed


def test_two_signals_at_any_moment_end_in_one_line_and_lose_nothing(
    undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    chance = random.Random(5)
    for project in (tmp_path / str(number) for number in range(15)):
        project.mkdir()
        process = start(project, step_seconds=0.005)
        wait_for((project / "printed").exists)
        process.join(chance.uniform(0.0, 0.9))
        for _ in range(2):
            number = chance.choice([signal.SIGINT, signal.SIGTERM])
            if process.is_alive():
                with contextlib.suppress(ProcessLookupError):  # it may have ended since
                    os.kill(process.pid or 0, number)
            time.sleep(chance.choice([0.0005, 0.03]))
        printed = project / "printed"
        assert finish(process) in (0, 75), printed.read_text()
        assert "Traceback" not in printed.read_text()
    assert finish(start(project)) == 0
    assert outcome(project) == undisturbed
