"""Reliability and temperature against scikit-learn and hand computations."""

from math import gcd

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from sklearn.calibration import calibration_curve

from runtime.judging.calibration import calibration, fit_temperature, probabilities
from runtime.judging.evaluation import log_loss

seeds = st.integers(0, 10_000)


def test_expected_calibration_error_of_a_hand_computation() -> None:
    """Two bins by ties: five forecasts of 0.2, one of which comes true, and five of 0.6, of which four do."""
    forecast = np.repeat([0.2, 0.6], 5)
    labels = np.array([1.0, 0, 0, 0, 0, 1, 1, 1, 1, 0])
    report = calibration(labels, forecast)
    np.testing.assert_allclose([list(each.values()) for each in report["bins"]], [[5, 0.2, 0.2], [5, 0.6, 0.8]])
    assert report["ece"] == pytest.approx(0.5 * 0.0 + 0.5 * 0.2)


def test_expected_calibration_error_weighs_bins_by_their_samples() -> None:
    report = calibration(np.array([1.0, 0, 0, 0]), np.array([0.5, 0.5, 0.5, 0.1]))
    assert report["ece"] == pytest.approx(0.25 * 0.1 + 0.75 * (0.5 - 1 / 3))


@given(seeds, st.integers(20, 500).filter(lambda samples: gcd(samples - 1, 10) == 1))  # no decile is a forecast
@settings(max_examples=40, deadline=None)
def test_reliability_equals_that_of_scikit_learn(seed: int, samples: int) -> None:
    random = np.random.default_rng(seed)
    forecast = random.random(samples)
    labels = (random.random(samples) < forecast).astype(float)
    rates, means = calibration_curve(labels, forecast, n_bins=10, strategy="quantile")
    bins = calibration(labels, forecast)["bins"]
    assert [each["samples"] for each in bins] == pytest.approx([samples / 10] * 10, abs=1)
    np.testing.assert_allclose([each["positive_rate"] for each in bins], rates)
    np.testing.assert_allclose([each["forecast"] for each in bins], means)


def test_constant_forecast_has_one_bin() -> None:
    report = calibration(np.array([0.0, 1.0, 0.0, 0.0]), np.full(4, 0.3))
    assert report == {"ece": pytest.approx(0.05), "bins": [{"samples": 4, "forecast": 0.3, "positive_rate": 0.25}]}


def test_temperature_of_a_hand_computation() -> None:
    """At logit ±2 three of four are right, so the best logit is ±log(3), and T = 2 / log(3)."""
    labels = np.array([1.0, 1, 1, 0, 0, 0, 0, 1])
    logits = np.repeat([2.0, -2.0], 4)
    assert fit_temperature(labels, logits) == pytest.approx(2 / np.log(3), rel=1e-9)


@given(seeds)
@settings(max_examples=40, deadline=None)
def test_temperature_minimises_the_log_loss(seed: int) -> None:
    random = np.random.default_rng(seed)
    logits = 3 * random.normal(size=200) - 1
    labels = (random.random(200) < probabilities(logits / 2.5)).astype(float)
    temperature = fit_temperature(labels, logits)
    assert temperature is not None
    best = minimize_scalar(lambda log: log_loss(labels, logits / np.exp(log)), bounds=(-5, 5), method="bounded")
    assert log_loss(labels, logits / temperature) <= best.fun + 1e-12
    assert np.log(temperature) == pytest.approx(best.x, abs=1e-3)


def test_temperature_recovers_the_overconfidence_that_was_put_in() -> None:
    random = np.random.default_rng(0)
    logits = random.normal(size=50_000)
    labels = (random.random(logits.size) < probabilities(logits)).astype(float)
    assert fit_temperature(labels, 3 * logits) == pytest.approx(3, rel=0.05)


@pytest.mark.parametrize(
    ("labels", "logits"),
    [
        ([1.0, 0.0], [2.0, -1.0]),
        ([1.0, 0.0], [1e-300, -1e300]),
        ([0.0, 1.0], [2.0, -1.0]),
        ([1.0, 0.0], [0.0, 0.0]),
        ([1.0, 1.0], [2.0, 3.0]),
    ],
)
def test_no_temperature_is_best_for_certain_or_wrong_forecasts(labels: list[float], logits: list[float]) -> None:
    assert fit_temperature(np.array(labels), np.array(logits)) is None
