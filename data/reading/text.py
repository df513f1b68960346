"""Text as columns under their headings: its encoding, its separator, its heading rows, its title and footer lines."""

from __future__ import annotations

import csv
import io
import re

from data.errors import DataError
from data.reading.dates import looks_like_a_date
from data.reading.dialects import DIALECTS, KNOWN_HEADINGS, reduced
from data.reading.listing import quoted, shown
from data.reading.numbers import looks_like_a_number
from data.reading.sheet import Cells, Sheet, under_headings

Line = tuple[int, list[str]]
"""A row's number in the file and its cells."""

_SEPARATORS = {"\t": "tab", ";": "semicolon", "|": "bar", ",": "comma"}
_MOST_TITLE_LINES = 10


def text_sheet(file: str, content: bytes) -> Sheet:
    """Split text into columns; every row must have as many cells as the headings.

    Raises:
        DataError: it is no text, has no headings that we know, or a row of another length.
    """
    text = _decoded(file, content)
    separator = _separator(text)
    lines = _split(file, text, separator)
    if not lines:
        raise DataError(f"{file} is empty")
    begin, depth, called = _headings(file, lines)
    headings = lines[begin : begin + depth]
    body, footer = _without_footer(lines[begin + depth :], len(headings[0][1]) if headings else len(called))
    levels: list[tuple[str, ...]] = _levels(headings) if headings else [(name,) for name in called]
    _check_lengths(file, body, levels)
    twice = len(set(levels)) < len(levels)
    if twice:
        raise DataError(f"{file} has a heading twice: {quoted([', '.join(level) for level in levels])}")
    cells: list[Cells] = [[row[i] for _, row in body] for i in range(len(levels))]
    titles = (f"{file}: {begin} title lines before the headings are left out",) if begin else ()
    footers = tuple(f"{file}: {note}" for note in footer)
    names = tuple(row[0] for _, row in headings[:2]) if depth > 1 else ()
    rows = [number for number, _ in body]
    return Sheet(file, under_headings(levels, cells), rows, depth, names, separator, (*titles, *footers))


def _decoded(file: str, content: bytes) -> str:
    encoding = "utf-16" if content.startswith((b"\xff\xfe", b"\xfe\xff")) else "utf-8-sig"
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        called = encoding.removesuffix("-sig").upper()
        raise DataError(f"{file} is not {called} text: {error.reason} at byte {error.start}") from error


def _separator(text: str) -> str:
    """The separator that the first lines hold most of."""
    start = "\n".join(text[:10_000].splitlines()[:8])
    return max(_SEPARATORS, key=start.count)


def _split(file: str, text: str, separator: str) -> list[Line]:
    """The cells of each line that is not blank."""
    try:
        reader = csv.reader(io.StringIO(text, newline=""), strict=True, delimiter=separator)
        return [(reader.line_num, cells) for cells in reader if cells]
    except csv.Error as error:
        raise DataError(f"{file} is not {_SEPARATORS[separator]}-separated text: {error}") from error


def _headings(file: str, lines: list[Line]) -> tuple[int, int, tuple[str, ...]]:
    """Where the headings begin, how many rows they take, and what a dialect calls columns without headings."""
    begin = next((i for i, line in enumerate(lines[:_MOST_TITLE_LINES]) if _are_headings(line[1])), None)
    if begin is not None:
        return begin, _depth(lines[begin + 1 : begin + 3]), ()
    first = [cell.strip() for cell in lines[0][1]]
    if not looks_like_a_date(first[0]):
        return 0, 1, ()  # what is missing is said by whoever needs it
    for dialect in DIALECTS:
        if len(dialect.headings) == len(first) and re.fullmatch("[0-9]{2}:[0-9]{2}", first[1]):
            return 0, 0, dialect.headings
    raise DataError(
        f"{file} has no headings: row {lines[0][0]} is {shown(', '.join(first))}; put a line above that names its "
        "columns, such as Date,Open,High,Low,Close,Volume"
    )


def _are_headings(cells: list[str]) -> bool:
    return len({reduced(cell) for cell in cells} & KNOWN_HEADINGS) > 1 or _names_of_levels(cells)


def _names_of_levels(cells: list[str]) -> bool:
    """Whether a row is the tickers' of two rows of headings, which may come first."""
    return len(cells) > 1 and reduced(cells[0]) == "ticker" and not looks_like_a_date(cells[1])


def _depth(below: list[Line]) -> int:
    """How many rows of headings there are, given the two rows below the first.

    Below two of them pandas names the index in a third, or leaves that out where it has no name.
    """
    rows = [cells for _, cells in below]
    if len(rows) > 1 and reduced(rows[1][0]) in ("date", "datetime") and not any(rows[1][1:]):
        return 3
    words = [cell for cell in rows[0] if cell] if rows else []
    return 2 if words and not any(looks_like_a_number(cell) or looks_like_a_date(cell) for cell in words) else 1


def _levels(headings: list[Line]) -> list[tuple[str, ...]]:
    """The headings of each column; where there are several rows, the index is named by the third or not at all."""
    rows = [cells for _, cells in headings]
    if len(rows) == 1:
        return [(cell,) for cell in rows[0]]
    pairs: list[tuple[str, ...]] = list(zip(rows[0], rows[1], strict=False))
    if len(rows) == 3:
        return [(rows[2][0],), *pairs[1:]]
    return [("",), *pairs[1:]] if {reduced(name) for name in pairs[0]} == {"price", "ticker"} else pairs


def _without_footer(body: list[Line], width: int) -> tuple[list[Line], tuple[str, ...]]:
    """The rows without a last one that holds one cell, no date: a note on where they come from."""
    if body:
        number, cells = body[-1]
        alone = len([cell for cell in cells if cell.strip()]) == 1 and cells[0].strip()
        if alone and width > 1 and not looks_like_a_date(cells[0].strip()):
            return body[:-1], (f"row {number}, a footer, is left out: {shown(cells[0].strip())}",)
    return body, ()


def _check_lengths(file: str, body: list[Line], levels: list[tuple[str, ...]]) -> None:
    for number, cells in body:
        if len(cells) != len(levels):
            raise DataError(f"{file}: row {number} has {len(cells)} cells, its heading has {len(levels)}")
