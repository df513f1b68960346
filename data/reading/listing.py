"""Naming all rows that are at fault, without a page of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

MOST_LISTED = 20


def listed(items: Sequence[str]) -> str:
    """The first items, and how many more there are."""
    more = f" and {len(items) - MOST_LISTED:,} more" if len(items) > MOST_LISTED else ""
    return "; ".join(items[:MOST_LISTED]) + more


def shown(text: object) -> str:
    """What a cell or a heading holds, in quotation marks, cut where it is long."""
    quoted = repr(text)
    return quoted if len(quoted) <= 60 else f"{quoted[:56]}..."


def quoted(names: Sequence[str]) -> str:
    """Headings or tickers, each in quotation marks."""
    return listed([shown(name) for name in names]).replace("; ", ", ")


def counted(number: int, noun: str) -> str:
    """A number with its noun, in the plural where it takes one."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def place(bars: pd.DataFrame, position: int) -> str:
    """Where a bar stands: its row in the file, which its index names, and its day."""
    return f"row {bars.index[position]}, {bars['Date'].iloc[position]:%Y-%m-%d}"
