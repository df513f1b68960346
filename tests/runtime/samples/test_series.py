"""A series is the data its script was written for, or a message that says what to do."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.content import content_sha256
from runtime.errors import UserError
from runtime.samples.loading import load_series
from runtime.samples.series import Series
from tests.helpers.market import FEATURES, make_daily, real_series

DAILY = make_daily(40)


def load(folder: Path, daily: pd.DataFrame, **changes: Any) -> Series:
    """Write a frame and load it as a script that was written for it would."""
    path = folder / "prices.parquet"
    daily.to_parquet(path)
    return load_series(path, **{"content_sha256": content_sha256(daily), "feature_columns": FEATURES, **changes})


def test_a_series_holds_the_prices_the_bars_and_the_features_in_order(tmp_path: Path) -> None:
    series = load(tmp_path, DAILY, feature_columns=FEATURES[::-1], timescale="2d")
    pd.testing.assert_frame_equal(series.daily, DAILY)
    assert series.feature_columns == FEATURES[::-1]
    assert series.content_sha256 == content_sha256(DAILY)
    assert series.features.dtype == np.float32
    expected = DAILY[list(FEATURES[::-1])].to_numpy(np.float32)[1::2]
    np.testing.assert_array_equal(series.features, expected)
    assert len(series) == 20


def test_a_bar_is_dated_by_its_last_trading_day(tmp_path: Path) -> None:
    series = load(tmp_path, DAILY, timescale="5d")
    assert series.dates.tolist() == [day.date() for day in DAILY["Date"][4::5]]


def test_the_real_series_is_the_one_of_the_manifest() -> None:
    series = real_series()
    assert len(series) == 7248
    assert (str(series.dates[0]), str(series.dates[-1])) == ("1990-03-27", "2018-12-31")
    assert np.isfinite(series.features).all()


def shift_a_price(daily: pd.DataFrame) -> pd.DataFrame:
    return daily.assign(Close=daily["Close"].where(daily.index != 20, daily["Close"] * (1 + 1e-15)))


CHANGES: list[Callable[[pd.DataFrame], pd.DataFrame]] = [
    shift_a_price,
    lambda daily: daily[:-1],
    lambda daily: daily.rename(columns={"momentum": "volatility", "volatility": "momentum"}),
    lambda daily: daily.assign(another=1.0),
    lambda daily: daily.assign(Volume=daily["Volume"].astype(np.int64)),
]


@pytest.mark.parametrize("change", CHANGES)
def test_other_data_is_refused(tmp_path: Path, change: Callable[[pd.DataFrame], pd.DataFrame]) -> None:
    expected, found = content_sha256(DAILY), content_sha256(change(DAILY))
    with pytest.raises(UserError, match=r"holds other data.*restore the file.*or regenerate the script") as refusal:
        load(tmp_path, change(DAILY), content_sha256=expected)
    assert expected[:12] in str(refusal.value)
    assert found[:12] in str(refusal.value)
    assert "prices.parquet" in str(refusal.value)


@pytest.mark.parametrize("column", ["Date", "High", "volatility"])
def test_a_missing_column_is_named(tmp_path: Path, column: str) -> None:
    with pytest.raises(UserError, match=rf"prices.parquet lacks the columns \['{column}'\]; it has \["):
        load(tmp_path, DAILY.drop(columns=column))


def test_volume_may_be_missing_at_every_timescale(tmp_path: Path) -> None:
    for timescale in ("daily", "2d", "weekly"):
        without = load(tmp_path, DAILY.drop(columns="Volume"), timescale=timescale)
        np.testing.assert_array_equal(without.features, load(tmp_path, DAILY, timescale=timescale).features)


@pytest.mark.parametrize("column", ["Close", "Volume", "momentum"])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_named_with_its_day(tmp_path: Path, column: str, value: float) -> None:
    daily = DAILY.copy()
    daily.loc[7, column] = value
    with pytest.raises(UserError, match=rf"column '{column}' is not finite at {daily['Date'][7]:%Y-%m-%d}"):
        load(tmp_path, daily)


def test_a_column_that_nothing_uses_may_hold_gaps(tmp_path: Path) -> None:
    assert len(load(tmp_path, DAILY.assign(unused=np.nan))) == len(DAILY)


@pytest.mark.parametrize("order", [[1, 0, *range(2, 40)], [0, 0, *range(2, 40)], list(range(40))[::-1]])
def test_dates_out_of_order_or_repeated_are_refused(tmp_path: Path, order: list[int]) -> None:
    daily = DAILY.assign(Date=DAILY["Date"].to_numpy()[order])
    with pytest.raises(UserError, match=r"dates must be unique and increasing.*python -m data import"):
        load(tmp_path, daily)


def test_a_missing_file_is_refused_with_the_command_that_makes_it(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"nowhere.parquet does not exist.*python -m data import"):
        load_series(tmp_path / "nowhere.parquet", content_sha256="", feature_columns=FEATURES)


def test_a_file_that_is_no_parquet_is_refused(tmp_path: Path) -> None:
    (tmp_path / "prices.parquet").write_text("Date,Open\n")
    with pytest.raises(UserError, match=r"prices.parquet: .*[Pp]arquet"):
        load_series(tmp_path / "prices.parquet", content_sha256="", feature_columns=FEATURES)


def test_a_file_of_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "prices.parquet"
    DAILY.assign(note="x").to_parquet(path)
    with pytest.raises(UserError, match=r"prices.parquet: column 'note' holds .*only dates and plain numbers"):
        load_series(path, content_sha256="", feature_columns=FEATURES)


def test_another_timescale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="timescale 'monthly': allowed are"):
        load(tmp_path, DAILY, timescale="monthly")
