"""Two and three ranks against one process: loss, gradients and weights of the same batches, within rounding."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from runtime.script.ranks import Ranks
from runtime.training.sharding import even_share, shares
from tests.helpers.tiny_ranks import (
    RECIPE,
    STEPS_PER_EPOCH,
    printed,
    run,
    take_one_step,
    take_one_step_in_bfloat16,
    train,
)
from tests.helpers.tiny_run import metrics_of, read

CLOSE = 1e-6
OUTPUT = "outputs/phase0/script"
SHARED = [("fsdp", 2), ("ddp", 2), ("fsdp", 3), ("ddp", 3)]


def gradients(project: Path, count: int, sharding: str, *given: Any) -> dict[str, torch.Tensor]:
    run(project, count, sharding, take_one_step, *given)
    found: dict[str, torch.Tensor] = torch.load(project / "gradients.pt")
    return found


def assert_close(found: dict[str, torch.Tensor], wanted: dict[str, torch.Tensor]) -> None:
    assert found.keys() == wanted.keys()
    largest = max(float(each.abs().max()) for name, each in wanted.items() if name != "loss")
    for name, each in wanted.items():
        assert float((found[name] - each).abs().max()) <= CLOSE * largest, name


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("samples", [1, 5, 16, 17, 43])
@pytest.mark.parametrize("at_once", [1, 4, 100])
def test_shares_hold_every_sample_once_in_as_many_parts_on_every_rank(count: int, samples: int, at_once: int) -> None:
    starts = torch.arange(100, 100 + samples)
    parts = [list(shares(starts, at_once, Ranks("ddp", rank, count))) for rank in range(count)]
    assert len({len(each) for each in parts}) == 1
    assert all(1 <= part.numel() <= at_once for each in parts for part, _ in each)
    weighed = [(part, weight) for each in parts for part, weight in each if weight]
    assert sorted(torch.cat([part for part, _ in weighed]).tolist()) == starts.tolist()
    for part, weight in weighed:  # the mean over ranks of weighted means is the mean over samples
        assert weight / count == pytest.approx(part.numel() / samples)


@pytest.mark.parametrize("count", [1, 2, 3, 8])
@pytest.mark.parametrize("samples", [0, 1, 2, 7, 64])
def test_even_shares_are_as_long_on_every_rank_and_begin_with_all_samples(count: int, samples: int) -> None:
    indices = np.arange(50, 50 + samples)
    found = [even_share(indices, Ranks("ddp", rank, count)) for rank in range(count)]
    assert len({each.size for each in found}) == 1
    assert np.concatenate(found)[:samples].tolist() == indices.tolist()


@pytest.mark.parametrize(("sharding", "count"), SHARED)
@pytest.mark.parametrize(("batch", "micro_batch_size"), [(0, None), (0, 7), (STEPS_PER_EPOCH - 1, None)])
def test_a_steps_loss_and_gradient_are_those_of_one_process(
    sharding: str, count: int, batch: int, micro_batch_size: int | None, tmp_path: Path
) -> None:
    # A clip far below the norm: only the norm of the whole gradient gives the same.
    given = (batch, micro_batch_size, {"gradient_clip": 0.01})
    wanted = gradients(tmp_path / "alone", 1, "none", batch, None, {"gradient_clip": 0.01})
    assert sum(float(each.norm()) > 1e-4 for each in wanted.values()) > 20
    assert float(torch.cat([each.flatten() for name, each in wanted.items() if name != "loss"]).norm()) < 0.011
    assert_close(gradients(tmp_path / "shared", count, sharding, *given), wanted)


@pytest.mark.parametrize("sharding", ["ddp", "fsdp"])
def test_layers_gathered_in_bfloat16_learn_what_they_do_on_one_process(sharding: str, tmp_path: Path) -> None:
    found = []
    for count, kind in ((1, "none"), (2, sharding)):
        project = tmp_path / str(count)
        run(project, count, kind, take_one_step_in_bfloat16)
        found.append(torch.load(project / "gradients.pt"))
    assert {each.dtype for each in found[1].values()} == {torch.float32}
    wanted = {name: each for name, each in found[0].items() if float(each.norm()) > 1e-3}
    assert len(wanted) > 20
    for name, each in wanted.items():
        assert float((found[1][name] - each).norm()) < 0.02 * float(each.norm()), name  # bfloat16 holds 8 bits


def test_each_rank_draws_masks_of_its_own_and_the_same_again(tmp_path: Path) -> None:
    seeds = []
    for project in (tmp_path / "first", tmp_path / "again"):
        run(project, 3, "fsdp", take_one_step, 1, None, {"dropout": 0.4})
        seeds.append([(project / f"seed-{rank}").read_text() for rank in range(3)])
    assert len(set(seeds[0])) == 3
    assert seeds[0][1:] == seeds[1][1:]  # this function seeds no first rank


@pytest.fixture(scope="module")
def one_process(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = tmp_path_factory.mktemp("alone")
    run(project, 1, "none", train)
    return project


@pytest.mark.parametrize(("sharding", "count"), SHARED)
def test_a_whole_training_ends_as_one_process_does(
    sharding: str, count: int, one_process: Path, tmp_path: Path
) -> None:
    run(tmp_path, count, sharding, train)
    found, wanted = (metrics_of(project / OUTPUT) for project in (tmp_path, one_process))
    assert len(found) == len(wanted) == RECIPE["max_epochs"]
    for shared, alone in zip(found, wanted, strict=True):
        for name in ("train_loss", "val_loss"):
            assert shared[name] == pytest.approx(alone[name], rel=CLOSE)
    assert_close(*(load_file(project / OUTPUT / "model.safetensors") for project in (tmp_path, one_process)))
    record, alone_record = (read(project / OUTPUT / "result.json") for project in (tmp_path, one_process))
    assert record["environment"]["ranks"] == count
    assert record["environment"]["sharding"] == sharding
    assert {*record} == {*alone_record}
    assert record["test"]["model"]["log_loss"] == pytest.approx(alone_record["test"]["model"]["log_loss"], rel=1e-5)


def test_the_first_rank_alone_prints_writes_and_opens_the_test(one_process: Path, tmp_path: Path) -> None:
    run(tmp_path, 2, "fsdp", train)
    assert "ranks: 2 share the model and each batch (fsdp)" in printed(tmp_path)
    assert printed(tmp_path, 1) == ""
    lines = (tmp_path / "experiments/test_openings.jsonl").read_text().splitlines()
    assert len(lines) == 1
    files = [sorted(path.name for path in (project / OUTPUT).rglob("*")) for project in (tmp_path, one_process)]
    assert files[0] == files[1]


def test_finished_already_is_said_once_and_trains_nothing(tmp_path: Path) -> None:
    for _ in range(2):
        run(tmp_path, 2, "ddp", train)
    assert "finished already" in printed(tmp_path).splitlines()[-1]
    assert printed(tmp_path, 1) == ""
