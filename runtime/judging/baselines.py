"""Obvious forecasts on exactly the samples that the model sees: no history in windows, nothing tuned on this split."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from runtime.errors import UserError
from runtime.judging.evaluation import Floats, base_rate_logit
from runtime.samples.experiment import Experiment
from runtime.samples.series import Series
from runtime.samples.splits import Indices

Forecaster = Callable[[Indices], Floats]
"""Sample starts in, logits out."""

DECAY = 0.94
"""RiskMetrics' daily decay factor (J.P. Morgan/Reuters 1996, section 5.3)."""

BOOSTING: Mapping[str, Any] = {
    "learning_rate": 0.05,
    "max_iter": 100,
    "max_leaf_nodes": 4,
    "min_samples_leaf": 100,
    "early_stopping": False,
    "random_state": 0,
}
"""Chosen once among eleven settings by the mean validation skill of split seeds 100 to 107 of the 1 % task: smaller
trees did better there, and scikit-learn's own defaults (31 leaves) overfit."""


def ewma_volatility(series: Series) -> Floats:
    """Daily volatility known at the close of each bar's last day: the root of the weighted mean squared log return.

    ``variance[t] = sum(DECAY^k * return[t-k]^2) / sum(DECAY^k)`` over all *daily* returns up to day t, whatever the
    timescale, because the label looks at the trading days after a bar.

    Returns:
        Shape (bars,); NaN before the first return.
    """
    returns = np.log(series.daily["Close"]).diff()
    variance: Floats = (returns**2).ewm(alpha=1 - DECAY).mean().to_numpy(np.float64)
    return np.sqrt(variance)[series.bars.last_day]


def fit_baselines(experiment: Experiment) -> dict[str, Forecaster]:
    """Fit each baseline on the training samples.

    ``base_rate`` forecasts the training positive rate. ``ewma_volatility`` is a logistic regression on the logarithm of
    `ewma_volatility`: the volatility forecast that a model must beat to know more than that markets are calm or not.
    ``logistic_regression`` (scikit-learn's defaults, L2 with C=1) and ``gradient_boosting`` see the decision row's
    standardised features.

    Returns:
        Name and forecaster of each, in the order they are reported.

    Raises:
        UserError: if the close has not moved once up to some decision row, so that volatility has no logarithm.
    """
    features = experiment.windows.values.cpu().numpy()
    train = experiment.splits.train_indices
    labels = experiment.labels_of(train)
    constant = base_rate_logit(float(labels.mean()))

    def fit(estimator: Any, inputs: Callable[[Indices], npt.NDArray[Any]]) -> Forecaster:
        estimator.fit(inputs(train), labels)
        return lambda indices: estimator.decision_function(inputs(indices)).astype(np.float64)

    def last_row(indices: Indices) -> npt.NDArray[Any]:
        return features[experiment.decision_rows(indices)]

    return {
        "base_rate": lambda indices: np.full(indices.size, constant),
        "ewma_volatility": fit(LogisticRegression(), log_volatility(experiment)),
        "logistic_regression": fit(LogisticRegression(max_iter=1000), last_row),
        "gradient_boosting": fit(HistGradientBoostingClassifier(**BOOSTING), last_row),
    }


def log_volatility(experiment: Experiment) -> Callable[[Indices], Floats]:
    """The one input of the volatility forecast, shape (samples, 1)."""
    volatility = ewma_volatility(experiment.series)

    def of_samples(indices: Indices) -> Floats:
        values = volatility[experiment.decision_rows(indices)]
        undefined = indices[~(values > 0)]
        if undefined.size:
            date = experiment.series.dates[experiment.decision_rows(undefined[:1])][0]
            raise UserError(f"the close never moved up to {date}: its volatility is 0; use a history that begins later")
        return np.log(values)[:, None]

    return of_samples
