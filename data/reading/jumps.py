"""Jumps between one day and the next that a split, or pence for pounds, explains better than trading."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.errors import DataError
from data.options import ImportOptions
from data.reading.adjust import PRICES
from data.reading.listing import counted, listed, place

RATIOS = np.array([1.5, *range(2, 11), 12, 15, 20, 25, 30, 40, 50, 100, 1_000, 10_000])
"""Splits of old, and units of a hundred or a thousand."""

_NEAR = 0.1
_NEAR_HALVES = 0.03
"""Log distance from a ratio; three for two lies among real moves, and has to be met more closely."""

_ALWAYS = 10
"""Beyond this ratio no market moves overnight, whether it is near one of `RATIOS` or not."""


@dataclass(frozen=True)
class Jump:
    """A row whose prices are about ``ratio`` times those of the row before, and at no time in between."""

    row: int
    ratio: float


def checked_jumps(bars: pd.DataFrame, file: str, options: ImportOptions) -> tuple[pd.DataFrame, list[str]]:
    """Refuse jumps, divide what comes back if ``repair``, or name what is accepted.

    Args:
        bars: adjusted, oldest first, its index the numbers of the rows in the file.

    Returns:
        bars: with blocks divided that a repair is due to.
        changes: what was divided or accepted.

    Raises:
        DataError: naming every jump, and the options.
    """
    changes: list[str] = []
    found = jumps(bars)
    if options.repair:
        bars, changes = _divided(bars, found)
        found = jumps(bars)
    if not found:
        return bars, changes
    said = listed([_described(bars, jump) for jump in found])
    if options.accept_jumps:
        return bars, [*changes, f"jumps accepted: {said}"]
    back = " --repair divides a block whose jump comes back;" if _blocks(found) else ""
    raise DataError(
        f"{file}: {counted(len(found), 'jump')} that the day's own range does not explain, as a "
        f"split that the prices do not know makes: {said}: supply adjusted prices or a column of splits;{back} "
        "--accept-jumps takes them for real"
    )


def jumps(bars: pd.DataFrame) -> list[Jump]:
    """Every jump near one of `RATIOS` that lies outside the day's own range."""
    opened, high, low, close = (bars[name].to_numpy() for name in PRICES)
    before = close[:-1]
    with np.errstate(all="ignore"):
        closes, opens = np.log(close[1:] / before), np.log(opened[1:] / before)
        outside = np.log(np.where(close[1:] > before, low[1:] / before, before / high[1:]))
    nearest = _nearest(closes)
    near = _is_near(closes, nearest) | _is_near(opens, nearest) | (abs(closes) > np.log(_ALWAYS))
    unexplained = near & (outside > np.log(nearest) / 2)
    return [Jump(int(i) + 1, float(nearest[i] ** np.sign(closes[i]))) for i in np.flatnonzero(unexplained)]


def _nearest(moves: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    nearest: npt.NDArray[np.float64] = RATIOS[abs(abs(moves)[:, None] - np.log(RATIOS)).argmin(axis=1)]
    return nearest


def _is_near(moves: npt.NDArray[np.float64], ratio: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
    return abs(abs(moves) - np.log(ratio)) < np.where(ratio < 2, _NEAR_HALVES, _NEAR)


def _blocks(found: list[Jump]) -> list[tuple[Jump, Jump]]:
    """Pairs of neighbouring jumps of which the second takes the first one back."""
    pairs, i = [], 0
    while i + 1 < len(found):
        if np.isclose(found[i].ratio * found[i + 1].ratio, 1):
            pairs.append((found[i], found[i + 1]))
            i += 1
        i += 1
    return pairs


def _divided(bars: pd.DataFrame, found: list[Jump]) -> tuple[pd.DataFrame, list[str]]:
    """Divide the prices of each block whose jump comes back."""
    factor, changes = np.ones(len(bars)), []
    for begin, end in _blocks(found):
        factor[begin.row : end.row] = begin.ratio
        days = [f"{bars['Date'].iloc[row]:%Y-%m-%d}" for row in (begin.row, end.row - 1)]
        rows = f"{bars.index[begin.row]} to {bars.index[end.row - 1]}"
        changes.append(f"prices of {days[0]} to {days[1]} (rows {rows}) divided by {begin.ratio:g}")
    # A whole number divides or multiplies: 41,200 pence are 412 pounds to the last digit.
    down, up = np.maximum(factor, 1), np.maximum((1 / factor).round(1), 1)
    return bars.assign(**{name: bars[name] / down * up for name in PRICES}), changes


def _described(bars: pd.DataFrame, jump: Jump) -> str:
    before, after = bars.iloc[jump.row - 1], bars.iloc[jump.row]
    ratio = f"{jump.ratio:g}" if jump.ratio > 1 else f"1/{1 / jump.ratio:g}"
    return f"{place(bars, jump.row)}: Close {before['Close']:g} -> {after['Close']:g} (about {ratio})"
