"""Will the price rise by the threshold within the horizon? Answered from raw daily prices alone."""

from __future__ import annotations

from typing import Literal

import numpy as np
import numpy.typing as npt

from runtime.errors import UserError

LabelPrice = Literal["high", "close"]
Floats = npt.NDArray[np.float64]


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
