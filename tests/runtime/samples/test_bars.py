"""Bars, their days and their labels, against groups made one day at a time."""

from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.samples.bars import DAYS_PER_BAR, TIMESCALES, make_bars
from runtime.samples.series import Series
from tests.helpers.market import FEATURES, make_daily, make_series, real_series

fast = settings(max_examples=40, deadline=None)
starts = st.dates(date(1969, 12, 10), date(1970, 1, 20)) | st.dates(date(2000, 12, 20), date(2001, 1, 10))
HORIZONS = (1, 2, 3, 5, 7)


@st.composite
def dailies(draw: st.DrawFn, least: int = 12) -> pd.DataFrame:
    """Draw markets with many holidays, around 1970 (day numbers change sign) or the turn of a year."""
    start = str(draw(starts))
    return make_daily(draw(st.integers(least, 60)), start=start, holidays=0.2, seed=draw(st.integers(0, 99)))


def groups(daily: pd.DataFrame, timescale: str) -> list[list[int]]:
    """Daily rows of each complete bar, by the definition."""
    if timescale != "weekly":
        size = DAYS_PER_BAR[timescale]
        return [list(range(first, first + size)) for first in range(0, len(daily) - size + 1, size)]
    weeks: dict[Any, list[int]] = {}
    for row, day in enumerate(daily["Date"]):
        weeks.setdefault(day - pd.Timedelta(days=day.weekday()), []).append(row)
    whole = list(weeks.values())[:-1]  # the last week may go on
    return whole if daily["Date"][0].weekday() == 0 else whole[1:]


@pytest.mark.parametrize("timescale", TIMESCALES)
@fast
@given(dailies())
def test_bars_hold_exactly_the_complete_groups(timescale: str, daily: pd.DataFrame) -> None:
    expected = groups(daily, timescale)
    if not expected:
        with pytest.raises(UserError, match="no complete bar"):
            make_bars(daily, timescale)
        return
    bars = make_bars(daily, timescale)
    assert bars.first_day.tolist() == [rows[0] for rows in expected]
    assert bars.last_day.tolist() == [rows[-1] for rows in expected]
    assert bars.first_day.dtype == bars.last_day.dtype == np.int64


@pytest.mark.parametrize("timescale", TIMESCALES)
@fast
@given(dailies(least=20))
def test_a_bar_aggregates_prices_and_keeps_what_was_known_at_its_last_close(
    timescale: str, daily: pd.DataFrame
) -> None:
    bars = make_bars(daily, timescale)
    assert list(bars.frame.columns) == list(daily.columns)
    for (_, bar), rows in zip(bars.frame.iterrows(), groups(daily, timescale), strict=True):
        days = daily.iloc[rows]
        assert bar["Open"] == days["Open"].iloc[0]
        assert bar["High"] == max(days["High"])
        assert bar["Low"] == min(days["Low"])
        assert bar["Volume"] == sum(days["Volume"])
        assert [bar[name] for name in ("Date", "Close", *FEATURES)] == [
            days[name].iloc[-1] for name in ("Date", "Close", *FEATURES)
        ]


@pytest.mark.parametrize("timescale", TIMESCALES)
@pytest.mark.parametrize("start", ["2000-01-03", "2000-01-05"])
def test_cutting_the_series_anywhere_changes_no_earlier_bar(timescale: str, start: str) -> None:
    daily = make_daily(60, start=start, holidays=0.15)
    whole = make_bars(daily, timescale)
    for days in range(14, 60):
        cut = make_bars(daily[:days], timescale)
        bars = len(cut.frame)
        pd.testing.assert_frame_equal(cut.frame, whole.frame[:bars], check_exact=True)
        assert np.array_equal(cut.first_day, whole.first_day[:bars])
        assert np.array_equal(cut.last_day, whole.last_day[:bars])


def test_a_week_begins_on_a_monday_and_ends_when_the_next_has_begun() -> None:
    daily = make_daily(11, start="2000-01-03", holidays=0)  # two weeks and one Monday
    assert make_bars(daily, "weekly").last_day.tolist() == [4, 9]
    assert make_bars(daily[:10], "weekly").last_day.tolist() == [4]  # the second Friday: nothing says it is the last
    assert make_bars(daily[1:].reset_index(drop=True), "weekly").last_day.tolist() == [8]  # begins on a Tuesday
    without_friday = daily.drop(index=4).reset_index(drop=True)
    assert make_bars(without_friday, "weekly").last_day.tolist() == [3, 8]


