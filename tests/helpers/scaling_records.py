"""Simulated records of trainings: what `records.results` reads of a ``result.json``, with losses of a known law."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from scipy import stats

from runtime.records.results import Result

Law = Callable[[float], float]
COUNTS = {"2M": 2_027_169, "20M": 20_113_441, "200M": 198_402_081, "2B": 2_004_711_937}
SEEDS = range(42, 47)
CHUNK_EFFECTS = np.array([-0.12, 0.09, -0.05, 0.14, -0.06])  # hard and easy days, for every forecast alike
BASELINES = {"base_rate": 0.56, "ewma_volatility": 0.50, "logistic_regression": 0.44, "gradient_boosting": 0.45}


def power_law(count: float) -> float:
    return 0.40 + 0.08 * (count / COUNTS["2M"]) ** -0.35


def flat(count: float) -> float:
    return 0.45


SPLIT = {
    "total_days": 7248,
    "context_length": 60,
    "horizon": 1,
    "val_ratio": 0.15,
    "test_ratio": 0.15,
    "seed": 42,
    "chunk_length": 201,
    "mode": "scattered",
    "embargo": 0,
}
ASKED = {
    "data_sha256": "0c0a",
    "split": SPLIT,
    "task": "threshold_1pct",
    "label_price": "high",
    "horizon": 1,
    "timescale": "daily",
}
OPENING = {
    "question": ASKED,
    "experiment": "phase6a_2M_threshold_1pct",
    "weights_sha256": "beef",
    "opening": 1,
    "opened": "2026-01-05",
}


def report(loss: float, model: npt.NDArray[np.float64] | None = None) -> dict[str, Any]:
    """Of one forecast; a baseline's holds the model's difference to it, chunk by chunk."""
    chunks = loss + CHUNK_EFFECTS
    skill = 1 - loss / BASELINES["base_rate"]
    found: dict[str, Any] = {
        "samples": 705,
        "positives": 164,
        "log_loss": loss,
        "log_loss_skill": skill,
        "brier": loss / 3,
        "brier_skill": skill,
        "roc_auc": 0.75,
        "pr_auc": 0.5,
        "calibration": {"ece": 0.02, "bins": [{"samples": 705, "forecast": 0.23, "positive_rate": 0.23}]},
        "decision": None,
        "chunks": 5,
        "intervals": {"log_loss": {"bootstrap": interval(chunks), "t": interval(chunks)}},
        "undefined": {"decision": "this record is simulated"},
    }
    if model is not None:
        less = model - chunks
        found["model_minus_this"] = {"log_loss": difference(less)}
    return found


def interval(chunks: npt.NDArray[np.float64]) -> list[float]:
    low, high = stats.ttest_1samp(chunks, 0).confidence_interval(0.95)
    return [float(low), float(high)]


def split_reports(loss: float, chunk_noise: npt.NDArray[np.float64]) -> dict[str, Any]:
    model = loss + CHUNK_EFFECTS + chunk_noise - chunk_noise.mean()
    return {"model": report(loss)} | {name: report(each, model) for name, each in BASELINES.items()}


def added(loss: float, chunk_noise: npt.NDArray[np.float64]) -> dict[str, Any]:
    """The better the model, the more it adds; the plain mean adds a half of that, another fit of the rival nothing."""
    gain = 0.5 * (loss - 0.47 + chunk_noise - chunk_noise.mean())
    return {
        "minus_rival": {
            "combination": difference(gain),
            "mean": difference(gain / 2),
            "second_fit": difference(0 * gain),
            "rescaled": None,
            "undefined": {"rescaled": "on validation no temperature is best"},
        },
        "encompassing": {"statistic": 2.0, "p_value": 0.04},
    }


def difference(chunks: npt.NDArray[np.float64]) -> dict[str, Any]:
    low_high = interval(chunks) if chunks.any() else [0.0, 0.0]
    return {
        "difference": float(chunks.mean()),
        "bootstrap": low_high,
        "detectable": 0.02,
        "t": low_high,
        "per_chunk": chunks.tolist(),
    }


def record(budget: str = "2M", seed: int = 42, loss: float = 0.45, **changes: Any) -> dict[str, Any]:
    """A finished training whose test split was opened."""
    noise = np.random.default_rng([seed, COUNTS.get(budget, 0) % 997]).normal(0, 0.01, 5)
    epochs = [
        {"epoch": 1, "train_loss": loss + 0.2, "val_loss": loss + 0.1},
        {"epoch": 9, "train_loss": loss - 0.05, "val_loss": loss - 0.1},
    ]
    return (
        ASKED
        | {
            "status": "finished",
            "experiment": f"phase6a_{budget}_threshold_1pct",
            "phase": "phase6a",
            "budget": budget,
            "feature_columns": ["rsi_14"],
            "alarms": [],
            "shortened_to_epochs": None,
            "training_seed": seed,
            "parameter_count": COUNTS.get(budget, 0),
            "architecture": {"num_channels": 29},
            "recipe": {"max_epochs": 30},
            "splits": {
                "training": {"samples": 4806, "positives": 1110},
                "validation": {"samples": 705, "positives": 164},
                "test": {"samples": 705, "positives": 164},
            },
            "training": {
                "best_epoch": 9,
                "best_val_loss": loss - 0.1,
                "epochs": epochs,
                "stopped_early": True,
                "seconds": 9.0,
            },
            "weights_sha256": "beef",
            "validation": split_reports(loss - 0.1, noise),
            "test": split_reports(loss, noise),
            "test_opening": OPENING,
            "addition": {
                "rival": "logistic_regression",
                "weight": 0.4,
                "validation": added(loss - 0.1, noise),
                "test": added(loss, noise),
            },
        }
        | changes
    )


def results(records: Iterable[dict[str, Any]]) -> list[Result]:
    """As the report reads them."""
    return [msgspec.convert(each, Result) for each in records]


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
        each["test"] = each["test_opening"] = each["addition"]["test"] = None
    return closed


def write(records: Iterable[dict[str, Any]], outputs: Path) -> None:
    """Where the training scripts would have written them."""
    for each in records:
        script = each["experiment"].replace(f"{each['phase']}_", "train_", 1)
        part = f"_fraction_{each['train_fraction']}" if each.get("train_fraction") else ""
        further = f"seed_{each['training_seed']}" if each["training_seed"] != SEEDS[0] else ""
        folder = outputs / each["phase"] / f"{script}{part}" / further
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "result.json").write_text(json.dumps(each))
