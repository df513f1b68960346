"""The part of the training samples that a search trains on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.samples.chunk_splitter import ChunkSplitter
from tests.helpers.market import splitters


@settings(max_examples=60, deadline=None)
@given(splitters(), st.floats(0.001, 1))
def test_a_search_subset_is_a_sorted_part_of_the_training_samples(splitter: ChunkSplitter, fraction: float) -> None:
    splits = splitter.split()
    subset = splitter.get_hpo_subset(splits, fraction)
    assert subset.size == max(1, round(fraction * splits.train_indices.size))
    assert (np.diff(subset) > 0).all()
    assert np.isin(subset, splits.train_indices).all()


def test_a_search_subset_is_drawn_by_the_split_seed_over_the_whole_history() -> None:
    splits = ChunkSplitter(1000, 10, 1, chunk_length=50).split()
    subsets = [ChunkSplitter(1000, 10, 1, seed=s, chunk_length=50).get_hpo_subset(splits, 0.5) for s in range(4)]
    assert len({tuple(subset) for subset in subsets}) == 4
    assert all(subset[0] < 100 and subset[-1] > 800 for subset in subsets)


def test_a_search_subset_takes_a_seed_of_its_own() -> None:
    splitter = ChunkSplitter(1000, 10, 1, seed=3, chunk_length=50)
    splits = splitter.split()
    subsets = [splitter.get_hpo_subset(splits, fraction=0.5, seed=seed) for seed in (3, 4)]
    assert np.array_equal(subsets[0], splitter.get_hpo_subset(splits, fraction=0.5))
    assert not np.array_equal(*subsets)
    with pytest.raises(UserError, match="seed -1: allowed is an integer of at least 0"):
        splitter.get_hpo_subset(splits, seed=-1)


@pytest.mark.parametrize("fraction", [0, -0.1, 1.01, float("nan")])
def test_an_impossible_fraction_is_refused(fraction: float) -> None:
    splitter = ChunkSplitter(1000, 10, 1)
    with pytest.raises(UserError, match=r"fraction .*: allowed is more than 0 and at most 1"):
        splitter.get_hpo_subset(splitter.split(), fraction)
