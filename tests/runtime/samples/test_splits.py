"""`SplitIndices` lets no split through that could leak."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.splits import Chunks, SplitIndices, touched_rows
from tests.helpers.market import splitters


def integers(*values: int) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array(values, dtype=np.int64)


def make(
    train: tuple[int, ...] = (0, 1),
    val: tuple[int, ...] = (10, 11),
    test: tuple[int, ...] = (20, 21),
    val_chunks: Chunks = ((10, 15),),
    test_chunks: Chunks = ((20, 25),),
) -> SplitIndices:
    """A legal split of samples of four rows, unless a part is replaced by one that is not."""
    return SplitIndices(integers(*train), integers(*val), integers(*test), 4, val_chunks, test_chunks)


ranges = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 10)), max_size=8)


@settings(max_examples=100, deadline=None)
@given(ranges)
def test_touched_rows_are_those_of_any_range(drawn: list[tuple[int, int]]) -> None:
    starts = integers(*(start for start, _ in drawn))
    stops = integers(*(start + length for start, length in drawn))
    expected = [any(start <= row < stop for start, stop in zip(starts, stops, strict=True)) for row in range(40)]
    assert touched_rows(starts, stops, 40).tolist() == expected


def test_neighbours_that_share_no_day_are_accepted() -> None:
    make(train=(0, 6), val=(10, 11), val_chunks=((10, 15),), test=(15, 17), test_chunks=((15, 21),))


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"train": (0, 7)}, "training and validation samples share 1 days, the first is row 10"),
        ({"train": (0, 14)}, "training and validation samples share 1 days, the first is row 14"),
        ({"train": (0, 17)}, "training and test samples share 1 days, the first is row 20"),
        ({"train": (0, 15, 24)}, "training and test samples share 1 days, the first is row 24"),
        (
            {"test": (13,), "test_chunks": ((13, 18),)},
            "validation and test samples share 2 days, the first is row 13",
        ),
    ],
)
def test_a_shared_day_is_refused(parts: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make(**parts)


@pytest.mark.parametrize("name", ["train", "val", "test"])
def test_an_empty_split_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name}_indices is empty"):
        make(**{name: ()})


@pytest.mark.parametrize("starts", [(1, 0), (0, 0), (-1, 0)])
def test_unsorted_repeated_or_negative_starts_are_refused(starts: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="train_indices: sample starts must be non-negative and strictly increasing"):
        make(train=starts)


@pytest.mark.parametrize("starts", [np.array([0, 1], dtype=np.int32), np.array([0.0, 1.0]), integers(0, 1)[None]])
def test_starts_of_another_shape_or_type_are_refused(starts: Any) -> None:
    with pytest.raises(ValueError, match="expected one dimension of int64"):
        replace(make(), train_indices=starts)


@pytest.mark.parametrize(
    ("val", "chunks", "row"),
    [
        ((9, 11), ((10, 15),), 9),  # begins before the chunk
        ((10, 12), ((10, 15),), 12),  # ends behind it
        ((10, 12), ((10, 14), (14, 18)), 12),  # crosses into the next one
        ((10,), ((5, 10),), 10),  # begins behind the last chunk
    ],
)
def test_a_held_out_sample_that_leaves_its_chunk_is_refused(val: tuple[int, ...], chunks: Chunks, row: int) -> None:
    with pytest.raises(ValueError, match=f"the val sample that starts at row {row} crosses the edge of its chunk"):
        make(val=val, val_chunks=chunks)


@pytest.mark.parametrize("chunks", [((20, 25), (10, 15)), ((10, 15), (14, 19)), ((15, 10),)])
def test_chunks_that_overlap_or_run_backwards_are_refused(chunks: Chunks) -> None:
    with pytest.raises(ValueError, match="val_chunks must be increasing and must not overlap"):
        make(val_chunks=chunks)


def test_held_out_samples_without_chunks_are_refused() -> None:
    with pytest.raises(ValueError, match="test_chunks is empty; every test sample lies in a chunk"):
        make(test_chunks=())


@settings(max_examples=40, deadline=None)
@given(splitters(), st.integers(-40, 40).filter(bool))
def test_shifted_held_out_samples_are_refused(splitter: ChunkSplitter, shift: int) -> None:
    splits = splitter.split()
    with pytest.raises(
        ValueError, match=r"crosses the e(dge of its chunk|nd of the rows)|sample starts must be non-negative"
    ):
        replace(splits, val_indices=splits.val_indices + shift)


def test_a_training_subset_keeps_the_held_out_samples() -> None:
    splits = make(train=(0, 1, 2, 5))
    part = splits.with_train(integers(5, 1))
    assert part.train_indices.tolist() == [1, 5]
    assert part.train_indices.dtype == np.int64
    assert part.val_indices is splits.val_indices
    assert part.test_indices is splits.test_indices
    assert splits.train_indices.tolist() == [0, 1, 2, 5]


@pytest.mark.parametrize("foreign", [3, 10, 20, -1])
def test_an_index_that_is_no_training_sample_is_refused(foreign: int) -> None:
    with pytest.raises(ValueError, match=r"with_train takes a subset of train_indices.*get_hpo_subset"):
        make(train=(0, 1, 2, 5)).with_train(integers(1, foreign))


def test_an_empty_training_subset_is_refused() -> None:
    with pytest.raises(ValueError, match="train_indices is empty"):
        make().with_train(integers())
