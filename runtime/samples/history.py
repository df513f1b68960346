"""How long a history the protocol would take, where the data at hand are too few for it."""

from __future__ import annotations

import math

import numpy as np

from runtime.samples.experiment import Experiment
from runtime.samples.few_positives import FEW_POSITIVES

LEAST_CHUNKS = 3
"""With fewer held-out chunks, intervals over chunks are undefined."""


def missing_history(experiment: Experiment) -> list[str]:
    """A sentence for each thing the history is too short for, with the years that would do; empty if there is none."""
    return [*_for_chunks(experiment), *_for_positives(experiment)]


def years_of(experiment: Experiment) -> float:
    """Calendar years from the first day of the series to the last."""
    dates = experiment.series.daily["Date"]
    return float((dates.max() - dates.min()).days + 1) / 365.2425


def _for_chunks(experiment: Experiment) -> list[str]:
    splits, splitter, bars = experiment.splits, experiment.splitter, experiment.series.calendar.size
    if min(len(splits.val_chunks), len(splits.test_chunks)) >= LEAST_CHUNKS:
        return []
    needed, years = splitter.rows_for(LEAST_CHUNKS), years_of(experiment)
    shorter = bars * splitter.chunk_rows // needed
    instead = f", or chunks of at most {shorter} bars" if shorter >= splitter.span else ""
    return [
        "with fewer than 3 chunks in validation or test, intervals over chunks are undefined; these data are "
        f"{bars} bars in {years:.0f} years, it takes {needed} bars, about {needed / bars * years:.0f} years{instead}"
    ]


def _for_positives(experiment: Experiment) -> list[str]:
    sizes = [labels.size for _, labels in experiment.split_labels()]
    if all(labels.sum() >= FEW_POSITIVES for _, labels in experiment.split_labels()):
        return []
    known = experiment.labels[~np.isnan(experiment.labels)]
    positives, years = int(known.sum()), years_of(experiment)
    begin = f"{positives} of {known.size} labelled bars in {years:.0f} years are positive"
    if positives == 0:
        return [f"{begin}, which gives no rate to tell from how long a history would hold enough of them"]
    # The smallest split holds its share of evenly spread positives; a count of n is uncertain by sqrt(n) (Poisson).
    needed = FEW_POSITIVES / (positives * min(sizes) / known.size) * years
    return [
        f"{begin}; at this rate {FEW_POSITIVES} in every split take about {_two_digits(needed)} years, give or take "
        f"{1 / math.sqrt(positives):.0%}, and more where positives cluster"
    ]


def _two_digits(number: float) -> str:
    return f"{float(f'{number:.2g}'):,.0f}"
