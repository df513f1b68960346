"""Training, validation and test samples that share no day.

A *sample* that starts at row ``i`` reads input rows ``[i, i + context_length)`` and label rows up to
``i + context_length + horizon``; its *span* is ``context_length + horizon`` rows. Validation and test are whole
*chunks* of rows; their samples slide inside a chunk and never cross its edge. Every other legal sample trains.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

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
        val_chunks, test_chunks: (start, stop) rows of each held-out chunk.

    Raises:
        ValueError: if a sample leaves its chunk, or two splits touch the same day.
    """

    train_indices: Indices
    val_indices: Indices
    test_indices: Indices
    chunk_size: int
    val_chunks: Chunks
    test_chunks: Chunks

    def __post_init__(self) -> None:
        for name in ("train", "val", "test"):
            _check_starts(f"{name}_indices", getattr(self, f"{name}_indices"))
        _check_inside("val", self.val_indices, self.val_chunks, self.chunk_size)
        _check_inside("test", self.test_indices, self.test_chunks, self.chunk_size)
        self._check_isolation()

    def _check_isolation(self) -> None:
        total = int(max(self.train_indices[-1], self.val_indices[-1], self.test_indices[-1])) + self.chunk_size
        touched = {
            "training": touched_rows(self.train_indices, self.train_indices + self.chunk_size, total),
            "validation": touched_rows(self.val_indices, self.val_indices + self.chunk_size, total),
            "test": touched_rows(self.test_indices, self.test_indices + self.chunk_size, total),
        }
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


def _check_inside(name: str, starts: Indices, chunks: Chunks, span: int) -> None:
    if not chunks:
        raise ValueError(f"{name}_chunks is empty; every {name} sample lies in a chunk")
    edges = np.asarray(chunks, dtype=np.int64).reshape(-1, 2)
    if (np.diff(edges.ravel()) < 0).any():
        raise ValueError(f"{name}_chunks must be increasing and must not overlap")
    home = np.searchsorted(edges[:, 0], starts, side="right") - 1
    outside = (home < 0) | (starts + span > edges[home, 1])
    if outside.any():
        raise ValueError(f"the {name} sample that starts at row {starts[outside][0]} crosses the edge of its chunk")
