"""When each row of a series was: on one calendar for all of its assets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from runtime.arrays import Indices

MAX_GAP_DAYS = 10
"""Calendar days between two rows from which on no sample holds both, where a script names no other number: markets
close for a week at most, and a label that looks across months is no label of the next days."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """Where the rows of one asset, or of several that are stacked, lie on the calendar of all their days.

    Attributes:
        total_days: of the calendar.
        day: position on it of each row, increasing within an asset, shape (rows,).
        asset: number of each row's asset, from 0, never falling, shape (rows,).
        gap: calendar days from the row before to this one, shape (rows,); of an asset's first row it does not count.
        trains: whether a row's asset trains, shape (rows,).
        validates: whether a row's asset validates; test samples are those of all assets. Shape (rows,).
    """

    total_days: int
    day: Indices
    asset: Indices
    gap: Indices
    trains: npt.NDArray[np.bool_]
    validates: npt.NDArray[np.bool_]

    @classmethod
    def unbroken(cls, rows: int) -> Timeline:
        """One asset that has a row on every day of its calendar."""
        nothing = np.zeros(rows, dtype=np.int64)
        every = np.ones(rows, dtype=np.bool_)
        return cls(rows, np.arange(rows, dtype=np.int64), nothing, nothing, every, every)

    def sample_starts(self, span: int, max_gap_days: int) -> Indices:
        """First row of every sample of ``span`` rows of one asset, none more than ``max_gap_days`` after the last."""
        if span > self.day.size:
            return np.zeros(0, dtype=np.int64)
        broken = self.gap > max_gap_days
        broken[1:] |= np.diff(self.asset) != 0
        run = np.cumsum(broken)
        return np.flatnonzero(run[: run.size - span + 1] == run[span - 1 :]).astype(np.int64)
