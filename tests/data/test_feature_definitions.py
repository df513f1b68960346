"""Each feature against its published definition in plain pandas, and free of the scale of prices and of volume.

Averages that remember their whole past (Wilder's and exponential ones) begin at the first row here and after a window
in TA-Lib; a thousand days later nothing is left of that.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from data.features import FEATURES, compute_features
from data.manifest import PROJECT
from data.prices import read_prices
from data.schema import RAW_FILE

ROWS = slice(2000, 4500)  # the VIX is known, and 1997's and 2001's falls are among them
FORGOTTEN = 1000
PRICES = read_prices(PROJECT / RAW_FILE).frame[ROWS].reset_index(drop=True)
COMPUTED = compute_features(PRICES)

high, low, close = PRICES["High"], PRICES["Low"], PRICES["Close"]
volume, vix = PRICES["Volume"], PRICES["VIX"]


def wilder(values: pd.Series, days: int = 14) -> pd.Series:
    """Wilder's average (New Concepts in Technical Trading Systems, 1978): the newest day weighs 1/days."""
    return values.ewm(alpha=1 / days, adjust=False).mean()


def exponential(values: pd.Series, days: int) -> pd.Series:
    return values.ewm(alpha=2 / (days + 1), adjust=False).mean()


def true_range() -> pd.Series:
    """Wilder, 1978: the greatest of the day's range and the distances of its ends from the close before."""
    before = close.shift()
    return pd.concat([high - low, (high - before).abs(), (low - before).abs()], axis=1).max(axis=1, skipna=False)


def directional_index() -> pd.Series:
    """Wilder, 1978: the average of DX, of directional movements over true range."""
    up, down = high.diff(), -low.diff()
    plus = wilder(up.where((up > down) & (up > 0), 0.0)) / wilder(true_range().fillna(0.0))
    minus = wilder(down.where((down > up) & (down > 0), 0.0)) / wilder(true_range().fillna(0.0))
    return wilder(((plus - minus).abs() / (plus + minus)).fillna(0.0))


def relative_strength() -> pd.Series:
    """Wilder, 1978: average gain over average gain and loss."""
    change = close.diff().fillna(0.0)
    gain, loss = wilder(change.clip(lower=0)), wilder((-change).clip(lower=0))
    return gain / (gain + loss)


def macd_histogram() -> pd.Series:
    """Appel's MACD (12, 26) less its 9-day signal (Aspray's histogram)."""
    macd = exponential(close, 12) - exponential(close, 26)
    return macd - exponential(macd, 9)


def place_in_range(days: int) -> pd.Series:
    """Lane's fast %K, from 0 at the lowest low to 1 at the highest high."""
    lowest = low.rolling(days).min()
    return (close - lowest) / (high.rolling(days).max() - lowest)


def commodity_channel(days: int) -> pd.Series:
    """Lambert, 1980: distance of the typical price from its mean, over 0.015 of the mean absolute deviation."""
    typical = (high + low + close) / 3
    deviation = typical.rolling(days).apply(lambda window: np.abs(window - window.mean()).mean(), raw=True)
    return (typical - typical.rolling(days).mean()) / (0.015 * deviation)


def money_flow(days: int) -> pd.Series:
    """Quong and Soudack, 1989: the share of typical price times volume on days when the typical price rose."""
    typical = (high + low + close) / 3
    flow, change = typical * volume, typical.diff()
    rising = flow.where(change > 0, 0.0).rolling(days).sum()
    return rising / (rising + flow.where(change < 0, 0.0).rolling(days).sum())


def balance_of_volume(days: int) -> pd.Series:
    """Granville, 1963: how far on-balance volume moved within a window, over the window's volume."""
    moved = volume.where(close.diff() > 0, 0.0) - volume.where(close.diff() < 0, 0.0)
    return moved.rolling(days).sum() / volume.rolling(days).sum()


