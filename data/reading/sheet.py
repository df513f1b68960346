"""A price file as columns of cells under their headings, before anything is known of its vendor."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from data.reading.dialects import reduced

Cells = list[str] | npt.NDArray[np.generic]


@dataclass(frozen=True)
class Column:
    """Cells under a heading: text, or what a parquet file holds as numbers or times; ``ticker`` of a second heading."""

    heading: str
    ticker: str
    cells: Cells


@dataclass(frozen=True)
class Sheet:
    """The columns of a file, before anything is known of its vendor.

    Attributes:
        file: the name of the file.
        columns: its columns.
        rows: the numbers by which messages name the rows: line numbers of a CSV file, or 1, 2, 3, ... of a parquet.
        heading_rows: how many rows of headings there are; 0 where a dialect supplied them.
        names: what the file calls its rows of headings.
        separator: what separates the cells of a line; nothing in a parquet file.
        notes: what was left out: title and footer lines.
    """

    file: str
    columns: list[Column]
    rows: list[int]
    heading_rows: int = 1
    names: tuple[str, ...] = ()
    separator: str = ""
    notes: tuple[str, ...] = ()


def under_headings(names: list[tuple[str, ...]], cells: list[Cells]) -> list[Column]:
    """Columns under one or two headings each; of two, the prices' is the one that somewhere says Close."""
    price = int(any(len(levels) > 1 and reduced(levels[1]) == "close" for levels in names))
    return [
        Column(levels[price], levels[1 - price], column) if len(levels) > 1 else Column(levels[0], "", column)
        for levels, column in zip(names, cells, strict=True)
    ]
