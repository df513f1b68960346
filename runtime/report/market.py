"""The prices a record was made with, if they are here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from data import manifest
from data.errors import DataError
from runtime.errors import UserError
from runtime.records.results import Result
from runtime.report.runs import Unknown, one_line
from runtime.samples.series import load_series


def load_market(project: Path, result: Result) -> tuple[npt.NDArray[np.datetime64], npt.NDArray[np.float64]]:
    """Date and close of each bar, found by the content hash that the record carries.

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
        )
    except StopIteration:
        raise Unknown(f"no dataset of data/manifest.json has content {result.data_sha256[:12]}…") from None
    except (DataError, UserError) as error:
        raise Unknown(one_line(error)) from error
    if len(series) != result.split.total_days:
        raise Unknown(f"the data have {len(series)} bars, the split {result.split.total_days}")
    return series.dates, series.bars.frame["Close"].to_numpy(np.float64)
