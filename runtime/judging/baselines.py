"""Obvious forecasts on exactly the samples that the model sees; nothing is tuned on the split they are judged on."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression

from runtime.arrays import Floats, Indices
from runtime.errors import UserError
from runtime.judging.boosting import CHOICE, MOST_SAMPLES, chosen_size, make_boosting, size_losses, thinned
from runtime.judging.evaluation import base_rate_logit
from runtime.judging.inputs import BARS, last_rows, recent_history
from runtime.samples.experiment import Experiment
from runtime.samples.series import Series

Forecaster = Callable[[Indices], Floats]
"""Sample starts in, logits out."""

DECAY = 0.94
"""RiskMetrics' daily decay factor (J.P. Morgan/Reuters 1996, section 5.3)."""

HISTORY = {**CHOICE, "bars": list(BARS)}


def ewma_volatility(series: Series) -> Floats:
    """Daily volatility known at the close of each bar's last day: the root of the weighted mean squared log return.

    ``variance[t] = sum(DECAY^k * return[t-k]^2) / sum(DECAY^k)`` over all *daily* returns up to day t, whatever the
    timescale, because the label looks at the trading days after a bar, and of the bar's asset alone.

    Returns:
        Shape (bars,); NaN before the first return.
    """
    logarithm = np.log(series.daily["Close"])
    squares = (logarithm[rows].diff() ** 2 for rows in series.rows_of_assets)
    variance: Floats = np.concatenate([each.ewm(alpha=1 - DECAY).mean().to_numpy(np.float64) for each in squares])
    return np.sqrt(variance)[series.bars.last_day]


@dataclass(frozen=True)
class Baseline:
    """A forecast that needs no windows, and that a model must beat.

    Attributes:
        name: in every record.
        title: as a reader sees it.
        fit: learns it from the training samples of an experiment.
        settings: what its forecasts depend on besides.
    """

    name: str
    title: str
    fit: Callable[[Experiment], Forecaster]
    settings: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Fitted:
    """A forecaster of scikit-learn.

    Attributes:
        estimator: fitted.
        inputs: what it reads of samples by their starts.
        samples: starts of those that it was fitted on.
    """

    estimator: Any
    inputs: Callable[[Indices], npt.NDArray[Any]]
    samples: Indices

    def __call__(self, indices: Indices) -> Floats:
        """Logits, shape (samples,)."""
        logits: Floats = self.estimator.decision_function(self.inputs(indices)).astype(np.float64)
        return logits


def fit_base_rate(experiment: Experiment) -> Forecaster:
    """The training positive rate, every day."""
    rate = float(experiment.labels_of(experiment.splits.train_indices).mean())
    return lambda indices: np.full(indices.size, base_rate_logit(rate))


def fit_volatility(experiment: Experiment) -> Forecaster:
    """A logistic regression on the logarithm of `ewma_volatility`.

    A model must beat it to know more than that markets are calm or not.

    Raises:
        UserError: if the close has not moved once up to some decision row, so that volatility has no logarithm.
    """
    return _fit(experiment, LogisticRegression(), log_volatility(experiment))


def fit_regression(experiment: Experiment) -> Forecaster:
    """A logistic regression (L2 with C=1) on the decision row's standardised features."""
    return _fit(experiment, LogisticRegression(max_iter=1000), last_rows(experiment))


def fit_boosting(experiment: Experiment) -> Forecaster:
    """Gradient-boosted trees on the decision row's standardised features."""
    return _fit(experiment, _boosting(experiment), last_rows(experiment))


def fit_boosting_history(experiment: Experiment) -> Forecaster:
    """The same on `recent_history`: the fair rival of a model that reads whole windows."""
    few = thinned(experiment.splits.train_indices, MOST_SAMPLES)
    return _fit(experiment, _boosting(experiment), recent_history(experiment), few)


def _boosting(experiment: Experiment) -> HistGradientBoostingClassifier:
    return make_boosting(chosen_size(size_losses(experiment)))


def _fit(
    experiment: Experiment, estimator: Any, inputs: Callable[[Indices], npt.NDArray[Any]], some: Indices | None = None
) -> Forecaster:
    train = experiment.splits.train_indices if some is None else some
    return Fitted(estimator.fit(inputs(train), experiment.labels_of(train)), inputs, train)


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


BASELINES = (
    Baseline("base_rate", "base rate", fit_base_rate),
    Baseline("ewma_volatility", "EWMA volatility", fit_volatility, {"decay": DECAY}),
    Baseline("logistic_regression", "logistic regression", fit_regression),
    Baseline("gradient_boosting", "gradient boosting", fit_boosting, CHOICE),
    Baseline("boosting_history", "boosting with history", fit_boosting_history, HISTORY),
)
"""In the order of every record, table and legend; to add one, add its line."""

TITLES = {"model": "PatchTST"} | {each.name: each.title for each in BASELINES}
"""Each forecast as a reader sees it."""


def title_of(name: str) -> str:
    """A forecast as a reader sees it, also one that only an older or a newer version knows."""
    return TITLES.get(name, name.replace("_", " "))


def fit_baselines(experiment: Experiment) -> dict[str, Forecaster]:
    """Fit each baseline on the training samples; name and forecaster of each, in the order they are reported."""
    return {each.name: each.fit(experiment) for each in BASELINES}
