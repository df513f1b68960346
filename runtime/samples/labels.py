"""Will the price rise by the threshold within the horizon? Answered from raw daily prices alone.

The generator reads the first lines of the rules' docstrings, so that nothing heavy is imported here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from runtime.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

    from runtime.arrays import Floats

Rule = Callable[..., "Floats"]
"""Takes the daily frame, ``threshold`` and ``horizon``; gives a label a day, see `threshold_labels`."""


def touched(daily: pd.DataFrame, *, threshold: float, horizon: int) -> Floats:
    """Does a High of the next HORIZON trading days reach Close * (1 + THRESHOLD)?"""
    close, high = (daily[name].to_numpy("float64") for name in ("Close", "High"))
    return threshold_labels(close, high, threshold=threshold, horizon=horizon)


def closed_above(daily: pd.DataFrame, *, threshold: float, horizon: int) -> Floats:
    """Does a Close of the next HORIZON trading days reach Close * (1 + THRESHOLD)?"""
    close = daily["Close"].to_numpy("float64")
    return threshold_labels(close, close, threshold=threshold, horizon=horizon)


LABELS: dict[str, Rule] = {"high": touched, "close": closed_above}
"""Each rule by its name in a script, ``LABEL_PRICE``; to add one, add its line."""


def threshold_labels(close: Floats, future_price: Floats, *, threshold: float, horizon: int) -> Floats:
    """``label[t] = max(future_price[t+1 .. t+horizon]) >= close[t] * (1 + threshold)``.

    Args:
        close: raw daily closes, shape (days,).
        future_price: raw daily Highs (or closes) that may reach the threshold, shape (days,).
        threshold: fraction, 0.01 for 1 %.
        horizon: trading days that may reach it.

    Returns:
        0.0 or 1.0 a day, shape (days,); NaN for the last ``horizon`` days, whose label is not known.

    Raises:
        UserError: if the threshold is not positive or the horizon is not at least 1.
    """
    import numpy as np

    if not threshold > 0 or horizon < 1:
        raise UserError(f"threshold {threshold}, horizon {horizon}: both must be positive")
    labels = np.full(close.shape, np.nan)
    known = close.size - horizon
    if known > 0:
        highest = future_price[1 : known + 1].copy()
        for ahead in range(2, horizon + 1):
            np.maximum(highest, future_price[ahead : known + ahead], out=highest)
        labels[:known] = highest >= close[:known] * (1 + threshold)
    return labels
