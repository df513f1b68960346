"""Where the chunks lie and which samples each split holds, against day sets counted one by one."""

import pickle
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.model_selection import TimeSeriesSplit

from runtime.arrays import Indices
from runtime.errors import UserError
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.splits import Chunks, SplitIndices
from tests.helpers.market import splitters

fast = settings(max_examples=60, deadline=None)
REAL_ROWS = 7248


def days_of(starts: Indices, span: int) -> set[int]:
    return {day for start in starts.tolist() for day in range(start, start + span)}


def legal_starts(chunks: Chunks, span: int) -> list[int]:
    return [start for first, stop in sorted(chunks) for start in range(first, stop - span + 1)]


def legal_training_starts(splitter: ChunkSplitter, held_out: Chunks) -> list[int]:
    blocked: set[int] = set()
    for first, stop in held_out:
        blocked.update(range(first - splitter.embargo, stop + splitter.embargo))
    last = splitter.total_days - splitter.span
    return [start for start in range(last + 1) if blocked.isdisjoint(range(start, start + splitter.span))]


def same(one: SplitIndices, other: SplitIndices) -> bool:
    names = ("train_indices", "val_indices", "test_indices")
    equal = all(np.array_equal(getattr(one, name), getattr(other, name)) for name in names)
    return equal and (one.val_chunks, one.test_chunks) == (other.val_chunks, other.test_chunks)


@fast
@given(splitters())
def test_no_two_splits_share_a_day_and_every_sample_lies_inside_the_series(splitter: ChunkSplitter) -> None:
    splits = splitter.split()
    train, val, test = (
        days_of(starts, splitter.span) for starts in (splits.train_indices, splits.val_indices, splits.test_indices)
    )
    assert len(train | val | test) == len(train) + len(val) + len(test)
    assert min(train | val | test) >= 0
    assert max(train | val | test) < splitter.total_days


@fast
@given(splitters())
def test_held_out_samples_are_exactly_the_legal_starts_of_their_chunks(splitter: ChunkSplitter) -> None:
    splits = splitter.split()
    assert splits.val_indices.tolist() == legal_starts(splits.val_chunks, splitter.span)
    assert splits.test_indices.tolist() == legal_starts(splits.test_chunks, splitter.span)
    assert splits.chunk_size == splitter.span


@settings(max_examples=150, deadline=None)
@given(splitters(embargo=12))
def test_no_legal_training_start_is_lost_and_no_other_is_taken(splitter: ChunkSplitter) -> None:
    chunks = replace(splitter, embargo=0).split()
    expected = legal_training_starts(splitter, chunks.val_chunks + chunks.test_chunks)
    if expected:
        assert splitter.split().train_indices.tolist() == expected
    else:
        with pytest.raises(UserError, match=f"no training sample.*embargo of {splitter.embargo} rows"):
            splitter.split()


@fast
@given(splitters())
def test_chunks_are_whole_and_their_shares_are_right_to_the_nearest_chunk(splitter: ChunkSplitter) -> None:
    splits = splitter.split()
    chunks = splitter.total_days // splitter.chunk_rows
    assert abs(len(splits.val_chunks) - chunks * splitter.val_ratio) <= 0.5
    assert abs(len(splits.test_chunks) - chunks * splitter.test_ratio) <= 0.5
    held_out = sorted(splits.val_chunks + splits.test_chunks)
    assert all(stop - first == splitter.chunk_rows for first, stop in held_out)
    assert all(one[1] <= other[0] for one, other in pairwise(held_out))


