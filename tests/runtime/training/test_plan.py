"""The time and memory of training steps that a dry run reports."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.training import plan
from runtime.training.trainer import Trainer
from tests.helpers.tiny import make_arguments, make_experiment, make_trainer
from tests.helpers.tiny_run import run_tiny


def test_every_step_has_ended_before_the_next_begins_and_the_clock_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    events = []

    class Loss:
        """Of a step that a GPU may still be at; its number is there when the step has ended."""

        def __float__(self) -> float:
            events.append("ended")
            return 0.5

    def begin(*_: Any) -> Loss:
        events.append("begun")
        return Loss()

    monkeypatch.setattr(Trainer, "_train_step", begin)
    make_trainer(make_experiment()).measure_step_seconds(2)
    assert events == ["begun", "ended"] * 3


def test_a_rival_without_history_costs_as_much_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(plan, "epoch_seconds", lambda *_: 360.0)
    for asked, hours in ((False, "2.00"), (True, "4.00")):
        run_tiny(make_arguments(tmp_path, dry_run=True, seeds=2, newest_row_network=asked))
        assert f"cost: about {hours} hours of training steps" in capsys.readouterr().out


def test_the_memory_of_a_gpu_is_told_beside_the_processor_s(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(torch.cuda, "max_memory_reserved", lambda device: 3 * 2**29)
    for device in ("cpu", "cuda"):
        plan.print_memory(torch.device(device))
    resident, of_the_gpu, resident_again = capsys.readouterr().out.splitlines()
    assert of_the_gpu == "memory: 1.50 GiB of the GPU at the peak so far"
    assert resident.endswith("GiB resident at the peak so far")
    assert resident_again.endswith("GiB resident at the peak so far")
