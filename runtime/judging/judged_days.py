"""Which days a split judges, told by their prices: whatever a dataset, its columns or its scale are called."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta
from itertools import pairwise

import numpy as np

from runtime.samples.experiment import Experiment

JudgedDays = dict[str, str]
"""First day of each run of days -> two digits for each calendar day from it on, ``--`` for a day that is not judged."""

_NONE = "--"
_SAME_MARKET = 0.5
"""Share of common days whose digits agree from which on two series are one market: of unrelated ones 1 day in 256
agrees, while a vendor's rounding or a dividend changes a few."""


def judged_test_days(experiment: Experiment) -> JudgedDays:
    """The days on which a test sample decides, one run a chunk, and what each day's prices were.

    The digits are a hash of the day, of its open, high and low as shares of its close, and of that as a share of the
    close before, to four decimals: the same in a series that is adjusted for splits, and in one with other features.
    """
    daily = experiment.series.daily
    days = daily["Date"].to_numpy().astype("datetime64[D]").tolist()
    prices = daily[["Open", "High", "Low", "Close"]].to_numpy(np.float64)
    starts = experiment.splits.test_indices
    decided = experiment.series.bars.last_day[experiment.decision_rows(starts)]
    edges = np.searchsorted(starts, [start for start, _ in experiment.splits.test_chunks])
    runs = [decided[first:last].tolist() for first, last in pairwise([*edges, starts.size])]
    digits = [{days[row]: _digits(days[row], prices, row) for row in rows} for rows in runs]
    return {str(min(run)): "".join(_calendar(run)) for run in digits}


def _calendar(digits: Mapping[date, str]) -> list[str]:
    first, last = min(digits), max(digits)
    return [digits.get(first + timedelta(days=ahead), _NONE) for ahead in range((last - first).days + 1)]


def _digits(day: date, prices: np.typing.NDArray[np.float64], row: int) -> str:
    close = prices[row, 3]
    shares = [*(prices[row, :3] / close), close / prices[max(row - 1, 0), 3]]
    return hashlib.sha256(f"{day} {' '.join(f'{each:.4f}' for each in shares)}".encode()).hexdigest()[:2]


def by_day(days: Mapping[str, str]) -> dict[date, str]:
    """Each day and its digits."""
    return {
        date.fromisoformat(first) + timedelta(days=position // 2): run[position : position + 2]
        for first, run in days.items()
        for position in range(0, len(run), 2)
        if run[position : position + 2] != _NONE
    }


def days_in_common(one: Mapping[str, str], other: Mapping[str, str]) -> set[date]:
    """The days that two splits both judge; none if they are of different markets."""
    ours, theirs = by_day(one), by_day(other)
    common = ours.keys() & theirs.keys()
    alike = sum(ours[day] == theirs[day] for day in common)
    return set(common) if common and alike >= _SAME_MARKET * len(common) else set()
