"""The day of the session that a moment belongs to, and what moments tell of a market."""

from __future__ import annotations

import re
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.errors import DataError
from data.options import ImportOptions
from data.reading.dates import Moments
from data.reading.listing import counted

Days = npt.NDArray[np.datetime64]
_DAY, _US = np.timedelta64(1, "D"), "datetime64[us]"


def session_days(moments: Moments, rows: list[int], file: str, options: ImportOptions) -> Days:
    """Return the session's day of each moment, datetime64[us] at midnight.

    Raises:
        DataError: times carry an offset and are no midnights, so that a session may belong to a day beside the
            written one, and no ``--timezone`` or ``--session-start`` says which; or bars are shorter than a day.
    """
    local = moments.local
    _refuse_intraday(local, file)
    if options.timezone is not None:
        local = _in_zone(moments, options.timezone, file)
    elif options.session_start is None:
        _refuse_unknown_zone(moments, rows, file)
    if options.session_start is not None:
        local = local + (_DAY - _time_of(options.session_start)) % _DAY
    return local.astype("datetime64[D]").astype(_US)


def _refuse_intraday(local: Days, file: str) -> None:
    """Refuse bars of hours or minutes: most are then less than a day apart."""
    if len(local) < 3:
        return
    step = np.median(abs(np.diff(local)).astype("timedelta64[s]").astype(np.int64))
    if 0 < step < 20 * 3600:
        size = counted(round(step / 3600), "hour") if step >= 3600 else counted(max(round(step / 60), 1), "minute")
        raise DataError(
            f"{file} holds bars of {size}; daily bars are needed: download these, or join each day's with "
            "pandas: .resample('D').agg({'Open': 'first', 'High': 'max', 'Low': 'min', 'Close': 'last', "
            "'Volume': 'sum'}).dropna()"
        )


def _refuse_unknown_zone(moments: Moments, rows: list[int], file: str) -> None:
    if moments.offset is None:
        return
    times = moments.local - moments.local.astype("datetime64[D]")
    odd = times != np.timedelta64(0, "us")
    if odd.any():
        i = int(odd.argmax())
        zone = (
            f"{'-' if moments.offset[i] < 0 else '+'}{abs(moments.offset[i]) // 60:02}:{abs(moments.offset[i]) % 60:02}"
        )
        raise DataError(
            f"{file}: row {rows[i]} is stamped {pd.Timestamp(moments.local[i])}{zone} (so are "
            f"{counted(int(odd.sum()), 'row')}), no midnight: in the exchange's own zone the session may be of the day "
            "beside; say --timezone America/New_York (or where the exchange is), and where a session begins on the "
            "evening before its day, --session-start 18:00"
        )


def _in_zone(moments: Moments, name: str, file: str) -> Days:
    if moments.offset is None:
        raise DataError(f"{file}: its times carry no offset from UTC: leave --timezone away")
    try:
        zone = ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise DataError(f"--timezone {name!r} is not known: use a name such as America/New_York") from error
    utc = moments.local - moments.offset.astype("timedelta64[m]")
    try:
        return pd.DatetimeIndex(utc, tz="UTC").tz_convert(zone).tz_localize(None).to_numpy().astype(_US)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{file}: a time lies outside what --timezone {name} knows: {error}") from error


def _time_of(text: str) -> np.timedelta64:
    match = re.fullmatch("([01]?[0-9]|2[0-3]):([0-5][0-9])", text)
    if not match:
        raise DataError(f"--session-start {text!r} is no time: write it as 18:00")
    return np.timedelta64(int(match[1]) * 60 + int(match[2]), "m")


def foreign_market(days: pd.Series, offset: npt.NDArray[np.int64] | None, options: ImportOptions) -> str | None:
    """Why a market closes at other hours than Chicago's, as far as its time zone or its weekdays tell."""
    if options.timezone is not None:
        return None if options.timezone.startswith(("America/", "US/", "Canada/", "UTC", "Etc/")) else options.timezone
    if offset is not None and offset.max() > 0:
        return f"times at {offset.max() / 60:+g} hours from UTC"
    weekdays = np.bincount(days.dt.day_of_week, minlength=7) / max(len(days), 1)
    return "sessions on Sundays, none on Fridays" if weekdays[6] > 0.1 and weekdays[4] < 0.05 else None
