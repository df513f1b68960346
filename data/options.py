"""What a user may say about a price file; each is an option of ``python -m data import`` of the same name."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date
from typing import Literal


@dataclass(frozen=True)
class ImportOptions:
    """Answers to what a file leaves open, and permissions to change or accept what is wrong with it.

    Attributes:
        ticker: the asset to read where a file holds several.
        from_, to_: the first and the last day to read.
        dates: the order of 03/04/2020 where no day of the file tells.
        decimal: the decimal mark where no number of the file tells.
        timezone: the exchange's zone, for times that carry an offset from UTC and are no midnights.
        session_start: when, ``HH:MM`` in that zone, a session begins that is named by the day after.
        vix_lag: days by which the VIX is known late: 1 where the market closes before Chicago's.
        drop_missing: drop rows without a price.
        drop_repeats: drop rows that repeat the row before, as filled calendars do.
        repair: clip High and Low to their bar, and divide blocks of prices whose jump comes back.
        accept_jumps: take jumps like an unadjusted split for real.
        panel: take all assets of one file, for a panel.
        skip_bad: leave out the assets of a panel that cannot be used.
    """

    ticker: str | None = None
    from_: date | None = None
    to_: date | None = None
    dates: Literal["day-first", "month-first"] | None = None
    decimal: Literal["point", "comma"] | None = None
    timezone: str | None = None
    session_start: str | None = None
    vix_lag: int | None = None
    drop_missing: bool = False
    drop_repeats: bool = False
    repair: bool = False
    accept_jumps: bool = False
    panel: bool = False
    skip_bad: bool = False

    def words(self) -> list[str]:
        """The same as words of a command line."""
        said: list[str] = []
        for field in fields(self):
            value = getattr(self, field.name)
            if value != field.default:
                said += [flag(field.name), *([] if value is True else [str(value)])]
        return said


def flag(name: str) -> str:
    """The command-line option of a field of `ImportOptions`."""
    return "--" + name.strip("_").replace("_", "-")
