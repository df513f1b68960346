"""The prices a record was made with, if they are here."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from data import manifest
from data.errors import DataError
from runtime.errors import UserError
from runtime.records.results import Result
from runtime.report.runs import Unknown, one_line
from runtime.samples.loading import load_series
from runtime.samples.series import Series
from runtime.samples.timeline import Timeline


@dataclass(frozen=True, eq=False)
class Market:
    """What a chart of a split shows.

    Attributes:
        dates: of the calendar, datetime64[D], shape (days,).
        close: of each day, shape (days,).
        title: what that is.
        timeline: of the rows that were split.
    """

    dates: npt.NDArray[np.datetime64]
    close: npt.NDArray[np.float64]
    title: str
    timeline: Timeline


def load_market(project: Path, result: Result) -> Market:
    """Date and close of each bar, found by the content hash that the record carries; of a panel its index.

    Raises:
        Unknown: if no dataset of the manifest has that content, or its file is missing or was changed.
    """
    try:
        entries = manifest.load(project)
        path = next(project / name for name, each in entries.items() if each.content_sha256 == result.data_sha256)
        if not path.is_file():
            raise Unknown(f"{path.name} is not here")
        series = load_series(
            path,
            content_sha256=result.data_sha256,
            feature_columns=result.feature_columns,
            timescale=result.timescale,
            assets=result.assets,
            holdout_assets=result.holdout_assets,
            training_assets=result.training_assets,
        )
    except StopIteration:
        raise Unknown(f"no dataset of data/manifest.json has content {result.data_sha256[:12]}…") from None
    except (DataError, UserError) as error:
        raise Unknown(one_line(error)) from error
    if series.calendar.size != result.split.total_days:
        raise Unknown(f"the data have {series.calendar.size} bars, the split {result.split.total_days}")
    if series.assets:
        title = f"equal-weighted index of {len(series.assets)} assets"
        return Market(series.calendar, _index(series), title, series.timeline)
    return Market(series.dates, series.bars.frame["Close"].to_numpy(np.float64), "closing price", series.timeline)


def _index(series: Series) -> npt.NDArray[np.float64]:
    """100 on the first day, then moved by the mean of the log returns of the assets that trade."""
    logarithm = np.log(series.daily["Close"].to_numpy(np.float64))
    returns, day = np.diff(logarithm, prepend=np.nan), series.timeline.day
    returns[[rows.start for rows in series.rows_of_assets]] = np.nan
    known = np.isfinite(returns)
    days = series.calendar.size
    total, count = np.bincount(day[known], returns[known], days), np.bincount(day[known], minlength=days)
    index: npt.NDArray[np.float64] = 100 * np.exp(np.cumsum(total / np.maximum(count, 1)))
    return index
