"""What too few positives can show."""

from __future__ import annotations

import math

FEW_POSITIVES = 10
"""Below this many positives a split ranks nothing reliably; every report says so."""


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
    return math.sqrt(variance)
