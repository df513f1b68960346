"""Labels against the definition spelled out day by day, and against the rates measured on the real prices."""

import math
import re
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.manifest import PROJECT
from data.prices import read_prices
from data.schema import RAW_FILE
from runtime.errors import UserError
from runtime.samples.bars import TIMESCALES
from runtime.samples.labels import LABELS, threshold_labels
from tests.helpers.market import make_daily, make_series, real_series

fast = settings(max_examples=60, deadline=None)
prices = st.lists(st.integers(90, 115), min_size=1, max_size=30).map(lambda values: np.array(values, dtype=float))
HORIZONS = (1, 2, 3, 5, 7)


def by_definition(close: Any, future: Any, threshold: float, horizon: int) -> list[float]:
    labels = []
    for day in range(len(close)):
        ahead = list(future[day + 1 : day + horizon + 1])
        reached = any(price >= close[day] * (1 + threshold) for price in ahead)
        labels.append(float(reached) if len(ahead) == horizon else math.nan)
    return labels


@fast
@given(prices, st.sampled_from([0.01, 0.02, 0.05, 0.1]), st.integers(1, 8))
def test_labels_are_what_the_definition_says(close: Any, threshold: float, horizon: int) -> None:
    high = close + 3
    labels = threshold_labels(close, high, threshold=threshold, horizon=horizon)
    np.testing.assert_array_equal(labels, by_definition(close, high, threshold, horizon))


@fast
@given(prices, st.integers(1, 8), st.data())
def test_a_label_sees_no_price_outside_its_days(close: Any, horizon: int, data: st.DataObject) -> None:
    day = data.draw(st.integers(0, len(close) - 1))
    other_close, other_high = np.full_like(close, 1e9), np.full_like(close, 1e9)
    other_close[day], other_high[day + 1 : day + 1 + horizon] = close[day], close[day + 1 : day + 1 + horizon]
    expected = threshold_labels(close, close, threshold=0.02, horizon=horizon)[day]
    found = threshold_labels(other_close, other_high, threshold=0.02, horizon=horizon)[day]
    np.testing.assert_equal(found, expected)


@pytest.mark.parametrize("horizon", HORIZONS)
def test_each_of_the_next_days_and_no_further_one_can_decide(horizon: int) -> None:
    close = np.full(20, 100.0)
    for ahead in range(20):
        high = close.copy()
        high[ahead] = 102
        label = threshold_labels(close, high, threshold=0.02, horizon=horizon)[0]
        assert label == (1 <= ahead <= horizon)


@pytest.mark.parametrize("days", [1, 5, 7, 8, 30])
@pytest.mark.parametrize("horizon", HORIZONS)
def test_exactly_the_last_days_have_no_label(days: int, horizon: int) -> None:
    close = np.full(days, 100.0)
    unknown = np.isnan(threshold_labels(close, close, threshold=0.01, horizon=horizon))
    assert unknown.tolist() == [day >= days - horizon for day in range(days)]


@pytest.mark.parametrize(("high", "label"), [(125.0, 1.0), (np.nextafter(125.0, 0.0), 0.0)])
def test_reaching_the_threshold_exactly_counts(high: float, label: float) -> None:
    prices = np.array([100.0, high])  # 100 * 1.25 is exact in binary
    assert threshold_labels(prices, prices, threshold=0.25, horizon=1)[0] == label


def test_the_prices_are_left_untouched() -> None:
    close, high = np.arange(10.0) + 1, np.arange(10.0) + 2
    threshold_labels(close, high, threshold=0.01, horizon=3)
    assert (high - close == 1).all()


@pytest.mark.parametrize("price", ["high", "close"])
@pytest.mark.parametrize("horizon", HORIZONS)
def test_a_series_labels_by_the_price_it_is_asked_for(price: str, horizon: int) -> None:
    daily = make_daily(120)
    labels = make_series(daily).labels(threshold=0.01, horizon=horizon, price=price)
    expected = by_definition(daily["Close"], daily[price.capitalize()], 0.01, horizon)
    np.testing.assert_array_equal(labels, expected)


def test_a_high_reaches_the_threshold_more_often_than_a_close() -> None:
    series = make_series(make_daily(500))
    high = series.labels(threshold=0.01, horizon=2, price="high")[:-2]
    close = series.labels(threshold=0.01, horizon=2, price="close")[:-2]
    assert (high >= close).all()
    assert 0 < close.mean() < high.mean() < 1


@pytest.mark.parametrize(("threshold", "horizon"), [(0.0, 1), (-0.01, 1), (float("nan"), 1), (0.01, 0), (0.01, -1)])
def test_an_impossible_question_is_refused(threshold: float, horizon: int) -> None:
    with pytest.raises(UserError, match=f"threshold {threshold}, horizon {horizon}: both must be positive"):
        make_series(make_daily(20)).labels(threshold=threshold, horizon=horizon, price="high")


def test_another_price_is_refused() -> None:
    with pytest.raises(UserError, match="label price 'low': allowed are high and close"):
        make_series(make_daily(20)).labels(threshold=0.01, horizon=1, price="low")  # type: ignore[arg-type]


POSITIVE_PERCENT = {  # S&P 500, every day of 1990-2018, by High; columns: HORIZONS
    0.01: (19.64, 34.09, 43.67, 55.75, 63.07),
    0.02: (4.26, 10.69, 16.44, 26.08, 34.29),
    0.03: (1.33, 4.01, 6.91, 12.13, 17.11),
    0.05: (0.21, 0.77, 1.42, 3.07, 4.93),
}


@pytest.mark.parametrize("threshold", POSITIVE_PERCENT)
def test_positive_rates_on_the_real_prices(threshold: float) -> None:
    daily = read_prices(PROJECT / RAW_FILE).frame
    since_1990 = daily[daily["Date"] >= "1990-01-01"]
    close, high = since_1990["Close"].to_numpy(np.float64), since_1990["High"].to_numpy(np.float64)
    rates = [100 * np.nanmean(threshold_labels(close, high, threshold=threshold, horizon=days)) for days in HORIZONS]
    assert rates == pytest.approx(POSITIVE_PERCENT[threshold], abs=0.006)


@pytest.mark.parametrize("timescale", TIMESCALES)
@pytest.mark.parametrize("horizon", HORIZONS)
def test_every_real_bar_is_labelled_by_the_days_after_its_last_day(timescale: str, horizon: int) -> None:
    series = real_series(timescale)
    close, high = series.daily["Close"].tolist(), series.daily["High"].tolist()
    for threshold in POSITIVE_PERCENT:
        by_day = by_definition(close, high, threshold, horizon)
        expected = [by_day[day] for day in series.bars.last_day]
        np.testing.assert_array_equal(series.labels(threshold=threshold, horizon=horizon, price="high"), expected)


def test_every_rule_says_what_it_asks_in_its_first_line() -> None:
    for rule in LABELS.values():
        first = (rule.__doc__ or "").splitlines()[0]
        assert first.endswith("?")
        assert {"HORIZON", "THRESHOLD"} <= set(re.findall("[A-Z]+", first))
