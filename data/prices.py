"""Daily prices from the CSV or parquet files that Yahoo, Stooq, Cboe and others hand out."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd

from data.cells import parse_dates, parse_numbers
from data.checks import check_bars, check_dates
from data.errors import DataError
from data.schema import PRICE_COLUMNS
from data.table import Cells, PriceTable, read_table

COLUMN_NAMES = {
    "date": "Date",
    "open": "Open",
    "high": "High",
    "low": "Low",
    "close": "Close",
    "volume": "Volume",
    "vol": "Volume",
    "adjclose": "Adj Close",
    "adjustedclose": "Adj Close",
    "vix": "VIX",
}
"""Heading, reduced to its lower-case letters -> column. Other columns are not read."""

MAX_VIX_GAP = 5
"""Trading days over which the last known VIX may be carried forward."""


def read_prices(path: Path, vix_path: Path | None = None) -> tuple[pd.DataFrame, list[str]]:
    """Read and check the prices of ``path``, with the VIX of its own column or of ``vix_path``.

    Returns:
        prices: ``Date Open High Low Close Volume`` and, where known, ``VIX`` with its gaps filled forward; oldest
            first.
        notes: What the user should know: which prices are used, whether rows were turned round, long gaps.

    Raises:
        DataError: a file is unreadable or its values are impossible; the message names the first offending row.
    """
    table = read_table(path)
    prices, notes = _oldest_first(_read_bars(table), table.file)
    notes += check_dates(prices["Date"], table.file)
    check_bars(prices, table.file)
    prices, adjustment = _adjusted(prices, table.file)
    if vix_path is not None:
        if "VIX" in prices:
            raise DataError(f"{table.file} has a VIX column already: leave --vix away or delete the column")
        vix, vix_notes = _read_vix(vix_path)
        notes += vix_notes
        prices["VIX"] = vix.reindex(prices["Date"]).to_numpy()
    if "VIX" in prices:
        prices["VIX"] = fill_vix(prices, vix_path.name if vix_path else table.file)
    return prices, [adjustment, *notes]


def _read_bars(table: PriceTable) -> pd.DataFrame:
    """Read dates, prices and, where there are such columns, the adjusted close and the VIX."""
    cells = _known_columns(table, ("Date", *PRICE_COLUMNS))
    columns = [name for name in (*PRICE_COLUMNS, "Adj Close", "VIX") if name in cells]
    dates = parse_dates(cells["Date"], table.rows, table.file)
    numbers = {name: parse_numbers(cells[name], table.rows, table.file, name, gaps=name == "VIX") for name in columns}
    return pd.DataFrame({"Date": dates, **numbers})


def _known_columns(table: PriceTable, required: tuple[str, ...]) -> dict[str, Cells]:
    """Return the cells of the columns that we know by name, whatever their order, case or decoration."""
    known: dict[str, Cells] = {}
    for heading, cells in table.columns.items():
        name = COLUMN_NAMES.get(re.sub("[^a-z]", "", heading.lower()))
        if name in known:
            raise DataError(f"{table.file} has two columns for {name}: {list(table.columns)}")
        if name is not None:
            known[name] = cells
    missing = [name for name in required if name not in known]
    if missing:
        raise DataError(f"{table.file} lacks the columns {missing}; it has {list(table.columns)}")
    return known


def _oldest_first(frame: pd.DataFrame, file: str) -> tuple[pd.DataFrame, list[str]]:
    """Turn a frame round whose dates strictly decrease; leave any other for `check_dates` to judge."""
    if len(frame) > 1 and (frame["Date"].diff()[1:] < pd.Timedelta(0)).all():
        return frame[::-1].reset_index(drop=True), [f"{file} is newest first: its rows were turned round"]
    return frame, []


def _adjusted(prices: pd.DataFrame, file: str) -> tuple[pd.DataFrame, str]:
    """Scale all four prices by adjusted over raw close, so that splits and dividends leave no jump.

    High and Close stay consistent, as labels need: both carry the same factor. Volume stays as given.
    """
    if "Adj Close" not in prices:
        return prices, f"{file} has no Adj Close: its prices are used as they are"
    with np.errstate(over="ignore"):
        factor = prices["Adj Close"] / prices["Close"]
        scaled = {name: prices[name] * factor for name in ("Open", "High", "Low", "Close")}
    adjusted = prices.assign(**scaled).drop(columns="Adj Close")
    check_bars(adjusted, f"{file} (adjusted)")
    return adjusted, f"{file}: Open, High, Low and Close are scaled by Adj Close / Close; Volume is used as it is"


def _read_vix(path: Path) -> tuple[pd.Series, list[str]]:
    """Read the VIX by date from the column ``VIX``, or ``Close`` where there is none."""
    table = read_table(path)
    cells = _known_columns(table, ("Date",))
    column = "VIX" if "VIX" in cells else "Close"
    if column not in cells:
        raise DataError(f"{table.file} has neither a VIX nor a Close column; it has {list(table.columns)}")
    frame = pd.DataFrame(
        {
            "Date": parse_dates(cells["Date"], table.rows, table.file),
            "VIX": parse_numbers(cells[column], table.rows, table.file, column, gaps=True),
        }
    )
    frame, notes = _oldest_first(frame, table.file)
    check_dates(frame["Date"], table.file)
    return frame.set_index("Date")["VIX"], notes


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
