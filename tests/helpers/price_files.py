"""The same daily prices, as each vendor writes them: rows of the committed data in real shapes."""

from __future__ import annotations

import io
from collections.abc import Callable
from decimal import Decimal

import numpy as np
import pandas as pd

from data.manifest import PROJECT
from data.schema import RAW_FILE

PRICES = ["Open", "High", "Low", "Close"]
WITH_VIX = pd.read_csv(PROJECT / RAW_FILE, parse_dates=["Date"])[-520:].reset_index(drop=True)
PLAIN = WITH_VIX.drop(columns="VIX")
SPLIT_ROW = 300
"""The row on which the raw prices of `unadjusted` halve."""


def csv(frame: pd.DataFrame, dates: str | None = "%Y-%m-%d", **options: object) -> str:
    """The frame as CSV, its dates in a format."""
    written = frame.assign(Date=frame["Date"].dt.strftime(dates)) if dates else frame
    return str(written.to_csv(index=False, **options))  # type: ignore[call-overload]


def under(frame: pd.DataFrame, headings: str, dates: str | None = "%Y-%m-%d", separator: str = ",") -> str:
    """The frame as CSV under other headings."""
    body = csv(frame, dates, sep=separator).split("\n", 1)[1]
    return f"{headings}\n{body}"


def with_millions(volume: float) -> str:
    """A volume in millions, to the last digit."""
    return f"{Decimal(volume) / 1_000_000:f}M"


def unadjusted(frame: pd.DataFrame) -> tuple[pd.DataFrame, np.ndarray]:
    """The prices before a split of two for one on `SPLIT_ROW`, which the given ones know; and its coefficient."""
    before = np.arange(len(frame)) < SPLIT_ROW
    raw = frame.assign(**{name: frame[name] * np.where(before, 2, 1) for name in PRICES})
    return raw.assign(Volume=frame["Volume"] / np.where(before, 2, 1)), np.where(frame.index == SPLIT_ROW, 2.0, 1.0)


def yfinance(frame: pd.DataFrame, ticker: str = "SPY") -> str:
    columns = ["Close", "High", "Low", "Open", "Volume"]
    heads = f"Price,{','.join(columns)}\nTicker{f',{ticker}' * 5}\nDate,,,,,"
    return under(frame[["Date", *columns]], heads)


def yfinance_by_ticker(frame: pd.DataFrame) -> str:
    return under(frame, "Ticker,SPY,SPY,SPY,SPY,SPY\nPrice,Open,High,Low,Close,Volume\nDate,,,,,")


def yfinance_flat(frame: pd.DataFrame) -> str:
    """As written after the index of dates became a column."""
    return under(frame, "Date,Open,High,Low,Close,Volume\n,SPY,SPY,SPY,SPY,SPY")


def yfinance_nameless(frame: pd.DataFrame) -> str:
    """As written where the index of dates lost its name."""
    return under(frame, "Price,Open,High,Low,Close,Volume\nTicker,SPY,SPY,SPY,SPY,SPY")


def yfinance_parquet(frame: pd.DataFrame) -> bytes:
    indexed = frame.set_index("Date")
    indexed.columns = pd.MultiIndex.from_product([list(indexed), ["SPY"]], names=["Price", "Ticker"])
    buffer = io.BytesIO()
    indexed.to_parquet(buffer)
    return buffer.getvalue()


def yfinance_history(frame: pd.DataFrame) -> str:
    return csv(frame.assign(Dividends=0.0, **{"Stock Splits": 0.0}), "%Y-%m-%d 00:00:00-05:00")


def investing(frame: pd.DataFrame, dates: str = "%b %d, %Y") -> str:
    money = {name: frame[name].map("{:,}".format) for name in PRICES}
    volume = frame["Volume"].map(with_millions)
    new = frame.assign(**money, Volume=volume, Change="0.5%")[
        ["Date", "Close", "Open", "High", "Low", "Volume", "Change"]
    ]
    return under(new[::-1], '"Date","Price","Open","High","Low","Vol.","Change %"', dates)


