"""The days of a series: their order, doubles, repeats of filled calendars, weekends, gaps, and days to come."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.errors import DataError
from data.options import ImportOptions
from data.reading.listing import counted, listed, place

MAX_GAP_DAYS = 5
"""Calendar days between two rows beyond which a gap is reported."""

_SEVEN_DAYS = 0.24
"""Share of rows on Saturdays and Sundays from which a market is one of seven days (where it is 2/7)."""

_FEW_REPEATS = 5
"""Rows that repeat the one before, with a range and volume, from which a calendar was filled."""


def oldest_first(bars: pd.DataFrame) -> tuple[pd.DataFrame, bool]:
    """Turn a frame round whose dates mostly decrease; return whether it was."""
    steps = bars["Date"].diff()[1:]
    newest_first = int((steps < pd.Timedelta(0)).sum()) * 2 > len(steps)
    return (bars[::-1], True) if newest_first else (bars, False)


def without_doubled_last(bars: pd.DataFrame, file: str) -> tuple[pd.DataFrame, list[str]]:
    """Drop the last row where it equals the one before in all columns, as live quotes leave it."""
    if len(bars) > 1 and bars.iloc[-1].equals(bars.iloc[-2]):
        day, row = f"{bars['Date'].iloc[-1]:%Y-%m-%d}", bars.index[-1]
        return bars[:-1], [f"{file}: the last day, {day}, is there twice with equal values: row {row} is left out"]
    return bars, []


def between(bars: pd.DataFrame, file: str, options: ImportOptions) -> pd.DataFrame:
    """Cut the days before ``--from`` and after ``--to``.

    Raises:
        DataError: nothing is left.
    """
    first, last = (pd.Timestamp(day) if day else None for day in (options.from_, options.to_))
    days, keep = bars["Date"], np.ones(len(bars), bool)
    keep &= (days >= first) if first is not None else True
    keep &= (days <= last) if last is not None else True
    if len(bars) and not keep.any():
        raise DataError(
            f"{file} has no day between --from and --to: it holds {days.min():%Y-%m-%d} to {days.max():%Y-%m-%d}"
        )
    return bars[keep]


def check_order(days: pd.Series, file: str) -> None:
    """Check that ``days``, whose index names the rows of the file, increase strictly, are daily, and are past.

    Raises:
        DataError: days are there twice, out of order, still to come, or mostly more than three days apart.
    """
    steps = days.diff().dt.days.to_numpy()
    twice = sorted(days[days.duplicated()].unique())
    if twice:
        rows = days.index.to_series().groupby(days.to_numpy()).agg(list)
        said = [
            f"{day:%Y-%m-%d} is there twice (rows {', '.join(map(str, rows[day]))})" for day in map(pd.Timestamp, twice)
        ]
        raise DataError(f"{file}: {listed(said)}: delete the rows that are wrong, or choose one asset by --ticker")
    back = np.flatnonzero(steps < 0)
    if back.size:
        pairs = [(days.index[i], days.iloc[i], days.iloc[i - 1]) for i in back.tolist()]
        said = [f"row {row}: {day:%Y-%m-%d} follows {before:%Y-%m-%d}" for row, day, before in pairs]
        raise DataError(f"{file}: {listed(said)}: dates must all increase, or all decrease")
    _refuse_future(days, file)
    if len(days) > 1 and np.median(steps[1:]) > 3:
        raise DataError(f"{file}: rows are {np.median(steps[1:]):g} days apart: daily prices are needed")


def today() -> pd.Timestamp:
    """The latest date that any place on Earth has."""
    return pd.Timestamp((datetime.now(UTC) + timedelta(hours=14)).date())


def _refuse_future(days: pd.Series, file: str) -> None:
    future = days[days > today()]
    if len(future):
        said = [f"row {row}: {day:%Y-%m-%d}" for row, day in future.items()]
        raise DataError(
            f"{file}: {counted(len(future), 'day')} after today: {listed(said)}: correct the year, or cut by --to"
        )


def without_repeats(bars: pd.DataFrame, file: str, options: ImportOptions) -> tuple[pd.DataFrame, list[str]]:
    """Refuse or, with ``--drop-repeats``, drop the rows that a filled calendar made of the row before.

    A repeated row tells of a filled calendar where it is a weekend's, or where it has a range or a volume, which no
    two days share.

    Raises:
        DataError: naming how many there are, and the option.
    """
    columns = [name for name in bars if name not in ("Date", "VIX")]
    values = bars[columns].to_numpy()
    same = np.zeros(len(bars), bool)
    same[1:] = (values[1:] == values[:-1]).all(axis=1)
    weekend = same & (bars["Date"].dt.day_of_week.to_numpy() > 4)
    moved = bars["High"].to_numpy() > bars["Low"].to_numpy()
    traded = bars["Volume"].to_numpy() > 0 if "Volume" in bars else np.zeros(len(bars), bool)
    filled = weekend | (same & moved & traded)
    if weekend.any():
        filled = same
    if not filled.any() or (not weekend.any() and filled.sum() < _FEW_REPEATS):
        return bars, []
    first = int(filled.argmax())
    said = (
        f"{file}: {counted(int(filled.sum()), 'row')} of {len(bars):,} equal to the row before in all columns "
        f"({int(weekend.sum()):,} on weekends), first {place(bars, first)}"
    )
    if options.drop_repeats:
        return bars[~filled], [f"{said}: left out"]
    raise DataError(f"{said}: its calendar was filled, no trading; --drop-repeats leaves them out")


def calendar_warnings(days: pd.Series, file: str) -> list[str]:
    """Warnings of gaps, and of weekends in a market that does not trade on all of them."""
    steps = days.diff().dt.days.to_numpy()
    gaps = np.flatnonzero(steps > MAX_GAP_DAYS)
    notes = _weekends(days, file)
    if gaps.size:
        said = "; ".join(f"{days.iloc[i - 1]:%Y-%m-%d} to {days.iloc[i]:%Y-%m-%d}" for i in gaps)
        notes.append(f"warning: {file} has gaps of more than {MAX_GAP_DAYS} days: {said}")
    return notes


def _weekends(days: pd.Series, file: str) -> list[str]:
    counts: npt.NDArray[np.int64] = np.bincount(days.dt.day_of_week, minlength=7)
    weekend = int(counts[5] + counts[6])
    if not weekend or weekend >= _SEVEN_DAYS * len(days):
        return []
    first = days[days.dt.day_of_week > 4].iloc[0]
    moved = counts[6] > 0.1 * len(days) and counts[4] < 0.05 * len(days)
    why = (
        "sessions from Sunday to Thursday: a market that rests on Fridays, or Monday's session under Sunday's date, "
        "which --timezone and --session-start put right"
        if moved
        else "no market of seven days has so few"
    )
    return [f"warning: {file}: {counted(weekend, 'row')} on a weekend, first {first:%Y-%m-%d}, a {first:%A}: {why}"]
