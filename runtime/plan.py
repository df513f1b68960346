"""What a script is about to do, in words and measured numbers, before it costs anything."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from statistics import mean
from typing import Any

import optuna
import torch

from runtime.architecture import Architecture
from runtime.arguments import Arguments
from runtime.building import make_architecture
from runtime.environment import peak_memory_bytes
from runtime.experiment import Experiment
from runtime.history import missing_history
from runtime.objective import Objective
from runtime.search import SearchSettings
from runtime.trainer import Trainer

_MEASURED_STEPS = 10


def print_experiment(experiment: Experiment) -> None:
    """Print data, split with positives, isolation, what the split cannot show, and how long a history could.

    Raises:
        UserError: if training holds one class only.
    """
    series, splitter, splits = experiment.series, experiment.splitter, experiment.splits
    days = "1 trading day" if experiment.horizon == 1 else f"{experiment.horizon} trading days"
    print(f"{experiment.name}: {experiment.task}, horizon {days}, {experiment.timescale} bars")
    print(
        f"data: {len(series)} bars from {series.dates[0]} to {series.dates[-1]}, "
        f"{len(series.feature_columns)} features, content sha256 {series.content_sha256[:12]}…"
    )
    print(
        f"split: {len(splits.val_chunks)} validation and {len(splits.test_chunks)} test chunks "
        f"of {splitter.chunk_rows} bars, seed {splitter.seed}, {splitter.mode}, embargo {splitter.embargo}"
    )
    for name, labels in experiment.split_labels():
        positives = int(labels.sum())
        print(f"  {name:<10} {labels.size:>6} samples, {positives:>5} positives ({positives / labels.size:.2%})")
    print(f"  {experiment.day_isolation()}")
    print(
        "  features look back up to 199 days, so training rows after a held-out chunk carry its echo; "
        "the echo is causal (no feature sees its future)"
    )
    for sentence in (*experiment.thin_splits(), *missing_history(experiment)):
        print(f"  warning: {sentence}")
    experiment.require_two_classes("training")


def print_search_plan(experiment: Experiment, objective: Objective, settings: SearchSettings) -> None:
    """Print the experiment, the length of the search and the size of every candidate."""
    print_experiment(experiment)
    print(f"search: {settings.n_trials} trials, at most {settings.timeout_hours} hours, seed {settings.seed}")
    print(f"  each trains on {objective.split_indices.train_indices.size} of the training samples")
    for name, fields in objective.architectures.items():
        _print_size(name, make_architecture(fields, experiment.windows, objective.parameter_budget))


def print_search_cost(objective: Objective, settings: SearchSettings) -> None:
    """Measure some training steps of every candidate and print what the whole search would cost."""
    draw = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=settings.seed)).ask()
    typical = objective.suggest(draw)
    seconds = []
    for name in objective.architectures:
        trainer = objective.make_trainer(typical | {"architecture": name})
        seconds.append(_epoch_seconds(name, trainer))
    hours = mean(seconds) * trainer.recipe.max_epochs * settings.n_trials / 3600
    print(f"cost: about {hours:.2f} hours of training steps if no trial stops early or is pruned")
    _print_memory(trainer.device)


def print_training_plan(experiment: Experiment, architectures: Mapping[str, Mapping[str, Any]], budget: int) -> None:
    """Print the experiment and the size of each candidate; with more than one, validation will decide."""
    print_experiment(experiment)
    for name, fields in architectures.items():
        _print_size(name, make_architecture(fields, experiment.windows, budget))


def print_training_cost(
    experiment: Experiment,
    arguments: Arguments,
    architectures: Mapping[str, Mapping[str, Any]],
    make_trainer: Callable[[Experiment, Arguments, Mapping[str, Any], int], Trainer],
    *,
    training_seed: int,
) -> None:
    """Measure some training steps of each candidate and print what the whole training of every seed would cost."""
    seconds = 0.0
    for name, fields in architectures.items():
        trainer = make_trainer(experiment, arguments, fields, training_seed)
        seconds += _epoch_seconds(name, trainer) * trainer.recipe.max_epochs * arguments.seeds
    print(f"cost: about {seconds / 3600:.2f} hours of training steps if it does not stop early")
    _print_memory(trainer.device)


def _print_size(name: str, architecture: Architecture) -> None:
    print(f"model: {name}: {architecture.parameter_count():,} parameters")


def _epoch_seconds(name: str, trainer: Trainer) -> float:
    step = trainer.measure_step_seconds(_MEASURED_STEPS)
    size = trainer.recipe.batch_size
    print(f"  {name}: {step * 1000:.0f} ms a step of {size} samples, {size / step:.0f} samples/s on {trainer.device}")
    return step * trainer.steps_per_epoch


def _print_memory(device: torch.device) -> None:
    if device.type == "cuda":
        print(f"memory: {torch.cuda.max_memory_reserved(device) / 2**30:.2f} GiB of the GPU at the peak so far")
    print(f"memory: {peak_memory_bytes() / 2**30:.2f} GiB resident at the peak so far")
