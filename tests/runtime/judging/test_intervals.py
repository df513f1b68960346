"""Intervals cover about as often as stated on data whose samples are correlated within a chunk."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats
from sklearn import metrics

from runtime.arrays import Floats
from runtime.judging.intervals import (
    RESAMPLES,
    chunk_means,
    chunk_numbers,
    detectable,
    forecast_intervals,
    paired_difference,
    percentile_interval,
    rank_draws,
    resampled_chunks,
    t_interval,
)

PER_CHUNK = 20


def correlated(random: np.random.Generator, chunks: int, mean: float = 0.0) -> Floats:
    """Values that share half of their variance within a chunk, as overlapping windows do."""
    shared = np.repeat(random.normal(size=chunks), PER_CHUNK)
    return mean + shared + random.normal(size=chunks * PER_CHUNK)


def numbers(chunks: int) -> npt.NDArray[np.int64]:
    return np.repeat(np.arange(chunks), PER_CHUNK)


def coverage(chunks: int, rounds: int, interval: str) -> float:
    random, hits = np.random.default_rng(chunks), 0
    weights = resampled_chunks(chunks)
    for _ in range(rounds):
        means = chunk_means(correlated(random, chunks), numbers(chunks))
        found = t_interval(means) if interval == "t" else percentile_interval(weights @ means / chunks)
        assert found is not None
        hits += found[0] <= 0 <= found[1]
    return hits / rounds


@pytest.mark.parametrize("chunks", [3, 5, 30])
def test_t_interval_covers_as_often_as_stated(chunks: int) -> None:
    assert coverage(chunks, 1000, "t") == pytest.approx(0.95, abs=0.02)


@pytest.mark.parametrize(("chunks", "stated"), [(5, 0.85), (30, 0.94)])
def test_bootstrap_covers_as_often_as_its_caution_says(chunks: int, stated: float) -> None:
    assert coverage(chunks, 500, "bootstrap") == pytest.approx(stated, abs=0.04)


def test_samples_as_the_unit_would_cover_far_less() -> None:
    """Why the chunk is the unit: the interval that takes samples for independent misses the truth most of the time."""
    random, hits = np.random.default_rng(0), 0
    for _ in range(300):
        found = t_interval(correlated(random, 5))
        hits += found is not None and found[0] <= 0 <= found[1]
    assert hits / 300 < 0.6


def test_detectable_difference_is_found_with_the_stated_power() -> None:
    random, chunks, found = np.random.default_rng(0), 5, 0
    error = np.sqrt((1 + 1 / PER_CHUNK) / chunks)
    for _ in range(1000):
        interval = t_interval(chunk_means(correlated(random, chunks, detectable(error, chunks)), numbers(chunks)))
        found += interval is not None and interval[0] > 0
    assert found / 1000 == pytest.approx(0.8, abs=0.06)


def test_detectable_difference_of_a_hand_computation() -> None:
    assert detectable(0.1, 5) == pytest.approx(0.1 * (2.7764 + 0.9410), rel=1e-4)


def test_t_interval_is_that_of_scipy() -> None:
    means = np.array([0.1, 0.4, 0.2, 0.35])
    assert t_interval(means) == pytest.approx(stats.ttest_1samp(means, 0).confidence_interval(0.95))


def test_chunk_numbers_count_from_zero_and_samples_at_both_edges_belong() -> None:
    starts = np.array([10, 14, 30, 35, 50])
    assert chunk_numbers(starts, ((10, 20), (30, 40), (50, 60))).tolist() == [0, 0, 1, 1, 2]


@given(st.integers(0, 10_000))
@settings(max_examples=40, deadline=None)
def test_resampled_rank_metrics_equal_scikit_learn_with_weights(seed: int) -> None:
    random = np.random.default_rng(seed)
    chunk_of = np.repeat(np.arange(4), 8)
    labels, logits = random.integers(0, 2, 32).astype(float), random.integers(-3, 4, 32).astype(float)
    weights = random.multinomial(4, [0.25] * 4, size=5)
    found = rank_draws(labels, logits, chunk_of, weights)
    for row, auc, average_precision in zip(weights, *found, strict=True):
        drawn = np.concatenate([np.flatnonzero(chunk_of == chunk) for chunk in np.repeat(np.arange(4), row)])
        if 0 < labels[drawn].sum() < drawn.size:
            assert auc == pytest.approx(metrics.roc_auc_score(labels[drawn], logits[drawn]))
            assert average_precision == pytest.approx(metrics.average_precision_score(labels[drawn], logits[drawn]))
        else:
            assert np.isnan([auc, average_precision]).all()


def test_resample_of_one_class_counts_against_both_ends() -> None:
    draws = np.linspace(0, 1, 1000)
    few, many = draws.copy(), draws.copy()
    few[500:510], many[500:550] = np.nan, np.nan
    full, wider = percentile_interval(draws), percentile_interval(few)
    assert full is not None
    assert wider is not None
    assert wider[0] < full[0] < full[1] < wider[1]
    assert percentile_interval(many) is None


def forecasts(chunks: int) -> tuple[Floats, Floats, npt.NDArray[np.int64]]:
    random = np.random.default_rng(1)
    logits = correlated(random, chunks)
    return (random.random(logits.size) < 1 / (1 + np.exp(-logits))).astype(float), logits, numbers(chunks)


def test_intervals_hold_their_point_and_are_the_same_every_time() -> None:
    labels, logits, chunk_of = forecasts(6)
    intervals = forecast_intervals(labels, logits, chunk_of, train_base_rate=0.4)
    assert intervals == forecast_intervals(labels, logits, chunk_of, train_base_rate=0.4)
    assert list(intervals) == ["log_loss", "log_loss_skill", "brier", "brier_skill", "roc_auc", "pr_auc"]
    low, high = intervals["roc_auc"]["bootstrap"]
    assert low < metrics.roc_auc_score(labels, logits) < high
    for kind in ("t", "bootstrap"):
        low, high = intervals["log_loss"][kind]
        assert low < metrics.log_loss(labels, 1 / (1 + np.exp(-logits))) < high


def test_fewer_than_three_chunks_have_no_interval_and_it_is_said_why() -> None:
    labels, logits, chunk_of = forecasts(2)
    for interval in forecast_intervals(labels, logits, chunk_of, train_base_rate=0.4).values():
        assert interval["bootstrap"] is None
        assert interval["undefined"]["bootstrap"] == "2 chunks are fewer than 3"
    loss = paired_difference(labels, logits, 2 * logits, chunk_of)["log_loss"]
    assert (loss["t"], loss["bootstrap"], loss["detectable"]) == (None, None, None)
    assert set(loss["undefined"]) == {"t", "bootstrap", "detectable"}
    assert len(loss["per_chunk"]) == 2


def test_one_class_has_no_rank_interval() -> None:
    _, logits, chunk_of = forecasts(5)
    zeros = np.zeros_like(logits)
    interval = forecast_intervals(zeros, logits, chunk_of, train_base_rate=0.4)["roc_auc"]
    assert interval["bootstrap"] is None
    ranking = paired_difference(zeros, logits, 2 * logits, chunk_of)["roc_auc"]
    assert ranking["difference"] is None
    assert ranking["undefined"]["difference"] == "the labels hold one class only"


def test_paired_difference_is_the_difference_of_the_losses_and_changes_sign_with_the_order() -> None:
    labels, logits, chunk_of = forecasts(8)
    other = logits + np.random.default_rng(2).normal(size=logits.size)
    one, two = paired_difference(labels, logits, other, chunk_of), paired_difference(labels, other, logits, chunk_of)
    losses = [metrics.log_loss(labels, 1 / (1 + np.exp(-each))) for each in (logits, other)]
    aucs = [metrics.roc_auc_score(labels, each) for each in (logits, other)]
    assert one["log_loss"]["difference"] == pytest.approx(losses[0] - losses[1], abs=1e-12)
    assert one["roc_auc"]["difference"] == pytest.approx(aucs[0] - aucs[1], abs=1e-12)
    assert two["log_loss"]["t"] == pytest.approx([-end for end in reversed(one["log_loss"]["t"])], abs=1e-12)
    assert np.mean(one["log_loss"]["per_chunk"]) == pytest.approx(one["log_loss"]["difference"], abs=1e-12)


def test_what_both_forecasts_share_leaves_the_paired_difference() -> None:
    """Hard chunks are hard for both: the paired interval is narrower than that of either loss."""
    labels, logits, chunk_of = forecasts(8)
    paired = paired_difference(labels, logits, 1.1 * logits, chunk_of)["log_loss"]
    alone = forecast_intervals(labels, logits, chunk_of, train_base_rate=0.4)["log_loss"]
    assert np.ptp(paired["t"]) < 0.5 * np.ptp(alone["t"])
    assert resampled_chunks(8).shape == (RESAMPLES, 8)
