"""A price file as text cells, before anything is known of its columns: CSV, gzipped CSV or parquet."""

from __future__ import annotations

import csv
import gzip
import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from data.errors import DataError

MOST_BYTES = 200_000_000
"""A century of daily prices takes 3 MB; this bounds what a hostile file can take, unpacked or not."""


Cells = list[str] | npt.NDArray[np.generic]


@dataclass(frozen=True)
class PriceTable:
    """The cells of a file by column heading: text, or what a parquet file holds as numbers or times.

    ``rows`` are the numbers by which messages name the rows: line numbers of a CSV file (its heading is
    line 1), or 1, 2, 3, ... in a parquet file.
    """

    file: str
    columns: dict[str, Cells]
    rows: list[int]


def read_table(path: Path) -> PriceTable:
    """Read ``path``, whose first bytes (not its name) say whether it is parquet or gzipped.

    Raises:
        DataError: the file cannot be read or is not a table with one heading and equally long rows.
    """
    content = _read_bytes(path)
    if content.startswith(b"PAR1"):
        return _parquet_table(path.name, content)
    if content.startswith(b"\x1f\x8b"):
        try:
            with gzip.open(io.BytesIO(content)) as unpacked:
                content = _bounded(path, unpacked.read(MOST_BYTES + 1))
        except (OSError, EOFError, zlib.error) as error:
            raise DataError(f"{path.name} is a damaged gzip file: {error}") from error
    return _csv_table(path.name, content)


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


def _parquet_table(file: str, content: bytes) -> PriceTable:
    """Read parquet; numbers and times stay what they are, everything else becomes text as in a CSV file."""
    try:
        table = pq.read_table(io.BytesIO(content))
        columns = {name: _cells(table.column(name)) for name in table.column_names}
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:
        raise DataError(f"{file} is not a readable parquet file: {' '.join(str(error).split())}") from error
    return PriceTable(file, columns, list(range(1, 1 + table.num_rows)))


def _cells(column: pa.ChunkedArray) -> Cells:
    kind = column.type
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return np.asarray(column.to_numpy(), dtype=np.float64)
    if pa.types.is_timestamp(kind) and kind.tz is None:
        times = np.asarray(column.to_numpy()).astype("datetime64[us]")
        if (abs(times.astype("datetime64[Y]").astype(np.int64)[~np.isnat(times)]) > 8_000).any():
            raise ValueError("date value out of range")
        return times
    return [str(value) for value in column.to_pylist()]


def _csv_table(file: str, content: bytes) -> PriceTable:
    """Split comma-separated text; every row must have as many cells as the heading."""
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig"), newline=""), strict=True)
        lines = [(reader.line_num, cells) for cells in reader if cells]
    except UnicodeDecodeError as error:
        raise DataError(f"{file} is not UTF-8 text: {error.reason} at byte {error.start}") from error
    except csv.Error as error:
        raise DataError(f"{file} is not comma-separated text: {error}") from error
    if not lines:
        raise DataError(f"{file} is empty")
    headings, rows = lines[0][1], lines[1:]
    if len(set(headings)) < len(headings):
        raise DataError(f"{file} has a heading twice: {headings}")
    for number, cells in rows:
        if len(cells) != len(headings):
            raise DataError(f"{file}: row {number} has {len(cells)} cells, its heading has {len(headings)}")
    columns: dict[str, Cells] = {heading: [cells[i] for _, cells in rows] for i, heading in enumerate(headings)}
    return PriceTable(file, columns, [number for number, _ in rows])
