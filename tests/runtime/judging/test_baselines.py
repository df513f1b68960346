"""The baselines equal scikit-learn on the very samples that the model sees, and know nothing of later days."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from runtime.arrays import Indices
from runtime.errors import UserError
from runtime.judging.baselines import DECAY, ewma_volatility, fit_baselines
from runtime.samples.bars import TIMESCALES, make_bars
from runtime.samples.experiment import Experiment
from runtime.samples.series import Series
from tests.helpers import market
from tests.helpers.tiny import CONTEXT_LENGTH, make_experiment, with_labels

EXPERIMENT = make_experiment()
TRAIN, TEST = EXPERIMENT.splits.train_indices, EXPERIMENT.splits.test_indices
HELD_OUT = np.concatenate([EXPERIMENT.splits.val_indices, TEST])
NAMES = ("base_rate", "ewma_volatility", "logistic_regression", "gradient_boosting", "boosting_history")


def decision_features(starts: Indices) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The last row of each window as the model gets it."""
    windows = EXPERIMENT.windows
    return windows.inputs(windows.starts(starts))[:, -1].numpy()


def forecast(name: str, starts: Indices = TEST) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return fit_baselines(EXPERIMENT)[name](starts)


def test_base_rate_is_the_logit_of_the_training_positive_rate() -> None:
    dummy = DummyClassifier(strategy="prior").fit(TRAIN[:, None], EXPERIMENT.labels_of(TRAIN))
    chances = 1 / (1 + np.exp(-forecast("base_rate")))
    np.testing.assert_allclose(chances, dummy.predict_proba(TEST[:, None])[:, 1], rtol=1e-12)


def test_logistic_regression_is_that_of_scikit_learn_on_the_decision_rows() -> None:
    direct = LogisticRegression().fit(decision_features(TRAIN), EXPERIMENT.labels_of(TRAIN))
    logits = forecast("logistic_regression")
    np.testing.assert_allclose(logits, direct.decision_function(decision_features(TEST)), rtol=1e-5)
    assert logits.dtype == np.float64


def test_volatility_forecast_is_a_logistic_regression_on_its_logarithm() -> None:
    inputs = np.log(ewma_volatility(EXPERIMENT.series))[:, None]
    direct = LogisticRegression().fit(inputs[TRAIN + CONTEXT_LENGTH - 1], EXPERIMENT.labels_of(TRAIN))
    expected = direct.decision_function(inputs[TEST + CONTEXT_LENGTH - 1])
    np.testing.assert_allclose(forecast("ewma_volatility"), expected, rtol=1e-12)


@pytest.mark.parametrize("name", ["logistic_regression", "gradient_boosting", "boosting_history"])
def test_baseline_finds_the_signal(name: str) -> None:
    assert ((forecast(name) > 0) == EXPERIMENT.labels_of(TEST)).mean() > 0.75


def poisoned() -> Experiment:
    """Other labels, features and prices on held-out days that no training sample sees."""
    flipped = with_labels(EXPERIMENT, HELD_OUT, 1 - EXPERIMENT.labels_of(HELD_OUT))
    features = EXPERIMENT.series.features.copy()
    features[HELD_OUT + CONTEXT_LENGTH - 1] = 1e6
    return replace(flipped, series=replace(EXPERIMENT.series, features=features))


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_learned_from_held_out_samples(name: str) -> None:
    clean, other = (fit_baselines(experiment)[name](TRAIN) for experiment in (EXPERIMENT, poisoned()))
    np.testing.assert_array_equal(clean, other)


@pytest.mark.parametrize("name", NAMES)
def test_forecasts_come_in_the_order_asked_for_and_repeat(name: str) -> None:
    np.testing.assert_allclose(forecast(name, TEST[::-1].copy()), forecast(name)[::-1], rtol=1e-6)


def volatility_by_hand(series: Series, bar: int) -> float:
    close = series.daily["Close"].to_numpy()[: series.bars.last_day[bar] + 1]
    weighted = weights = 0.0
    for age, (today, before) in enumerate(zip(close[:0:-1], close[-2::-1], strict=True)):
        weighted += DECAY**age * np.log(today / before) ** 2
        weights += DECAY**age
    return float(np.sqrt(weighted / weights))


@given(st.integers(0, 10_000), st.sampled_from(TIMESCALES), st.integers(20, 60))
@settings(max_examples=30, deadline=None)
def test_volatility_equals_its_definition_day_by_day_at_every_timescale(seed: int, timescale: str, days: int) -> None:
    series = market.make_series(market.make_daily(days, seed=seed), timescale)
    bars = range(1, len(series))
    np.testing.assert_allclose(ewma_volatility(series)[1:], [volatility_by_hand(series, bar) for bar in bars])


@given(st.integers(0, 10_000), st.sampled_from(TIMESCALES), st.integers(30, 99))
@settings(max_examples=30, deadline=None)
def test_volatility_of_a_cut_series_is_the_same(seed: int, timescale: str, cut: int) -> None:
    daily = market.make_daily(100, seed=seed)
    whole, part = (market.make_series(frame, timescale) for frame in (daily, daily[:cut]))
    np.testing.assert_array_equal(ewma_volatility(part), ewma_volatility(whole)[: len(part)])


def test_price_that_never_moves_has_no_volatility_to_forecast_with() -> None:
    series = EXPERIMENT.series
    daily = series.daily.assign(Close=100.0)
    flat = replace(EXPERIMENT, series=replace(series, daily=daily, bars=make_bars(daily, "daily")))
    with pytest.raises(UserError, match=r"the close never moved up to 2020-.*: its volatility is 0"):
        fit_baselines(flat)
