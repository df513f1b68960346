"""A training script's run on the smallest market, from fit to record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from runtime.judging.sealed_test import OPENINGS, read_openings
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.training.trainer import Trainer
from runtime.training.training_run import run_training
from tests.helpers.tiny import ARCHITECTURE, make_experiment, make_trainer

EXPERIMENT = make_experiment()
PROVENANCE = {"search": "hpo_tiny_threshold_1pct.best.json", "trial": 3}


def refuse_constant(text: str) -> None:
    """Fail on NaN and Infinity, which Python's reader would take."""
    raise AssertionError(f"{text} is not JSON")


def read(path: Path) -> Any:
    """The JSON that a file holds."""
    return json.loads(path.read_text(), parse_constant=refuse_constant)


def train(
    arguments: Arguments,
    experiment: Experiment = EXPERIMENT,
    *,
    seed: int = 7,
    checkpoint_share: float = 0.01,
    **changes: Any,
) -> dict[str, Any]:
    """Run the whole training with some of the recipe's values changed; return the record of the first seed."""

    def make(asked: Experiment, _arguments: Arguments, _fields: Mapping[str, Any], seed: int) -> Trainer:
        return make_trainer(asked, seed=seed, **changes)

    run_training(
        experiment,
        arguments,
        {"tiny": ARCHITECTURE},
        make,
        training_seed=seed,
        provenance=PROVENANCE,
        checkpoint_share=checkpoint_share,
    )
    record: dict[str, Any] = read(arguments.output / "result.json")
    return record


def metrics_of(output: Path) -> list[dict[str, Any]]:
    """All lines of ``metrics.jsonl`` without the seconds, which no two runs share."""
    lines = (output / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=refuse_constant) for line in lines]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def openings(arguments: Arguments) -> list[dict[str, Any]]:
    """What the project's log of test openings holds."""
    return read_openings(arguments.project / OPENINGS)
