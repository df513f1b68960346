"""Checks of daily prices; each names the first row that fails."""

from __future__ import annotations

import numpy as np
import pandas as pd

from data.errors import DataError

TOLERANCE = 1e-9
"""Relative rounding allowed between High, Low, Open and Close."""

MAX_GAP_DAYS = 5
"""Calendar days between two rows beyond which a gap is reported."""

VOLUME_WINDOW = 20
"""Rows over which volume features average, so that volume may not be zero on all of them."""


def check_dates(dates: pd.Series, file: str) -> list[str]:
    """Check that ``dates`` increase strictly and are daily; return a warning that lists long gaps.

    Raises:
        DataError: a date is repeated or out of order, or most rows are more than three days apart.
    """
    steps = dates.diff().dt.days.to_numpy()
    wrong = steps <= 0
    if wrong.any():
        first = int(wrong.argmax())
        before, after = dates[first - 1], dates[first]
        problem = "is there twice" if before == after else f"follows {before:%Y-%m-%d}"
        raise DataError(f"{file}: {after:%Y-%m-%d} {problem}: dates must all increase, or all decrease")
    if len(dates) > 1 and np.median(steps[1:]) > 3:
        raise DataError(f"{file}: rows are {np.median(steps[1:]):g} days apart: daily prices are needed")
    gaps = np.flatnonzero(steps > MAX_GAP_DAYS)
    if not len(gaps):
        return []
    listed = ", ".join(f"{dates[i - 1]:%Y-%m-%d} to {dates[i]:%Y-%m-%d}" for i in gaps)
    return [f"warning: {file} has gaps of more than {MAX_GAP_DAYS} days: {listed}"]


def check_bars(prices: pd.DataFrame, file: str) -> None:
    """Check that prices are positive and finite, and that each bar holds together.

    Raises:
        DataError: naming the first offending row of the first rule that fails.
    """
    for column in ("Open", "High", "Low", "Close", "Adj Close"):
        if column in prices:
            valid = np.isfinite(prices[column]) & (prices[column] > 0)
            _require(valid, prices, file, f"{column} is {{{column}:g}}; it must be positive and finite")
    bodies = prices[["Open", "Close"]]
    highest, lowest = bodies.max(axis=1), bodies.min(axis=1)
    bar = "(Open {Open:g}, High {High:g}, Low {Low:g}, Close {Close:g})"
    _require(prices["High"] >= highest * (1 - TOLERANCE), prices, file, f"High is below Open or Close {bar}")
    _require(prices["Low"] <= lowest * (1 + TOLERANCE), prices, file, f"Low is above Open or Close {bar}")
    volume = prices["Volume"]
    valid = np.isfinite(volume) & (volume >= 0)
    _require(valid, prices, file, "Volume is {Volume:g}; it must be finite and not negative")
    traded = volume.rolling(VOLUME_WINDOW).max() != 0
    _require(
        traded,
        prices,
        file,
        f"Volume is 0 on this and the {VOLUME_WINDOW - 1} rows before; an index often has none: "
        "use a fund on it, or cut these rows off",
    )


def _require(valid: pd.Series, prices: pd.DataFrame, file: str, complaint: str) -> None:
    """Raise ``complaint``, filled in with the first row that is not ``valid``."""
    if not valid.all():
        row = prices.iloc[int((~valid).to_numpy().argmax())]
        raise DataError(f"{file}: {row['Date']:%Y-%m-%d}: {complaint.format(**row)}")
