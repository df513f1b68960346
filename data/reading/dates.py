"""Reading cells as dates: one style for the whole column, and the session that a time of day belongs to."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.errors import DataError
from data.options import ImportOptions
from data.reading.dialects import (
    ANY_DATE,
    DAY_DOTS,
    DAY_NAME,
    DIGITS,
    ISO,
    MONTH_FIRST,
    NAMED,
    SLASHES,
    UNIX,
    YEAR_DOTS,
    YEAR_SLASHES,
)
from data.reading.listing import listed, shown
from data.reading.sheet import Cells

DAY_FIRST = "31/12/2018"
_TWO = "[0-9]{1,2}"
_STYLES = {
    ISO: (f"[0-9]{{4}}-{_TWO}-{_TWO}", "%Y-%m-%d"),
    YEAR_SLASHES: (f"[0-9]{{4}}/{_TWO}/{_TWO}", "%Y/%m/%d"),
    YEAR_DOTS: (rf"[0-9]{{4}}\.{_TWO}\.{_TWO}", "%Y.%m.%d"),
    DIGITS: ("[0-9]{8}", "%Y%m%d"),
    MONTH_FIRST: (f"{_TWO}/{_TWO}/[0-9]{{4}}", "%m/%d/%Y"),
    DAY_FIRST: (f"{_TWO}/{_TWO}/[0-9]{{4}}", "%d/%m/%Y"),
    DAY_DOTS: (rf"{_TWO}\.{_TWO}\.[0-9]{{4}}", "%d.%m.%Y"),
    DAY_NAME: (f"{_TWO}-[A-Za-z]{{3}}-[0-9]{{4}}", "%d-%b-%Y"),
    NAMED: (f"[A-Za-z]{{3}} {_TWO}, [0-9]{{4}}", "%b %d, %Y"),
}
"""Example of a style -> its pattern and its format. `SLASHES` is one of two, `UNIX` counts seconds."""

_UNIX = re.compile("-?[0-9]{1,13}")
_MILLISECONDS = 100_000_000_000
"""From here on (the year 5138) a number of seconds since 1970 is taken for milliseconds."""

_TIME = r"([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]*)?)?"
_ZONE = r"(Z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})"
_MOMENT = re.compile(rf"(.*?)(?:[T ]+{_TIME} ?{_ZONE}?)?", re.DOTALL)


@dataclass(frozen=True)
class Moments:
    """When each row is stamped.

    Attributes:
        local: date and time as written, datetime64[us].
        offset: what is written beside it, in minutes east of UTC, or None if nothing is.
    """

    local: npt.NDArray[np.datetime64]
    offset: npt.NDArray[np.int64] | None


def looks_like_a_date(text: str) -> bool:
    """Whether a cell is a date of any style."""
    day = _MOMENT.fullmatch(text.strip())
    return bool(_UNIX.fullmatch(text)) or any(re.fullmatch(style, day[1]) for style, _ in _STYLES.values() if day)


def parse_moments(
    cells: Cells, rows: list[int], file: str, options: ImportOptions, styles: tuple[str, ...] = ANY_DATE
) -> Moments:
    """Return the moments of ``cells``: times, or text that is all written in one of ``styles``.

    Raises:
        DataError: a cell is no date of that style, or slashes could mean day first as well as month first.
    """
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "M":
        _refuse_missing(np.isnat(cells), rows, file)
        return Moments(cells.astype("datetime64[us]"), None)
    if isinstance(cells, np.ndarray):
        _refuse_missing(np.isnan(cells), rows, file)
    texts = [f"{cell:.0f}" if isinstance(cell, float) else str(cell).strip() for cell in cells]
    if not texts:
        raise DataError(f"{file}: there are no rows under its headings")
    parts = [_MOMENT.fullmatch(text) for text in texts]
    days = [part[1] if part else "" for part in parts]
    style = _style(days, rows, file, options, styles)
    if style == UNIX:
        return _of_unix(days, rows, file)
    seconds = [int(part[2] or 0) * 3600 + int(part[3] or 0) * 60 + int(part[4] or 0) if part else 0 for part in parts]
    local = _of_days(days, texts, rows, file, style) + np.array(seconds).astype("timedelta64[s]")
    return Moments(local, _offsets([part[5] if part else None for part in parts], rows, file))


def _style(days: list[str], rows: list[int], file: str, options: ImportOptions, styles: tuple[str, ...]) -> str:
    """The first of ``styles`` that the first day is written in."""
    for style in styles:
        if style == SLASHES and re.fullmatch(_STYLES[DAY_FIRST][0], days[0]):
            return _slash_order(days, rows, file, options)
        if style == UNIX and _UNIX.fullmatch(days[0]):
            return UNIX
        if style in _STYLES and re.fullmatch(_STYLES[style][0], days[0]):
            return style
    raise DataError(f"{file}: row {rows[0]}: Date is {shown(days[0])}; dates are written like {', '.join(styles)}")


def _refuse_missing(missing: npt.NDArray[np.bool_], rows: list[int], file: str) -> None:
    if missing.any():
        raise DataError(f"{file}: row {rows[int(missing.argmax())]}: Date has no value: delete the row or fill it in")


def _of_days(days: list[str], texts: list[str], rows: list[int], file: str, style: str) -> npt.NDArray[np.datetime64]:
    pattern, date_format = _STYLES[style]
    fitting = [day if re.fullmatch(pattern, day) else "" for day in days]
    dates = pd.to_datetime(pd.Series(fitting), format=date_format, errors="coerce")
    wrong = np.flatnonzero(dates.isna().to_numpy())
    if wrong.size:
        said = listed([f"row {rows[i]}: Date is {shown(texts[i])}" for i in wrong])
        raise DataError(f"{file}: {said}, not a date like {style}")
    return dates.to_numpy().astype("datetime64[us]")


def _slash_order(days: list[str], rows: list[int], file: str, options: ImportOptions) -> str:
    """Which of 03/04/2020 is the day: a number above 12 tells somewhere in the file, or else the user must."""
    if options.dates:
        return DAY_FIRST if options.dates == "day-first" else MONTH_FIRST
    numbers = [[int(number) for number in re.findall("[0-9]+", day)[:2]] for day in days]
    first, second = (
        next((i for i, pair in enumerate(numbers) if len(pair) == 2 and pair[k] > 12), None) for k in (0, 1)
    )
    if first is not None and second is not None:
        raise DataError(
            f"{file}: {days[first]} (row {rows[first]}) is day first, {days[second]} (row {rows[second]}) month first: "
            "write all dates alike"
        )
    if first is None and second is None:
        raise DataError(
            f"{file}: no day is above 12, so {days[0]} (row {rows[0]}) may be month or day first: "
            "say --dates month-first or --dates day-first"
        )
    return MONTH_FIRST if first is None else DAY_FIRST


def _of_unix(texts: list[str], rows: list[int], file: str) -> Moments:
    """Seconds or milliseconds since 1970, in UTC."""
    wrong = [
        f"row {row}: Date is {shown(text)}" for row, text in zip(rows, texts, strict=True) if not _UNIX.fullmatch(text)
    ]
    if wrong:
        raise DataError(f"{file}: {listed(wrong)}, not a number of seconds since 1970 as in row {rows[0]}")
    numbers = np.array([int(text) for text in texts], dtype=np.int64)
    if abs(numbers).max() < 100_000_000:  # row numbers, or years
        raise DataError(f"{file}: row {rows[0]}: Date is {shown(texts[0])}, neither a date nor seconds since 1970")
    unit = "datetime64[ms]" if abs(numbers).max() >= _MILLISECONDS else "datetime64[s]"
    return Moments(numbers.astype(unit).astype("datetime64[us]"), np.zeros(len(numbers), np.int64))


def _offsets(texts: list[str | None], rows: list[int], file: str) -> npt.NDArray[np.int64] | None:
    """Offsets in minutes, None where there are none at all."""
    without = [row for row, text in zip(rows, texts, strict=True) if text is None]
    if len(without) == len(texts):
        return None
    if without:
        raise DataError(f"{file}: row {without[0]} has no offset from UTC, others have: write all dates alike")
    minutes = {text: _minutes(str(text)) for text in set(texts)}
    return np.array([minutes[text] for text in texts], dtype=np.int64)


def _minutes(zone: str) -> int:
    if zone in ("Z", "UTC", "GMT"):
        return 0
    sign = -1 if zone[0] == "-" else 1
    return sign * (int(zone[1:3]) * 60 + int(zone[-2:]))
