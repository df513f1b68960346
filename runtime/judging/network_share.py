"""How much of a forecast is the network's: what the encoder adds to the linear path around it.

A logit is the sum of the linear path (the head's bias and, with ``last_row``, the weighted newest row) and of what the
head reads from the encoder. A model that begins at a regression, and whose encoder then adds nothing, forecasts as well
as that regression, and says nothing about networks.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import Tensor

from runtime.arrays import Floats, Indices
from runtime.judging.evaluation import base_rate_logit, log_loss
from runtime.judging.inputs import last_rows
from runtime.judging.intervals import paired_difference
from runtime.samples.experiment import Experiment


def linear_path(weights: Mapping[str, Tensor], experiment: Experiment) -> Callable[[Indices], Floats]:
    """Logits of samples by the trained ``last_row`` and bias alone; a constant where the model has no ``last_row``.

    Args:
        weights: of a trained `PatchTST`, by name.
        experiment: whose standardised rows it reads.
    """
    bias = weights["head.bias"].double().item()
    if "last_row" not in weights:
        return lambda indices: np.full(indices.size, bias)
    weight, rows = weights["last_row"].detach().double().cpu().numpy(), last_rows(experiment)
    return lambda indices: rows(indices) @ weight + bias


def starting_point(weights: Mapping[str, Tensor]) -> str:
    """Name of the baseline at which the training of these weights began."""
    return "logistic_regression" if "last_row" in weights else "base_rate"


def share_report(
    labels: Floats, model: Floats, linear: Floats, start: Floats, chunk_of: Indices, *, train_base_rate: float
) -> dict[str, Any]:
    """What the encoder adds on one split.

    Args:
        labels: 0.0 or 1.0, shape (samples,).
        model, linear, start: logits of the whole model, of its linear path and of its starting point.
        chunk_of: see `chunk_numbers`.
        train_base_rate: what skill is measured against.

    Returns:
        Log loss ``skill`` of the ``model``, its ``linear_path`` and the ``starting_point``; ``encoder_rms``, the root
        mean square in logits of what the encoder adds; ``minus_linear_path`` (`paired_difference`).
    """
    reference = log_loss(labels, np.full_like(labels, base_rate_logit(train_base_rate)))
    forecasts = {"model": model, "linear_path": linear, "starting_point": start}
    return {
        "skill": {name: 1 - log_loss(labels, logits) / reference for name, logits in forecasts.items()},
        "encoder_rms": float(np.sqrt(np.mean((model - linear) ** 2))),
        "minus_linear_path": paired_difference(labels, model, linear, chunk_of),
    }
