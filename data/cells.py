"""Reading text cells as dates and numbers, naming the first row that is neither."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from data.errors import DataError
from data.table import Cells

DATE_STYLES = {
    r"([0-9]{4}-[0-9]{1,2}-[0-9]{1,2})(?:[T ].*)?": ("%Y-%m-%d", "2018-12-31"),
    r"([0-9]{8})": ("%Y%m%d", "20181231"),
    r"([0-9]{1,2}/[0-9]{1,2}/[0-9]{4})": ("%m/%d/%Y", "12/31/2018 (month first)"),
    r"([0-9]{1,2}-[A-Za-z]{3}-[0-9]{4})": ("%d-%b-%Y", "31-Dec-2018"),
}
"""Pattern of a date -> its format and an example. A time of day after an ISO date is dropped."""

_NUMBER = re.compile(r"[+-]?([0-9]{1,3}(,[0-9]{3})+|[0-9]+)?(\.[0-9]*)?([eE][+-]?[0-9]+)?")
_NO_VALUE = {"", "-", ".", "null", "none", "nan", "na", "n/a"}


def parse_dates(cells: Cells, rows: list[int], file: str) -> pd.Series:
    """Return the dates of ``cells``: times, or text that is all written in the style of the first.

    Raises:
        DataError: a cell is no date of that style, or slashes could mean day first as well as month first.
    """
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "M":
        return _of_times(cells, rows, file)
    texts = [f"{cell:.0f}" if isinstance(cell, float) else str(cell).strip() for cell in cells]
    style = next((style for style in DATE_STYLES if texts and re.fullmatch(style, texts[0])), None)
    if style is None:
        examples = ", ".join(example for _, example in DATE_STYLES.values())
        found = f"row {rows[0]}: Date is {texts[0]!r}" if texts else "there are no rows"
        raise DataError(f"{file}: {found}; dates are written like {examples}")
    matches = [re.fullmatch(style, text) for text in texts]
    days = [match[1] if match else "" for match in matches]
    date_format, example = DATE_STYLES[style]
    dates = pd.Series(pd.to_datetime(days, format=date_format, errors="coerce"))
    if dates.isna().any():
        first = int(dates.isna().to_numpy().argmax())
        raise DataError(f"{file}: row {rows[first]}: Date is {texts[first]!r}, not a date like {example}")
    if date_format == "%m/%d/%Y" and dates.dt.day.max() <= 12:
        raise DataError(
            f"{file}: no day is above 12, so {days[0]} may be month or day first: write {days[0][-4:]}-MM-DD"
        )
    return dates.astype("datetime64[us]")


def _of_times(times: npt.NDArray[np.generic], rows: list[int], file: str) -> pd.Series:
    dates = pd.Series(times).dt.normalize()
    if dates.isna().any():
        raise DataError(f"{file}: row {rows[int(dates.isna().to_numpy().argmax())]}: Date has no value")
    return pd.Series(dates.astype("datetime64[us]"))


def parse_numbers(
    cells: Cells, rows: list[int], file: str, column: str, *, gaps: bool = False
) -> npt.NDArray[np.float64]:
    """Return ``cells`` as numbers; in text, commas may separate thousands. With ``gaps``, no value is NaN.

    Raises:
        DataError: a cell is not a number.
    """
    if isinstance(cells, np.ndarray) and cells.dtype.kind == "f":
        known = np.asarray(cells, dtype=np.float64)
        missing_rows = np.flatnonzero(np.isnan(known))
        if missing_rows.size and not gaps:
            raise DataError(f"{file}: row {rows[missing_rows[0]]}: {column} has no value: delete the row or fill it in")
        return known
    numbers = np.empty(len(cells))
    for i, cell in enumerate(map(str, cells)):
        text = cell.strip()
        missing = text.lower() in _NO_VALUE
        if missing and gaps:
            numbers[i] = np.nan
        elif missing:
            raise DataError(f"{file}: row {rows[i]}: {column} has no value ({cell!r}): delete the row or fill it in")
        elif _NUMBER.fullmatch(text) and any(character.isdigit() for character in text):
            numbers[i] = float(text.replace(",", ""))
        else:
            raise DataError(f"{file}: row {rows[i]}: {column} is {cell!r}, not a number")
    return numbers
