"""The content hash sees every change of content and none of storage."""

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.content import content_sha256

FRAME = pd.DataFrame(
    {
        "Date": pd.date_range("2018-01-01", periods=50),
        "Close": np.linspace(1, 2, 50),
        "x": np.arange(50.0),
        "n": np.zeros(50, dtype="int64"),  # the same bytes as zeros of float64
    }
)


@pytest.mark.parametrize(
    "options",
    [{"compression": "gzip"}, {"engine": "pyarrow", "row_group_size": 7}, {"use_dictionary": False, "version": "1.0"}],
)
def test_content_hash_ignores_the_parquet_writer(options: dict[str, Any]) -> None:
    buffer = io.BytesIO()
    FRAME.to_parquet(buffer, index=False, **options)
    assert content_sha256(pd.read_parquet(buffer)) == content_sha256(FRAME)


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_content_hash_ignores_the_unit_of_dates(unit: str) -> None:
    assert content_sha256(FRAME.astype({"Date": f"datetime64[{unit}]"})) == content_sha256(FRAME)


CHANGES: dict[str, Callable[[], pd.DataFrame]] = {
    "value": lambda: FRAME.assign(x=FRAME["x"].where(FRAME.index != 7, np.nextafter(7, 8))),
    "date": lambda: FRAME.assign(Date=FRAME["Date"].where(FRAME.index != 7, pd.Timestamp("2017-01-01"))),
    "rename": lambda: FRAME.rename(columns={"x": "y"}),
    "column order": lambda: FRAME[["Date", "x", "Close", "n"]],
    "swapped names": lambda: FRAME.rename(columns={"x": "Close", "Close": "x"}),
    "dtype": lambda: FRAME.astype({"n": "float64"}),
    "row order": lambda: FRAME[::-1],
    "fewer rows": lambda: FRAME[:-1],
}


@pytest.mark.parametrize("change", CHANGES)
def test_content_hash_sees_every_change(change: str) -> None:
    assert content_sha256(CHANGES[change]()) != content_sha256(FRAME)


def test_content_hash_refuses_other_types() -> None:
    with pytest.raises(ValueError, match="column 's' holds"):
        content_sha256(pd.DataFrame({"s": ["a"]}))
