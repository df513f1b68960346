"""Numbers that judge probabilities. A number that is undefined is None beside the reason, never a stand-in.

Everywhere in a report the same rule holds: ``undefined`` maps each null of its object to the reason, and is left out
when nothing is null.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from sklearn import metrics

from runtime.arrays import Floats
from runtime.judging.calibration import calibration, fit_temperature, probabilities


def log_losses(labels: Floats, logits: Floats) -> Floats:
    """Binary cross-entropy of each sample in nats, exact however confident the logits are; shape (samples,)."""
    return np.logaddexp(0.0, (1 - 2 * labels) * logits)


def log_loss(labels: Floats, logits: Floats) -> float:
    """Mean binary cross-entropy in nats."""
    return float(np.mean(log_losses(labels, logits)))


def base_rate_logit(rate: float) -> float:
    """Logit of a constant forecast.

    Raises:
        ValueError: if the rate is 0 or 1, where the logit is infinite.
    """
    if not 0 < rate < 1:
        raise ValueError(f"base rate {rate}: a training split with one class has no finite logit")
    return float(np.log(rate / (1 - rate)))


def tune_threshold(labels: Floats, logits: Floats) -> float | None:
    """Probability at which F1 on these samples is highest; the higher one on a tie; None without positives.

    Args:
        labels: 0.0 or 1.0, shape (samples,). Always the validation split's.
        logits: forecasts of the same samples.
    """
    if not labels.any():
        return None
    forecast, positives = probabilities(logits), labels.sum()
    thresholds = np.unique(forecast)
    chosen = forecast.size - np.searchsorted(np.sort(forecast), thresholds)
    hits = positives - np.searchsorted(np.sort(forecast[labels == 1]), thresholds)
    f1 = 2 * hits / (chosen + positives)  # one division of whole numbers, so that ties are exact
    return float(thresholds[np.flatnonzero(f1 == f1.max())[-1]])


@dataclass(frozen=True)
class Tuned:
    """What validation decides for one forecast; test only ever receives it.

    Attributes:
        threshold: decision threshold as a probability; None if validation holds no positive.
        temperature: divisor of the logits; None if no temperature is best, see `fit_temperature`.
    """

    threshold: float | None
    temperature: float | None

    @classmethod
    def on(cls, labels: Floats, logits: Floats) -> Self:
        """Tune both on the validation samples."""
        return cls(tune_threshold(labels, logits), fit_temperature(labels, logits))


def evaluate(labels: Floats, logits: Floats, *, train_base_rate: float, tuned: Tuned) -> dict[str, Any]:
    """Judge one forecast on one split.

    Args:
        labels: 0.0 or 1.0, shape (samples,).
        logits: forecasts, shape (samples,).
        train_base_rate: positive rate of the training samples, the forecast that skill is measured against.
        tuned: decision threshold and temperature from validation.

    Returns:
        ``samples``, ``positives``, ``log_loss`` and ``brier`` with their skill ``1 - loss / loss(base rate)``,
        ``roc_auc``, ``pr_auc``, ``prediction`` (spread of the probabilities), ``calibration``, ``decision``, and
        ``temperature_scaled``, which stands beside the raw numbers and replaces none.
    """
    forecast = probabilities(logits)
    loss, brier = log_loss(labels, logits), brier_score(labels, logits)
    constant = np.full_like(logits, base_rate_logit(train_base_rate))
    report: dict[str, Any] = {
        "samples": int(labels.size),
        "positives": int(labels.sum()),
        "log_loss": loss,
        "log_loss_skill": 1 - loss / log_loss(labels, constant),
        "brier": brier,
        "brier_skill": 1 - brier / brier_score(labels, constant),
        **_ranking(labels, logits),
        "prediction": {name: float(getattr(np, name)(forecast)) for name in ("mean", "std", "min", "median", "max")},
        "calibration": calibration(labels, forecast),
        "decision": _decision(labels, forecast, tuned.threshold),
        "temperature_scaled": _temperature_scaled(labels, logits, tuned.temperature),
    }
    return with_reasons(report, _reasons(labels, tuned))


def brier_score(labels: Floats, logits: Floats) -> float:
    """Mean squared error of the probabilities (Brier 1950)."""
    return float(np.mean((probabilities(logits) - labels) ** 2))


def with_reasons(values: dict[str, Any], reasons: dict[str, str]) -> dict[str, Any]:
    """Put the reason of each null beside the values, see the head of this file."""
    missing = {name: reasons[name] for name, value in values.items() if value is None}
    return values | ({"undefined": missing} if missing else {})


def _reasons(labels: Floats, tuned: Tuned) -> dict[str, str]:
    one_class = f"all {labels.size} labels are {int(labels[0])}: ranking is undefined"
    return {
        "roc_auc": one_class,
        "pr_auc": one_class,
        "decision": "validation holds no positive, so no threshold has the highest F1",
        "temperature_scaled": "on validation no temperature is best: the forecasts rank it perfectly or not at all",
    }


def _ranking(labels: Floats, logits: Floats) -> dict[str, Any]:
    if labels.min() == labels.max():
        return {"roc_auc": None, "pr_auc": None}
    return {
        "roc_auc": float(metrics.roc_auc_score(labels, logits)),
        "pr_auc": float(metrics.average_precision_score(labels, logits)),
    }


def _decision(labels: Floats, forecast: Floats, threshold: float | None) -> dict[str, Any] | None:
    if threshold is None:
        return None
    counts = metrics.confusion_matrix(labels, forecast >= threshold, labels=[0, 1]).ravel().tolist()
    true_negatives, false_positives, false_negatives, hits = counts
    table = {
        "threshold": threshold,
        "true_positives": hits,
        "false_positives": false_positives,
        "false_negatives": false_negatives,
        "true_negatives": true_negatives,
        "precision": hits / (hits + false_positives) if hits + false_positives else None,
        "recall": hits / (hits + false_negatives) if hits + false_negatives else None,
    }
    return with_reasons(table, {"precision": "no forecast reaches the threshold", "recall": "there is no positive"})


def _temperature_scaled(labels: Floats, logits: Floats, temperature: float | None) -> dict[str, float] | None:
    if temperature is None:
        return None
    scaled = logits / temperature
    return {
        "temperature": temperature,
        "log_loss": log_loss(labels, scaled),
        "brier": brier_score(labels, scaled),
        "ece": calibration(labels, probabilities(scaled))["ece"],
    }