def nasdaq(frame: pd.DataFrame) -> str:
    money = {name: frame[name].map("${}".format) for name in PRICES}
    new = frame.assign(**money)[["Date", "Close", "Volume", "Open", "High", "Low"]]
    return under(new[::-1], "Date,Close/Last,Volume,Open,High,Low", "%m/%d/%Y")


def alpha_vantage_adjusted(frame: pd.DataFrame) -> str:
    raw, split = unadjusted(frame)
    new = raw.assign(adjusted=frame["Close"], dividend=0.0, split=split)
    new = new[["Date", *PRICES, "adjusted", "Volume", "dividend", "split"]]
    heads = "timestamp,open,high,low,close,adjusted_close,volume,dividend_amount,split_coefficient"
    return under(new[::-1], heads)


def alpha_vantage_json(frame: pd.DataFrame) -> str:
    return under(frame, ",1. open,2. high,3. low,4. close,5. volume")


def quandl(frame: pd.DataFrame) -> str:
    raw, split = unadjusted(frame)
    adjusted = frame[[*PRICES, "Volume"]].add_prefix("Adj. ")
    new = pd.concat([raw.assign(**{"Ex-Dividend": 0.0, "Split Ratio": split}), adjusted], axis=1)
    return csv(new)


def eod(frame: pd.DataFrame) -> str:
    raw, _ = unadjusted(frame)
    return csv(pd.concat([raw, frame[[*PRICES, "Volume"]].add_prefix("Adj_")], axis=1))


def tiingo(frame: pd.DataFrame) -> str:
    raw, split = unadjusted(frame)
    columns = {f"adj{name}": frame[name] for name in (*PRICES, "Volume")}
    new = raw.rename(columns=str.lower).assign(**columns, divCash=0.0, splitFactor=split)
    return under(new.rename(columns={"date": "Date"}), ",".join(new), "%Y-%m-%d 00:00:00+00:00")


def raw_with_splits(frame: pd.DataFrame) -> str:
    raw, split = unadjusted(frame)
    return csv(raw.assign(**{"Stock Splits": np.where(split == 1, 0, split)}))


def tradingview(frame: pd.DataFrame) -> str:
    seconds = frame["Date"].astype("datetime64[s]").astype(np.int64)
    return under(frame.assign(Date=seconds, MA=1.5), "time,open,high,low,close,Volume,Volume MA", None)


def metatrader(frame: pd.DataFrame) -> str:
    heads = "<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>"
    return under(frame.assign(vol=0, spread=5), heads, "%Y.%m.%d", "\t")


def metatrader_headless(frame: pd.DataFrame) -> str:
    new = frame.assign(time="00:00")[["Date", "time", *PRICES, "Volume"]]
    return csv(new, "%Y.%m.%d", header=False)


def stooq_bulk(frame: pd.DataFrame) -> str:
    new = frame.assign(ticker="SPY.US", per="D", time="000000", interest=0)
    new = new[["ticker", "per", "Date", "time", *PRICES, "Volume", "interest"]]
    return under(new, "<TICKER>,<PER>,<DATE>,<TIME>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>,<OPENINT>", "%Y%m%d")


def stacked(frame: pd.DataFrame, heading: str = "Name") -> str:
    """Two assets in one file; the import is asked for the first."""
    other = frame.assign(**{name: frame[name] * 2 for name in PRICES})
    return csv(pd.concat([frame.assign(**{heading: "SPY"}), other.assign(**{heading: "QQQ"})]))


