"""The cost and memory that a dry run reports."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from runtime.training import plan
from runtime.training.step_time import StepTime
from tests.helpers.tiny import make_arguments, make_experiment, make_recipe, make_trainer
from tests.helpers.tiny_run import run_tiny


def test_a_dry_run_says_what_was_measured(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    run_tiny(make_arguments(tmp_path, dry_run=True), architectures={"narrow": {}, "wide": {"d_ff": 16}})
    lines = capsys.readouterr().out.splitlines()
    assert sum("ms a step of 32 samples (measured), " in line for line in lines) == 2
    assert "hours of training steps if it does not stop early, from measured steps" in "".join(lines)
    assert lines[-1].endswith("GiB resident at the peak so far")


def test_estimates_are_never_shown_as_measured(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [StepTime(0.5, True, "measured"), StepTime(0.5, False, "estimated from …")]
    for load, warned in ((0.1, False), (1000.0, True)):
        monkeypatch.setattr(os, "getloadavg", lambda load=load: (load, 0.0, 0.0))
        plan.print_cost(7200.0, times, torch.device("cpu"), "it goes well")
        said = capsys.readouterr().out
        assert "about 2.00 hours of training steps if it goes well, from estimated steps (1 of 2 measured)\n" in said
        assert "resident" not in said  # the memory of a layer says nothing about a model's
        assert ("this machine is busy (load 1000.0" in said) is warned


def test_a_rival_without_history_costs_as_much_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    steps = make_trainer(make_experiment()).steps_per_epoch * make_recipe().max_epochs
    step = StepTime(3600 / steps, True, "measured")
    monkeypatch.setattr(plan, "print_step_time", lambda *_: step)
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
