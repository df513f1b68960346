"""Features know nothing of the future, and the embedded dataset is what its facts say."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.build import DEFAULT_DATASET, PRICE_COLUMNS, build_default
from data.dataset import assemble
from data.errors import DataError
from data.features import (
    FEATURES,
    PriceArrays,
    chaikin_money_flow,
    compute_features,
    log_return,
    look_back,
    realised_volatility,
)
from data.manifest import PROJECT
from data.prices import read_prices
from data.schema import RAW_FILE
from data.vix import fill_vix

PRICES = read_prices(PROJECT / RAW_FILE).frame
WHOLE = compute_features(PRICES)
CUTS = [1, 2, 14, 20, 50, 199, 200, 201, 500, 1513, 1580, 2000, 4444, 7000, len(PRICES) - 1]


@pytest.mark.parametrize("rows", CUTS)
def test_features_do_not_change_when_the_future_is_cut_off(rows: int) -> None:
    pd.testing.assert_frame_equal(compute_features(PRICES[:rows]), WHOLE[:rows], check_exact=True)


@pytest.mark.parametrize("rows", CUTS)
def test_features_do_not_change_when_the_future_changes(rows: int) -> None:
    other = PRICES.copy()
    columns = ["High", "Low", "Close", "Volume", "VIX"]
    other.loc[rows:, columns] = 3 * PRICES.loc[rows:, columns].to_numpy()[::-1]
    changed = compute_features(other)
    pd.testing.assert_frame_equal(changed[:rows], WHOLE[:rows], check_exact=True)
    assert not np.allclose(changed.iloc[-1], WHOLE.iloc[-1])


@pytest.mark.parametrize("last_day", ["1994-01-03", "1997-01-31", "1997-11-26", "2008-10-10"])
def test_a_dataset_of_the_past_is_the_past_of_the_dataset(last_day: str, tmp_path: Path) -> None:
    raw = pd.read_csv(PROJECT / RAW_FILE)
    raw[raw["Date"] <= last_day].to_csv(tmp_path / "past.csv", index=False)
    past = read_prices(tmp_path / "past.csv").frame
    frame = assemble(past, "past.csv")
    assert f"{frame['Date'].iloc[-1]:%Y-%m-%d}" == last_day  # two of these days have no VIX of their own
    pd.testing.assert_frame_equal(frame, assemble(PRICES, "whole.csv")[: len(frame)], check_exact=True)


@settings(max_examples=8, deadline=None)
@given(scale=st.integers(-12, 12).map(lambda power: 2.0**power))
def test_features_are_free_of_scale(scale: float) -> None:
    columns = ["Open", "High", "Low", "Close"]
    scaled = PRICES.assign(**{name: PRICES[name] * scale for name in columns}, Volume=PRICES["Volume"] * scale)
    pd.testing.assert_frame_equal(compute_features(scaled), WHOLE, rtol=1e-7, atol=1e-9)


def test_the_default_dataset_has_the_known_rows_and_columns(tmp_path: Path) -> None:
    raw = tmp_path / RAW_FILE
    raw.parent.mkdir(parents=True)
    raw.write_bytes((PROJECT / RAW_FILE).read_bytes())
    frame = pd.read_parquet(build_default(tmp_path))
    assert len(frame) == 7248
    assert str(frame["Date"].iloc[0].date()) == "1990-03-27"
    assert str(frame["Date"].iloc[-1].date()) == "2018-12-31"
    assert list(frame)[:6] == ["Date", *PRICE_COLUMNS]
    assert list(frame)[6:] == [name for group in FEATURES.values() for name in group]
    assert np.isfinite(frame.drop(columns="Date").to_numpy()).all()
    high, close = frame["High"].to_numpy(), frame["Close"].to_numpy()
    assert 100 * (high[1:] >= close[:-1] * 1.01).mean() == pytest.approx(19.66, abs=0.05)


def test_the_committed_dataset_is_under_two_megabytes() -> None:
    assert (PROJECT / DEFAULT_DATASET).stat().st_size < 2_000_000


def test_vix_gaps_are_filled_forward_and_never_back() -> None:
    raw = pd.read_csv(PROJECT / RAW_FILE)
    gaps = ["1991-03-01", "1997-01-31", "1997-11-26", "1999-12-31", "2006-05-04"]
    filled = PRICES.set_index(PRICES["Date"].dt.strftime("%Y-%m-%d"))["VIX"]
    given_vix = raw.set_index("Date")["VIX"]
    for day in gaps:
        row = list(filled.index).index(day)
        assert np.isnan(given_vix[day])
        assert filled[day] == given_vix.iloc[row - 1]
    assert filled[:"1989-12-29"].isna().all()
    assert filled["1990-01-02":].notna().all()


def vix_frame(values: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"Date": pd.date_range("2018-01-01", periods=len(values)), "VIX": values})


def test_a_long_vix_gap_is_an_error_that_names_its_day() -> None:
    fill_vix(vix_frame([10.0] + 5 * [np.nan] + [11.0]), "v.csv")
    with pytest.raises(DataError, match="VIX has no value on 2018-01-07"):
        fill_vix(vix_frame([10.0] + 6 * [np.nan] + [11.0]), "v.csv")


@pytest.mark.parametrize("value", [0.0, -1.0, np.inf])
def test_an_impossible_vix_is_an_error_that_names_its_day(value: float) -> None:
    with pytest.raises(DataError, match="2018-01-02: VIX is"):
        fill_vix(vix_frame([10.0, value]), "v.csv")


def test_no_vix_value_at_all_is_an_error() -> None:
    with pytest.raises(DataError, match="no VIX value"):
        fill_vix(vix_frame([np.nan, np.nan]), "v.csv")


def test_without_vix_its_features_are_absent() -> None:
    features = compute_features(PRICES.drop(columns="VIX"))
    assert not set(FEATURES["vix"]) & set(features)
    pd.testing.assert_frame_equal(features, WHOLE.drop(columns=list(FEATURES["vix"])), check_exact=True)


def test_days_without_range_or_movement_give_finite_features() -> None:
    flat = PRICES[["Date", "Open", "High", "Low", "Close", "Volume"]][:600].copy()
    flat.loc[300:340, ["Open", "High", "Low", "Close"]] = flat["Close"][300]
    assert np.isfinite(compute_features(flat)[199:].to_numpy()).all()


def test_formulas_agree_with_plain_arithmetic() -> None:
    close = np.array([100.0, 110.0, 99.0])
    returns = np.log([1.1, 0.9])
    np.testing.assert_allclose(log_return(close, 1)[1:], returns)
    np.testing.assert_allclose(realised_volatility(close, 2)[2], np.sqrt(252 * (returns**2).mean()))
    bars = PriceArrays(high=np.array([3.0, 2.0]), low=np.array([1.0, 2.0]), close=np.array([3.0, 2.0]),
                volume=np.array([10.0, 30.0]), vix=np.full(2, np.nan))  # fmt: skip
    np.testing.assert_allclose(chaikin_money_flow(bars, 2)[1], 10 / 40)


def test_a_hole_after_the_warm_up_names_feature_and_day(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(bars: PriceArrays) -> np.ndarray:
        return np.where(np.arange(len(bars.close)) == 3000, np.inf, bars.close)

    monkeypatch.setitem(FEATURES["trend"], "broken", broken)
    with pytest.raises(DataError, match=f"{PRICES['Date'][3000]:%Y-%m-%d}: broken is not finite"):
        assemble(PRICES, "x.csv")


def test_a_feature_without_any_value_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FEATURES["trend"], "empty", lambda bars: np.full(len(bars.close), np.nan))
    with pytest.raises(DataError, match="'empty'"):
        assemble(PRICES, "x.csv")


def test_no_feature_looks_further_back_than_it_says() -> None:
    features = compute_features(PRICES)
    for name, days in look_back().items():
        known = np.isfinite(features[name].to_numpy())
        assert known[days:].all() or name in FEATURES["vix"], name
    assert max(look_back().values()) == look_back()["close_to_sma200"] == 199
