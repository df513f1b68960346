"""A second fit of a baseline, for what averaging alone buys: two forecasts of the same kind, averaged, err less."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from runtime.arrays import Floats, Indices
from runtime.judging.baseline_cache import cache_key, kept_logits
from runtime.judging.baselines import BASELINES
from runtime.samples.experiment import Experiment

FRACTION = 0.5
"""Of the training days, in whole blocks. Baselines are deterministic, so that only other days make another fit, and
half of them without replacement vary it as a bootstrap sample would (Buja and Stuetzle 2006, for bagging)."""


def second_fit_logits(experiment: Experiment, name: str, indices: Indices, folder: Path) -> Floats | str:
    """Forecasts of a baseline that was fitted on half of the training days, from the cache if it holds them.

    Args:
        experiment: the question.
        name: of the baseline.
        indices: starts of the samples to forecast.
        folder: of the cache, see `baseline_logits`.

    Returns:
        Logits, shape (samples,); or, in words, why there are none.
    """
    baseline = next((each for each in BASELINES if each.name == name), None)
    if baseline is None:
        return f"{name} is fitted once only"
    splits = experiment.splits
    part = splits.with_train(experiment.splitter.get_training_part(splits, FRACTION))
    half = replace(experiment, splits=part)
    labels = half.labels_of(part.train_indices)
    if labels.min() == labels.max():
        return "half of the training days hold one class only"
    key = cache_key(half, indices) | {"settings": {name: dict(baseline.settings)}}
    return kept_logits(key, folder, lambda: {name: baseline.fit(half)(indices)})[name]
