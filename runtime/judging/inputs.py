"""What baselines read of a sample: its newest row, or what its last bars were like, too. Never beyond its window."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from runtime.arrays import Floats, Indices
from runtime.samples.experiment import Experiment

BARS = (5, 20, 60)
"""How many of a window's newest bars are summarised together."""

_AT_ONCE = 16_384  # samples, so that what is summed stays in the processor's cache


def last_rows(experiment: Experiment) -> Callable[[Indices], npt.NDArray[Any]]:
    """Standardised features of samples' decision rows, shape (samples, channels)."""
    return _of_samples(experiment, newest_rows)


def recent_history(experiment: Experiment) -> Callable[[Indices], npt.NDArray[Any]]:
    """`history_rows` of samples by their starts."""
    return _of_samples(experiment, history_rows)


def _of_samples(
    experiment: Experiment, inputs: Callable[[npt.NDArray[np.float32], Indices, int], npt.NDArray[Any]]
) -> Callable[[Indices], npt.NDArray[Any]]:
    features, length = experiment.windows.values.cpu().numpy(), experiment.splitter.context_length
    return lambda indices: inputs(features, experiment.decision_rows(indices), length)


def newest_rows(features: npt.NDArray[np.float32], rows: Indices, _: int) -> npt.NDArray[np.float32]:
    """Features of decision rows, shape (rows, channels)."""
    return features[rows]


def history_rows(features: npt.NDArray[np.float32], rows: Indices, context_length: int) -> Floats:
    """Decision rows, then mean, spread and slope of each feature over their newest `BARS`.

    A summary never begins before its sample does: where a window holds fewer bars, the longest summary is over all of
    it, and a single bar has none. The slope is that of the least-squares line, a bar.

    Args:
        features: standardised, shape (bars, channels).
        rows: decision rows, shape (samples,).
        context_length: bars of a window.

    Returns:
        Float64, shape (samples, channels * (1 + 3 * summaries)).
    """
    summaries = summarised_bars(context_length)
    inputs = np.empty((rows.size, features.shape[1] * (1 + 3 * len(summaries))))
    for first in range(0, rows.size, _AT_ONCE):
        part = slice(first, first + _AT_ONCE)
        inputs[part] = np.hstack(_summarise(features, rows[part], summaries))
    return inputs


def summarised_bars(context_length: int) -> list[int]:
    """Lengths of the summaries of a window, increasing."""
    return sorted({min(bars, context_length) for bars in BARS} - {1})


def _summarise(features: npt.NDArray[np.float32], rows: Indices, summaries: list[int]) -> list[Floats]:
    """Walk back bar by bar from the newest rows; nothing before the longest summary is touched.

    Sums are of differences to the newest row, so that a feature that stands still has a spread of exactly 0.
    """
    newest = features[rows].astype(np.float64)
    sums, squares, moments = (np.zeros_like(newest) for _ in range(3))
    found = [newest]
    for age in range(1, max(summaries, default=1)):
        difference = features[rows - age] - newest
        sums += difference
        moments += age * difference
        difference *= difference
        squares += difference
        if (bars := age + 1) in summaries:
            mean = sums / bars
            spread = np.sqrt(np.maximum(squares / bars - mean**2, 0))
            slope = (age / 2 * sums - moments) / (bars * (bars**2 - 1) / 12)
            found += [newest + mean, spread, slope]
    return found
