"""What is planted is found: a model that knows something more adds, and one that knows nothing more does not."""

from collections.abc import Callable
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from runtime.arrays import Floats, Indices
from runtime.judging.calibration import probabilities
from runtime.judging.encompassing import Combination, combine, encompassing_test, fit_weight
from runtime.judging.evaluation import log_loss, log_losses
from runtime.records.differences import Added
from runtime.report.words import compare

CHUNKS, SAMPLES = 10, 140
CHUNK_OF: Indices = np.repeat(np.arange(CHUNKS), SAMPLES)

Plant = Callable[[np.random.Generator, int], tuple[Floats, Floats, Floats]]
"""Random numbers and how many samples in; logits of the truth, of the rival and of the model out."""


def rival_is_the_truth(random: np.random.Generator, samples: int) -> tuple[Floats, Floats, Floats]:
    """The model sees one of the two causes, and something that is none."""
    one, other, nothing = random.normal(size=(3, samples))
    return one + other - 1, one + other - 1, one + 0.3 * nothing - 1


def each_knows_half(random: np.random.Generator, samples: int) -> tuple[Floats, Floats, Floats]:
    one, other = random.normal(size=(2, samples))
    return one + other - 1, 0.8 * one - 0.9, 0.8 * other - 0.9


def model_is_a_noisy_rival(random: np.random.Generator, samples: int) -> tuple[Floats, Floats, Floats]:
    """Both know a half, and the same half."""
    one, other, noise = random.normal(size=(3, samples))
    return one + other - 1, 0.85 * one - 0.85, 0.85 * one - 0.85 + 0.5 * noise


def planted(plant: Plant, seed: int) -> tuple[Combination, Added]:
    """What validation decides and the test shows in one run."""
    random = np.random.default_rng(seed)
    splits = []
    for _ in range(2):
        truth, rival, model = plant(random, CHUNK_OF.size)
        labels = (random.random(CHUNK_OF.size) < probabilities(truth)).astype(np.float64)
        splits.append((labels, {"model": model, "base_rate": np.full_like(rival, -1.0), "rival": rival}))
    (labels, logits), (test_labels, test_logits) = splits
    combination = Combination.on(labels, logits)
    found = combination.judge(test_labels, test_logits, test_logits["rival"], CHUNK_OF)
    return combination, msgspec.convert(found, Added)


def adds(plant: Plant, runs: int) -> list[bool]:
    """Whether each run's verdict is that the model adds to the rival."""
    return [compare(planted(plant, seed)[1].minus_rival.combination) == "better" for seed in range(runs)]


@pytest.mark.parametrize("plant", [rival_is_the_truth, model_is_a_noisy_rival])
def test_a_model_that_knows_nothing_more_is_not_said_to_add(plant: Plant) -> None:
    assert np.mean(adds(plant, 200)) <= 0.05


def test_a_model_that_knows_the_other_half_is_found() -> None:
    assert sum(adds(each_knows_half, 20)) >= 19


@pytest.mark.parametrize(("plant", "rejects"), [(rival_is_the_truth, False), (each_knows_half, True)])
def test_encompassing_is_rejected_where_the_model_adds_and_as_often_as_stated_where_not(
    plant: Plant, rejects: bool
) -> None:
    p_values = [planted(plant, seed)[1].encompassing.p_value for seed in range(200)]
    rejected = sum(value is not None and value < 0.05 for value in p_values)
    low, high = stats.binom.interval(0.999, 200, 0.05)
    assert rejected == 200 if rejects else low <= rejected <= high


def test_weight_is_that_of_the_lowest_loss_and_never_outside_zero_and_one() -> None:
    random = np.random.default_rng(0)
    labels = (random.random(300) < 0.3).astype(np.float64)

    @given(st.floats(-3, 3), st.floats(-3, 3), st.integers(0, 99))
    @settings(max_examples=60, deadline=None)
    def check(rival_knows: float, model_knows: float, seed: int) -> None:
        noise = np.random.default_rng(seed).normal(size=(2, 300))
        rival, model = rival_knows * (labels - 0.5) + noise[0], model_knows * (labels - 0.5) + noise[1]
        weight = fit_weight(labels, rival, model)
        assert 0 <= weight <= 1
        lowest = log_loss(labels, combine(rival, model, weight))
        assert lowest <= min(log_loss(labels, combine(rival, model, each)) for each in np.linspace(0, 1, 41)) + 1e-12

    check()


