"""Checks of daily bars: what cannot be is refused with all its rows, what is doubtful is said."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.errors import DataError
from data.options import ImportOptions
from data.reading.adjust import PRICES
from data.reading.listing import counted, listed, place

TOLERANCE = 1e-5
"""Relative rounding allowed between High, Low, Open and Close."""

VOLUME_WINDOW = 20
"""Rows over which volume features average, so that volume may not be zero on all of them."""

STALE_DAYS = 5
"""Equal closes in a row from which they are reported."""

_MANY_FLAT = 0.01
"""Share of bars without a range from which they are reported."""

_MISLABELLED = 0.1
"""Share of broken bars from which the columns are more likely than the bars to be wrong."""

Mask = npt.NDArray[np.bool_]


def without_missing(bars: pd.DataFrame, file: str, options: ImportOptions) -> tuple[pd.DataFrame, list[str]]:
    """Refuse or, with ``--drop-missing``, drop and list the rows that lack a value.

    Raises:
        DataError: naming every such row, and the option.
    """
    needed = bars[[name for name in bars if name not in ("Date", "VIX", "Split")]]
    missing = needed.isna().to_numpy()
    rows = np.flatnonzero(missing.any(axis=1))
    if not rows.size:
        return bars, []
    said = listed([f"row {bars.index[i]}: no value in {', '.join(needed.columns[missing[i]])}" for i in rows.tolist()])
    if not options.drop_missing:
        raise DataError(
            f"{file}: {said}: fill {'them' if rows.size > 1 else 'it'} in, or leave such rows out by --drop-missing"
        )
    return bars.drop(index=bars.index[rows]), [f"{file}: {counted(rows.size, 'row')} left out: {said}"]


def checked_bars(bars: pd.DataFrame, file: str, options: ImportOptions) -> tuple[pd.DataFrame, list[str]]:
    """Check that prices are positive and finite, and that each bar holds together; clip High and Low if ``repair``.

    Returns:
        bars: with High and Low clipped to the bar's own prices where they lay inside.
        changes: what was clipped.

    Raises:
        DataError: naming every bar that is at fault, and the option.
    """
    faults = {**_impossible(bars), **_bad_volume(bars)}
    outside = _outside(bars)
    if options.repair and not faults and (len(outside) <= _MISLABELLED * len(bars)):
        return _clipped(bars, outside)
    faults = {**outside, **faults}
    if not faults:
        return bars, []
    help_ = ""
    if len(outside) > _MISLABELLED * len(bars):
        help_ = "; with so many, look whether the columns stand under their right headings"
    elif outside:
        help_ = "; --repair widens High and Low to the bar's own prices"
    said = listed([f"{place(bars, i)}: {faults[i]}" for i in sorted(faults)])
    number = f"{len(faults):,} bars cannot be: " if len(faults) > 1 else ""
    raise DataError(f"{file}: {number}{said}{help_}")


def _impossible(bars: pd.DataFrame) -> dict[int, str]:
    faults: dict[int, str] = {}
    for name in ("Adj Close", *PRICES[::-1]):
        if name in bars:
            values = bars[name].to_numpy()
            wrong = ~(np.isfinite(values) & (values > 0))
            faults |= {
                int(i): f"{name} is {values[i]:g}; it must be positive and finite" for i in np.flatnonzero(wrong)
            }
    return faults


def _bad_volume(bars: pd.DataFrame) -> dict[int, str]:
    faults: dict[int, str] = {}
    for name in ("Volume", "Adj Volume"):
        if name in bars:
            values = bars[name].to_numpy()
            wrong = ~(np.isfinite(values) & (values >= 0))
            faults |= {
                int(i): f"{name} is {values[i]:g}; it must be finite and not negative" for i in np.flatnonzero(wrong)
            }
    return faults


def _outside(bars: pd.DataFrame) -> dict[int, str]:
    opened, high, low, close = (bars[name].to_numpy() for name in PRICES)
    too_low = high < np.maximum(opened, close) * (1 - TOLERANCE)
    too_high = low > np.minimum(opened, close) * (1 + TOLERANCE)
    bar = "(Open {:g}, High {:g}, Low {:g}, Close {:g})"
    faults = {int(i): "Low is above Open or Close " for i in np.flatnonzero(too_high)}
    faults |= {int(i): "High is below Open or Close " for i in np.flatnonzero(too_low)}
    return {i: said + bar.format(opened[i], high[i], low[i], close[i]) for i, said in faults.items()}


def _clipped(bars: pd.DataFrame, outside: dict[int, str]) -> tuple[pd.DataFrame, list[str]]:
    if not outside:
        return bars, []
    rows = sorted(outside)
    own = bars[list(PRICES)].iloc[rows]
    repaired = bars.copy()
    repaired.loc[own.index, "High"] = own.max(axis=1)
    repaired.loc[own.index, "Low"] = own.min(axis=1)
    said = listed([f"{place(bars, i)}: {outside[i]}" for i in rows])
    return repaired, [f"High and Low of {counted(len(rows), 'bar')} widened to the bar's own prices: {said}"]


def check_traded(bars: pd.DataFrame, file: str) -> None:
    """Check that no window of a volume feature is without any volume.

    Raises:
        DataError: naming the day, and the day from which there is always volume.
    """
    if "Volume" not in bars:
        return
    quiet = (bars["Volume"].rolling(VOLUME_WINDOW).max() == 0).to_numpy()
    if quiet.any():
        first, last = int(quiet.argmax()), len(quiet) - 1 - int(quiet[::-1].argmax())
        after = bars["Date"].iloc[last + 1 :]
        cut = f"begin after them by --from {after.iloc[0]:%Y-%m-%d}, or " if len(after) else ""
        raise DataError(
            f"{file}: {place(bars, first)}: Volume is 0 on this and the "
            f"{VOLUME_WINDOW - 1} rows before ({int((bars['Volume'] == 0).sum()):,} rows in all, the last such stretch "
            f"ends {bars['Date'].iloc[last]:%Y-%m-%d}): {cut}delete the column Volume, and its features are left out"
        )


def bar_warnings(bars: pd.DataFrame, file: str) -> list[str]:
    """Warnings of bars without a range, rows without volume and closes that stand still."""
    return [f"warning: {file}: {said}" for said in (*_flat(bars), *_stale(bars))]


def _flat(bars: pd.DataFrame) -> list[str]:
    flat = (bars["High"] == bars["Low"]).to_numpy()
    empty = (bars["Volume"] == 0).to_numpy() if "Volume" in bars else np.zeros(len(bars), bool)
    said = []
    for mask, what in ((flat, "without a range (Open = High = Low = Close)"), (empty, "without volume")):
        if mask.sum() > _MANY_FLAT * len(bars):
            said.append(f"{counted(int(mask.sum()), 'bar')} {what}, {_period(bars, mask)}{_from(bars, mask)}")
    return said


def _period(bars: pd.DataFrame, mask: Mask) -> str:
    days = bars["Date"][mask]
    return f"{days.iloc[0]:%Y-%m-%d} to {days.iloc[-1]:%Y-%m-%d}"


def _from(bars: pd.DataFrame, mask: Mask) -> str:
    """Suggest the first day from which hardly any bar is like that, where half of the rows remain."""
    remaining = np.arange(len(mask), 0, -1)
    good = (mask[::-1].cumsum()[::-1] <= _MANY_FLAT / 10 * remaining) & ~mask
    begin = int(good.argmax())
    return f"; --from {bars['Date'].iloc[begin]:%Y-%m-%d} begins after them" if good.any() else ""


def _stale(bars: pd.DataFrame) -> list[str]:
    close = bars["Close"].to_numpy()
    begins = np.flatnonzero(np.append(True, close[1:] != close[:-1]))
    lengths = np.diff(np.append(begins, len(close)))
    long = lengths >= STALE_DAYS
    if not long.any():
        return []
    runs = [
        f"{length} days at {close[i]:g} from {bars['Date'].iloc[i]:%Y-%m-%d} (row {bars.index[i]})"
        for i, length in zip(begins[long], lengths[long], strict=True)
    ]
    return [f"{counted(len(runs), 'run')} of {STALE_DAYS} or more equal closes: {listed(runs)}"]
