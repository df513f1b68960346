"""The smallest market with something to learn, and the smallest model that learns it in a moment."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import optuna
import pandas as pd
import torch

from runtime.arrays import Indices
from runtime.errors import RunError
from runtime.samples.bars import make_bars
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.experiment import Experiment
from runtime.samples.series import Series
from runtime.samples.windows import WindowDataset
from runtime.script.arguments import Arguments
from runtime.search.objective import Hyperparameters, Objective, create_objective
from runtime.training.recipe import Recipe
from runtime.training.trainer import EpochRecord, Trainer, TrainingResult

torch.set_num_threads(1)  # tensors this small only get slower on more

CONTEXT_LENGTH = 8

ARCHITECTURE: dict[str, Any] = {
    "patch_length": 4,
    "stride": 4,
    "d_model": 8,
    "num_heads": 2,
    "num_layers": 1,
    "d_ff": 8,
    "channels": "mixing",
    "norm": "layer",
    "norm_first": True,
    "positions": "learned",
    "residual_attention": False,
    "pooling": "flatten",
    "instance_norm": False,
    "last_row": False,
}

SEARCHED: dict[str, Any] = {
    "architecture": "narrow",
    "learning_rate": 0.02,
    "weight_decay": 0.01,
    "dropout": 0.1,
    "batch_size": 32,
}

FIXED: dict[str, Any] = {"max_epochs": 10, "patience": 10, "warmup_fraction": 0.2, "gradient_clip": 1.0}


def make_series(rows: int = 400) -> Series:
    """A nearly flat price whose High jumps by 2 % on the day after the first feature was high, but for some noise."""
    generator = np.random.default_rng(0)
    features = generator.normal(size=(rows, 3)).astype(np.float32)
    jumps = features[:, 0] + 0.5 * generator.normal(size=rows) > 0.3
    names = ("signal", "noise", "more_noise")
    prices = {name: np.full(rows, 100.0) for name in ("Open", "High", "Low", "Close", "Volume")}
    prices["High"][1:] += 2.0 * jumps[:-1]
    prices["Close"] += 0.1 * generator.normal(size=rows)  # far below the threshold, but enough to have a volatility
    dates = {"Date": pd.bdate_range("2020-01-01", periods=rows)}
    daily = pd.DataFrame(dates | prices | dict(zip(names, features.T, strict=True)))
    return Series(daily, make_bars(daily, "daily"), features, names, content_sha256="0" * 64)


def make_experiment(split_seed: int = 1) -> Experiment:
    """240 or so training, 64 validation and 64 test samples of three channels."""
    series = make_series()
    splitter = ChunkSplitter(len(series), CONTEXT_LENGTH, 1, 0.2, 0.2, seed=split_seed, chunk_length=40)
    return Experiment(
        name="phase0_tiny_threshold_1pct",
        phase="phase0",
        budget="tiny",
        task="threshold_1pct",
        threshold=0.01,
        label_price="high",
        horizon=1,
        timescale="daily",
        series=series,
        labels=series.labels(threshold=0.01, horizon=1, price="high"),
        splitter=splitter,
        splits=splitter.split(),
    )


def with_labels(experiment: Experiment, indices: Indices, values: npt.ArrayLike) -> Experiment:
    """The same experiment with other labels for some samples."""
    labels = experiment.labels.copy()
    labels[indices + CONTEXT_LENGTH - 1] = values
    return replace(experiment, labels=labels)


def with_features(experiment: Experiment, rows: Indices, value: float) -> WindowDataset:
    """The experiment's samples with some rows of standardised features overwritten."""
    windows = experiment.windows
    values = windows.values.numpy().copy()
    values[rows] = value
    return WindowDataset(values, experiment.labels, CONTEXT_LENGTH)


def make_recipe(**changes: Any) -> Recipe:
    """The tiny recipe with some values changed."""
    values = {name: value for name, value in SEARCHED.items() if name != "architecture"} | FIXED
    return Recipe(**(values | changes))


