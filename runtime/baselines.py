"""Obvious forecasts on exactly the samples that the model sees."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression

from runtime.evaluation import Floats, base_rate_logit
from runtime.splits import Indices
from runtime.windows import WindowDataset

Forecaster = Callable[[Indices], Floats]
"""Sample starts in, logits out."""


def fit_baselines(dataset: WindowDataset, train_indices: Indices) -> dict[str, Forecaster]:
    """Fit each baseline on the training samples.

    ``base_rate`` forecasts the training positive rate. ``logistic_regression`` sees the decision row's standardised
    features (scikit-learn's defaults, L2 with C=1).

    Args:
        dataset: standardised samples.
        train_indices: starts of the samples to learn from.

    Returns:
        Name and forecaster of each, in the order they are reported.
    """
    values = dataset.values.cpu().numpy()
    labels = dataset.labels.double().cpu().numpy()

    def decision_rows(indices: Indices) -> npt.NDArray[np.int64]:
        return indices + dataset.context_length - 1

    train_labels = labels[decision_rows(train_indices)]
    constant = base_rate_logit(float(train_labels.mean()))
    linear = LogisticRegression(max_iter=1000).fit(values[decision_rows(train_indices)], train_labels)
    return {
        "base_rate": lambda indices: np.full(indices.size, constant),
        "logistic_regression": lambda indices: linear.decision_function(values[decision_rows(indices)]).astype(float),
    }
