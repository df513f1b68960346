"""Forecasts of the baselines, kept for every run that asks the same question of the same split."""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import scipy
import sklearn

from runtime.arrays import Floats, Indices
from runtime.judging.baselines import BASELINES, fit_baselines
from runtime.judging.boosting import CHOICE, SIZES, describe_choice, size_losses
from runtime.records.files import parse_json, write_json
from runtime.samples.experiment import Experiment

_QUESTION = (
    "data_sha256",
    "feature_columns",
    "split",
    "task",
    "threshold",
    "label_price",
    "horizon",
    "timescale",
    "normalisation",
)


def baseline_logits(experiment: Experiment, indices: Indices, folder: Path) -> dict[str, Floats]:
    """Forecasts of every baseline, from the cache if it holds exactly these.

    Args:
        experiment: the question; its training samples are what the baselines learn from.
        indices: starts of the samples to forecast.
        folder: of the cache; one file for each question, split and set of samples.

    Returns:
        Name -> logits, shape (samples,), in the order they are reported.
    """

    def fit() -> dict[str, Floats]:
        return {name: forecast(indices) for name, forecast in fit_baselines(experiment).items()}

    return kept_logits(cache_key(experiment, indices), folder, fit)


def kept_logits(key: Mapping[str, Any], folder: Path, compute: Callable[[], dict[str, Floats]]) -> dict[str, Floats]:
    """Forecasts by name from the cache if it holds them under exactly this key; else computed, and kept.

    Args:
        key: everything that they depend on, see `cache_key`.
        folder: of the cache.
        compute: gives name -> logits, shape (samples,).
    """
    path = folder / f"{_digest(key)[:16]}.json"
    if path.exists():
        try:
            return _read(path, key)
        except (OSError, ValueError, KeyError, TypeError) as error:
            print(f"warning: {path} is damaged ({error}); the baselines are computed again", file=sys.stderr)
    logits = compute()
    values = {name: each.tolist() for name, each in logits.items()}
    write_json(path, {"key": key, "sha256": _digest(values), "logits": values})
    return logits


def boosting_choice(experiment: Experiment, folder: Path) -> dict[str, Any]:
    """The size of the boostings that `baseline_logits` gives, as a record tells it; kept as their forecasts are.

    Returns:
        See `describe_choice`.
    """

    def compute() -> dict[str, Floats]:
        return {str(size): np.array([loss]) for size, loss in size_losses(experiment).items()}

    key = cache_key(experiment, experiment.splits.train_indices) | {"settings": dict(CHOICE)}
    kept = kept_logits(key, folder, compute)
    return describe_choice({size: float(kept[str(size)][0]) for size in SIZES if kept})


def cache_key(experiment: Experiment, indices: Indices) -> dict[str, Any]:
    """Everything that the forecasts depend on.

    The training samples and their labels count beside the question, because a part of them may train.
    """
    return question_key(experiment) | {
        "samples": _array_sha256(indices),
        "settings": {each.name: dict(each.settings) for each in BASELINES},
        "versions": {module.__name__: module.__version__ for module in (np, pd, scipy, sklearn)},
    }


def question_key(experiment: Experiment) -> dict[str, Any]:
    """All of an experiment that what is learned from it depends on."""
    identity, train = experiment.identity(), experiment.splits.train_indices
    return {name: identity[name] for name in _QUESTION if name in identity} | {
        "training": _array_sha256(train, experiment.labels_of(train))
    }


def _read(path: Path, key: Mapping[str, Any]) -> dict[str, Floats]:
    stored = parse_json(path.read_bytes())
    if stored["key"] != key or stored["sha256"] != _digest(stored["logits"]):
        raise ValueError("its content does not fit its checksum")
    return {name: np.asarray(values, dtype=np.float64) for name, values in stored["logits"].items()}


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _array_sha256(*arrays: np.typing.NDArray[Any]) -> str:
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(array.astype(array.dtype.newbyteorder("<")).tobytes())
    return digest.hexdigest()