def make_trainer(
    experiment: Experiment,
    *,
    seed: int = 7,
    dataset: WindowDataset | None = None,
    last_row: bool = False,
    **recipe: Any,
) -> Trainer:
    """A trainer of the tiny model, ready to fit."""
    return Trainer(
        experiment.windows if dataset is None else dataset,
        split_indices=experiment.splits,
        architecture=ARCHITECTURE | {"last_row": last_row},
        recipe=make_recipe(**recipe),
        seed=seed,
    )


def losses_of(result: TrainingResult) -> list[tuple[float, float]]:
    """Training and validation loss of each epoch."""
    return [(record.train_loss, record.val_loss) for record in result.epochs]


def weights_of(trainer: Trainer) -> torch.Tensor:
    """A copy of all weights as one vector."""
    return torch.cat([parameter.detach().flatten() for parameter in trainer.model.parameters()])


def suggest(trial: optuna.Trial) -> Hyperparameters:
    """Draw one configuration, as a generated search script does."""
    return {
        "architecture": trial.suggest_categorical("architecture", ["narrow", "wide"]),
        "learning_rate": trial.suggest_float("learning_rate", 1e-3, 1e-1, log=True),
        "weight_decay": trial.suggest_float("weight_decay", 1e-3, 1e-1, log=True),
        "dropout": trial.suggest_float("dropout", 0.0, 0.5),
        "batch_size": trial.suggest_categorical("batch_size", (32, 64)),
    }


def make_objective(experiment: Experiment, **changes: Any) -> Objective:
    """The objective of a search between two widths of the tiny model."""
    values: dict[str, Any] = {
        "suggest": suggest,
        "dataset": experiment.windows,
        "split_indices": experiment.splits,
        "architectures": {"narrow": {"d_ff": 8}, "wide": {"d_ff": 16}},
        "model": {name: value for name, value in ARCHITECTURE.items() if name != "d_ff"},
        "fixed": FIXED,
        "seed": 7,
    }
    return create_objective(**(values | changes))


@dataclass(frozen=True, eq=False, kw_only=True)
class FormulaObjective(Objective):
    """An objective that replaces each training by validation losses of a formula; NaN stands for divergence."""

    losses: Callable[[Hyperparameters], list[float]]

    def train(
        self,
        hyperparameters: Hyperparameters,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        *,
        micro_batch_size: int | None = None,
    ) -> TrainingResult:
        """Report the formula's losses, one an epoch."""
        losses = self.losses(hyperparameters)
        records = tuple(EpochRecord(epoch, 0.0, loss, 0.1, 0.0, 0.0) for epoch, loss in enumerate(losses, start=1))
        for record in records:
            if np.isnan(record.val_loss):
                raise RunError(f"diverged in epoch {record.epoch}")
            if on_epoch is not None:
                on_epoch(record)
        best = min(records, key=lambda record: record.val_loss)
        return TrainingResult(best.epoch, best.val_loss, records, stopped_early=False, parameter_count=601)


def make_formula_objective(
    experiment: Experiment, losses: Callable[[Hyperparameters], list[float]], **changes: Any
) -> FormulaObjective:
    """The tiny search with ``losses`` in place of training."""
    return FormulaObjective(**(vars(make_objective(experiment)) | changes), losses=losses)


def make_arguments(project: Path, *, seed: int = 7, train_fraction: float | None = None, **flags: Any) -> Arguments:
    """What a script in ``project`` was asked for; the script, which names its seed, is written, too."""
    script = project / "experiments/phase0/script.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f"TRAINING_SEED = {seed}\n")
    part = "" if train_fraction is None else f"_fraction_{train_fraction}"
    given = {
        "dry_run": False,
        "device": torch.device("cpu"),
        "shorter_look": None,
        "seeds": 1,
        "no_test": False,
        "newest_row_network": False,
        "reopen_test": False,
        "allow_other_versions": False,
        "track": None,
        "storage": None,
        "workers": 1,
        "engine": "local",
        "output": project / "outputs" / "phase0" / f"script{part}",
        "best_file": script.with_suffix(".best.json"),
    }
    return Arguments(script=script, train_fraction=train_fraction, **(given | flags))