def test_daily_bars_are_the_days() -> None:
    daily = make_daily(10)
    bars = make_bars(daily, "daily")
    pd.testing.assert_frame_equal(bars.frame, daily)
    assert bars.first_day.tolist() == bars.last_day.tolist() == list(range(10))


@pytest.mark.parametrize("timescale", ["monthly", "4d", "", "Weekly"])
def test_another_timescale_is_refused(timescale: str) -> None:
    with pytest.raises(UserError, match=f"timescale '{timescale}': allowed are daily, 2d, 3d, 5d, weekly"):
        make_bars(make_daily(10), timescale)


@pytest.mark.parametrize(("timescale", "days"), [("2d", 1), ("3d", 2), ("5d", 4), ("weekly", 5)])
def test_days_without_a_complete_bar_are_refused(timescale: str, days: int) -> None:
    with pytest.raises(UserError, match=f"{days} days hold no complete bar of timescale '{timescale}'"):
        make_bars(make_daily(days, holidays=0), timescale)


def bars_that_cover(last_day: list[int], horizon: int) -> int:
    """Smallest count that reaches ``horizon`` days past every bar for which the series is long enough."""
    return max(
        next(later for later, end in enumerate(last_day[bar:]) if end >= day + horizon)
        for bar, day in enumerate(last_day)
        if day + horizon <= last_day[-1]
    )


@pytest.mark.parametrize("timescale", TIMESCALES)
@fast
@given(dailies(least=30), st.sampled_from(HORIZONS))
def test_the_horizon_in_bars_is_the_smallest_that_covers(timescale: str, daily: pd.DataFrame, horizon: int) -> None:
    series = make_series(daily, timescale)
    assert series.horizon_in_bars(horizon) == bars_that_cover(series.bars.last_day.tolist(), horizon)


@pytest.mark.parametrize(
    ("timescale", "expected"),
    [("daily", (1, 2, 3, 5, 7)), ("2d", (1, 1, 2, 3, 4)), ("3d", (1, 1, 1, 2, 3)), ("5d", (1, 1, 1, 1, 2))],
)
def test_the_horizon_in_bars_of_equal_groups(timescale: str, expected: tuple[int, ...]) -> None:
    series = make_series(make_daily(100), timescale)
    assert tuple(map(series.horizon_in_bars, HORIZONS)) == expected


def test_seven_days_after_a_real_week_can_touch_three_weeks() -> None:
    assert real_series("weekly").horizon_in_bars(7) == 3  # September 2001: a week of one day, then one of five


def test_a_horizon_beyond_the_series_is_refused() -> None:
    series = make_series(make_daily(12), "2d")
    assert series.horizon_in_bars(10) == 5  # from the first bar's last day to the last one's
    with pytest.raises(UserError, match="12 days are too few for a horizon of 11 days; use a longer history"):
        series.horizon_in_bars(11)


@pytest.mark.parametrize("timescale", TIMESCALES)
@fast
@given(dailies(least=30), st.sampled_from(HORIZONS))
def test_a_bar_is_labelled_by_the_daily_highs_after_its_last_day(
    timescale: str, daily: pd.DataFrame, horizon: int
) -> None:
    series = make_series(daily, timescale)
    expected = []
    for last_day in series.bars.last_day:
        ahead = daily["High"][last_day + 1 : last_day + horizon + 1]
        reached = float(max(ahead, default=0) >= daily["Close"][last_day] * 1.01)
        expected.append(reached if len(ahead) == horizon else np.nan)
    np.testing.assert_array_equal(series.labels(threshold=0.01, horizon=horizon, price="high"), expected)


@pytest.mark.parametrize("timescale", TIMESCALES)
def test_cutting_the_real_series_mid_week_changes_no_earlier_bar_and_no_known_label(timescale: str) -> None:
    whole = real_series(timescale)
    labels = whole.labels(threshold=0.01, horizon=3, price="high")
    weekdays = whole.daily["Date"].dt.day_of_week
    for weekday in range(5):
        for days in np.flatnonzero(weekdays == weekday)[100::301]:
            bars = make_bars(whole.daily[:days], timescale)
            earlier = len(bars.frame)
            cut = Series(whole.daily[:days], bars, whole.features[:earlier], whole.feature_columns, "")
            pd.testing.assert_frame_equal(bars.frame, whole.bars.frame[:earlier], check_exact=True)
            found = cut.labels(threshold=0.01, horizon=3, price="high")
            known = bars.last_day + 3 < days
            assert np.array_equal(found[known], labels[:earlier][known])
            assert np.isnan(found[~known]).all()
