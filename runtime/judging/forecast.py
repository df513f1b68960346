"""What a model forecasts for samples."""

from __future__ import annotations

import torch

from runtime.arrays import Floats, Indices
from runtime.model.precision import mixed_precision
from runtime.samples.windows import WindowDataset

EVALUATION_BATCH = 1024
"""Samples that pass through a model at once while no gradient is kept."""


def predict_logits(
    model: torch.nn.Module, dataset: WindowDataset, indices: Indices, *, at_once: int = EVALUATION_BATCH
) -> Floats:
    """Logits of a model in evaluation mode, in the order of ``indices``, (samples,); ``at_once`` pass together."""
    model.eval()
    # Not in inference mode: what ranks that share a model gather in it could not be trained with afterwards.
    with torch.no_grad(), mixed_precision(dataset.device):
        parts = torch.split(dataset.starts(indices), at_once)
        return torch.cat([model(dataset.inputs(starts)) for starts in parts]).cpu().double().numpy()
