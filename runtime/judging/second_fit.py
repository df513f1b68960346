"""A second fit of a baseline, for what averaging alone buys: two forecasts of the same kind, averaged, err less.

It must be as good as the first, or the average suffers and the model looks good beside it. On 30 stocks (95,000
training samples, 15 chunks of test days) the average of boosting (15 leaves, 150 rounds) with a fit on half of the
training days changed its log loss by +0.0020, with one on a bootstrap sample of them by +0.0007, and with one of half
of the features at each split by -0.0005.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier

from runtime.arrays import Floats, Indices
from runtime.judging.baseline_cache import cache_key, kept_logits
from runtime.judging.baselines import BASELINES, Fitted
from runtime.samples.experiment import Experiment

OTHER_TREES: Mapping[str, Any] = {"max_features": 0.5, "random_state": 1}
"""How boosting is varied: each split chooses among a random half of the features, as in a forest (Breiman 2001)."""

SEED = 1
"""Of the bootstrap sample that a regression is fitted on again."""


@dataclass(frozen=True, eq=False)
class SecondFit:
    """Another fit of a baseline on the training samples; fitted when first asked for what the cache does not hold.

    Attributes:
        experiment: the question.
        name: of the baseline.
    """

    experiment: Experiment
    name: str

    def logits(self, indices: Indices, folder: Path) -> Floats | str:
        """Its forecasts, from the cache if it holds them.

        Args:
            indices: starts of the samples to forecast.
            folder: of the cache, see `baseline_logits`.

        Returns:
            Logits, shape (samples,); or, in words, why there are none.
        """
        baseline = next((each for each in BASELINES if each.name == self.name), None)
        if baseline is None or self.name == "base_rate":
            return f"{self.name} is fitted once only"
        if np.unique(self.experiment.labels_of(self._resampled)).size < 2:
            return "a bootstrap sample of the training days holds one class only"
        varied = {**baseline.settings, "second_fit": {**OTHER_TREES, "seed": SEED}}
        key = cache_key(self.experiment, indices) | {"settings": {self.name: varied}}
        return kept_logits(key, folder, lambda: {self.name: self._forecaster(indices)})[self.name]

    @cached_property
    def _forecaster(self) -> Fitted:
        first = next(each.fit for each in BASELINES if each.name == self.name)(self.experiment)
        if not isinstance(first, Fitted):
            raise TypeError(f"{self.name} is no estimator of scikit-learn")
        other, samples = clone(first.estimator), self._resampled
        if isinstance(other, HistGradientBoostingClassifier):
            other, samples = other.set_params(**OTHER_TREES), first.samples
        return Fitted(other.fit(first.inputs(samples), self.experiment.labels_of(samples)), first.inputs, samples)

    @cached_property
    def _resampled(self) -> Indices:
        """Training samples of whole blocks of days, as many blocks as there are, drawn with replacement."""
        splits = self.experiment.splits
        block = splits.days(splits.train_indices)[0] // self.experiment.splitter.chunk_rows
        blocks = np.unique(block)
        drawn = np.random.default_rng(SEED).choice(blocks, blocks.size)
        resampled: Indices = np.concatenate([splits.train_indices[block == each] for each in drawn])
        return resampled
