"""The prices and features of one experiment."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pandas as pd

from runtime.arrays import Floats, Indices
from runtime.errors import UserError
from runtime.samples.bars import Bars
from runtime.samples.labels import LABELS
from runtime.samples.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Series:
    """One market at one timescale; or several assets, a panel, one below the other.

    Attributes:
        daily: the daily frame, raw prices untouched; of a panel with ``Asset``, and without features.
        bars: the frame at the experiment's timescale, with the days of each bar.
        features: float32, shape (bars, channels), in the order of ``feature_columns``.
        feature_columns: names of the channels.
        content_sha256: hash of the daily frame's names and values.
        assets: names of a panel's assets, in the order of their rows; none of a single series.
        training_assets: those among them whose samples train.
        holdout_assets: those that are judged apart: none of their samples trains or validates.
    """

    daily: pd.DataFrame
    bars: Bars
    features: npt.NDArray[np.float32]
    feature_columns: tuple[str, ...]
    content_sha256: str
    assets: tuple[str, ...] = ()
    training_assets: tuple[str, ...] = ()
    holdout_assets: tuple[str, ...] = ()

    def __len__(self) -> int:
        """Number of bars."""
        return len(self.features)

    @cached_property
    def asset_of(self) -> Indices:
        """Number of each bar's asset, in the order of ``assets``; 0 of a single series. Shape (bars,)."""
        if not self.assets:
            return np.zeros(len(self), dtype=np.int64)
        return self.daily["Asset"].cat.codes.to_numpy().astype(np.int64)

    @cached_property
    def rows_of_assets(self) -> list[slice]:
        """The daily rows of each asset; all of them of a single series."""
        if not self.assets:
            return [slice(0, len(self.daily))]
        edges = np.searchsorted(self.asset_of, np.arange(len(self.assets) + 1)).tolist()
        return [slice(first, stop) for first, stop in pairwise(edges)]

    @cached_property
    def calendar(self) -> npt.NDArray[np.datetime64]:
        """Days on which a bar of any asset ends, datetime64[D], increasing, shape (days,)."""
        return np.unique(self.dates)

    @cached_property
    def day_of_row(self) -> Indices:
        """Position of each daily row among the days on which any asset trades, shape (daily rows,)."""
        dates = self.daily["Date"].to_numpy()
        return np.unique(dates, return_inverse=True)[1].astype(np.int64)

    @cached_property
    def timeline(self) -> Timeline:
        """Where the bars lie on the calendar."""
        days = self.daily["Date"].to_numpy().astype("datetime64[D]").astype(np.int64)
        gap = np.zeros(len(self), dtype=np.int64)
        gap[1:] = days[self.bars.first_day[1:]] - days[self.bars.last_day[:-1]]
        names = np.asarray(self.assets or ("",))
        trains, apart = np.isin(names, self.training_assets or ("",)), np.isin(names, self.holdout_assets)
        return Timeline(
            total_days=self.calendar.size,
            day=np.searchsorted(self.calendar, self.dates).astype(np.int64),
            asset=self.asset_of,
            gap=gap,
            trains=trains[self.asset_of],
            validates=~apart[self.asset_of],
        )

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
        rule = partial(LABELS[price], threshold=threshold, horizon=horizon)
        return np.concatenate([rule(self.daily[rows]) for rows in self.rows_of_assets])[self.bars.last_day]

    def horizon_in_bars(self, horizon: int) -> int:
        """Smallest number of bars that surely covers ``horizon`` trading days after any bar of this series.

        Raises:
            UserError: if the series is shorter than the horizon.
        """
        if self.assets:
            return horizon
        last_day = self.bars.last_day
        decided = np.flatnonzero(last_day + horizon <= last_day[-1])
        if decided.size == 0:
            raise UserError(f"{len(self.daily)} days are too few for a horizon of {horizon} days; use a longer history")
        return int((np.searchsorted(last_day, last_day[decided] + horizon) - decided).max())
