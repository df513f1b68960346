"""The prices and features of one experiment, checked against the data its script was written for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from runtime.arrays import Floats
from runtime.errors import UserError
from runtime.samples.bars import Bars, make_bars
from runtime.samples.labels import LABELS

PRICE_COLUMNS = ("Open", "High", "Low", "Close")


@dataclass(frozen=True, eq=False)
class Series:
    """One market at one timescale.

    Attributes:
        daily: the daily frame, raw prices untouched.
        bars: the frame at the experiment's timescale, with the days of each bar.
        features: float32, shape (bars, channels), in the order of ``feature_columns``.
        feature_columns: names of the channels.
        content_sha256: hash of the daily frame's names and values.
    """

    daily: pd.DataFrame
    bars: Bars
    features: npt.NDArray[np.float32]
    feature_columns: tuple[str, ...]
    content_sha256: str

    def __len__(self) -> int:
        """Number of bars."""
        return len(self.features)

    @property
    def dates(self) -> npt.NDArray[np.datetime64]:
        """Last trading day of each bar, datetime64[D], shape (bars,)."""
        return self.bars.frame["Date"].to_numpy().astype("datetime64[D]")

    def labels(self, *, threshold: float, horizon: int, price: str) -> Floats:
        """Label of each bar: daily prices of the ``horizon`` trading days after the bar's last day.

        Args:
            threshold: fraction above the bar's close, 0.01 for 1 %.
            horizon: trading days, whatever the timescale.
            price: one of `LABELS`: ``high`` (the threshold is touched) or ``close`` (a day ends above it).

        Returns:
            0.0, 1.0 or NaN (not known yet), shape (bars,).

        Raises:
            UserError: on an unknown price or an impossible threshold or horizon.
        """
        if price not in LABELS:
            raise UserError(f"label price {price!r}: allowed are {' and '.join(LABELS)}")
        return LABELS[price](self.daily, threshold=threshold, horizon=horizon)[self.bars.last_day]

    def horizon_in_bars(self, horizon: int) -> int:
        """Smallest number of bars that surely covers ``horizon`` trading days after any bar of this series.

        Raises:
            UserError: if the series is shorter than the horizon.
        """
        last_day = self.bars.last_day
        decided = np.flatnonzero(last_day + horizon <= last_day[-1])
        if decided.size == 0:
            raise UserError(f"{len(self.daily)} days are too few for a horizon of {horizon} days; use a longer history")
        return int((np.searchsorted(last_day, last_day[decided] + horizon) - decided).max())


def load_series(path: Path, *, content_sha256: str, feature_columns: Sequence[str], timescale: str = "daily") -> Series:
    """Read a dataset, refuse any other data than the expected one, and group it into bars.

    Args:
        path: parquet file; the default dataset is built when it is missing.
        content_sha256: hash that the file's names and values must have.
        feature_columns: channels of the model, in this order.
        timescale: ``daily``, ``2d``, ``3d``, ``5d`` or ``weekly``.

    Raises:
        UserError: if the file is missing, holds other data, lacks a column, or a value cannot be used.
    """
    from data.build import ensure
    from data.content import content_sha256 as hash_content
    from data.errors import DataError

    try:
        ensure(path)
    except DataError as error:
        raise UserError(str(error)) from error
    try:
        daily = pd.read_parquet(path)
        found = hash_content(daily)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error
    check_columns(path, daily, ("Date", *PRICE_COLUMNS, *feature_columns))
    if found != content_sha256:
        raise UserError(
            f"{path} holds other data (content sha256 {found[:12]}…) than this script was written for "
            f"({content_sha256[:12]}…); restore the file (python -m data build), or regenerate the script"
        )
    volume = [name for name in ("Volume",) if name in daily]  # some markets report none
    check_values(path, daily, (*PRICE_COLUMNS, *volume, *feature_columns))
    bars = make_bars(daily, timescale)
    features = bars.frame[list(feature_columns)].to_numpy(np.float32)
    return Series(daily, bars, features, tuple(feature_columns), found)


def check_columns(source: object, daily: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse a frame that lacks a column, or has one twice.

    Raises:
        UserError: naming the columns and ``source``.
    """
    missing = [name for name in columns if name not in daily.columns]
    if missing:
        raise UserError(f"{source} lacks the columns {missing}; it has {list(daily.columns)}")
    if not daily.columns.is_unique:
        raise UserError(f"{source} has the columns {list(daily.columns[daily.columns.duplicated()])} twice")


def check_values(source: object, daily: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse dates that are not unique and increasing, and values that are not finite numbers.

    Raises:
        UserError: naming ``source``, the column and the day.
    """
    dates = daily["Date"]
    if not (is_datetime64_any_dtype(dates) and dates.is_monotonic_increasing and dates.is_unique):
        raise UserError(f"{source}: dates must be unique and increasing; import the file with python -m data import")
    for name in columns:
        if not is_numeric_dtype(daily[name]):
            raise UserError(f"{source}: column {name!r} holds {daily[name].dtype}, not numbers")
        values = daily[name].to_numpy(np.float64)
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise UserError(f"{source}: column {name!r} is not finite at {dates.iloc[bad[0]]:%Y-%m-%d}")
