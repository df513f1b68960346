"""Bars of several trading days: complete groups only, dated by their last day."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from runtime.errors import UserError

DAYS_PER_BAR = {"daily": 1, "2d": 2, "3d": 3, "5d": 5}
TIMESCALES = (*DAYS_PER_BAR, "weekly")

_AGGREGATION = {"Open": "first", "High": "max", "Low": "min", "Volume": "sum"}
_MONDAY_OFFSET = 3  # 1970-01-01, day 0, was a Thursday


@dataclass(frozen=True, eq=False)
class Bars:
    """Bars and the daily rows that each one covers.

    Attributes:
        frame: one row a bar, same columns as the daily frame: OHLCV aggregated, ``Date`` and every other column
            as known at the bar's last close.
        first_day, last_day: first and last daily row of each bar, int64, shape (bars,).
    """

    frame: pd.DataFrame
    first_day: npt.NDArray[np.int64]
    last_day: npt.NDArray[np.int64]


def make_bars(daily: pd.DataFrame, timescale: str) -> Bars:
    """Group consecutive trading days into bars; an incomplete first or last group is dropped.

    Groups of ``2d``, ``3d`` and ``5d`` count from the first row. A trading week is complete at the front when it
    begins on a Monday, and at the end only when the next week has begun, so that cutting the series never changes
    an earlier bar.

    Args:
        daily: increasing ``Date``, ``Open``, ``High``, ``Low``, ``Close``, ``Volume`` and features, one row a day.
        timescale: one of ``TIMESCALES``.

    Raises:
        UserError: on an unknown timescale, or when no bar is complete.
    """
    if timescale == "daily":
        days = np.arange(len(daily))
        return Bars(daily, days, days)
    if timescale not in TIMESCALES:
        raise UserError(f"timescale {timescale!r}: allowed are {', '.join(TIMESCALES)}")
    first_day, last_day = _week_edges(daily["Date"]) if timescale == "weekly" else _group_edges(daily, timescale)
    if first_day.size == 0:
        raise UserError(f"{len(daily)} days hold no complete bar of timescale {timescale!r}; use a longer history")
    return Bars(_aggregate(daily, first_day, last_day), first_day, last_day)


def _group_edges(daily: pd.DataFrame, timescale: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    size = DAYS_PER_BAR[timescale]
    first_day = np.arange(len(daily) // size) * size
    return first_day, first_day + size - 1


def _week_edges(dates: pd.Series[Any]) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    day_number = dates.to_numpy().astype("datetime64[D]").astype(np.int64) + _MONDAY_OFFSET
    week = day_number // 7
    first_day = np.flatnonzero(np.diff(week, prepend=week[0] - 1))
    last_day = np.append(first_day[1:], len(dates)) - 1
    begins_on_monday = day_number[0] % 7 == 0
    complete = slice(0 if begins_on_monday else 1, -1)
    return first_day[complete], last_day[complete]


def _aggregate(daily: pd.DataFrame, first_day: npt.NDArray[np.int64], last_day: npt.NDArray[np.int64]) -> pd.DataFrame:
    inside = daily.iloc[first_day[0] : last_day[-1] + 1]
    bar_of_day = np.repeat(np.arange(first_day.size), last_day - first_day + 1)
    how = {column: _AGGREGATION.get(str(column), "last") for column in daily.columns}
    return inside.groupby(bar_of_day).agg(how)
