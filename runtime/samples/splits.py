"""Training, validation and test samples that share no day.

A *sample* that starts at row ``i`` reads input rows ``[i, i + context_length)`` and label rows up to
``i + context_length + horizon``; its *span* is ``context_length + horizon`` rows. Validation and test are whole
*chunks* of rows; their samples slide inside a chunk and never cross its edge. Every other legal sample trains.

Where several assets are stacked, chunks are cut from the calendar of all their days, and isolation is by its days: two
assets on one day are not independent. A sample is one asset's consecutive rows, and touches every day of the calendar
from its first row's to its last row's.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from runtime.arrays import Indices

Chunks = tuple[tuple[int, int], ...]


def touched_rows(starts: Indices, stops: Indices, total_rows: int) -> npt.NDArray[np.bool_]:
    """Mark every row that lies in one of the ranges ``[start, stop)``.

    Args:
        starts, stops: shape (ranges,).
        total_rows: length of the answer; no range may end behind it.

    Returns:
        Mask of shape (total_rows,).
    """
    edges = np.bincount(starts, minlength=total_rows + 1) - np.bincount(stops, minlength=total_rows + 1)
    return np.cumsum(edges)[:total_rows] > 0


@dataclass(frozen=True, eq=False)
class SplitIndices:
    """Sample starts of the three splits, proven isolated when constructed.

    Attributes:
        train_indices, val_indices, test_indices: increasing sample starts, int64, shape (samples,).
        chunk_size: the span of a sample, ``context_length + horizon`` rows.
        val_chunks, test_chunks: (start, stop) days of the calendar of each held-out chunk.
        day: position on the calendar of each row, shape (rows,); None where each row is a day, as of one asset.

    Raises:
        ValueError: if a sample leaves its chunk, or two splits touch the same day.
    """

    train_indices: Indices
    val_indices: Indices
    test_indices: Indices
    chunk_size: int
    val_chunks: Chunks
    test_chunks: Chunks
    day: Indices | None = field(default=None, kw_only=True)

    def __post_init__(self) -> None:
        for name in ("train", "val", "test"):
            starts = getattr(self, f"{name}_indices")
            _check_starts(f"{name}_indices", starts)
            if self.day is not None and starts[-1] + self.chunk_size > self.day.size:
                raise ValueError(f"the {name} sample that starts at row {starts[-1]} crosses the end of the rows")
        _check_inside("val", self.val_indices, *self.days(self.val_indices), self.val_chunks)
        _check_inside("test", self.test_indices, *self.days(self.test_indices), self.test_chunks)
        self._check_isolation()

    def days(self, starts: Indices) -> tuple[Indices, Indices]:
        """First day of the calendar that each sample touches, and the day behind its last; each of shape (samples,)."""
        if self.day is None:
            return starts, starts + self.chunk_size
        return self.day[starts], self.day[starts + self.chunk_size - 1] + 1

    def _check_isolation(self) -> None:
        days = {
            "training": self.days(self.train_indices),
            "validation": self.days(self.val_indices),
            "test": self.days(self.test_indices),
        }
        total = int(max(stops.max() for _, stops in days.values()))
        touched = {name: touched_rows(firsts, stops, total) for name, (firsts, stops) in days.items()}
        for one, other in (("training", "validation"), ("training", "test"), ("validation", "test")):
            shared = np.flatnonzero(touched[one] & touched[other])
            if shared.size:
                raise ValueError(
                    f"{one} and {other} samples share {shared.size} days, the first is row {shared[0]}; "
                    "use the splits that ChunkSplitter.split() returns"
                )

    def with_train(self, indices: Indices) -> SplitIndices:
        """The same held-out samples with a subset of the training samples.

        Raises:
            ValueError: if an index is not one of the training samples.
        """
        if not np.isin(indices, self.train_indices).all():
            raise ValueError(
                "with_train takes a subset of train_indices; get one from ChunkSplitter.get_hpo_subset or "
                "get_training_part"
            )
        return replace(self, train_indices=np.sort(np.asarray(indices, dtype=np.int64)))


def _check_starts(name: str, starts: Indices) -> None:
    if starts.ndim != 1 or starts.dtype != np.int64:
        raise ValueError(f"{name}: expected one dimension of int64, got shape {starts.shape} of {starts.dtype}")
    if starts.size == 0:
        raise ValueError(f"{name} is empty; a split needs at least one sample")
    if starts[0] < 0 or (np.diff(starts) <= 0).any():
        raise ValueError(f"{name}: sample starts must be non-negative and strictly increasing")


def _check_inside(name: str, starts: Indices, first: Indices, stop: Indices, chunks: Chunks) -> None:
    if not chunks:
        raise ValueError(f"{name}_chunks is empty; every {name} sample lies in a chunk")
    edges = np.asarray(chunks, dtype=np.int64).reshape(-1, 2)
    if (np.diff(edges.ravel()) < 0).any():
        raise ValueError(f"{name}_chunks must be increasing and must not overlap")
    home = np.searchsorted(edges[:, 0], first, side="right") - 1
    outside = (home < 0) | (stop > edges[home, 1])
    if outside.any():
        raise ValueError(f"the {name} sample that starts at row {starts[outside][0]} crosses the edge of its chunk")
