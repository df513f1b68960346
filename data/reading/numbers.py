"""Reading cells as numbers: which mark is the decimal one, and what separates thousands."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

import numpy as np
import numpy.typing as npt

from data.errors import DataError
from data.options import ImportOptions
from data.reading.listing import listed, shown
from data.reading.sheet import Cells

Mark = Literal["point", "comma"]
MARKS: tuple[Mark, ...] = ("point", "comma")

_NO_VALUE = {"", "-", ".", "null", "none", "nan", "na", "n/a", "#n/a", "nat"}
_PLAIN = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_POINT = re.compile(r"([+-]?)\$?(?:([0-9]{1,3}(?:,[0-9]{3})+|[0-9]*)(\.[0-9]*)?)((?:[eE][+-]?[0-9]+)|[KMBT])?")
_COMMA = re.compile(r"([+-]?)(?:([0-9]{1,3}(?:[. ][0-9]{3})+|[0-9]*)(,[0-9]*)?)((?:[eE][+-]?[0-9]+)|[KMBT])?")
_UNITS = {"K": "e3", "M": "e6", "B": "e9", "T": "e12"}

_TELLS_COMMA = re.compile(r"[^,]*,([0-9]{1,2}|[0-9]{4,})([eEKMBT].*)?|[0-9. ]*\.[0-9]{3},[0-9]+|[0-9]+(\.[0-9]{3}){2,}")
_TELLS_POINT = re.compile(r"[^.]*\.([0-9]{1,2}|[0-9]{4,})([eEKMBT].*)?|[0-9,]*,[0-9]{3}\.[0-9]+|[0-9]+(,[0-9]{3}){2,}")
_COMMA_OF_THREE = re.compile(r"[0-9]{1,3},[0-9]{3}")
_POINT_OF_THREE = re.compile(r"[1-9][0-9]{0,2}\.[0-9]{3}")


def decimal_mark(
    columns: Mapping[str, Cells], file: str, known: Mark | None, options: ImportOptions, *, commas_separate: bool
) -> Mark:
    """Return the decimal mark of all number columns: as the user says, the vendor writes, or the cells tell.

    Args:
        commas_separate: whether the file's cells are separated by commas, so that one inside a cell is quoted.

    Raises:
        DataError: the cells tell nothing, or thousands may be meant where decimals would be.
    """
    if options.decimal is not None:
        return options.decimal
    texts = {name: [cell.strip() for cell in cells] for name, cells in columns.items() if isinstance(cells, list)}
    every = [text for cells in texts.values() for text in cells]
    mark = known or _told(every, file, commas_separate=commas_separate)
    if mark == "point" and known is None:
        _refuse_doubtful_volume(texts.get("Volume", []), file)
    return mark


def _told(texts: list[str], file: str, *, commas_separate: bool) -> Mark:
    comma = any(map(_TELLS_COMMA.fullmatch, texts))
    point = any(map(_TELLS_POINT.fullmatch, texts))
    if comma != point:
        return "comma" if comma else "point"
    doubtful = next((text for text in texts if _COMMA_OF_THREE.fullmatch(text)), None)
    if not comma and doubtful and not commas_separate:
        raise DataError(
            f"{file}: {shown(doubtful)} may be thousands or a fraction: say --decimal comma or --decimal point"
        )
    return "point"


def _refuse_doubtful_volume(texts: list[str], file: str) -> None:
    """Refuse volumes like 1.234 beside others like 987: a fraction would not always have three digits."""
    pointed = [text for text in texts if "." in text]
    whole = [text for text in texts if text.isdigit()]
    if pointed and whole and all(map(_POINT_OF_THREE.fullmatch, pointed)):
        raise DataError(
            f"{file}: Volume {shown(pointed[0])} beside {shown(whole[0])} may be thousands or a fraction: "
            "write thousands without a separator, or say --decimal point (a fraction) or --decimal comma (thousands)"
        )


def parse_numbers(
    cells: Cells, rows: list[int], file: str, column: str, mark: Mark = "point"
) -> npt.NDArray[np.float64]:
    """Return ``cells`` as numbers, NaN where there is none; text may hold a dollar sign, thousands, K, M, B, T.

    Raises:
        DataError: a cell is not a number.
    """
    if isinstance(cells, np.ndarray):
        if cells.dtype.kind != "f":
            raise DataError(f"{file}: {column} holds times, not numbers")
        return np.asarray(cells, dtype=np.float64)
    numbers, wrong = np.full(len(cells), np.nan), []
    for i, cell in enumerate(cells):
        text = cell.strip()
        if mark == "point" and _PLAIN.fullmatch(text):  # nearly all are, and there may be millions
            numbers[i] = float(text)
        elif text.lower() not in _NO_VALUE:
            value = _number(text, mark)
            if value is None:
                wrong.append(f"row {rows[i]}: {column} is {shown(cell)}")
            else:
                numbers[i] = value
    if wrong:
        raise DataError(f"{file}: {listed(wrong)}, not a number with a decimal {mark}")
    return numbers


def looks_like_a_number(text: str) -> bool:
    """Whether a cell is a number with any decimal mark."""
    return any(_number(text.strip(), mark) is not None for mark in MARKS)


def _number(text: str, mark: Mark) -> float | None:
    match = (_POINT if mark == "point" else _COMMA).fullmatch(text)
    if not match or not any(character.isdigit() for character in (match[2] or "") + (match[3] or "")):
        return None
    sign, whole, fraction, power = match[1], re.sub("[., ]", "", match[2] or ""), match[3] or "", match[4] or ""
    # The unit becomes an exponent: 1.1M is then 1100000, which 1.1 times 1e6 is not quite.
    return float(f"{sign}{whole or 0}{fraction.replace(',', '.')}{_UNITS.get(power, power)}")
