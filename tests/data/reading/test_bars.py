"""Bars that cannot be are all listed; doubtful ones are counted, with their period."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.cli import main
from data.errors import DataError
from data.manifest import load
from data.options import ImportOptions
from data.prices import Prices, read_prices
from tests.helpers.price_files import PLAIN, PRICES, csv

DAY = PLAIN["Date"].dt.strftime("%Y-%m-%d")


def read(tmp_path: Path, content: str, **options: object) -> Prices:
    (tmp_path / "p.csv").write_text(content)
    return read_prices(tmp_path / "p.csv", options=ImportOptions(**options))  # type: ignore[arg-type]


def with_high(rows: list[int], factor: float) -> pd.DataFrame:
    top = PLAIN[["Open", "Close"]].max(axis=1) * factor
    return PLAIN.assign(High=PLAIN["High"].where(~PLAIN.index.isin(rows), top))


def test_all_bad_bars_are_listed_with_their_count(tmp_path: Path) -> None:
    frame = with_high([50, 60], 0.9)
    frame.loc[70, "Low"] = -1
    with pytest.raises(DataError) as refusal:
        read(tmp_path, csv(frame))
    said = str(refusal.value)
    assert said.startswith(f"p.csv: 3 bars cannot be: row 52, {DAY[50]}: High is below Open or Close (Open ")
    assert f"row 62, {DAY[60]}: High is below" in said
    assert f"row 72, {DAY[70]}: Low is -1; it must be positive" in said
    assert said.endswith("--repair widens High and Low to the bar's own prices")


def test_long_lists_are_cut_and_counted(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"40 bars cannot be: .* and 20 more"):
        read(tmp_path, csv(with_high(list(range(40)), 0.9)))


def test_mislabelled_columns_are_not_repaired(tmp_path: Path) -> None:
    swapped = PLAIN.rename(columns={"High": "Low", "Low": "High"})
    for repair in (False, True):
        with pytest.raises(DataError, match="look whether the columns stand under their right headings"):
            read(tmp_path, csv(swapped), repair=repair)


def test_rounding_is_accepted_and_what_is_more_is_not(tmp_path: Path) -> None:
    frame = with_high([50], 1 - 0.9e-5)
    np.testing.assert_array_equal(read(tmp_path, csv(frame)).frame["High"], frame["High"])
    with pytest.raises(DataError, match="High is below"):
        read(tmp_path, csv(with_high([50], 1 - 1.1e-5)))


def test_repair_widens_high_and_low_and_records_it(tmp_path: Path) -> None:
    frame = with_high([50], 0.9)
    frame.loc[60, "Low"] = frame.loc[60, PRICES].max()
    (tmp_path / "p.csv").write_text(csv(frame))
    assert main(["import", str(tmp_path / "p.csv"), "--name", "SPY", "--repair"], tmp_path / "project") == 0
    (entry,) = load(tmp_path / "project").values()
    assert entry.command.endswith("--repair")
    assert f"2 bars widened to the bar's own prices: row 52, {DAY[50]}" in entry.changes[0]
    repaired = read(tmp_path, csv(frame), repair=True).frame
    assert repaired.loc[50, "High"] == max(PLAIN.loc[50, ["Open", "Close"]])
    assert repaired.loc[60, "Low"] == min(PLAIN.loc[60, ["Open", "Close"]])
    other = ~PLAIN.index.isin([50, 60])
    pd.testing.assert_frame_equal(repaired[other], PLAIN.astype({"Volume": float})[other], check_exact=True)


def test_rows_without_values_are_listed_and_dropped_on_request(tmp_path: Path) -> None:
    frame = PLAIN.astype(object)
    frame.loc[[50, 60], PRICES] = "null"
    frame.loc[70, "Volume"] = ""
    content = csv(frame.astype({"Date": "datetime64[us]"}))
    with pytest.raises(
        DataError, match=r"row 52: no value in Open, High, Low, Close; row 62.*; row 72: no value in Vol"
    ):
        read(tmp_path, content)
    prices = read(tmp_path, content, drop_missing=True)
    assert len(prices.frame) == len(PLAIN) - 3
    assert prices.changes[0].startswith("p.csv: 3 rows left out: row 52: ")
    assert len(read(tmp_path, content, from_=date.fromisoformat(DAY[71])).frame) == len(PLAIN) - 71


def test_bars_without_a_range_or_volume_are_counted_with_their_period(tmp_path: Path) -> None:
    early = PLAIN.index < 100
    flat = PLAIN.assign(**{name: PLAIN[name].where(~early, PLAIN["Close"]) for name in PRICES})
    flat["Volume"] = PLAIN["Volume"].where(~early | (PLAIN.index % 10 == 0), 0)
    said = " ".join(read(tmp_path, csv(flat)).notes)
    until = f"{DAY[0]} to {DAY[99]}; --from {DAY[100]} begins after them"
    assert f"warning: p.csv: 100 bars without a range (Open = High = Low = Close), {until}" in said
    assert f"90 bars without volume, {DAY[1]} to {DAY[99]}; --from {DAY[100]} begins after them" in said
    after = read(tmp_path, csv(flat), from_=date.fromisoformat(DAY[100]))
    assert len(after.frame) == len(PLAIN) - 100
    assert not any("without" in note for note in after.notes)


def test_closes_that_stand_still_are_reported_from_five_days_on(tmp_path: Path) -> None:
    def still(days: int) -> pd.DataFrame:
        close = PLAIN["Close"].where((PLAIN.index <= 100) | (PLAIN.index >= 100 + days), PLAIN["Close"][100])
        high, low = PLAIN["High"].where(PLAIN["High"] > close, close), PLAIN["Low"].where(PLAIN["Low"] < close, close)
        return PLAIN.assign(Close=close, High=high, Low=low)

    said = (
        f"warning: p.csv: 1 run of 5 or more equal closes: 30 days at {PLAIN['Close'][100]:g} from {DAY[100]} (row 102)"
    )
    assert said in read(tmp_path, csv(still(30))).notes
    assert any("5 days at" in note for note in read(tmp_path, csv(still(5))).notes)
    assert not any("equal closes" in note for note in read(tmp_path, csv(still(4))).notes)


def test_volume_that_begins_late_says_from_when(tmp_path: Path) -> None:
    late = PLAIN.assign(Volume=PLAIN["Volume"].where(PLAIN.index >= 50, 0))
    with pytest.raises(DataError, match=f"50 rows in all, .* ends {DAY[49]}.*begin after them by --from {DAY[50]}"):
        read(tmp_path, csv(late))
    assert len(read(tmp_path, csv(late), from_=date.fromisoformat(DAY[50])).frame) == len(PLAIN) - 50
