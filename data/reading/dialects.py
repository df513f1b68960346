"""The vendors' dialects, one entry each: what their headings, dates and numbers look like, and how they adjust.

To add a vendor, add an entry before the last: the first whose ``tells`` all stand in a file's headings is taken. The
same table serves prices and the VIX.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Literal

Adjustment = Literal["as given", "adjusted close", "adjusted set"]
"""``adjusted close``: scale by it, where the file has one. ``adjusted set``: the adjusted columns are read instead."""

REQUIRED = ("Date", "Open", "High", "Low", "Close")

ISO, SLASHES, MONTH_FIRST, DIGITS = "2018-12-31", "31/12/2018 or 12/31/2018", "12/31/2018", "20181231"
YEAR_DOTS, DAY_DOTS, NAMED, DAY_NAME, UNIX = "2018.12.31", "31.12.2018", "Dec 31, 2018", "31-Dec-2018", "1546214400"
YEAR_SLASHES = "2018/12/31"
ANY_DATE = (ISO, YEAR_SLASHES, YEAR_DOTS, DIGITS, SLASHES, DAY_DOTS, DAY_NAME, NAMED, UNIX)
"""Styles of dates, each by its example; `data.reading.dates` reads them."""


@dataclass(frozen=True)
class Dialect:
    """How one vendor writes daily prices.

    Attributes:
        name: the vendor, as the import prints it.
        tells: headings, as `reduced` returns them, by which the dialect is known.
        columns: our column -> its headings, the preferred first; one that holds zeros alone gives way to the next.
        dates: styles that its dates may have.
        decimal: its decimal mark; None where the numbers tell.
        adjustment: how its prices become free of splits and dividends.
        headings: the headings of a file that has none, in order.
    """

    name: str
    tells: frozenset[str]
    columns: Mapping[str, tuple[str, ...]]
    dates: tuple[str, ...] = ANY_DATE
    decimal: Literal["point"] | None = "point"
    adjustment: Adjustment = "as given"
    headings: tuple[str, ...] = ()


def reduced(heading: str) -> str:
    """A heading in lower case without blanks and decoration; digits stay, since ``vol_20`` is no volume."""
    return re.sub(r"""[\s_.*<>"'-]""", "", heading.lower())


_BARS = {"Open": ("open",), "High": ("high",), "Low": ("low",), "Close": ("close",)}
_ANY_DAY = ("date", "datetime", "timestamp", "time", "observationdate", "day", "index", "unnamed:0", "")
_TICKER = ("ticker", "symbol", "tic", "name")
_ANY = {
    "Date": _ANY_DAY,
    "Time": ("time",),
    "Ticker": _TICKER,
    **_BARS,
    "Volume": ("volume", "vol"),
    "Adj Close": ("adjclose", "adjustedclose"),
    "Adj Volume": ("adjvolume", "adjustedvolume"),
    "Split": ("stocksplits", "stocksplit", "splitcoefficient", "splitfactor", "splitratio"),
    "VIX": ("vix", "vixcls", "vixclose"),
}

DIALECTS: tuple[Dialect, ...] = (
    Dialect(
        "yfinance",
        frozenset({"price", "ticker", "close"}),  # the names of its heading rows
        _ANY,
        adjustment="adjusted close",
    ),
    Dialect(
        "Investing.com",
        frozenset({"date", "price", "open", "high", "low"}),
        {"Date": ("date",), **_BARS, "Close": ("price",), "Volume": ("vol",)},
        dates=(NAMED, SLASHES, DAY_DOTS, ISO),
        decimal=None,
    ),
    Dialect(
        "Nasdaq.com",
        frozenset({"date", "close/last"}),
        {"Date": ("date",), **_BARS, "Close": ("close/last",), "Volume": ("volume",)},
        dates=(MONTH_FIRST, ISO),
    ),
    Dialect(
        "Alpha Vantage",
        frozenset({"1open", "4close"}),
        {
            "Date": _ANY_DAY,
            "Open": ("1open",),
            "High": ("2high",),
            "Low": ("3low",),
            "Close": ("4close",),
            "Volume": ("5volume", "6volume"),
            "Adj Close": ("5adjustedclose",),
            "Split": ("8splitcoefficient",),
        },
        dates=(ISO,),
        adjustment="adjusted close",
    ),
    Dialect(
        "Alpha Vantage",
        frozenset({"timestamp", "open", "high", "low", "close", "volume"}),
        _ANY,
        decimal=None,
        adjustment="adjusted close",
    ),
    Dialect(
        "Quandl, EOD or Tiingo",
        frozenset({"adjopen", "adjhigh", "adjlow", "adjclose"}),
        {
            "Date": _ANY_DAY,
            "Ticker": _TICKER,
            "Open": ("adjopen",),
            "High": ("adjhigh",),
            "Low": ("adjlow",),
            "Close": ("adjclose",),
            "Volume": ("adjvolume",),
        },
        adjustment="adjusted set",
    ),
    Dialect(
        "MetaTrader",
        frozenset({"date", "open", "close", "tickvol"}),
        {"Date": ("date",), "Time": ("time",), **_BARS, "Volume": ("vol", "tickvol")},
        dates=(YEAR_DOTS, ISO),
        headings=("Date", "Time", "Open", "High", "Low", "Close", "Tickvol"),
    ),
    Dialect(
        "Stooq",
        frozenset({"ticker", "per", "date", "open", "close", "vol"}),
        {"Date": ("date",), "Time": ("time",), "Ticker": ("ticker",), **_BARS, "Volume": ("vol",)},
        dates=(DIGITS, ISO),
    ),
    Dialect("dates and times", frozenset({"date", "time", "open", "close"}), _ANY, decimal=None),
    Dialect(
        "TradingView",
        frozenset({"time", "open", "high", "low", "close"}),
        {"Date": ("time",), **_BARS, "Volume": ("volume",)},
        decimal=None,
    ),
    Dialect("FRED", frozenset({"vixcls"}), {"Date": ("date", "observationdate"), "VIX": ("vixcls",)}),
    Dialect(
        "Cboe's old file",
        frozenset({"date", "vixclose"}),
        {"Date": ("date",), "VIX": ("vixclose",)},
        dates=(MONTH_FIRST, ISO),
    ),
    Dialect(
        "Yahoo",
        frozenset({"date", "open", "high", "low", "close", "adjclose", "volume"}),
        _ANY,
        decimal=None,
        adjustment="adjusted close",
    ),
    Dialect("plain", frozenset(), _ANY, decimal=None, adjustment="adjusted close"),
)


def dialect_of(headings: Collection[str]) -> Dialect:
    """The first dialect of the table that a file's headings tell; the last fits every file."""
    present = {reduced(heading) for heading in headings}
    return next(dialect for dialect in DIALECTS if dialect.tells <= present)


KNOWN_HEADINGS = frozenset(name for dialect in DIALECTS for names in dialect.columns.values() for name in names) - {""}
"""Every heading, reduced, that some dialect reads."""
