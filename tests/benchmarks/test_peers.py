"""The speed benchmark compares what it says: the same model, trained, by each implementation that is installed."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from runtime.model.architecture import Architecture
from tests.benchmarks import ours, peer_models, peers
from tests.benchmarks.setting import ARCHITECTURES, STEPS, Runner

INSTALLED = {name: make for name, make in peer_models.PEERS.items() if "neuralforecast" not in name}
MAKERS: dict[str, Callable[[Architecture], Runner]] = {
    "ours": ours.steps,
    "ours, whole epoch": ours.whole_epoch,
    **INSTALLED,
}


@pytest.fixture(autouse=True)
def one_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(STEPS, "independent", 1)
    monkeypatch.setitem(STEPS, "mixing", 1)


@pytest.mark.parametrize("form", ARCHITECTURES)
@pytest.mark.parametrize("name", MAKERS)
def test_each_implementation_takes_steps_of_as_many_parameters(name: str, form: str) -> None:
    small = replace(ARCHITECTURES[form], num_layers=1)
    runner = MAKERS[name](small)
    heads = small.head_size + 1 + 2 * small.d_model  # peers read two logits, or lack a final norm's two vectors
    assert abs(runner.parameters - small.parameter_count()) <= heads
    runner.take_steps(1)


@pytest.mark.parametrize("form", ARCHITECTURES)
def test_a_step_costs_six_operations_for_each_weight_of_each_token(form: str) -> None:
    """Two forward and four backward (Kaplan et al., 2020, section 2.1), and a little for attention."""
    a = ARCHITECTURES[form]
    tokens = 64 * a.num_patches * (a.num_channels if form == "independent" else 1)
    weights = a.num_layers * (4 * a.d_model**2 + 2 * a.d_model * a.d_ff)
    assert 1 <= peers.step_flops(form) / (6 * tokens * weights) < 1.1


def test_our_allocator_is_named_where_a_peer_is_given_it(monkeypatch: pytest.MonkeyPatch) -> None:
    kept: list[bool] = []
    monkeypatch.setattr(peer_models, "keep_pages", lambda: kept.append(True))
    for name, make in INSTALLED.items():
        before = len(kept)
        make(replace(ARCHITECTURES["mixing"], num_layers=1))
        assert (len(kept) > before) == ("pages kept" in name)


def test_a_worker_answers_each_line_with_a_round() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.peers", "--worker", "ours", "mixing"]
    done = subprocess.run(command, input="1\n", capture_output=True, text=True, check=True)
    answer = json.loads(done.stdout)
    assert answer.keys() == {"cpu", "wall", "memory", "parameters", "matrix"}
    assert all(value > 0 for value in answer.values())


def test_the_table_shows_medians_of_paired_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    own = [{"cpu": 2.0, "wall": 2.0, "memory": 5e6, "parameters": 1, "matrix": 1e12} for _ in range(3)]
    other = [each | {"cpu": 8.0, "wall": 2 * wall} for each, wall in zip(own, (2.0, 3.0, 9.0), strict=True)]
    peers.report("mixing", {"ours": own, "a peer": other})
    line = next(line for line in capsys.readouterr().out.splitlines() if line.startswith("a peer"))
    assert line.split()[-5:] == ["125.00", "3.00x", "4.00x", "0%", "5"]


def test_windows_are_the_ones_that_start_at_each_row() -> None:
    windows, labels = peer_models.make_windows()
    assert len(windows) == len(labels)
    assert torch.equal(windows[1, :-1], windows[0, 1:])