def chaikin(days: int) -> pd.Series:
    """Chaikin: accumulation/distribution of a window, over its volume."""
    location = ((close - low) - (high - close)) / (high - low)
    return (location.fillna(0.0) * volume).rolling(days).sum() / volume.rolling(days).sum()


def realised(days: int) -> pd.Series:
    """Root of the mean squared log return, a year of 252 days."""
    return np.sqrt(252 * (np.log(close).diff() ** 2).rolling(days).mean())


DEFINITIONS: dict[str, Callable[[], pd.Series]] = {
    "close_to_sma20": lambda: close / close.rolling(20).mean() - 1,
    "close_to_sma50": lambda: close / close.rolling(50).mean() - 1,
    "close_to_sma200": lambda: close / close.rolling(200).mean() - 1,
    "ema12_to_ema26": lambda: exponential(close, 12) / exponential(close, 26) - 1,
    "macd_histogram": lambda: macd_histogram() / close,
    "adx14": directional_index,
    "rsi14": relative_strength,
    "stochastic_k": lambda: place_in_range(14).rolling(3).mean(),
    "stochastic_d": lambda: place_in_range(14).rolling(3).mean().rolling(3).mean(),
    "williams_r14": lambda: place_in_range(14) - 1,
    "cci20": lambda: commodity_channel(20) / 100,
    "mfi14": lambda: money_flow(14),
    "roc10": lambda: close.pct_change(10),
    "volume_to_mean20": lambda: np.log(1 + volume / volume.rolling(20).mean()),
    "on_balance_volume20": lambda: balance_of_volume(20),
    "chaikin_money_flow20": lambda: chaikin(20),
    "atr14": lambda: wilder(true_range().bfill()) / close,
    "day_range": lambda: (high - low) / close,
    "realised_volatility5": lambda: realised(5),
    "realised_volatility21": lambda: realised(21),
    "bollinger_width20": lambda: 4 * close.rolling(20).std(ddof=0) / close.rolling(20).mean(),
    "return1": lambda: np.log(close).diff(1),
    "return5": lambda: np.log(close).diff(5),
    "return21": lambda: np.log(close).diff(21),
    "log_vix": lambda: np.log(vix),
    "vix_return1": lambda: np.log(vix).diff(1),
    "vix_return5": lambda: np.log(vix).diff(5),
    "vix_to_mean60": lambda: np.log(vix) - np.log(vix.rolling(60).mean()),
    "realised_to_vix": lambda: realised(21) / (vix / 100),
}


def test_every_feature_has_a_definition() -> None:
    assert list(DEFINITIONS) == [name for group in FEATURES.values() for name in group]


@pytest.mark.parametrize("name", DEFINITIONS)
def test_a_feature_is_its_published_definition(name: str) -> None:
    expected = DEFINITIONS[name]()[FORGOTTEN:]
    np.testing.assert_allclose(COMPUTED[name][FORGOTTEN:], expected, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("power", [-8, -4, -1, 1, 4, 8])
@pytest.mark.parametrize("scaled", [("Open", "High", "Low", "Close"), ("Volume",)], ids=["prices", "volume"])
def test_features_do_not_know_the_scale_of_prices_or_of_volume(scaled: tuple[str, ...], power: int) -> None:
    found = compute_features(PRICES.assign(**{name: PRICES[name] * 10.0**power for name in scaled}))
    for name in COMPUTED:
        np.testing.assert_allclose(found[name], COMPUTED[name], rtol=1e-7, atol=1e-9, err_msg=name)


def test_both_scales_at_their_smallest_together_change_nothing() -> None:
    """A coin of 1e-6 traded in thousandths: TA-Lib 0.6.5 took any money flow below 1 for none."""
    factors = dict.fromkeys(("Open", "High", "Low", "Close", "Volume"), 1e-8)
    found = compute_features(PRICES.assign(**{name: PRICES[name] * factor for name, factor in factors.items()}))
    for name in COMPUTED:
        np.testing.assert_allclose(found[name], COMPUTED[name], rtol=1e-7, atol=1e-9, err_msg=name)
