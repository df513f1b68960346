"""A training script's run on the smallest market, from fit to record."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from runtime.judging.openings import OPENINGS, read_openings
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.training.recipe import Recipe
from runtime.training.trainer import Trainer
from runtime.training.training import MakeTrainer
from runtime.training.training_run import run_training
from tests.helpers.tiny import ARCHITECTURE, make_experiment, make_recipe

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
    architecture: Mapping[str, Any] = MappingProxyType({}),
    **changes: Any,
) -> dict[str, Any]:
    """Run the whole training with some of the recipe's values changed; return the record of the first seed."""

    recipe, architectures = make_recipe(**changes), {"tiny": architecture}
    run_tiny(arguments, experiment, recipe, architectures=architectures, seed=seed, checkpoint_share=checkpoint_share)
    record: dict[str, Any] = read(arguments.output / "result.json")
    return record


def make(experiment: Experiment, fields: dict[str, Any], recipe: Recipe, seed: int, arguments: Arguments) -> Trainer:
    """As a script does."""
    return Trainer(experiment.windows, split_indices=experiment.splits, architecture=fields, recipe=recipe, seed=seed)


def run_tiny(
    arguments: Arguments,
    experiment: Experiment = EXPERIMENT,
    recipe: Recipe | None = None,
    make_trainer: MakeTrainer = make,
    architectures: Mapping[str, Mapping[str, Any]] = MappingProxyType({"tiny": {}}),
    seed: int = 7,
    **more: Any,
) -> None:
    """Run a training script's last line on the tiny model, or on several that differ from it by these fields."""
    run_training(
        experiment,
        recipe or make_recipe(),
        make_trainer,
        arguments,
        model=ARCHITECTURE,
        architectures=architectures,
        parameter_budget=None,
        training_seed=seed,
        provenance=PROVENANCE,
        **more,
    )


def metrics_of(output: Path) -> list[dict[str, Any]]:
    """All lines of ``metrics.jsonl`` without the seconds, which no two runs share."""
    lines = (output / "metrics.jsonl").read_text().splitlines()
    rows = [json.loads(line, parse_constant=refuse_constant) for line in lines]
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


def openings(arguments: Arguments) -> list[dict[str, Any]]:
    """What the project's log of test openings holds."""
    return read_openings(arguments.project / OPENINGS)
