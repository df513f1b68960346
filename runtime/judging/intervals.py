"""How sure a number is, with the chunk as the unit: samples of one chunk overlap, so they are no independent evidence.

Held-out chunks share no day. Those of one asset hold as many samples each; those of a panel do not, as its assets begin
and end when they do, and a chunk then weighs as its samples do (a ratio estimator, Cochran 1977, section 6.3). Two
intervals are given. The *t
interval* on chunk means is right for means that are near normal, even with few chunks; a single crash among five
chunks is not near normal, and it then covers less than stated. The *bootstrap* resamples whole chunks (Efron 1979;
for dependent data Künsch 1989, with blocks fixed by the split); it also serves numbers that are no mean, such as AUC,
but covers less than stated with few chunks: instead of 95 %, 75 % with three, 85 % with five, 90 % with ten and 94 %
with thirty (simulated).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from runtime.arrays import Floats, Indices
from runtime.judging.calibration import probabilities
from runtime.judging.evaluation import base_rate_logit, log_losses, with_reasons
from runtime.samples.splits import Chunks

LEVEL = 0.95
POWER = 0.8
LEAST_CHUNKS = 3
RESAMPLES = 2000
SEED = 0

PROTOCOL = {
    "level": LEVEL,
    "unit": "chunk",
    "least_chunks": LEAST_CHUNKS,
    "resamples": RESAMPLES,
    "seed": SEED,
    "power": POWER,
    "caution": "with few chunks intervals cover less than stated, the bootstrap most: about 85 % with five chunks",
}
"""As every result records it."""


def chunk_numbers(first_days: Indices, chunks: Chunks) -> Indices:
    """Number, from 0, of the chunk that each sample lies in, given the first day it touches; shape (samples,)."""
    return np.searchsorted([start for start, _ in chunks], first_days, side="right") - 1


def chunk_means(values: Floats, chunk_of: Indices) -> Floats:
    """Mean of the values in each chunk, shape (chunks,)."""
    return np.bincount(chunk_of, values) / np.bincount(chunk_of)


def chunk_weights(chunk_of: Indices) -> Floats:
    """Samples of each chunk over their mean, shape (chunks,): all 1 where chunks hold as many."""
    samples = np.bincount(chunk_of).astype(np.float64)
    weights: Floats = samples / samples.mean()
    return weights


def t_interval(means: Floats, weights: Floats | None = None) -> list[float] | None:
    """Student's t interval of the mean of independent chunk means; None with fewer than three.

    Args:
        means: of the chunks, shape (chunks,).
        weights: see `chunk_weights`; None: they are equal.
    """
    if means.size < LEAST_CHUNKS:
        return None
    weights = np.ones_like(means) if weights is None else weights
    centre = (weights * means).mean()
    half = stats.t.ppf((1 + LEVEL) / 2, means.size - 1) * standard_error(means, weights)
    return [float(centre - half), float(centre + half)]


def detectable(standard_error: float, chunks: int) -> float:
    """Smallest true difference that a two-sided t test over so many chunks finds with the stated power (Bloom 1995)."""
    quantiles = stats.t.ppf([(1 + LEVEL) / 2, POWER], chunks - 1)
    return float(quantiles.sum() * standard_error)


def resampled_chunks(chunks: int) -> npt.NDArray[np.int64]:
    """How often each chunk is drawn in each resample, the same for every forecast; shape (resamples, chunks)."""
    return np.random.default_rng(SEED).multinomial(chunks, np.full(chunks, 1 / chunks), size=RESAMPLES)


def percentile_interval(draws: Floats) -> list[float] | None:
    """Percentile interval of bootstrap draws.

    A draw that is NaN (a resample with one class) counts against both ends; None if that leaves an end open.
    """
    low = np.quantile(np.nan_to_num(draws, nan=-np.inf), (1 - LEVEL) / 2, method="lower")
    high = np.quantile(np.nan_to_num(draws, nan=np.inf), (1 + LEVEL) / 2, method="higher")
    return [float(low), float(high)] if np.isfinite([low, high]).all() else None


def rank_draws(
    labels: Floats, logits: Floats, chunk_of: Indices, weights: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """ROC AUC and average precision of each resample; NaN where it holds one class.

    Args:
        labels, logits, chunk_of: shape (samples,).
        weights: how often each chunk counts, shape (resamples, chunks).

    Returns:
        Two arrays of shape (resamples,).
    """
    order = np.argsort(-logits, kind="stable")
    ends = np.append(np.flatnonzero(np.diff(logits[order])), labels.size - 1)  # equal forecasts are passed at once
    in_chunk = np.eye(weights.shape[1])[chunk_of[order]]
    hits, misfires = (
        weights @ np.cumsum(in_chunk * of_class[order, None], axis=0)[ends].T for of_class in (labels, 1 - labels)
    )
    new_hits, new_misfires = np.diff(hits, prepend=0), np.diff(misfires, prepend=0)
    with np.errstate(invalid="ignore"):
        auc = (new_misfires * (hits - new_hits / 2)).sum(axis=1) / (hits[:, -1] * misfires[:, -1])
        precision = hits / np.maximum(hits + misfires, 1)
        average_precision = (new_hits * precision).sum(axis=1) / hits[:, -1]
    return auc, np.where(np.isnan(auc), np.nan, average_precision)


def forecast_intervals(labels: Floats, logits: Floats, chunk_of: Indices, *, train_base_rate: float) -> dict[str, Any]:
    """Intervals of one forecast's losses, skills and rank metrics; a t interval for plain means only.

    Returns:
        Metric -> ``t`` (losses only) and ``bootstrap``, each ``[low, high]`` or None; of losses the mean in each chunk
        as ``per_chunk``, too.
    """
    weights, size = resampled_chunks(int(chunk_of.max()) + 1), chunk_weights(chunk_of)
    constant = np.full_like(logits, base_rate_logit(train_base_rate))
    intervals: dict[str, Any] = {}
    for name, loss in (("log_loss", log_losses), ("brier", _squared_errors)):
        means, reference = chunk_means(loss(labels, logits), chunk_of), chunk_means(loss(labels, constant), chunk_of)
        sums, chunks = weights @ (size * means), means.size
        intervals[name] = {
            "per_chunk": means.tolist(),
            "t": t_interval(means, size),
            "bootstrap": _bootstrap(sums / (weights @ size), chunks),
        }
        intervals[f"{name}_skill"] = {"bootstrap": _bootstrap(1 - sums / (weights @ (size * reference)), chunks)}
    for name, draws in zip(("roc_auc", "pr_auc"), rank_draws(labels, logits, chunk_of, weights), strict=True):
        intervals[name] = {"bootstrap": _bootstrap(draws, weights.shape[1])}
    return {name: _explained(interval, weights.shape[1]) for name, interval in intervals.items()}


def paired_difference(labels: Floats, model: Floats, baseline: Floats, chunk_of: Indices) -> dict[str, Any]:
    """Model less baseline on the same samples: log loss (negative favours the model) and ROC AUC (positive does).

    Args:
        labels: 0.0 or 1.0, shape (samples,).
        model, baseline: logits, shape (samples,).
        chunk_of: see `chunk_numbers`.

    Returns:
        For ``log_loss`` and ``roc_auc``: ``difference``, its intervals, and ``detectable``, the smallest true
        difference that so many chunks show with a power of 80 %; ``log_loss`` also has ``per_chunk``.
    """
    weights = resampled_chunks(int(chunk_of.max()) + 1)
    ranking = _auc_difference(labels, model, baseline, chunk_of, weights)
    return {
        "log_loss": loss_difference(labels, model, baseline, chunk_of),
        "roc_auc": _explained(ranking, weights.shape[1]),
    }


def loss_difference(labels: Floats, model: Floats, baseline: Floats, chunk_of: Indices) -> dict[str, Any]:
    """The part of `paired_difference` that is about log loss."""
    weights, size = resampled_chunks(int(chunk_of.max()) + 1), chunk_weights(chunk_of)
    chunks = weights.shape[1]
    means = chunk_means(log_losses(labels, model) - log_losses(labels, baseline), chunk_of)
    loss = {
        "difference": float((size * means).mean()),
        "per_chunk": means.tolist(),
        "t": t_interval(means, size),
        "bootstrap": _bootstrap(weights @ (size * means) / (weights @ size), chunks),
        "detectable": detectable(standard_error(means, size), chunks) if chunks >= LEAST_CHUNKS else None,
    }
    return _explained(loss, chunks)


def _auc_difference(
    labels: Floats, model: Floats, baseline: Floats, chunk_of: Indices, weights: npt.NDArray[np.int64]
) -> dict[str, Any]:
    chunks = weights.shape[1]
    everything = np.vstack([np.ones(chunks, dtype=np.int64), weights])
    draws = rank_draws(labels, model, chunk_of, everything)[0] - rank_draws(labels, baseline, chunk_of, everything)[0]
    bootstrap = _bootstrap(draws[1:], chunks)
    # Resampling n chunks spreads by (n - 1) / n of the variance between them.
    error = np.nanstd(draws[1:]) * np.sqrt(chunks / (chunks - 1)) if bootstrap else np.nan
    return {
        "difference": None if np.isnan(draws[0]) else float(draws[0]),
        "bootstrap": bootstrap,
        "detectable": detectable(float(error), chunks) if bootstrap else None,
    }


def standard_error(means: Floats, weights: Floats) -> float:
    """Standard error of the weighted mean of independent chunk means, at least two; see `chunk_weights`."""
    around = weights * (means - (weights * means).mean())
    return float(around.std(ddof=1) / np.sqrt(means.size))


def _squared_errors(labels: Floats, logits: Floats) -> Floats:
    return (probabilities(logits) - labels) ** 2


def _bootstrap(draws: Floats, chunks: int) -> list[float] | None:
    return percentile_interval(draws) if chunks >= LEAST_CHUNKS else None


def _explained(values: dict[str, Any], chunks: int) -> dict[str, Any]:
    few = f"{chunks} chunks are fewer than {LEAST_CHUNKS}"
    reason = few if chunks < LEAST_CHUNKS else "too many resamples of the chunks hold one class only"
    reasons = dict.fromkeys(values, reason) | {"difference": "the labels hold one class only"}
    return with_reasons(values, reasons)
