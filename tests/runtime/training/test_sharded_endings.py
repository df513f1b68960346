"""How ranks end together: refused, failed, killed or interrupted, with one exit code and one line that says why."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from runtime.errors import RunError
from tests.helpers.tiny_ranks import FIELDS, finish, printed, run, start, train, train_slowly, train_until_one_fails
from tests.helpers.tiny_run import metrics_of, read
from tests.runtime.training.test_interruption import wait_for

OUTPUT = "outputs/phase0/script"


def test_several_processes_of_a_script_that_runs_as_one_are_refused(tmp_path: Path) -> None:
    assert finish(start(tmp_path, 2, "none", train)) == [2, 2]
    for rank in range(2):
        (line,) = printed(tmp_path, rank).splitlines()
        assert line.startswith("error: WORLD_SIZE=2 processes were started (by torchrun?) of a script that runs as one")
        assert "`sharding: fsdp` in its configs/model file" in line
    assert not (tmp_path / OUTPUT).exists()


@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
def test_batch_norm_is_refused_once_by_all_and_trains_on_one(sharding: str, tmp_path: Path) -> None:
    fields = FIELDS | {"norm": "batch"}
    assert finish(start(tmp_path, 2, sharding, train, 0.0, fields)) == [2, 2]
    assert printed(tmp_path).splitlines()[-1].startswith("error: norm='batch' on several ranks: each would normalise")
    assert printed(tmp_path, 1) == ""
    assert not (tmp_path / OUTPUT).exists()
    run(tmp_path, 1, sharding, train, 0.0, fields)
    assert f"ranks: this process alone; with {sharding} N share the model: torchrun --nproc-per-node N" in printed(
        tmp_path
    )


def test_a_second_start_in_the_same_folder_is_refused(tmp_path: Path) -> None:
    first = start(tmp_path, 2, "fsdp", train_slowly, 0.0, 0.2, {})
    wait_for((tmp_path / OUTPUT / ".lock.holder").exists)
    second = start(tmp_path, 2, "fsdp", train)
    assert finish(second) == [2, 2]
    assert "error: another process is running in" in printed(tmp_path)
    for process in first:
        process.kill()
    finish(first)


@pytest.mark.parametrize(
    ("rank", "error"), [(0, RuntimeError("CUDA out of memory. its reason")), (1, RunError("its reason"))]
)
def test_a_rank_that_fails_ends_all_and_the_same_command_continues(rank: int, error: Exception, tmp_path: Path) -> None:
    began = time.monotonic()
    assert finish(start(tmp_path, 2, "fsdp", train_until_one_fails, rank, error)) == [1, 1]
    assert time.monotonic() - began < 60, "the other waits for it"
    assert "its reason" in printed(tmp_path, rank).splitlines()[-1]
    assert "another process of this training has ended" in printed(tmp_path, 1 - rank).splitlines()[-1]
    assert "Traceback" not in printed(tmp_path) + printed(tmp_path, 1)
    record = read(tmp_path / OUTPUT / "result.json")
    assert record["status"] == "failed"
    run(tmp_path, 2, "fsdp", train)
    assert "continuing after 1 epochs and 1 of 6 steps" in printed(tmp_path)
    assert read(tmp_path / OUTPUT / "result.json")["status"] == "finished"


def test_a_rank_that_is_killed_ends_the_others(tmp_path: Path) -> None:
    processes = start(tmp_path, 3, "fsdp", train_slowly, 1.0, 0.05, {})
    wait_for(lambda: (tmp_path / OUTPUT / "metrics.jsonl").exists() and len(metrics_of(tmp_path / OUTPUT)) > 0)
    processes[2].kill()
    assert finish(processes) == [1, 1, -signal.SIGKILL]
    run(tmp_path, 2, "fsdp", train)


@pytest.mark.parametrize(("told", "number"), [([1], signal.SIGTERM), ([0, 1], signal.SIGINT)])
def test_a_signal_to_any_rank_saves_and_ends_all(told: list[int], number: signal.Signals, tmp_path: Path) -> None:
    processes = start(tmp_path, 2, "fsdp", train_slowly, 0.0, 0.1, {})
    wait_for(lambda: (tmp_path / OUTPUT / "metrics.jsonl").exists() and len(metrics_of(tmp_path / OUTPUT)) > 0)
    for rank in told:
        os.kill(processes[rank].pid or 0, number)
    assert finish(processes) == [75, 75]
    lines = printed(tmp_path).splitlines()
    assert lines[-2].startswith("saved after 1 epochs and ")
    assert lines[-1].startswith("interrupted; continue with: ")
    assert printed(tmp_path, 1) == ""
    assert read(tmp_path / OUTPUT / "result.json")["status"] == "interrupted"
    run(tmp_path, 2, "fsdp", train)
    assert "continuing after 1 epochs and" in printed(tmp_path), "it saved because it was asked to stop"
