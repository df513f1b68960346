"""A training that a device cannot hold is told before anything is built."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from runtime.model.architecture import Architecture
from runtime.model.patchtst import PatchTST
from runtime.records import environment
from runtime.records.environment import memory_bytes
from runtime.script.ranks import Ranks
from runtime.training import memory_need
from runtime.training.memory_need import least_memory, short_of_memory
from tests.helpers.tiny import ARCHITECTURE, make_arguments, make_experiment, make_trainer
from tests.helpers.tiny_run import run_tiny

SHAPE = Architecture(num_channels=3, context_length=8, **ARCHITECTURE)
CPU = torch.device("cpu")


def test_the_least_memory_is_what_a_training_holds_between_its_steps() -> None:
    trainer = make_trainer(make_experiment(), max_epochs=1)
    trainer._train_epoch(None)
    trainer._validate_epoch()
    moments = [each for state in trainer.optimizer.state.values() for each in state.values() if each.ndim]
    gradients = [each.grad for each in trainer.model.parameters() if each.grad is not None]
    held = [*trainer.model.parameters(), *gradients, *moments, *trainer.learner.best_weights.values()]
    assert least_memory(SHAPE, Ranks()) == sum(each.numel() * each.element_size() for each in held)


def test_only_full_sharding_spares_a_rank_memory() -> None:
    whole = least_memory(SHAPE, Ranks())
    assert least_memory(SHAPE, Ranks("ddp", 0, 4)) == whole
    assert least_memory(SHAPE, Ranks("fsdp", 0, 4)) == whole // 4
    assert least_memory(SHAPE, Ranks("fsdp")) == whole


def test_memory_that_just_holds_the_training_is_no_reason_to_warn(monkeypatch: pytest.MonkeyPatch) -> None:
    need = least_memory(SHAPE, Ranks())
    for present, short in ((need, None), (need - 1, (need, need - 1)), (None, None)):
        monkeypatch.setattr(memory_need, "memory_bytes", lambda device, present=present: present)
        assert short_of_memory([SHAPE], CPU, Ranks()) == short


def test_a_plan_says_it_before_a_model_is_built(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(memory_need, "memory_bytes", lambda device: 2**10)
    monkeypatch.setattr(PatchTST, "__init__", lambda *_, **__: pytest.fail("built before it was said"))
    with pytest.raises(pytest.fail.Exception):
        run_tiny(make_arguments(tmp_path, dry_run=True))
    said = capsys.readouterr().out.splitlines()[-1]
    assert said.startswith("  warning: cannot train here: weights, gradients, optimiser and best weights need 0.0 GiB")
    assert "cpu has 0.0 GiB. A smaller budget can, or a larger device" in said


def test_a_container_s_limit_counts(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    machine, limit = memory_bytes(CPU), tmp_path / "memory.max"
    assert machine is not None
    monkeypatch.setattr(environment, "_CONTAINER_LIMITS", (tmp_path / "absent", limit))
    for text, expected in (("1073741824\n", 2**30), ("max\n", None), ("9223372036854771712", None)):
        limit.write_text(text)
        found = memory_bytes(CPU)
        assert found is not None
        assert found == expected if expected else found >= machine
    assert memory_bytes(torch.device("mps")) is None
