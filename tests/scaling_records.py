"""Simulated records of trainings: what `runtime.scaling` reads of a ``result.json``, with losses of a known law."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

Law = Callable[[float], float]
COUNTS = {"2M": 2_027_169, "20M": 20_113_441, "200M": 198_402_081, "2B": 2_004_711_937}
SEEDS = range(42, 47)
CHUNK_EFFECTS = np.array([-0.12, 0.09, -0.05, 0.14, -0.06])  # hard and easy days, for every forecast alike
BASELINES = {"base_rate": 0.56, "ewma_volatility": 0.50, "logistic_regression": 0.44, "gradient_boosting": 0.45}


def power_law(count: float) -> float:
    return 0.40 + 0.08 * (count / COUNTS["2M"]) ** -0.35


def flat(count: float) -> float:
    return 0.45


def report(loss: float, model: npt.NDArray[np.float64] | None = None) -> dict[str, Any]:
    """Of one forecast; a baseline's holds the model's difference to it, chunk by chunk."""
    chunks = loss + CHUNK_EFFECTS
    low, high = stats.ttest_1samp(chunks, 0).confidence_interval(0.95)
    found: dict[str, Any] = {"log_loss": loss, "chunks": 5, "intervals": {"log_loss": {"t": [float(low), float(high)]}}}
    if model is not None:
        found["model_minus_this"] = {"log_loss": {"per_chunk": (model - chunks).tolist()}}
    return found


def split_reports(loss: float, chunk_noise: npt.NDArray[np.float64]) -> dict[str, Any]:
    model = loss + CHUNK_EFFECTS + chunk_noise - chunk_noise.mean()
    return {"model": report(loss)} | {name: report(each, model) for name, each in BASELINES.items()}


def record(budget: str = "2M", seed: int = 42, loss: float = 0.45, **changes: Any) -> dict[str, Any]:
    """A finished training whose test split was opened."""
    noise = np.random.default_rng([seed, COUNTS.get(budget, 0) % 997]).normal(0, 0.01, 5)
    return {
        "status": "finished",
        "experiment": f"phase6a_{budget}_threshold_1pct",
        "phase": "phase6a",
        "budget": budget,
        "task": "threshold_1pct",
        "horizon": 1,
        "timescale": "daily",
        "data_sha256": "0c0a",
        "split": {"seed": 42, "chunk_length": 201},
        "shortened_to_epochs": None,
        "training_seed": seed,
        "parameter_count": COUNTS.get(budget, 0),
        "architecture": {"num_channels": 29},
        "recipe": {"max_epochs": 30},
        "splits": {"training": {"samples": 4806}, "validation": {"samples": 705}},
        "training": {"best_epoch": 9, "epochs": [{"train_loss": loss + 0.2}, {"train_loss": loss - 0.05}]},
        "validation": split_reports(loss - 0.1, noise),
        "test": split_reports(loss, noise),
        "test_opening": {"opening": 1},
    } | changes


def simulate(
    law: Law = power_law, budgets: Iterable[str] = COUNTS, seeds: Iterable[int] = SEEDS, noise: float = 0.004
) -> list[dict[str, Any]]:
    """A record of each budget and seed; normal noise between seeds with the given standard deviation."""
    random, seeds = np.random.default_rng(0), list(seeds)
    return [
        record(budget, seed, law(COUNTS[budget]) + float(random.normal(0, noise)))
        for budget in budgets
        for seed in seeds
    ]


def unopened(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    closed = copy.deepcopy(records)
    for each in closed:
        each["test"] = each["test_opening"] = None
    return closed
