"""Features by their rank among training rows: bounded, and blind to how a channel stretches its scale."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from scipy.special import ndtr

from runtime.errors import UserError
from runtime.samples.normaliser import training_rows
from runtime.samples.splits import SplitIndices

SCORES = np.linspace(-3, 3, 25)
"""Standard normal scores of the quantiles that are kept; values beyond the outermost, of 13 rows in 10,000 on either
side, take its score. So a held-out day unlike any training day, a crash, cannot push a forecast where nothing was
learned."""


@dataclass(frozen=True, eq=False)
class QuantileNormaliser:
    """Quantiles of each channel over the input rows of the training samples, mapped to a standard normal's.

    Attributes:
        quantiles: float64, shape (scores, channels): value of each channel at each of `SCORES`.
    """

    quantiles: npt.NDArray[np.float64]

    @classmethod
    def fit(
        cls,
        features: npt.NDArray[np.float32],
        splits: SplitIndices,
        *,
        context_length: int,
        feature_columns: Sequence[str],
    ) -> QuantileNormaliser:
        """Take the quantiles from every row that a training sample reads as input.

        Args:
            features: shape (rows, channels).
            splits: its training samples decide; held-out rows are never read.
            context_length: input rows of a sample.
            feature_columns: names of the channels, for the message.

        Raises:
            UserError: if a channel has the same value at all of its quantiles.
        """
        rows, levels = training_rows(splits, context_length, len(features)), ndtr(SCORES)
        # A channel at a time, so that copies never need the memory of the data over again.
        of_channels = [np.quantile(channel[rows].astype(np.float64), levels) for channel in features.T]
        for name, quantiles in zip(feature_columns, of_channels, strict=True):
            if quantiles[0] == quantiles[-1]:
                raise UserError(
                    f"feature {name!r} is constant in all but a few training rows; leave it out of feature_columns"
                )
        return cls(np.stack(of_channels, axis=1))

    def apply(self, features: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Interpolate the scores between the quantiles; shape and dtype stay as they are."""
        scores: npt.NDArray[np.float32] = torch.empty(features.shape).numpy()  # torch's memory: see `Normaliser.apply`
        for channel, quantiles in enumerate(self.quantiles.T):
            # Where many rows share a value, it lies at several quantiles and takes the mean of their scores.
            values, place = np.unique(quantiles, return_inverse=True)
            scores[:, channel] = np.interp(
                features[:, channel], values, np.bincount(place, SCORES) / np.bincount(place)
            )
        return scores