DIALECTS: dict[str, tuple[Callable[[pd.DataFrame], str | bytes], str, list[str]]] = {
    "plain": (csv, "plain, 1 heading row, prices as they are", []),
    "Yahoo": (lambda f: csv(f.assign(**{"Adj Close": f["Close"]})), "Yahoo, 1 heading row, adjusted by Adj Close", []),
    "yfinance": (yfinance, "yfinance, 3 heading rows, prices as they are", []),
    "yfinance by ticker": (yfinance_by_ticker, "yfinance, 3 heading rows", []),
    "yfinance flat": (yfinance_flat, "plain, 2 heading rows, prices as they are", []),
    "yfinance without a name of dates": (yfinance_nameless, "yfinance, 2 heading rows", []),
    "yfinance parquet": (yfinance_parquet, "yfinance, 2 heading rows", []),
    "yfinance history": (yfinance_history, "plain, 1 heading row, prices as they are", []),
    **{
        f"date under {heading!r}": (lambda f, h=heading: under(f, f"{h},Open,High,Low,Close,Volume"), "1 heading", [])  # type: ignore[misc]
        for heading in ("timestamp", "time", "Datetime", "index", "", "Unnamed: 0")
    },
    "Investing.com": (investing, "Investing.com, 1 heading row, prices as they are", []),
    "Investing.com, day first": (lambda f: investing(f, "%d/%m/%Y"), "Investing.com, 1 heading row", []),
    "Nasdaq.com": (nasdaq, "Nasdaq.com, 1 heading row, prices as they are", []),
    "Alpha Vantage": (lambda f: under(f[::-1], "timestamp,open,high,low,close,volume"), "Alpha Vantage, 1 heading", []),
    "Alpha Vantage adjusted": (
        alpha_vantage_adjusted,
        "Alpha Vantage, 1 heading row, adjusted by Adj Close and 1 split (volume, too)",
        [],
    ),
    "Alpha Vantage JSON": (alpha_vantage_json, "Alpha Vantage, 1 heading row", []),
    "Quandl": (quandl, "Quandl, EOD or Tiingo, 1 heading row, adjusted columns used throughout", []),
    "EOD": (eod, "Quandl, EOD or Tiingo, 1 heading row, adjusted columns used throughout", []),
    "Tiingo": (tiingo, "Quandl, EOD or Tiingo, 1 heading row, adjusted columns used throughout", []),
    "raw with a column of splits": (raw_with_splits, "adjusted by its splits and 1 split (volume, too)", []),
    "TradingView": (tradingview, "TradingView, 1 heading row", []),
    "milliseconds of an exchange": (
        lambda f: under(
            f.assign(Date=f["Date"].astype("datetime64[ms]").astype(np.int64)),
            "timestamp,open,high,low,close,volume",
            None,
        ),
        "1 heading row",
        [],
    ),
    "time and decimal commas": (
        lambda f: csv(f, "%d.%m.%Y", sep=";", decimal=",").replace("Date", "time", 1),
        "TradingView, 1 heading row",
        [],
    ),
    "MetaTrader": (metatrader, "MetaTrader, 1 heading row", []),
    "MetaTrader without headings": (metatrader_headless, "MetaTrader, no heading row", []),
    "Stooq": (stooq_bulk, "Stooq, 1 heading row", []),
    "Cboe": (lambda f: under(f, "DATE,OPEN,HIGH,LOW,CLOSE,VOLUME", "%m/%d/%Y"), "plain, 1 heading row", []),
    "yyyy/mm/dd": (lambda f: csv(f, "%Y/%m/%d"), "plain", []),
    "semicolons and decimal commas": (lambda f: csv(f, "%d.%m.%Y", sep=";", decimal=","), "plain", []),
    "UTF-16": (lambda f: csv(f, sep="\t").encode("utf-16"), "plain", []),
    "title line": (lambda f: f"Prices of an index, daily\n{csv(f)}", "plain", []),
    "footer": (lambda f: f'{csv(f)}"Downloaded, all rights reserved"\n', "plain", []),
    "last row doubled": (lambda f: csv(pd.concat([f, f[-1:]])), "plain", []),
    "several tickers": (stacked, "plain", ["--ticker", "SPY"]),
    "rows of null": (
        lambda f: csv(f) + "2018-12-29,null,null,null,null,null\n",
        "plain",
        ["--drop-missing"],
    ),
}
"""Dialect -> the file of a frame, what the import says of it, and the options that it needs."""