@fast
@given(splitters(mode="scattered"))
def test_scattered_chunks_follow_the_documented_permutation(splitter: ChunkSplitter) -> None:
    splits, rows = splitter.split(), splitter.chunk_rows
    drawn = np.random.default_rng(splitter.seed).permutation(splitter.total_days // rows) * rows
    val, test = len(splits.val_chunks), len(splits.test_chunks)
    assert [first for first, _ in splits.val_chunks] == sorted(drawn[:val])
    assert [first for first, _ in splits.test_chunks] == sorted(drawn[val : val + test])


@fast
@given(splitters(mode="contiguous"))
def test_contiguous_chunks_end_the_series_with_test_last(splitter: ChunkSplitter) -> None:
    splits = splitter.split()
    held_out = splits.val_chunks + splits.test_chunks
    assert held_out[-1][1] == splitter.total_days
    assert all(one[1] == other[0] for one, other in pairwise(held_out))
    assert splits.train_indices[-1] + splitter.span <= held_out[0][0]


@fast
@given(splitters(mode="contiguous", val_ratio=0.15, test_ratio=0.15))
def test_contiguous_training_agrees_with_scikit_learn(splitter: ChunkSplitter) -> None:
    splits = splitter.split()
    samples = np.arange(splitter.total_days - splitter.span + 1)
    held_out = samples.size - splits.val_chunks[0][0]
    gap = splitter.span - 1
    assume(samples.size > 2 * held_out + gap)  # scikit-learn makes at least two folds; the last one is ours
    *_, (train, test) = TimeSeriesSplit(n_splits=2, test_size=held_out, gap=gap).split(samples)
    assert splits.train_indices.tolist() == train.tolist()
    assert test[0] == splits.val_indices[0]
    assert test[-1] == splits.test_indices[-1]


@fast
@given(splitters())
def test_a_split_depends_on_its_arguments_alone(splitter: ChunkSplitter) -> None:
    splits, subset = splitter.split(), splitter.get_hpo_subset(splitter.split())
    np.random.random()  # somebody else draws a number
    assert same(splits, splitter.split())
    assert np.array_equal(subset, splitter.get_hpo_subset(splits))


def test_a_split_leaves_the_global_random_state_alone() -> None:
    before = pickle.dumps(np.random.get_state())
    splitter = ChunkSplitter(1000, 10, 1)
    splitter.get_hpo_subset(splitter.split())
    assert pickle.dumps(np.random.get_state()) == before


def test_another_seed_places_other_chunks() -> None:
    make = [ChunkSplitter(1000, 10, 1, seed=seed, chunk_length=50).split().test_chunks for seed in range(8)]
    assert len(set(make)) == 8


@fast
@given(splitters(chunk_length=50), st.integers(1, 5))
def test_the_chunk_grid_does_not_depend_on_the_horizon(splitter: ChunkSplitter, horizon: int) -> None:
    splits, other = splitter.split(), replace(splitter, horizon=horizon).split()
    assert (splits.val_chunks, splits.test_chunks) == (other.val_chunks, other.test_chunks)


@fast
@given(splitters(chunk_length=None))
def test_without_a_chunk_length_a_chunk_is_one_span_and_one_sample(splitter: ChunkSplitter) -> None:
    splits = splitter.split()
    assert splits.val_indices.tolist() == [first for first, _ in splits.val_chunks]
    assert splits.test_chunks == tuple((start, start + splitter.span) for start in splits.test_indices.tolist())


def test_the_protocol_to_the_letter_leaves_few_validation_samples_on_the_real_rows() -> None:
    splits = ChunkSplitter(REAL_ROWS, context_length=60, horizon=1).split()
    assert 17 <= splits.val_indices.size <= 19


def test_sizes_of_the_generated_protocol_on_the_real_rows() -> None:
    splits = ChunkSplitter(REAL_ROWS, context_length=60, horizon=1, chunk_length=201).split()
    assert (splits.train_indices.size, splits.val_indices.size, splits.test_indices.size) == (4806, 705, 705)


INTEGER = "{} {!r}: allowed is an integer of at least {}"
RATIOS = "val_ratio {} and test_ratio {}: both must be positive and sum to less than 1"
REFUSED: list[tuple[dict[str, Any], str]] = [
    *(({name: 0}, INTEGER.format(name, 0, 1)) for name in ("total_days", "context_length", "horizon")),
    ({"total_days": 1000.0}, INTEGER.format("total_days", 1000.0, 1)),
    ({"horizon": True}, INTEGER.format("horizon", True, 1)),
    ({"context_length": "10"}, INTEGER.format("context_length", "10", 1)),
    ({"seed": -1}, INTEGER.format("seed", -1, 0)),
    ({"embargo": -1}, INTEGER.format("embargo", -1, 0)),
    ({"chunk_length": 10}, INTEGER.format("chunk_length", 10, 11)),
    ({"val_ratio": 0}, RATIOS.format(0, 0.15)),
    ({"test_ratio": -0.1}, RATIOS.format(0.15, -0.1)),
    ({"val_ratio": 0.5, "test_ratio": 0.5}, RATIOS.format(0.5, 0.5)),
    ({"val_ratio": float("nan")}, RATIOS.format("nan", 0.15)),
    ({"mode": "random"}, "mode 'random': allowed are scattered and contiguous"),
]


@pytest.mark.parametrize(("arguments", "message"), REFUSED, ids=[str(arguments) for arguments, _ in REFUSED])
def test_a_bad_argument_is_refused_with_what_is_allowed(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UserError) as refusal:
        ChunkSplitter(**{"total_days": 1000, "context_length": 10, "horizon": 1, **arguments})
    assert str(refusal.value) == message


@fast
@given(splitters(), st.sampled_from([0.05, 0.15, 0.49]), st.sampled_from([0.05, 0.15, 0.49]))
def test_too_few_rows_names_the_number_that_suffices(splitter: ChunkSplitter, val: float, test: float) -> None:
    with pytest.raises(UserError) as refusal:
        replace(splitter, total_days=1, val_ratio=val, test_ratio=test)
    needed = int(str(refusal.value).split("need at least ")[1].split(" rows")[0])
    enough = replace(splitter, total_days=needed, val_ratio=val, test_ratio=test).split()
    assert min(enough.train_indices.size, enough.val_indices.size, enough.test_indices.size) > 0
    with pytest.raises(UserError, match=f"^a series of {needed - 1} rows is too short .* need at least {needed} rows"):
        replace(splitter, total_days=needed - 1, val_ratio=val, test_ratio=test)


@fast
@given(splitters(), st.integers(1, 4))
def test_rows_for_so_many_chunks_are_the_fewest_that_suffice(splitter: ChunkSplitter, wanted: int) -> None:
    def is_enough(rows: int) -> bool:
        chunks = rows // splitter.chunk_rows
        held_out = [round(chunks * ratio) for ratio in (splitter.val_ratio, splitter.test_ratio)]
        return min(held_out) >= wanted and sum(held_out) < chunks

    chunks = splitter.total_days // splitter.chunk_rows
    longer = range((chunks + 1) * splitter.chunk_rows, 100 * splitter.chunk_rows)
    assert splitter.rows_for(wanted) == next(rows for rows in longer if is_enough(rows))
