"""Where a training begins: at a forecast that is known before the first step."""

from __future__ import annotations

import torch
from sklearn.linear_model import LogisticRegression

from runtime.arrays import Indices
from runtime.judging.evaluation import base_rate_logit
from runtime.model.patchtst import PatchTST
from runtime.samples.windows import WindowDataset


def set_starting_point(model: PatchTST, dataset: WindowDataset, train_indices: Indices) -> None:
    """Let a fresh model forecast the training base rate or, with ``last_row``, as a logistic regression on that row.

    From a logit of 0, Adam needs thousands of steps as large as the learning rate to move the bias to a low base rate;
    until then the encoder learns a constant. The regression is the one among the baselines: scikit-learn's defaults (L2
    with C=1) on the decision row's standardised features.

    Args:
        model: fresh; its head is overwritten.
        dataset: standardised samples.
        train_indices: starts of the samples to learn from, of both classes.
    """
    starts = dataset.starts(train_indices)
    labels = dataset.targets(starts).cpu().double().numpy()
    if not model.architecture.last_row:
        model.start_from(base_rate_logit(float(labels.mean())))
        return
    rows = dataset.values[starts + (dataset.context_length - 1)].cpu().numpy()
    linear = LogisticRegression(max_iter=1000).fit(rows, labels)
    model.start_from(float(linear.intercept_[0]), torch.from_numpy(linear.coef_[0]))
