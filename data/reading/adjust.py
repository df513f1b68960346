"""Freeing prices and volume of splits, and prices of dividends, by what the file says of them."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.errors import DataError

PRICES = ("Open", "High", "Low", "Close")
SPLITS = np.array([1.5, 4 / 3, 1.25, 2, 2.5, 3, 4, 5, 6, 7, 8, 9, 10, 12, 15, 20, 25, 30, 40, 50, 100])
"""New shares for an old one. Smaller ones are stock dividends, which volume need not be adjusted for."""

_NEAR = 0.02
"""Relative difference between a step of the adjustment and the split that it is taken for."""

Factors = npt.NDArray[np.float64]


def adjusted(bars: pd.DataFrame, file: str) -> tuple[pd.DataFrame, str]:
    """Scale prices by adjusted over raw close, or by the splits alone, and volume by the splits.

    All four prices carry the same factor, so that High and Close stay consistent, as labels need.

    Args:
        bars: oldest first; ``Adj Close``, ``Adj Volume`` and ``Split`` (new shares for an old one) where known.

    Returns:
        bars: without those columns.
        said: by what the prices are adjusted.

    Raises:
        DataError: some splits are in the prices already, and some are not.
    """
    known = [name for name in ("Adj Close", "Adj Volume", "Split") if name in bars]
    shares = _new_shares(bars, file) if "Split" in bars else None
    if "Adj Close" in bars:
        with np.errstate(over="ignore"):
            factor = (bars["Adj Close"] / bars["Close"]).to_numpy()
        steps = shares if shares is not None else _splits_in(factor, bars["Close"].to_numpy())
        said = "adjusted by Adj Close"
    elif shares is not None and (shares != 1).any():
        steps = shares
        factor = 1 / later(steps)
        said = "adjusted by its splits"
    else:
        return bars.drop(columns=known), "prices as they are"
    with np.errstate(over="ignore"):
        scaled = {name: bars[name] * factor for name in PRICES}
    result = bars.assign(**scaled)
    if "Volume" in bars:
        result["Volume"] = bars["Adj Volume"] if "Adj Volume" in bars else bars["Volume"] * later(steps)
    number = int((steps != 1).sum())
    volume = f" and {number} split{'s' if number > 1 else ''} (volume, too)" if number and "Volume" in bars else ""
    return result.drop(columns=known), said + volume


def later(steps: Factors) -> Factors:
    """The product of all later steps, for each row: how many of today's shares one of that day's is."""
    after = np.append(steps[1:], 1.0)
    return np.cumprod(after[::-1])[::-1]


def _new_shares(bars: pd.DataFrame, file: str) -> Factors:
    """The split of each day that is not in the prices yet, 1 where there is none.

    Some vendors write splits beside prices that know them already; the jump on the day tells.

    Raises:
        DataError: a split is not positive, or some are in the prices and others not.
    """
    splits = bars["Split"].fillna(0).replace(0, 1).to_numpy()
    if (splits < 0).any() or not np.isfinite(splits).all():
        raise DataError(f"{file}: a split is {splits.min():g}: it must be positive, and 0 or 1 where there is none")
    days = np.flatnonzero(abs(np.log(splits)) > 0.01)
    days = days[days > 0]
    jump = np.log(bars["Open"].to_numpy()[days] / bars["Close"].to_numpy()[days - 1])
    raw = abs(jump + np.log(splits[days])) < abs(jump)
    large = abs(np.log(splits[days])) > 0.3  # the day's own move may hide a smaller one
    if large.any() and raw[large].any() != raw[large].all():
        mixed = days[large]
        first = f"{bars['Date'].iloc[mixed[raw[large]][0]]:%Y-%m-%d}"
        other = f"{bars['Date'].iloc[mixed[~raw[large]][0]]:%Y-%m-%d}"
        raise DataError(f"{file}: the split of {other} is in the prices already, that of {first} is not")
    is_raw = raw[large].all() if large.any() else raw.mean() > 0.5 if days.size else False
    return splits if is_raw else np.ones(len(bars))


def _splits_in(factor: Factors, close: Factors) -> Factors:
    """The splits among the steps of an adjustment: those near a usual split, which the raw close shows, too."""
    steps, jumps = np.ones(len(factor)), np.ones(len(factor))
    with np.errstate(all="ignore"):
        steps[1:] = factor[1:] / factor[:-1]
        jumps[1:] = close[:-1] / close[1:]
    sizes = np.concatenate([SPLITS, 1 / SPLITS])
    nearest = sizes[abs(np.log(steps[:, None] / sizes)).argmin(axis=1)]
    seen = (abs(np.log(steps / nearest)) < _NEAR) & (abs(np.log(jumps / nearest)) < abs(np.log(nearest)) / 2)
    return np.where(seen, nearest, 1.0)
