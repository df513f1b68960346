"""A training that ranks share, killed at any moment, continues on as many ranks as are there then."""

from __future__ import annotations

import random
import shutil
import signal
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file

from tests.helpers.tiny_ranks import RECIPE, finish, kill, printed, run, start, train, train_slowly
from tests.helpers.tiny_run import metrics_of, read
from tests.runtime.training.test_interruption import wait_for

OUTPUT = "outputs/phase0/script"
CLOSE = 1e-6
KILLS = 3


def checkpoints(project: Path) -> list[Path]:
    """Whole ones, the newest first."""
    return sorted((project / OUTPUT / "checkpoints").glob("*/epochs-*-steps-*"), reverse=True)


def killed(project: Path, count: int, sharding: str, **changes: Any) -> None:
    """Leave a training that was killed in its second epoch."""
    processes = start(project, count, sharding, train_slowly, 1.0, 0.05, changes)
    wait_for(lambda: any(path.name > "epochs-000001-steps-000000002" for path in checkpoints(project)))
    assert kill(processes) == [-signal.SIGKILL] * count
    assert 1 <= len(checkpoints(project)) <= 3  # the third was being removed


def assert_close_losses(project: Path, wanted: Path) -> None:
    found, expected = (outcome(each)["losses"] for each in (project, wanted))
    assert len(found) == RECIPE["max_epochs"]
    for one, other in zip(found, expected, strict=True):
        assert one == pytest.approx(other, rel=CLOSE)


def outcome(project: Path) -> dict[str, Any]:
    weights = load_file(project / OUTPUT / "model.safetensors")
    losses = [(row["train_loss"], row["val_loss"]) for row in metrics_of(project / OUTPUT)]
    return {"losses": losses, "weights": {name: value.tolist() for name, value in weights.items()}}


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("alone")
    run(project, 1, "none", train)
    return project


@pytest.fixture(scope="module")
def left(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int], Path]:
    """Killed trainings by sharding and number of ranks."""
    found = {}
    for sharding, count in (("fsdp", 2), ("ddp", 2), ("fsdp", 1), ("fsdp", 4)):
        found[sharding, count] = tmp_path_factory.mktemp("killed")
        killed(found[sharding, count], count, sharding)
    return found


@pytest.mark.parametrize(
    ("sharding", "before", "after"),
    [("fsdp", 2, 1), ("fsdp", 2, 4), ("fsdp", 1, 2), ("fsdp", 4, 2), ("ddp", 2, 1), ("ddp", 2, 4)],
)
def test_other_numbers_of_ranks_continue_what_was_killed(
    sharding: str, before: int, after: int, left: dict[tuple[str, int], Path], one_process: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(left[sharding, before], project)
    run(project, after, sharding, train)
    assert "continuing after 1 epochs and" in printed(project)
    assert_close_losses(project, one_process)
    one, other = (load_file(each / OUTPUT / "model.safetensors") for each in (project, one_process))
    assert max(float((one[name] - other[name]).abs().max()) for name in other) < CLOSE
    assert not checkpoints(project), "they are of no use any more"


@pytest.mark.parametrize(("sharding", "count"), [("fsdp", 2), ("ddp", 2), ("fsdp", 1)])
def test_killed_at_random_moments_with_dropout_it_ends_as_if_left_alone(
    sharding: str, count: int, tmp_path: Path
) -> None:
    changes = {"dropout": 0.3, "max_epochs": 2}
    run(tmp_path / "alone", count, sharding, train_slowly, 0.0, 0.0, changes)
    chance, project, kills = random.Random(sharding), tmp_path / "killed", 0
    while kills < KILLS:
        processes = start(project, count, sharding, train_slowly, 1.0, 0.02, changes)
        processes[0].join(chance.uniform(0.2, 2.0))
        if 0 in kill(processes):
            break
        kills += 1
    run(project, count, sharding, train_slowly, 1.0, 0.0, changes)
    assert outcome(project) == outcome(tmp_path / "alone")
    assert not [path for path in (project / OUTPUT).rglob("*") if path.suffix == ".tmp"]


@pytest.mark.parametrize("damage", ["cut", "changed", "missing", "progress"])
def test_a_damaged_one_is_set_aside_in_favour_of_the_one_before(
    damage: str, left: dict[tuple[str, int], Path], one_process: Path, tmp_path: Path
) -> None:
    project = tmp_path / "project"
    shutil.copytree(left["fsdp", 2], project)
    newest, shard = checkpoints(project)[0], checkpoints(project)[0] / "__1_0.distcp"
    if damage == "cut":
        shard.write_bytes(shard.read_bytes()[:-1])
    elif damage == "changed":
        content = bytearray(shard.read_bytes())
        content[len(content) // 2] ^= 1
        shard.write_bytes(content)
    elif damage == "missing":
        shard.unlink()
    else:
        (newest / "progress.pt").write_bytes(b"nothing")
    run(project, 2, "fsdp", train)
    assert f"{newest} is not used" in printed(project)
    assert "continuing after 1 epochs and" in printed(project)
    assert_close_losses(project, one_process)


def test_a_folder_that_is_not_whole_does_not_count(left: dict[tuple[str, int], Path], tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(left["fsdp", 2], project)
    newest = checkpoints(project)[0]
    for name in ("0123.tmp", "epochs-000002-steps-000000001-45.tmp"):  # not yet whole, and no longer
        (newest.parent / name).mkdir()
        shutil.copy(newest / "progress.pt", newest.parent / name)
    processes = start(project, 2, "fsdp", train_slowly, 1.0, 0.0, {})
    assert finish(processes) == [0, 0]
    assert "is not used" not in printed(project)
    record = read(project / OUTPUT / "result.json")
    assert record["status"] == "finished"
