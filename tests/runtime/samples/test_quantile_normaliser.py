"""Each value becomes the score of its rank among the inputs of the training samples, whatever scale it came on."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from runtime.errors import UserError
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.quantile_normaliser import SCORES, QuantileNormaliser
from runtime.samples.splits import SplitIndices
from tests.helpers.market import splitters

NAMES = ("calm", "wild")
SPLITTER = ChunkSplitter(2000, 10, 2, chunk_length=40)
SPLITS = SPLITTER.split()


def make_features(rows: int = 2000) -> Any:
    return np.random.default_rng(0).lognormal([0, 3], [0.1, 2], (rows, 2)).astype(np.float32)


def training_inputs(splits: SplitIndices = SPLITS, context_length: int = 10) -> list[int]:
    return sorted({row for start in splits.train_indices.tolist() for row in range(start, start + context_length)})


def fit(features: Any, splits: SplitIndices = SPLITS, context_length: int = 10) -> QuantileNormaliser:
    return QuantileNormaliser.fit(features, splits, context_length=context_length, feature_columns=NAMES)


@settings(max_examples=40, deadline=None)
@given(splitters(chunk_length=40, embargo=4), st.sampled_from([np.nan, np.inf, 1e30]))
def test_quantiles_are_those_of_each_training_input_row_once_and_of_no_other(
    splitter: ChunkSplitter, garbage: float
) -> None:
    features, splits = make_features(splitter.total_days), splitter.split()
    rows = training_inputs(splits, splitter.context_length)
    others = np.setdiff1d(np.arange(splitter.total_days), rows)
    expected = np.quantile(features[rows].astype(np.float64), norm.cdf(SCORES), axis=0)
    features[others] = garbage
    assert others.size > 0
    found = fit(features, splits, splitter.context_length).quantiles
    assert found.dtype == np.float64
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_training_rows_become_standard_normal() -> None:
    features = make_features()
    scores = fit(features).apply(features)
    assert (scores.shape, scores.dtype) == (features.shape, np.float32)
    for channel in scores[training_inputs()].T:
        ordered = np.sort(channel)
        expected = norm.ppf((np.arange(ordered.size) + 0.5) / ordered.size)
        assert np.abs(ordered - expected)[50:-50].max() < 0.1


def test_the_order_of_values_decides_and_not_their_scale() -> None:
    features = make_features()
    one, other = (fit(each).apply(each) for each in (features, np.log(features)))
    np.testing.assert_allclose(one, other, atol=0.2)  # exact at the quantiles, a little off between them
    quantiles = fit(features).quantiles.astype(np.float32)
    np.testing.assert_allclose(fit(features).apply(quantiles), np.stack([SCORES, SCORES], axis=1), atol=1e-4)


def test_what_no_training_row_reached_is_held_at_the_outermost_scores() -> None:
    normaliser = fit(make_features())
    never = np.array([[-1e30, 1e30], [np.finfo(np.float32).max, -1]], dtype=np.float32)
    np.testing.assert_array_equal(normaliser.apply(never), [[-3, 3], [3, -3]])


def test_a_value_that_many_rows_share_takes_the_mean_of_its_scores() -> None:
    features = make_features()
    ties = np.arange(2000) % 2 == 0
    features[ties, 0] = 0.0  # below all others: ranks from none to half
    scores = fit(features).apply(features)
    tied = SCORES[fit(features).quantiles[:, 0] == 0]
    assert 10 <= tied.size <= 14, "about half of the quantiles lie at the shared value"
    np.testing.assert_allclose(scores[ties, 0], tied.mean(), rtol=1e-6)
    assert scores[~ties, 0].min() >= tied.mean()


@pytest.mark.parametrize("channel", [0, 1])
@pytest.mark.parametrize("different", [0, 1])
def test_a_channel_that_hardly_varies_in_training_is_refused_by_name(channel: int, different: int) -> None:
    features = make_features()
    features[training_inputs(), channel] = 7.0  # held-out rows still vary
    features[training_inputs()[:different], channel] = 8.0
    with pytest.raises(UserError, match=f"'{NAMES[channel]}' is constant in all but a few training rows; leave it out"):
        fit(features)