def test_weight_of_a_worse_model_is_zero_of_the_truth_beside_noise_one_and_of_the_rival_itself_zero() -> None:
    random = np.random.default_rng(1)
    truth = 3 * random.normal(size=2000)
    labels = (random.random(2000) < probabilities(truth)).astype(np.float64)
    assert fit_weight(labels, 0.5 * truth, -truth) == 0
    assert fit_weight(labels, -truth, 0.5 * truth) == 1
    assert fit_weight(labels, truth, truth) == 0


def test_score_is_the_slope_of_the_loss_where_the_model_has_no_weight() -> None:
    random = np.random.default_rng(2)
    labels = (random.random(CHUNK_OF.size) < 0.3).astype(np.float64)
    rival, model = random.normal(size=(2, CHUNK_OF.size))
    step = 1e-6
    slopes = (log_losses(labels, combine(rival, model, step)) - log_losses(labels, combine(rival, model, -step))) / step
    expected = stats.ttest_1samp(-slopes.reshape(CHUNKS, SAMPLES).mean(axis=1), 0, alternative="greater")
    found = encompassing_test(labels, rival, model, CHUNK_OF)
    assert found == {
        "statistic": pytest.approx(expected.statistic, rel=1e-6),
        "p_value": pytest.approx(expected.pvalue, rel=1e-6),
    }


def test_chunk_of_twice_the_samples_weighs_twice() -> None:
    """A chunk is a ratio estimator's cluster: its samples count, wherever the edges lie."""
    random = np.random.default_rng(3)
    labels = (random.random(400) < 0.3).astype(np.float64)
    rival, model = random.normal(size=(2, 400))
    unequal = np.repeat([0, 1, 2], [100, 100, 200])
    scores = (labels - probabilities(rival)) * (model - rival)
    sums = np.bincount(unequal, scores) / (400 / 3)
    around = sums - scores.mean() * np.bincount(unequal) / (400 / 3)
    expected = scores.mean() / (around.std(ddof=1) / np.sqrt(3))
    assert encompassing_test(labels, rival, model, unequal)["statistic"] == pytest.approx(expected)


@pytest.mark.parametrize(("chunks", "same", "reason"), [(2, False, "2 chunks are fewer than 3"), (4, True, "same")])
def test_test_without_evidence_is_undefined_with_the_reason(chunks: int, same: bool, reason: str) -> None:
    random = np.random.default_rng(4)
    labels, rival = (random.random(80) < 0.5).astype(np.float64), random.normal(size=80)
    model = rival if same else random.normal(size=80)
    found = encompassing_test(labels, rival, model, np.repeat(np.arange(chunks), 80 // chunks))
    assert (found["statistic"], found["p_value"]) == (None, None)
    assert reason in found["undefined"]["p_value"]


def test_rival_is_chosen_by_the_loss_and_what_does_not_exist_says_why() -> None:
    random = np.random.default_rng(5)
    labels = np.zeros(CHUNK_OF.size)
    logits = {"model": random.normal(size=labels.size), "far": np.ones_like(labels), "near": -np.ones_like(labels)}
    combination = Combination.on(labels, logits)
    assert (combination.rival, combination.threshold, combination.rival_temperature) == ("near", None, None)
    assert combination.describe()["undefined"] == {"decision_threshold": "validation holds no positive"}
    gains: dict[str, Any] = combination.judge(labels, logits, "fitted once only", CHUNK_OF)["minus_rival"]
    assert (gains["second_fit"], gains["rescaled"]) == (None, None)
    assert gains["undefined"] == {
        "rescaled": "on validation no temperature is best",
        "second_fit": "fitted once only",
    }


def test_combination_of_weight_zero_differs_from_the_rival_by_nothing() -> None:
    combination, added = planted(rival_is_the_truth, 0)
    assert combination.weight < 0.2
    labels = np.ones(CHUNK_OF.size)
    logits = {"model": np.zeros_like(labels), "rival": np.linspace(-1, 1, labels.size)}
    found = Combination("rival", 0.0, None, None).judge(labels, logits, logits["rival"], CHUNK_OF)["minus_rival"]
    assert found["combination"]["difference"] == found["second_fit"]["difference"] == 0
    assert compare(msgspec.convert(found["combination"], type(added.minus_rival.combination))) == "open"
