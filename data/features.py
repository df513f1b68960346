"""The features of dataset c, one line each: all free of scale, all known at the close of their row.

To add a feature, add its line to `FEATURES`. Give it values that do not depend on the price level (ratios,
returns, bounded oscillators), and let row t use rows up to t only: ``tests/data/test_features.py`` proves it
for every line. Indicators follow their TA-Lib definitions (https://ta-lib.org/functions/).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
import numpy.typing as npt
import pandas as pd
import talib

Values = npt.NDArray[np.float64]


@dataclass(frozen=True)
class PriceArrays:
    """Daily bars as arrays of one value a day; ``vix`` is NaN while it is unknown."""

    high: Values
    low: Values
    close: Values
    volume: Values
    vix: Values


def log_return(values: Values, days: int) -> Values:
    """Return ``log(values[t] / values[t - days])``, NaN in the first ``days`` rows."""
    result = np.full(len(values), np.nan)
    result[days:] = np.log(values[days:] / values[:-days])
    return result


def rolling_mean(values: Values, days: int) -> Values:
    """Return the mean of the last ``days`` values, NaN in the first ``days - 1`` rows.

    Each window is summed afresh: a running sum can end below zero after a large value leaves it.
    """
    result = np.full(len(values), np.nan)
    if len(values) >= days:
        result[days - 1 :] = np.lib.stride_tricks.sliding_window_view(values, days).mean(axis=1)
    return result


def realised_volatility(close: Values, days: int) -> Values:
    """Return the annualised root mean square of the last ``days`` log returns (252 trading days a year)."""
    return np.sqrt(252 * rolling_mean(log_return(close, 1) ** 2, days))


def on_balance_volume(bars: PriceArrays, days: int) -> Values:
    """Return the share of the last ``days``' volume on rising days less that on falling days, in [-1, 1].

    This is Granville's on-balance volume, counted over a window and divided by its volume.
    """
    signed = np.sign(log_return(bars.close, 1)) * bars.volume
    return rolling_mean(signed, days) / rolling_mean(bars.volume, days)


def chaikin_money_flow(bars: PriceArrays, days: int) -> Values:
    """Return Chaikin's money flow in [-1, 1]: volume weighted by where in its range each day closed.

    A day without a range (high equal to low) says nothing about buyers and sellers, and counts as 0.
    """
    day_range = bars.high - bars.low
    location = np.divide(
        2 * bars.close - bars.high - bars.low, day_range, out=np.zeros_like(day_range), where=day_range > 0
    )
    return rolling_mean(location * bars.volume, days) / rolling_mean(bars.volume, days)


def bollinger_width(close: Values, days: int) -> Values:
    """Return the distance between Bollinger's bands (two standard deviations) over their middle."""
    upper, middle, lower = talib.BBANDS(close, days, 2, 2)
    return (upper - lower) / middle


def stochastic(bars: PriceArrays) -> tuple[Values, Values]:
    """Return %K over 14 days smoothed over 3, and %D, its mean over 3 more, in percent."""
    return talib.STOCH(bars.high, bars.low, bars.close, fastk_period=14, slowk_period=3, slowd_period=3)


FEATURES: dict[str, dict[str, Callable[[PriceArrays], Values]]] = {
    "trend": {
        "close_to_sma20": lambda b: b.close / talib.SMA(b.close, 20) - 1,
        "close_to_sma50": lambda b: b.close / talib.SMA(b.close, 50) - 1,
        "close_to_sma200": lambda b: b.close / talib.SMA(b.close, 200) - 1,
        "ema12_to_ema26": lambda b: talib.EMA(b.close, 12) / talib.EMA(b.close, 26) - 1,
        "macd_histogram": lambda b: talib.MACD(b.close, 12, 26, 9)[2] / b.close,
        "adx14": lambda b: talib.ADX(b.high, b.low, b.close, 14) / 100,
    },
    "oscillators": {
        "rsi14": lambda b: talib.RSI(b.close, 14) / 100,
        "stochastic_k": lambda b: stochastic(b)[0] / 100,
        "stochastic_d": lambda b: stochastic(b)[1] / 100,
        "williams_r14": lambda b: talib.WILLR(b.high, b.low, b.close, 14) / 100,
        "cci20": lambda b: talib.CCI(b.high, b.low, b.close, 20) / 100,
        "mfi14": lambda b: talib.MFI(b.high, b.low, b.close, b.volume, 14) / 100,
        "roc10": lambda b: talib.ROCP(b.close, 10),
    },
    "volume": {
        "volume_to_mean20": lambda b: np.log1p(b.volume / rolling_mean(b.volume, 20)),
        "on_balance_volume20": lambda b: on_balance_volume(b, 20),
        "chaikin_money_flow20": lambda b: chaikin_money_flow(b, 20),
    },
    "volatility": {
        "atr14": lambda b: talib.ATR(b.high, b.low, b.close, 14) / b.close,
        "day_range": lambda b: (b.high - b.low) / b.close,
        "realised_volatility5": lambda b: realised_volatility(b.close, 5),
        "realised_volatility21": lambda b: realised_volatility(b.close, 21),
        "bollinger_width20": lambda b: bollinger_width(b.close, 20),
    },
    "returns": {
        "return1": lambda b: log_return(b.close, 1),
        "return5": lambda b: log_return(b.close, 5),
        "return21": lambda b: log_return(b.close, 21),
    },
    "vix": {
        "log_vix": lambda b: np.log(b.vix),
        "vix_return1": lambda b: log_return(b.vix, 1),
        "vix_return5": lambda b: log_return(b.vix, 5),
        "vix_to_mean60": lambda b: np.log(b.vix / rolling_mean(b.vix, 60)),
        "realised_to_vix": lambda b: 100 * realised_volatility(b.close, 21) / b.vix,
    },
}
"""Group -> feature -> how to compute it. The group ``vix`` is left out of data without a VIX column."""

VOLUME_FEATURES = frozenset({*FEATURES["volume"], "mfi14"})
"""Features that read the volume; they are left out of data without it."""


def compute_features(prices: pd.DataFrame) -> pd.DataFrame:
    """Compute every feature on every row, NaN where its window is not yet full.

    Args:
        prices: ``High Low Close`` and optionally ``Volume`` and ``VIX`` (gaps already filled), oldest row first.
    """
    unknown = pd.Series(np.nan, index=prices.index)
    columns = [prices.get(name, unknown) for name in ("High", "Low", "Close", "Volume", "VIX")]
    bars = PriceArrays(*(np.asarray(column, dtype=np.float64) for column in columns))
    left_out = frozenset[str]() if "Volume" in prices else VOLUME_FEATURES
    left_out |= frozenset() if "VIX" in prices else frozenset(FEATURES["vix"])
    # A division by zero is found afterwards: the dataset refuses what is not finite, naming column and date.
    with np.errstate(all="ignore"):
        return pd.DataFrame(
            {
                name: feature(bars)
                for features in FEATURES.values()
                for name, feature in features.items()
                if name not in left_out
            },
            index=prices.index,
        )


@cache
def look_back() -> dict[str, int]:
    """Return how many rows before its own each feature reads at the least, found out on a made series."""
    random = np.random.default_rng(0)
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, 1_000)))
    high, low = close * 1.01, close * 0.99
    columns = {"High": high, "Low": low, "Close": close, "Volume": random.uniform(1, 2, 1_000), "VIX": close}
    features = compute_features(pd.DataFrame(columns))
    return {str(name): int(np.isfinite(values).to_numpy().argmax()) for name, values in features.items()}
