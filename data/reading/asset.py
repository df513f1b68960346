"""One asset of a file: from its sheet to checked, adjusted daily bars. A panel calls this once for each asset."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.options import ImportOptions
from data.reading.adjust import PRICES, adjusted
from data.reading.bars import bar_warnings, check_traded, checked_bars, without_missing
from data.reading.calendar import (
    between,
    calendar_warnings,
    check_order,
    oldest_first,
    without_doubled_last,
    without_repeats,
)
from data.reading.columns import Table, table_of
from data.reading.dates import Moments, parse_moments
from data.reading.dialects import REQUIRED
from data.reading.jumps import checked_jumps
from data.reading.listing import counted
from data.reading.numbers import decimal_mark, parse_numbers
from data.reading.sessions import foreign_market, session_days
from data.reading.sheet import Cells, Sheet

NUMBERS = (*PRICES, "Volume", "Adj Close", "Adj Volume", "Split", "VIX")


@dataclass(frozen=True)
class Asset:
    """Daily bars of one asset.

    Attributes:
        bars: ``Date Open High Low Close`` and, where known, ``Volume`` and ``VIX`` (with its gaps); oldest first.
        understood: one line on what the file was taken for.
        notes: what the user should know.
        changes: what was changed or accepted because the user allowed it.
        foreign: why the market closes at other hours than Chicago's, as far as the file tells.
    """

    bars: pd.DataFrame
    understood: str
    notes: tuple[str, ...]
    changes: tuple[str, ...]
    foreign: str | None


def read_asset(sheet: Sheet, options: ImportOptions) -> Asset:
    """Read, check and adjust the bars of one asset.

    Raises:
        DataError: what the file leaves open, or what cannot be; naming rows, values, and the option that helps.
    """
    table, file = table_of(sheet, options), sheet.file
    table.require(REQUIRED)
    raw, moments = read_cells(table, NUMBERS, options)
    bars = between(raw, file, options)
    bars, no_volume = _without_empty_volume(bars, file)
    bars, missing = without_missing(bars, file, options)
    bars, newest_first = oldest_first(bars)
    bars, doubled = without_doubled_last(bars, file)
    check_order(bars["Date"], file)
    bars, repeats = without_repeats(bars, file, options)
    bars, clipped = checked_bars(bars, file, options)
    check_traded(bars, file)
    bars, adjustment = adjusted(bars, file)
    checked_bars(bars, f"{file} (adjusted)", ImportOptions())
    bars, jumps = checked_jumps(bars, file, options)
    if table.dialect.adjustment == "adjusted set":
        adjustment = "adjusted columns used throughout"
    understood = [
        f"{file}: {table.dialect.name}",
        counted(table.heading_rows, "heading row") if table.heading_rows else "no heading row",
        adjustment,
        counted(len(bars), "day"),
        "newest first" if newest_first else "oldest first",
    ]
    warnings = (*calendar_warnings(bars["Date"], file), *bar_warnings(bars, file))
    return Asset(
        bars=bars.reset_index(drop=True),
        understood=", ".join(understood),
        notes=(*table.notes, *no_volume, *doubled, *warnings),
        changes=(*missing, *repeats, *clipped, *jumps),
        foreign=foreign_market(bars["Date"], moments.offset, options),
    )


def read_cells(table: Table, names: tuple[str, ...], options: ImportOptions) -> tuple[pd.DataFrame, Moments]:
    """Read the dates and those columns of ``names`` that there are; the index names the rows of the file.

    Raises:
        DataError: a cell is not what its column holds.
    """
    cells = {name: table.columns[name] for name in names if name in table.columns}
    mark = decimal_mark(cells, table.file, table.dialect.decimal, options, commas_separate=table.separator in (",", ""))
    moments = parse_moments(_stamps(table), table.rows, table.file, options, table.dialect.dates)
    days = session_days(moments, table.rows, table.file, options)
    numbers = {name: parse_numbers(cells[name], table.rows, table.file, name, mark) for name in cells}
    return pd.DataFrame({"Date": days, **numbers}, index=table.rows), moments


def _stamps(table: Table) -> Cells:
    """The cells of dates, with those of times behind them where these have a column of their own."""
    dates, times = table.columns["Date"], table.columns.get("Time")
    if not isinstance(dates, list) or not isinstance(times, list):
        return dates
    clock = [time.strip() if ":" in time else "" for time in times]
    return [f"{date.strip()} {time}".strip() for date, time in zip(dates, clock, strict=True)]


def _without_empty_volume(bars: pd.DataFrame, file: str) -> tuple[pd.DataFrame, list[str]]:
    """Take a volume that is missing or 0 on every day for none at all."""
    volume: npt.NDArray[np.float64] = bars["Volume"].to_numpy() if "Volume" in bars else np.zeros(0)
    if np.nan_to_num(volume).any():
        return bars, []
    return bars.drop(columns="Volume", errors="ignore"), [f"{file} has no volume: the features of volume are left out"]
