"""How long a phase takes, from sizes alone."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from runtime.model.patchtst import PatchTST
from runtime.phase import outlook
from runtime.phase.estimate import operations_per_second, search_hours, training_hours
from runtime.phase.graph import Node
from runtime.phase.outlook import print_outlook
from runtime.training.building import make_architecture
from tests.helpers.tiny import ARCHITECTURE, CONTEXT_LENGTH, make_experiment

EXPERIMENT = make_experiment()


def script(**changes: Any) -> Any:
    model = {name: value for name, value in ARCHITECTURE.items() if name != "d_ff"}
    values = {
        "MODEL": model,
        "ARCHITECTURES": {"narrow": {"d_ff": 8}},
        "FEATURE_COLUMNS": ["a", "b", "c"],
        "CONTEXT_LENGTH": CONTEXT_LENGTH,
        "MAX_EPOCHS": 10,
        "N_TRIALS": 20,
        "TIMEOUT_HOURS": 4.0,
        "HPO_TRAIN_FRACTION": 0.25,
        "make_experiment": lambda: EXPERIMENT,
    }
    return SimpleNamespace(**(values | changes))


def test_a_training_takes_six_operations_a_weight_and_token() -> None:
    parameters = PatchTST(make_architecture(ARCHITECTURE, EXPERIMENT.windows, None)).parameter_count()
    samples, tokens = EXPERIMENT.splits.train_indices.size, 2
    hours = 6 * parameters * samples * tokens * 10 / 1e9 / 3600
    assert training_hours(script(), EXPERIMENT, 1e9) == pytest.approx(hours)
    assert training_hours(script(), EXPERIMENT, 1e9, networks=3) == pytest.approx(3 * hours)
    two = script(ARCHITECTURES={"one": {"d_ff": 8}, "same": {"d_ff": 8}})
    assert training_hours(two, EXPERIMENT, 1e9) == pytest.approx(2 * hours), "each candidate is trained"
    independent = script(MODEL=script().MODEL | {"channels": "independent"})
    assert training_hours(independent, EXPERIMENT, 1e9) > 2 * hours, "each channel is a sequence"
    assert search_hours(two, EXPERIMENT, 1e9) == pytest.approx(0.25 * 20 * hours), "a trial trains one of them"


def test_a_search_takes_no_longer_than_its_limit() -> None:
    assert search_hours(script(), EXPERIMENT, 1.0) == 4.0


def test_a_device_is_measured() -> None:
    assert 1e7 < operations_per_second(torch.device("cpu")) < 1e15


def test_each_node_and_the_sum_are_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(outlook, "load_script", lambda path: script())
    monkeypatch.setattr(outlook, "search_hours", lambda *_: 1.5)
    monkeypatch.setattr(outlook, "training_hours", lambda *_: 0.25)
    folder = Path("/p/experiments/phase0")
    searches = [Node("search", folder / f"hpo_{name}.py", ("x",), folder) for name in "ab"]
    generate = Node("generate", folder / "train_a.py", ("-m", "codegen", "phase0"), folder)
    train = Node("train", folder / "train_a.py", ("x",), folder)
    nodes, unfinished = [*searches, generate, train], [searches[1], train]
    print_outlook(nodes, unfinished, {train.name: "opened"}, torch.device("cpu"), networks=1)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == [
        "search phase0/a: finished",
        "search phase0/b: about 1.50 h",
        "generate phase0/a: python -m codegen phase0",
        "train phase0/a: about 0.25 h; test split stays closed",
    ]
    assert lines[4].startswith("in all about 1.75 hours one after the other on cpu")
