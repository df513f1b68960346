"""Numbers that judge probabilities. A number that is undefined is None beside the reason, never a stand-in."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import metrics

Floats = npt.NDArray[np.float64]

FEW_POSITIVES = 10
"""Below this many positives a split ranks nothing reliably; every report says so."""


def probabilities(logits: Floats) -> Floats:
    """The logistic function, without overflow; shape stays."""
    return np.exp(-np.logaddexp(0.0, -logits))


def log_loss(labels: Floats, logits: Floats) -> float:
    """Mean binary cross-entropy in nats, from logits, exact however confident they are."""
    return float(np.mean(np.logaddexp(0.0, (1 - 2 * labels) * logits)))


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


def auc_standard_error(positives: int, negatives: int, *, auc: float = 0.75) -> float:
    """Standard error of an ROC AUC measured on so many independent samples (Hanley & McNeil 1982, equation 1).

    Args:
        positives, negatives: how many of each, at least 1.
        auc: the true value.
    """
    both_positives, both_negatives = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    variance = (
        auc * (1 - auc) + (positives - 1) * (both_positives - auc**2) + (negatives - 1) * (both_negatives - auc**2)
    ) / (positives * negatives)
    return float(np.sqrt(variance))


def evaluate(
    labels: Floats, logits: Floats, *, train_base_rate: float, threshold: float | None = None
) -> dict[str, Any]:
    """Judge the forecasts of one split.

    Args:
        labels: 0.0 or 1.0, shape (samples,).
        logits: forecasts, shape (samples,).
        train_base_rate: positive rate of the training samples, the forecast that skill is measured against.
        threshold: decision threshold tuned on validation; None leaves precision, recall and confusion out.

    Returns:
        ``samples``, ``positives``, ``log_loss`` and ``brier`` with their skill ``1 - loss / loss(base rate)``,
        ``roc_auc``, ``pr_auc`` (None with ``undefined`` naming why), ``prediction_std``, and ``decision``.
    """
    forecast = probabilities(logits)
    constant = np.full_like(logits, base_rate_logit(train_base_rate))
    loss, brier = log_loss(labels, logits), float(np.mean((forecast - labels) ** 2))
    report: dict[str, Any] = {
        "samples": int(labels.size),
        "positives": int(labels.sum()),
        "log_loss": loss,
        "log_loss_skill": 1 - loss / log_loss(labels, constant),
        "brier": brier,
        "brier_skill": 1 - brier / float(np.mean((train_base_rate - labels) ** 2)),
        "prediction_std": float(forecast.std()),
    }
    return report | _ranking(labels, logits) | _decision(labels, forecast, threshold)


def _ranking(labels: Floats, logits: Floats) -> dict[str, Any]:
    if labels.min() == labels.max():
        reason = f"all {labels.size} labels are {int(labels[0])}: ranking is undefined"
        return {"roc_auc": None, "pr_auc": None, "undefined": reason}
    return {
        "roc_auc": float(metrics.roc_auc_score(labels, logits)),
        "pr_auc": float(metrics.average_precision_score(labels, logits)),
    }


def _decision(labels: Floats, forecast: Floats, threshold: float | None) -> dict[str, Any]:
    if threshold is None:
        return {}
    chosen, positive = forecast >= threshold, labels == 1
    hits = int((chosen & positive).sum())
    return {
        "decision": {
            "threshold": threshold,
            "true_positives": hits,
            "false_positives": int((chosen & ~positive).sum()),
            "false_negatives": int((~chosen & positive).sum()),
            "true_negatives": int((~chosen & ~positive).sum()),
            "precision": hits / int(chosen.sum()) if chosen.any() else None,
            "recall": hits / int(positive.sum()) if positive.any() else None,
        }
    }
