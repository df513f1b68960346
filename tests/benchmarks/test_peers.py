"""The speed benchmark compares what it says: the same model, trained, by each implementation that is installed."""

from __future__ import annotations

import runpy
import signal
import sys
from collections.abc import Callable
from dataclasses import replace

import pytest
import torch

from runtime.model.architecture import Architecture
from tests.benchmarks import ours, pairs, peer_models, peers
from tests.benchmarks.pairs import Worker, WorkerEnded
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


def test_the_names_are_those_that_can_be_made() -> None:
    assert tuple(peer_models.PEERS) == peers.PEERS


def test_a_worker_answers_each_line_with_a_round() -> None:
    with Worker("ours", "mixing") as worker:
        answer = worker.round()
    kinds = {"cpu", "wall", "memory", "resident", "parameters", "matrix", "samples", "flops"}
    assert answer.keys() == kinds
    assert all(value > 0 for value in answer.values())


@pytest.mark.parametrize(
    ("code", "why"),
    [
        (3, "its process ended with exit code 3; the reason stands above"),
        (-signal.SIGKILL, "its process was ended by SIGKILL, as the kernel does where memory runs out"),
        (-signal.SIGSEGV, "its process was ended by SIGSEGV"),
    ],
)
def test_a_process_that_ends_is_named_and_said_why(code: int, why: str) -> None:
    assert pairs.how_it_ended(code) == why


class Ending:
    """In place of a worker: ends in its second round where its name says so."""

    alive = 0

    def __init__(self, name: str, form: str) -> None:
        self.name, self.rounds = name, 0

    def __enter__(self) -> Ending:
        Ending.alive += 1
        assert Ending.alive <= 2
        return self

    def __exit__(self, *_: object) -> None:
        Ending.alive -= 1

    def round(self) -> dict[str, float]:
        self.rounds += 1
        if self.rounds == 2 and "eager" in self.name:
            raise pairs.WorkerEnded(f"{self.name}: its process was ended by SIGKILL")
        return OWN | {"wall": float(self.rounds)}


OWN = {"cpu": 2.0, "wall": 2.0, "memory": 5e6, "resident": 4e8, "parameters": 1, "matrix": 1e12}
OWN |= {"samples": 4800, "flops": 1e9}


def test_two_processes_are_alive_at_a_time_and_one_that_ends_costs_its_own_row_alone(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pairs, "Worker", Ending)
    names = ["Hugging Face, eager", "nn.TransformerEncoder"]
    taken, failures = peers.measure("mixing", names, 2)
    assert [[own["wall"] for own, _ in pair] for pair in taken.values()] == [[2.0, 3.0]]  # the first warms up
    assert failures == ["mixing channels, Hugging Face, eager: its process was ended by SIGKILL"]
    said = capsys.readouterr()
    assert said.out.splitlines() == [
        "mixing, round 1 of 2: ours 2400.0 samples/s, nn.TransformerEncoder 2400.0",
        "mixing, round 2 of 2: ours 1600.0 samples/s, nn.TransformerEncoder 1600.0",
    ]
    assert said.err == f"{failures[0]}\n"


def test_a_worker_that_cannot_begin_is_named() -> None:
    with Worker("ours", "mixing", module="tests.benchmarks.absent") as worker, pytest.raises(WorkerEnded, match="ours"):
        worker.round()


def test_the_table_shows_medians_of_paired_ratios(capsys: pytest.CaptureFixture[str]) -> None:
    other = [OWN | {"cpu": 8.0, "wall": 2 * wall} for wall in (2.0, 3.0, 9.0)]
    peers.report("mixing", {"a peer": [(OWN, each) for each in other]})
    lines = capsys.readouterr().out.splitlines()
    line = next(line for line in lines if line.startswith("a peer"))
    assert line.split()[-5:] == ["1.67", "3.00x", "4.00x", "0%", "5"]
    assert next(line for line in lines if line.startswith("ours")).split()[4:6] == ["1.00x", "1.00x"]
    assert lines[-1].endswith("at most 0.8 GB resident at once")


def test_what_to_measure_can_be_chosen(capsys: pytest.CaptureFixture[str]) -> None:
    given = peers.parse(["--form", "mixing", "--only", "transformerencoder", "--rounds", "2"])
    assert (given.forms, given.rounds) == (["mixing"], 2)
    assert peers.wanted("mixing", given.only) == ["nn.TransformerEncoder"]
    assert peers.ONE_CHANNEL_ONLY not in peers.wanted("mixing", None)
    for wrong in (["--rounds", "0"], ["--only", "keras"]):
        with pytest.raises(SystemExit) as ended:
            peers.parse(wrong)
        assert ended.value.code == 2
    assert "no name holds these words; there are: ours, whole epoch; Hugging" in capsys.readouterr().err


@pytest.mark.filterwarnings("ignore:.*found in sys.modules.*:RuntimeWarning")
@pytest.mark.parametrize("name", ["peers", "search", "rows", "generator", "plan", "archive", "gpu"])
def test_every_benchmark_helps(name: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "argv", [f"{name}.py", "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"tests.benchmarks.{name}", run_name="__main__")
    assert ended.value.code == 0
    assert f"python -m tests.benchmarks.{name}" in capsys.readouterr().out


def test_windows_are_the_ones_that_start_at_each_row() -> None:
    windows, labels = peer_models.make_windows()
    assert len(windows) == len(labels)
    assert torch.equal(windows[1, :-1], windows[0, 1:])
