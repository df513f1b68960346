"""The VIX of each day of the prices: what was known of it at their close."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from data.errors import DataError
from data.options import ImportOptions
from data.reading.asset import read_cells
from data.reading.calendar import check_order, oldest_first
from data.reading.columns import table_of
from data.reading.file import read_sheet
from data.reading.listing import counted, quoted

MAX_VIX_GAP = 5
"""Trading days over which the last known VIX may be carried forward."""

LEAST_MEDIAN, MOST_MEDIAN = 5, 100
"""Between these lies the median of any VIX: since 1990 it closed between 9 and 83."""


@dataclass(frozen=True)
class Vix:
    """The VIX of a file of its own.

    Attributes:
        values: by date, NaN where the file has no value.
        file: its name.
        understood: one line on what the file was taken for.
    """

    values: pd.Series
    file: str
    understood: str


def read_vix(path: Path) -> Vix:
    """Read the VIX by date from a file's column of that name, or ``Close`` where there is none.

    Raises:
        DataError: the file is unreadable or holds no such column.
    """
    table = table_of(read_sheet(path), ImportOptions())
    column = next((name for name in ("VIX", "Close") if name in table.columns), None)
    if column is None:
        raise DataError(f"{table.file} has neither a VIX nor a Close column; it has {quoted(table.there)}")
    table.require(("Date",))
    frame, _ = read_cells(table, (column,), ImportOptions())
    frame, newest_first = oldest_first(frame)
    check_order(frame["Date"], table.file)
    order = "newest first" if newest_first else "oldest first"
    understood = (
        f"{table.file}: {table.dialect.name}, {table.headings[column]} as VIX, {counted(len(frame), 'day')}, {order}"
    )
    return Vix(frame.set_index("Date")[column].rename("VIX"), path.name, understood)


def known_vix(
    prices: pd.DataFrame, vix: pd.Series, file: str, options: ImportOptions, foreign: str | None
) -> pd.Series:
    """Return the VIX that is known on each day of ``prices``, its short gaps filled forward.

    Raises:
        DataError: the values are no VIX, a gap is too long, or it is open whether the market closes before Chicago's.
    """
    if options.vix_lag is None and foreign is not None:
        raise DataError(
            f"{file}: the prices are of a market that may close before Chicago's ({foreign}): the VIX of the same date "
            "is then from the future. Say --vix-lag 1 (the VIX of the day before), or --vix-lag 0 if it closes later"
        )
    check_plausible(prices, vix, file)
    lag = options.vix_lag or 0
    if lag:
        days = vix.index.union(pd.Index(prices["Date"]))
        vix = vix.reindex(days).ffill(limit=MAX_VIX_GAP).shift(lag)
    aligned = prices[["Date"]].assign(VIX=vix.reindex(prices["Date"]).to_numpy())
    return fill_vix(aligned, file)


def check_plausible(prices: pd.DataFrame, vix: pd.Series, file: str) -> None:
    """Check that a series may be the VIX of these days, and not the prices themselves or another index.

    Raises:
        DataError: its median lies outside what the VIX ever was, or it equals the prices.
    """
    same = vix.reindex(prices["Date"]).to_numpy() == prices["Close"].to_numpy()
    if same.mean() > 0.5:
        raise DataError(
            f"{file}: its VIX equals Close on {int(same.sum()):,} of {len(prices):,} days: these are the prices"
        )
    median = float(np.nanmedian(vix)) if vix.notna().any() else np.nan
    if median < LEAST_MEDIAN or median > MOST_MEDIAN:
        raise DataError(
            f"{file}: the median of its VIX is {median:g} ({vix.min():g} to {vix.max():g}); that of the VIX lies "
            f"between {LEAST_MEDIAN} and {MOST_MEDIAN}: is it another index, or a fund on it?"
        )


def fill_vix(prices: pd.DataFrame, file: str) -> pd.Series:
    """Carry the last known VIX forward over short gaps; days before its first value stay NaN.

    Raises:
        DataError: a value is not positive, there is none at all, or a gap is longer than `MAX_VIX_GAP` trading
            days.
    """
    vix = prices["VIX"]
    impossible = vix.notna() & ~((vix > 0) & np.isfinite(vix))
    if impossible.any():
        first = int(impossible.to_numpy().argmax())
        raise DataError(f"{file}: {prices['Date'][first]:%Y-%m-%d}: VIX is {vix[first]:g}; it must be positive")
    if vix.isna().all():
        raise DataError(f"{file} has no VIX value on any day of the prices")
    filled = vix.ffill(limit=MAX_VIX_GAP)
    begin = int(vix.notna().to_numpy().argmax())
    gap = filled[begin:].isna().to_numpy()
    if gap.any():
        day = prices["Date"][begin + int(gap.argmax())]
        raise DataError(
            f"{file}: VIX has no value on {day:%Y-%m-%d} and the {MAX_VIX_GAP} trading days before: "
            "supply it or cut the prices there"
        )
    return filled
