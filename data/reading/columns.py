"""Which column of a sheet is which, by the dialect of its vendor, for one asset."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from data.errors import DataError
from data.options import ImportOptions
from data.reading.dialects import Dialect, dialect_of, reduced
from data.reading.listing import quoted, shown
from data.reading.numbers import parse_numbers
from data.reading.sheet import Cells, Column, Sheet


@dataclass(frozen=True)
class Table:
    """The cells of one asset by our names of the columns.

    Attributes:
        file: the name of the file.
        dialect: the vendor's.
        columns: our column -> its cells.
        headings: our column -> what the file calls it.
        there: all headings of the file.
        rows: the number of each row in the file.
        heading_rows: as in `Sheet`.
        separator: as in `Sheet`.
        notes: as in `Sheet`.
    """

    file: str
    dialect: Dialect
    columns: dict[str, Cells]
    headings: dict[str, str]
    there: tuple[str, ...]
    rows: list[int]
    heading_rows: int
    separator: str
    notes: tuple[str, ...]

    def require(self, names: tuple[str, ...]) -> None:
        """Refuse a file that lacks a column.

        Raises:
            DataError: naming what is missing and what is there.
        """
        missing = [name for name in names if name not in self.columns]
        if missing:
            raise DataError(f"{self.file} lacks the columns {missing}; it has {quoted(self.there)}")


def table_of(sheet: Sheet, options: ImportOptions) -> Table:
    """Return the columns that the sheet's dialect reads, and the rows of the wanted ticker.

    Raises:
        DataError: two columns have one meaning, or the file holds several tickers and none of them is asked for.
    """
    columns = _of_ticker(sheet, options.ticker)
    dialect = dialect_of([*sheet.names, *(column.heading for column in columns)])
    found = {
        ours: column for ours, names in dialect.columns.items() if (column := _find(sheet.file, ours, columns, names))
    }
    if found.get("Time") is found.get("Date"):
        found.pop("Time", None)
    table = Table(
        file=sheet.file,
        dialect=dialect,
        columns={ours: column.cells for ours, column in found.items()},
        headings={ours: column.heading for ours, column in found.items()},
        there=tuple(column.heading for column in columns),
        rows=sheet.rows,
        heading_rows=sheet.heading_rows,
        separator=sheet.separator,
        notes=sheet.notes,
    )
    return _rows_of_ticker(table, options.ticker, several=any(column.ticker for column in sheet.columns))


def by_ticker(sheet: Sheet) -> dict[str, Sheet]:
    """A file of several assets as a sheet for each, in the order of their names.

    Raises:
        DataError: it names no assets.
    """
    tickers = sorted({column.ticker for column in sheet.columns if column.ticker})
    if tickers:
        return {name: replace(sheet, columns=_of_ticker(sheet, name)) for name in tickers}
    dialect = dialect_of([*sheet.names, *(column.heading for column in sheet.columns)])
    column = _find(sheet.file, "Ticker", sheet.columns, dialect.columns.get("Ticker", ()))
    if column is None or isinstance(column.cells, np.ndarray):
        raise DataError(f"{sheet.file} has no column of tickers: leave --panel away")
    places: dict[str, list[int]] = {}
    for row, cell in enumerate(column.cells):
        places.setdefault(cell.strip(), []).append(row)
    return {name: _rows_of(sheet, places[name]) for name in sorted(places)}


def _rows_of(sheet: Sheet, keep: list[int]) -> Sheet:
    columns = [replace(column, cells=_taken(column.cells, keep)) for column in sheet.columns]
    return replace(sheet, columns=columns, rows=[sheet.rows[row] for row in keep])


def _find(file: str, ours: str, columns: list[Column], names: tuple[str, ...]) -> Column | None:
    """The column under the first of ``names``; one that holds zeros alone gives way to the next."""
    by_name: dict[str, Column] = {}
    for column in columns:
        name = reduced(column.heading)
        if name in by_name and name in names and name:
            raise DataError(
                f"{file} has two columns for {ours}: {shown(by_name[name].heading)} and {shown(column.heading)}"
            )
        by_name.setdefault(name, column)
    candidates = [by_name[name] for name in names if name in by_name]
    full = [column for column in candidates if len(candidates) == 1 or ours != "Volume" or not _is_zero(column)]
    return next(iter(full or candidates), None)


def _is_zero(column: Column) -> bool:
    cells = column.cells
    if isinstance(cells, np.ndarray):
        return not np.any(parse_numbers(cells, [], "", column.heading))
    return all(cell.strip("0. ") == "" for cell in cells)


def _of_ticker(sheet: Sheet, ticker: str | None) -> list[Column]:
    """The columns that stand under the wanted ticker's heading, and those that stand under none."""
    tickers = sorted({column.ticker for column in sheet.columns if column.ticker})
    if not tickers:
        return sheet.columns
    wanted = _choose(sheet.file, tickers, ticker)
    return [column for column in sheet.columns if column.ticker in ("", wanted)]


def _rows_of_ticker(table: Table, ticker: str | None, *, several: bool) -> Table:
    """The rows whose cell names the wanted ticker."""
    cells = table.columns.get("Ticker")
    if cells is None or isinstance(cells, np.ndarray):
        if ticker is not None and not several:
            raise DataError(f"{table.file} has no column of tickers: leave --ticker away")
        return table
    names = [cell.strip() for cell in cells]
    wanted = _choose(table.file, sorted(set(names)), ticker)
    keep = [i for i, name in enumerate(names) if name == wanted]
    kept = {ours: _taken(column, keep) for ours, column in table.columns.items()}
    return replace(table, columns=kept, rows=[table.rows[i] for i in keep])


def _taken(cells: Cells, keep: list[int]) -> Cells:
    return cells[keep] if isinstance(cells, np.ndarray) else [cells[i] for i in keep]


def _choose(file: str, tickers: list[str], wanted: str | None) -> str:
    if wanted is None and len(tickers) > 1:
        raise DataError(
            f"{file} holds {len(tickers)} assets: choose one by --ticker, or all by --panel: {quoted(tickers)}"
        )
    if wanted is not None and wanted not in tickers:
        raise DataError(f"{file} holds no {shown(wanted)}; there are {quoted(tickers)}")
    return wanted if wanted is not None else next(iter(tickers), "")
