"""A panel's forecasts asset by asset: whether a lead is one asset's or all of theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from runtime.arrays import Floats, Indices
from runtime.judging.evaluation import log_losses, with_reasons
from runtime.judging.intervals import LEAST_CHUNKS, percentile_interval, resampled_chunks
from runtime.samples.series import Series


def asset_reports(
    series: Series, asset_of: Indices, labels: Floats, logits: Mapping[str, Floats], chunk_of: Indices
) -> dict[str, Any]:
    """Judge every forecast on each asset's samples.

    Args:
        series: the panel.
        asset_of: number of each sample's asset, shape (samples,).
        labels: 0.0 or 1.0, shape (samples,).
        logits: of each forecast, shape (samples,); ``model`` among them.
        chunk_of: number of each sample's chunk, from 0 and none without a sample, shape (samples,).

    Returns:
        ``assets``: name -> ``samples``, ``positives``, whether it ``trains``, and ``log_loss`` by forecast; an asset
        without a sample is left out. ``better_than``: baseline -> on how many ``assets`` ``of`` so many the model's
        log loss is lower, with a ``bootstrap`` interval over chunks, for assets on the same days are not independent;
        null with fewer than three chunks.
    """
    numbers, column = np.unique(asset_of, return_inverse=True)
    losses = {name: log_losses(labels, each) for name, each in logits.items()}
    samples = np.bincount(column)
    sums = {name: np.bincount(column, each) for name, each in losses.items()}
    positives = np.bincount(column, labels)
    assets = {
        series.assets[number]: {
            "samples": int(samples[place]),
            "positives": int(positives[place]),
            "trains": series.assets[number] in series.training_assets,
            "log_loss": {name: float(each[place] / samples[place]) for name, each in sums.items()},
        }
        for place, number in enumerate(numbers.tolist())
    }
    chunks = int(chunk_of.max()) + 1
    better = {
        name: _better(losses["model"] - each, column, chunk_of, chunks)
        for name, each in losses.items()
        if name != "model"
    }
    return {"assets": assets, "better_than": better}


def _better(difference: Floats, column: Indices, chunk_of: Indices, chunks: int) -> dict[str, Any]:
    count = int(column.max()) + 1
    by_chunk = np.bincount(column * chunks + chunk_of, difference, minlength=count * chunks).reshape(count, chunks)
    # An asset that a resample holds no sample of has a sum of 0 there, and counts as no better.
    draws = (by_chunk @ resampled_chunks(chunks).T < 0).sum(axis=0).astype(np.float64)
    found = {
        "assets": int((by_chunk.sum(axis=1) < 0).sum()),
        "of": count,
        "bootstrap": percentile_interval(draws) if chunks >= LEAST_CHUNKS else None,
    }
    return with_reasons(found, {"bootstrap": f"{chunks} chunks are fewer than {LEAST_CHUNKS}"})
