"""A time of day never moves a session to another day unseen."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import DataError
from data.options import ImportOptions
from data.prices import Prices, read_prices
from tests.helpers.price_files import PLAIN, csv, under

MONDAYS_EVE = PLAIN.assign(Date=PLAIN["Date"] - pd.Timedelta(hours=2))
"""Each session stamped at 22:00 of the day before."""


def read(tmp_path: Path, content: str, **options: str) -> Prices:
    (tmp_path / "p.csv").write_text(content)
    return read_prices(tmp_path / "p.csv", options=ImportOptions(**options))  # type: ignore[arg-type]


def test_times_in_utc_that_are_no_midnights_are_refused_with_the_options(tmp_path: Path) -> None:
    eve = f"{MONDAYS_EVE['Date'][0]}"
    with pytest.raises(DataError, match=rf"row 2 is stamped {eve}\+00:00 .*520 rows.*--timezone.*--session-start"):
        read(tmp_path, csv(MONDAYS_EVE, "%Y-%m-%d %H:%M:%S+00:00"))


@pytest.mark.parametrize(
    "options",
    [
        {"timezone": "Europe/Moscow"},  # 01:00 of the session's day
        {"timezone": "Europe/Moscow", "session_start": "00:00"},
        {"timezone": "UTC", "session_start": "22:00"},
        {"timezone": "America/Chicago", "session_start": "15:30"},
    ],
)
def test_a_zone_or_the_start_of_sessions_gives_the_day(options: dict[str, str], tmp_path: Path) -> None:
    frame = read(tmp_path, csv(MONDAYS_EVE, "%Y-%m-%d %H:%M:%S+00:00"), **options).frame
    pd.testing.assert_series_equal(frame["Date"], PLAIN["Date"], check_exact=True)


def test_an_offset_east_of_utc_is_subtracted(tmp_path: Path) -> None:
    stamped = csv(PLAIN, "%Y-%m-%d 09:00:00+09:00")
    frame = read(tmp_path, stamped, timezone="Asia/Tokyo").frame
    pd.testing.assert_series_equal(frame["Date"], PLAIN["Date"], check_exact=True)
    west = csv(PLAIN, "%Y-%m-%d 20:00:00-05:00")  # 10:00 of the next day in Tokyo
    days = read(tmp_path, west, timezone="Asia/Tokyo").frame["Date"]
    np.testing.assert_array_equal(days, PLAIN["Date"] + pd.Timedelta(days=1))


def test_seconds_since_1970_are_times_in_utc(tmp_path: Path) -> None:
    opened = PLAIN.assign(Date=(PLAIN["Date"] + pd.Timedelta("14:30:00")).astype("datetime64[s]").astype("int64"))
    content = under(opened, "time,open,high,low,close,volume", None)
    with pytest.raises(DataError, match="no midnight: .*--timezone America/New_York"):
        read(tmp_path, content)
    frame = read(tmp_path, content, timezone="America/New_York").frame
    pd.testing.assert_series_equal(frame["Date"], PLAIN["Date"], check_exact=True)


def test_a_parquet_of_times_in_a_zone_is_read_in_that_zone(tmp_path: Path) -> None:
    PLAIN.assign(Date=PLAIN["Date"].dt.tz_localize("America/New_York")).to_parquet(tmp_path / "p.parquet")
    frame = read_prices(tmp_path / "p.parquet").frame
    pd.testing.assert_series_equal(frame["Date"], PLAIN["Date"], check_exact=True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"timezone": "Nowhere/Land"}, "--timezone 'Nowhere/Land' is not known"),
        ({"timezone": "../etc/passwd"}, "is not known"),
        ({"timezone": "UTC", "session_start": "25:00"}, "--session-start '25:00' is no time"),
    ],
)
def test_impossible_zones_and_times_are_refused(options: dict[str, str], message: str, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=message):
        read(tmp_path, csv(MONDAYS_EVE, "%Y-%m-%d %H:%M:%S+00:00"), **options)


def test_a_zone_for_times_without_an_offset_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no offset from UTC: leave --timezone away"):
        read(tmp_path, csv(PLAIN), timezone="America/New_York")


def test_offsets_of_some_rows_alone_are_refused(tmp_path: Path) -> None:
    lines = csv(PLAIN, "%Y-%m-%d 00:00:00+00:00").splitlines()
    lines[7] = lines[7].replace("+00:00", "")
    with pytest.raises(DataError, match=r"row 8 has no offset from UTC, others have"):
        read(tmp_path, "\n".join(lines))


@pytest.mark.parametrize(
    ("step", "said"), [("h", "bars of 1 hour"), ("30min", "bars of 30 minutes"), ("4h", "4 hours")]
)
def test_bars_shorter_than_a_day_are_named_with_the_way_out(step: str, said: str, tmp_path: Path) -> None:
    hours = PLAIN.assign(Date=pd.date_range("2018-01-01", periods=len(PLAIN), freq=step))
    with pytest.raises(DataError, match=f"{said}; daily bars are needed: .*resample"):
        read(tmp_path, csv(hours, "%Y-%m-%d %H:%M:%S"))
    split = hours.assign(Time=hours["Date"].dt.strftime("%H:%M"))
    with pytest.raises(DataError, match=said):
        read(tmp_path, csv(split))
