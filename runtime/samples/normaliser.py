"""Putting features on one scale, by statistics that never see a held-out day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from runtime.arrays import Indices
from runtime.errors import UserError
from runtime.samples.splits import SplitIndices, touched_rows

_BLOCK = 65_536


def training_rows(splits: SplitIndices, context_length: int, rows: int) -> Indices:
    """Every row, of ``rows`` in all, that a training sample reads as input, once and in order."""
    starts = splits.train_indices
    return np.flatnonzero(touched_rows(starts, starts + context_length, rows))


@dataclass(frozen=True, eq=False)
class Normaliser:
    """Mean and standard deviation of each channel over the input rows of the training samples.

    Attributes:
        mean, std: float64, shape (channels,).
    """

    mean: npt.NDArray[np.float64]
    std: npt.NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        features: npt.NDArray[np.float32],
        splits: SplitIndices,
        *,
        context_length: int,
        feature_columns: Sequence[str],
    ) -> Normaliser:
        """Take the statistics from every row that a training sample reads as input.

        Args:
            features: shape (rows, channels).
            splits: its training samples decide; held-out rows are never read.
            context_length: input rows of a sample.
            feature_columns: names of the channels, for the message.

        Raises:
            UserError: if a channel is constant in the training rows.
        """
        rows = training_rows(splits, context_length, len(features))
        # In blocks, so that float64 copies never need the memory of the data over again.
        blocks = [rows[begin : begin + _BLOCK] for begin in range(0, rows.size, _BLOCK)]
        mean = sum(features[block].sum(axis=0, dtype=np.float64) for block in blocks) / rows.size
        std = np.sqrt(sum(((features[block] - mean) ** 2).sum(axis=0) for block in blocks) / rows.size)
        # Sums of float32 values are exact here, so a constant has no deviation at all, however large it is.
        constant = np.flatnonzero(std.astype(np.float32) == 0)
        if constant.size:
            name = feature_columns[constant[0]]
            raise UserError(f"feature {name!r} is constant in the training rows; leave it out of feature_columns")
        return cls(mean, std)

    def apply(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Standardise; shape and dtype stay as they are."""
        # Torch's memory: numpy asks the kernel for huge pages, which took most of the time of a long series.
        standardised: npt.NDArray[np.float32] = torch.empty(features.shape).numpy()
        np.subtract(features, self.mean.astype(np.float32), out=standardised)
        standardised /= self.std.astype(np.float32)
        return standardised
