"""The arguments of ``python -m data import``. Imports nothing heavy."""

from __future__ import annotations

import argparse
from dataclasses import fields
from datetime import date
from pathlib import Path

from data.options import ImportOptions, flag
from data.reading.dialects import DIALECTS

_VENDORS = ", ".join(dict.fromkeys(dialect.name for dialect in DIALECTS if dialect.tells))
DESCRIPTION = f"""
Make data/processed/NAME_dataset_c.parquet from daily prices. Known by their headings are {_VENDORS}; any other file
needs Date, Open, High, Low, Close, and may have Volume, Adj Close, a column of splits, and VIX. Cells are separated by
commas, semicolons, bars or tabs. The first line printed says what the file was taken for. Several files of one asset
each, or a folder of them, make a panel: data/processed/NAME_panel_c.parquet.
"""

_HELP: dict[str, tuple[str | None, str]] = {
    "ticker": ("X", "the asset to read where the file holds several"),
    "from_": ("DATE", "first day to read, as 2018-12-31"),
    "to_": ("DATE", "last day to read"),
    "dates": (None, "the order of 03/04/2020, where no day of the file is above 12"),
    "decimal": (None, "the decimal mark, where no number of the file tells"),
    "timezone": ("ZONE", "the exchange's zone, such as America/New_York, for times with an offset from UTC"),
    "session_start": ("HH:MM", "the time, in that zone, at which a session named by the next day begins"),
    "vix_lag": ("DAYS", "1 where the market closes before Chicago's: use the VIX of the day before"),
    "drop_missing": (None, "leave out rows without a price (listed)"),
    "drop_repeats": (None, "leave out rows with which a calendar was filled (counted)"),
    "repair": (None, "widen High and Low to the bar's prices; divide a block whose jump comes back (recorded)"),
    "accept_jumps": (None, "take jumps that look like unadjusted splits for real (recorded)"),
    "panel": (None, "take all assets of a file that holds several, as if each had a file"),
    "skip_bad": (None, "leave out the assets of a panel that cannot be used (recorded)"),
}


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the files and an option for each field of `ImportOptions`."""
    parser.add_argument(
        "files",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="CSV (plain or .gz) or parquet; several, or a folder: a panel",
    )
    parser.add_argument("--name", required=True, help="letters, digits, - and _, such as SPY")
    parser.add_argument("--vix", type=Path, metavar="FILE", help="VIX by date, in a column VIX, VIXCLS or Close")
    choices = {"dates": ["day-first", "month-first"], "decimal": ["point", "comma"]}
    kinds = {"from_": _day, "to_": _day, "vix_lag": _days}
    for name, (metavar, said) in _HELP.items():
        if metavar is None and name not in choices:
            parser.add_argument(flag(name), dest=name, action="store_true", help=said)
        else:
            parser.add_argument(
                flag(name), dest=name, metavar=metavar, type=kinds.get(name, str), choices=choices.get(name), help=said
            )


def import_options(arguments: argparse.Namespace) -> ImportOptions:
    """The options among the parsed arguments."""
    return ImportOptions(**{field.name: getattr(arguments, field.name) for field in fields(ImportOptions)})


def _days(text: str) -> int:
    if not text.isascii() or not text.isdigit() or int(text) > 5:
        raise argparse.ArgumentTypeError(f"{text!r} is no number of days from 0 to 5")
    return int(text)


def _day(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no day: write it as 2018-12-31") from None
