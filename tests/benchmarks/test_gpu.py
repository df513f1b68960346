"""The GPU benchmark where there is no GPU: it says so, and each of its parts works on a tiny model."""

from __future__ import annotations

import re
import subprocess
import sys

import pytest
import torch

from runtime.model.architecture import Architecture
from runtime.model.layers import EncoderLayer
from runtime.model.patchtst import PatchTST
from tests.benchmarks import gpu
from tests.benchmarks.gpu import BFLOAT16, CHECKPOINTED, COMPILED, FLOAT32, Measured, Row, Way
from tests.helpers.questions import BUDGETS
from tests.helpers.tiny import ARCHITECTURE

CPU = torch.device("cpu")
TINY = Architecture(num_channels=3, context_length=8, **ARCHITECTURE)


@pytest.fixture(autouse=True)
def briefly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpu, "ROUND_SECONDS", 0.001)
    monkeypatch.setattr(gpu, "default_architecture", lambda budget: TINY)


@pytest.mark.skipif(torch.cuda.is_available(), reason="a GPU would be measured")
def test_without_a_gpu_it_says_so_in_one_line() -> None:
    command = [sys.executable, "-m", "tests.benchmarks.gpu"]
    ended = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert re.fullmatch(r"no GPU: .*\n", ended.stdout)


@pytest.mark.parametrize("way", [BFLOAT16, FLOAT32, CHECKPOINTED, COMPILED])
def test_a_row_is_measured_and_printed(
    way: Way, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained, compiled = [], []
    monkeypatch.setattr(EncoderLayer, "compile", lambda layer: compiled.append(True))
    forward = PatchTST.forward

    def watched(model: PatchTST, windows: torch.Tensor) -> torch.Tensor:
        trained.append((len(windows), model.training, model.checkpoint_activations))
        return forward(model, windows)

    monkeypatch.setattr(PatchTST, "forward", watched)
    assert gpu.report(Row("2M", 24, way), CPU, peak=1e9)
    printed = capsys.readouterr().out
    assert re.fullmatch(rf"2M +24  {re.escape(way.name)} +[\d,]+ +[\d.]+ +[\d.]+%\n", printed)
    assert trained.count((24, True, way.checkpoint)) >= gpu.WARM_UP + gpu.ROUNDS
    assert compiled == [True] * TINY.num_layers * way.compiled


def test_a_row_computes_in_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("runtime.model.precision.supports_bfloat16", lambda device: True)
    for way in (BFLOAT16, FLOAT32):
        monkeypatch.setattr(PatchTST, "pool", watched := Pool())
        gpu.measure(TINY, 24, way, CPU)
        assert watched.rounded == {way.autocast}


class Pool:
    """Stands in for pooling by flattening and remembers whether autocast was on."""

    def __init__(self) -> None:
        self.rounded: set[bool] = set()

    def __call__(self, tokens: torch.Tensor) -> torch.Tensor:
        self.rounded.add(torch.is_autocast_enabled("cpu"))
        return tokens.transpose(0, 1)


def test_batches_are_halved_until_they_fit_and_the_rest_goes_on(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(model: PatchTST, windows: torch.Tensor) -> torch.Tensor:
        if len(windows) > 10:
            raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB.")
        return whole(model, windows)

    whole = PatchTST.forward
    monkeypatch.setattr(PatchTST, "forward", forward)
    assert gpu.report(Row("2B", 32, BFLOAT16, halve=True), CPU, peak=1e9)
    lines = capsys.readouterr().out.splitlines()
    assert [each.split()[1] for each in lines] == ["32", "16", "8"]
    assert [each.endswith("out of memory") for each in lines] == [True, True, False]
    assert lines[2].endswith("at least 50%")


def test_no_row_begins_when_time_is_over(capsys: pytest.CaptureFixture[str]) -> None:
    assert gpu.report(Row("2M", 24, BFLOAT16), CPU, peak=1e9, last_start=0.0)
    assert capsys.readouterr().out.endswith("left out: 420 seconds are over\n")


def test_a_row_that_fails_otherwise_says_how(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def forward(model: PatchTST, windows: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no kernel\nsecond line")

    monkeypatch.setattr(PatchTST, "forward", forward)
    assert not gpu.report(Row("2M", 32, BFLOAT16, halve=True), CPU, peak=1e9)
    assert capsys.readouterr().out.endswith("failed: RuntimeError: no kernel\n")


def test_operations_are_six_a_weight_and_token_but_for_attention() -> None:
    products = sum(each.numel() for each in PatchTST(TINY).parameters() if each.ndim == 2) - TINY.head_size
    by_hand = 6 * products * TINY.num_patches + 6 * TINY.head_size
    assert by_hand * 0.9 < gpu.sample_flops(TINY) < by_hand * 1.2


def test_peak_is_that_of_matrix_products() -> None:
    assert gpu.matrix_flops(CPU, size=32) > 1e6


def test_the_goals_stand_beside_what_they_are_for() -> None:
    measured = Measured(seconds=0.5, peak_bytes=44_000_000_000)
    printed = gpu.line(Row("2B", 16, BFLOAT16), measured, flops_of_sample=10**10, peak=1e12)
    assert printed.split() == ["2B", "16", "bfloat16", "32", "500.00", "32.0%", "44.0", "within", "80", "GB"]


def test_every_budget_is_measured_in_both_precisions_and_two_billion_with_and_without_checkpointing() -> None:
    measured = {(row.budget, row.way.name) for row in gpu.rows()}
    assert measured >= {(budget, way.name) for budget in BUDGETS for way in (BFLOAT16, FLOAT32)}
    for way in (BFLOAT16, CHECKPOINTED):
        assert [row.batch for row in gpu.rows() if (row.budget, row.way) == ("2B", way)] == [16, 32, 4096]
