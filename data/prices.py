"""Daily prices from a file of any vendor, with the VIX of its own column or of another file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from data.errors import DataError
from data.options import ImportOptions
from data.reading.asset import read_asset
from data.reading.file import read_sheet
from data.reading.sheet import Sheet
from data.vix import Vix, known_vix, read_vix


@dataclass(frozen=True)
class Prices:
    """What a file holds.

    Attributes:
        frame: ``Date Open High Low Close`` and, where known, ``Volume`` and ``VIX`` with its gaps filled forward;
            oldest first.
        notes: what the user should know; the first says what the file was taken for.
        changes: what was changed or accepted because the user allowed it.
    """

    frame: pd.DataFrame
    notes: tuple[str, ...]
    changes: tuple[str, ...]


def read_prices(path: Path, vix_path: Path | None = None, options: ImportOptions | None = None) -> Prices:
    """Read and check the prices of ``path``, with the VIX of its own column or of ``vix_path``.

    Raises:
        DataError: a file is unreadable, leaves something open, or its values are impossible; the message names rows,
            values and the option that helps.
    """
    return prices_of(read_sheet(path), read_vix(vix_path) if vix_path else None, options or ImportOptions())


def prices_of(sheet: Sheet, vix: Vix | None, options: ImportOptions) -> Prices:
    """Read and check the prices of one asset's sheet; see `read_prices`."""
    asset = read_asset(sheet, options)
    frame, notes = asset.bars, (asset.understood, *asset.notes)
    if vix is not None:
        if "VIX" in frame:
            raise DataError(f"{sheet.file} has a VIX column already: leave --vix away or delete the column")
        notes = (*notes, vix.understood)
        frame = frame.assign(VIX=known_vix(frame, vix.values, vix.file, options, asset.foreign))
    elif "VIX" in frame:
        own = frame.set_index("Date")["VIX"]
        frame = frame.assign(VIX=known_vix(frame, own, sheet.file, options, asset.foreign))
    elif options.vix_lag is not None:
        raise DataError(f"{sheet.file} has no VIX column: --vix-lag needs one, or --vix FILE")
    return Prices(frame, notes, asset.changes)
