"""Statistics come from the inputs of the training samples and from nothing else."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.normaliser import Normaliser
from runtime.samples.splits import SplitIndices
from tests.helpers.market import splitters

fast = settings(max_examples=40, deadline=None)
NAMES = ("calm", "wild")


def make_features(rows: int) -> Any:
    return np.random.default_rng(0).normal([5, -300], [0.01, 40], (rows, 2)).astype(np.float32)


def training_inputs(splits: SplitIndices, context_length: int) -> list[int]:
    return sorted({row for start in splits.train_indices.tolist() for row in range(start, start + context_length)})


def fit(features: Any, splitter: ChunkSplitter, splits: SplitIndices) -> Normaliser:
    return Normaliser.fit(features, splits, context_length=splitter.context_length, feature_columns=NAMES)


@fast
@given(splitters(chunk_length=40))
def test_statistics_are_those_of_each_training_input_row_once(splitter: ChunkSplitter) -> None:
    features, splits = make_features(splitter.total_days), splitter.split()
    normaliser = fit(features, splitter, splits)
    rows = features[training_inputs(splits, splitter.context_length)].astype(np.float64)
    mean = rows.sum(axis=0) / len(rows)
    np.testing.assert_allclose(normaliser.mean, mean, rtol=1e-12)
    np.testing.assert_allclose(normaliser.std, np.sqrt(((rows - mean) ** 2).sum(axis=0) / len(rows)), rtol=1e-9)
    assert normaliser.mean.dtype == normaliser.std.dtype == np.float64


@fast
@given(splitters(chunk_length=40, embargo=4), st.sampled_from([np.nan, np.inf, 1e30]))
def test_no_other_row_is_ever_read(splitter: ChunkSplitter, garbage: float) -> None:
    features, splits = make_features(splitter.total_days), splitter.split()
    expected = fit(features, splitter, splits)
    others = np.setdiff1d(np.arange(splitter.total_days), training_inputs(splits, splitter.context_length))
    features[others] = garbage
    found = fit(features, splitter, splits)
    assert others.size > 0
    assert found.mean.tobytes() == expected.mean.tobytes()
    assert found.std.tobytes() == expected.std.tobytes()


def test_standardised_training_rows_have_mean_zero_and_deviation_one() -> None:
    splitter = ChunkSplitter(2000, 10, 2, chunk_length=40)
    features, splits = make_features(2000), splitter.split()
    standardised = fit(features, splitter, splits).apply(features)
    rows = standardised[training_inputs(splits, 10)]
    np.testing.assert_allclose(rows.mean(axis=0, dtype=np.float64), 0, atol=1e-4)
    np.testing.assert_allclose(rows.std(axis=0, dtype=np.float64), 1, atol=1e-4)
    assert standardised.shape == features.shape
    assert standardised.dtype == np.float32


def test_applying_is_subtraction_and_division_of_every_row() -> None:
    normaliser = Normaliser(np.array([1.0, -2.0]), np.array([2.0, 0.5]))
    features = np.array([[1, -2], [3, -1.5], [-1, 0]], dtype=np.float32)
    np.testing.assert_array_equal(normaliser.apply(features), [[0, 0], [1, 1], [-1, 4]])


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 3e8, 1e30, 1e-30])
@pytest.mark.parametrize("channel", [0, 1])
def test_a_channel_that_is_constant_in_training_is_refused_by_name(channel: int, value: float) -> None:
    splitter = ChunkSplitter(1000, 10, 2, chunk_length=40)
    features, splits = make_features(1000), splitter.split()
    features[training_inputs(splits, 10), channel] = value  # held-out rows still vary
    with pytest.raises(UserError, match=f"'{NAMES[channel]}' is constant in the training rows; leave it out"):
        fit(features, splitter, splits)


@pytest.mark.parametrize("value", [0.0, 0.1, -1e6, 3e8, 1e-20])
def test_a_channel_that_moves_by_the_least_step_in_one_row_is_not_constant(value: float) -> None:
    splitter = ChunkSplitter(1000, 10, 2, chunk_length=40)
    features, splits = make_features(1000), splitter.split()
    rows = training_inputs(splits, 10)
    features[rows, 1] = value
    features[rows[0], 1] = np.nextafter(np.float32(value), np.float32(np.inf)) if value else 1e-13
    normaliser = fit(features, splitter, splits)
    assert normaliser.std[1] > 0
    assert np.isfinite(normaliser.apply(features)[rows]).all()


def test_a_channel_whose_deviation_float32_cannot_hold_is_refused_and_not_divided_by() -> None:
    splitter = ChunkSplitter(1000, 10, 2, chunk_length=40)
    features, splits = make_features(1000), splitter.split()
    rows = training_inputs(splits, 10)
    features[rows, 1] = 0.0
    features[rows[0], 1] = np.float32(1e-45)
    with pytest.raises(UserError, match="'wild' is constant"):
        fit(features, splitter, splits)
