"""Reading a price file: CSV of any separator, gzipped or not, or parquet."""

from __future__ import annotations

import ast
import gzip
import io
import zlib
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import DataError
from data.reading.sheet import Cells, Sheet, under_headings
from data.reading.text import text_sheet

MOST_BYTES = 200_000_000
"""A century of daily prices takes 3 MB; this bounds what a hostile file can take, unpacked or not."""


def read_sheet(path: Path) -> Sheet:
    """Read ``path``, whose first bytes (not its name) say whether it is parquet, gzipped or UTF-16.

    Raises:
        DataError: the file cannot be read or is not a table with headings and equally long rows.
    """
    content = _read_bytes(path)
    if content.startswith(b"PAR1"):
        return _parquet_sheet(path.name, content)
    if content.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise DataError(f"{path.name} is a workbook or an archive: save its table as CSV")
    if content.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(content)) as unpacked:
                content = _bounded(path, unpacked.read(MOST_BYTES + 1))
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path.name} is a damaged gzip file: {error}") from error
    return text_sheet(path.name, content)


def _read_bytes(path: Path) -> bytes:
    try:
        if path.exists() and not path.is_file():  # a pipe would never end
            raise DataError(f"{path} cannot be read: it is no file")
        with path.open("rb") as file:
            return _bounded(path, file.read(MOST_BYTES + 1))
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror}") from error


def _bounded(path: Path, content: bytes) -> bytes:
    if len(content) > MOST_BYTES:
        raise DataError(f"{path.name} holds more than {MOST_BYTES:,} bytes: daily prices are needed")
    return content


def _parquet_sheet(file: str, content: bytes) -> Sheet:
    """Read parquet; numbers and times stay what they are, everything else becomes text as in a CSV file."""
    try:
        table = pq.read_table(io.BytesIO(content))
        names = [_levels(name) for name in table.column_names]
        cells = [_cells(table.column(index)) for index in range(table.num_columns)]
        levels = [index["name"] for index in (table.schema.pandas_metadata or {}).get("column_indexes", [])]
    except (pa.ArrowException, OSError, ValueError, OverflowError, KeyError, TypeError) as error:
        raise DataError(f"{file} is not a readable parquet file: {' '.join(str(error).split())}") from error
    rows = list(range(1, 1 + table.num_rows))
    depth = max(map(len, names), default=1)
    called = tuple(str(level) for level in levels if level)
    return Sheet(file, under_headings(names, cells), rows, depth, called if depth > 1 else ())


def _levels(name: str) -> tuple[str, ...]:
    """The headings of a column; pandas writes those of several rows as ``('Close', 'SPY')``."""
    if not (name.startswith("('") and name.endswith(")")):
        return (name,)
    try:
        levels = ast.literal_eval(name)
    except (SyntaxError, ValueError, MemoryError, RecursionError):
        return (name,)
    two = isinstance(levels, tuple) and len(levels) == 2 and all(isinstance(level, str) for level in levels)
    return (str(levels[0]), str(levels[1])) if two else (name,)


def _cells(column: pa.ChunkedArray) -> Cells:
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    if pa.types.is_timestamp(kind) and kind.tz is None:
        times = np.asarray(column.to_numpy()).astype("datetime64[us]")
        if (abs(times.astype("datetime64[Y]").astype(np.int64)[~np.isnat(times)]) > 8_000).any():
            raise ValueError("date value out of range")
        return times
    return ["" if value is None else str(value) for value in column.to_pylist()]
