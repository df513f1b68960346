"""Samples as gathers from one tensor: no copy of overlapping windows is ever stored, no Python runs per sample."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from runtime.arrays import Indices
from runtime.samples.normaliser import Normaliser
from runtime.samples.quantile_normaliser import QuantileNormaliser
from runtime.samples.series import Series
from runtime.samples.splits import SplitIndices

NORMALISERS: Mapping[str, type[Normaliser] | type[QuantileNormaliser]] = {
    "standard": Normaliser,
    "quantiles": QuantileNormaliser,
}
"""How features can be put on one scale, by the name that a script gives."""


class WindowDataset:
    """Normalised windows and labels of one series, on one device.

    Args:
        features: normalised, float32, shape (rows, channels).
        labels: 0, 1 or NaN (unknown), shape (rows,).
        context_length: input rows of a sample.
        device: where the tensors live.
        newest_row_only: mask every row of a window but its newest: they are 0 for every sample.
    """

    def __init__(
        self,
        features: npt.NDArray[np.float32],
        labels: npt.NDArray[np.float64],
        context_length: int,
        device: torch.device | str = "cpu",
        *,
        newest_row_only: bool = False,
    ) -> None:
        self.newest_row_only = newest_row_only
        self.context_length = context_length
        self.values = torch.from_numpy(np.ascontiguousarray(features)).to(device)
        self.labels = torch.from_numpy(labels.astype(np.float32)).to(device)
        # A view: window i is rows [i, i + context_length) of the one stored tensor.
        self._windows = self.values.unfold(0, context_length, 1).transpose(1, 2)

    @property
    def device(self) -> torch.device:
        """Where the tensors live."""
        return self.values.device

    @property
    def num_channels(self) -> int:
        """Features of a row."""
        return self.values.shape[1]

    def inputs(self, starts: Tensor) -> Tensor:
        """Windows that begin at ``starts`` (samples,): shape (samples, context_length, channels)."""
        windows = self._windows[starts]  # a copy
        if self.newest_row_only:
            windows[:, :-1] = 0
        return windows

    def targets(self, starts: Tensor) -> Tensor:
        """Labels at the decision rows ``starts + context_length - 1``: 0.0 or 1.0, shape (samples,)."""
        return self.labels[starts + (self.context_length - 1)]

    def starts(self, indices: Indices) -> Tensor:
        """Sample starts as an int64 tensor on the dataset's device."""
        return torch.from_numpy(indices).to(self.device)

    def to(self, device: torch.device | str) -> WindowDataset:
        """The same samples on another device; this dataset itself if it is there already."""
        if torch.device(device) == self.device:
            return self
        values, labels = self.values.cpu().numpy(), self.labels.cpu().double().numpy()
        return WindowDataset(values, labels, self.context_length, device, newest_row_only=self.newest_row_only)


def make_windows(
    series: Series,
    labels: npt.NDArray[np.float64],
    splits: SplitIndices,
    context_length: int,
    *,
    newest_row_only: bool = False,
    normalisation: str = "standard",
) -> tuple[WindowDataset, Normaliser | QuantileNormaliser]:
    """Normalise a series by its training rows and lay it out for gathering.

    Args:
        series: the bars.
        labels: one a bar, NaN where unknown.
        splits: all training samples, not a search subset: they decide the statistics.
        context_length: input rows of a sample.
        newest_row_only: see `WindowDataset`.
        normalisation: a name of `NORMALISERS`.

    Returns:
        The dataset, and the normaliser to be stored with the weights.

    Raises:
        ValueError: if a sample of any split has no label.
        UserError: if a channel is constant in the training rows.
    """
    for name in ("train_indices", "val_indices", "test_indices"):
        decisions = getattr(splits, name) + context_length - 1
        if np.isnan(labels[decisions]).any():
            raise ValueError(f"{name} holds samples without a label; split with the horizon the labels were made with")
    normaliser = NORMALISERS[normalisation].fit(
        series.features, splits, context_length=context_length, feature_columns=series.feature_columns
    )
    standardised = normaliser.apply(series.features)
    return WindowDataset(standardised, labels, context_length, newest_row_only=newest_row_only), normaliser
