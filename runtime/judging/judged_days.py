"""Which days a split judges, told by their prices: whatever a dataset, its columns or its scale are called."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from datetime import date, timedelta

import numpy as np

from runtime.judging.intervals import chunk_numbers
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
    On a day of a panel they are those of all its assets that are judged then.
    """
    series, starts = experiment.series, experiment.splits.test_indices
    days = series.daily["Date"].to_numpy().astype("datetime64[D]").tolist()
    prices = series.daily[["Open", "High", "Low", "Close"]].to_numpy(np.float64)
    decided = series.bars.last_day[experiment.decision_rows(starts)].tolist()
    first_days = experiment.splits.days(starts)[0]
    runs: dict[int, dict[date, list[str]]] = {}
    for chunk, row in zip(chunk_numbers(first_days, experiment.splits.test_chunks).tolist(), decided, strict=True):
        runs.setdefault(chunk, {}).setdefault(days[row], []).append(_digest(days[row], prices, row))
    digits = [{day: _joint(each) for day, each in runs[chunk].items()} for chunk in sorted(runs)]
    return {str(min(run)): "".join(_calendar(run)) for run in digits}


def _calendar(digits: Mapping[date, str]) -> list[str]:
    first, last = min(digits), max(digits)
    return [digits.get(first + timedelta(days=ahead), _NONE) for ahead in range((last - first).days + 1)]


def _digest(day: date, prices: np.typing.NDArray[np.float64], row: int) -> str:
    close = prices[row, 3]
    shares = [*(prices[row, :3] / close), close / prices[max(row - 1, 0), 3]]
    return hashlib.sha256(f"{day} {' '.join(f'{each:.4f}' for each in shares)}".encode()).hexdigest()


def _joint(digests: list[str]) -> str:
    """Two digits for the assets that are judged on a day, whatever they are called."""
    joint = digests[0] if len(digests) == 1 else hashlib.sha256("".join(sorted(digests)).encode()).hexdigest()
    return joint[:2]


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
