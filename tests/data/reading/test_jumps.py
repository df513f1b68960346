"""Jumps that an unadjusted split or pence for pounds make are refused with their rows; real moves are not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.cli import main
from data.errors import DataError
from data.manifest import PROJECT, load
from data.options import ImportOptions
from data.prices import read_prices
from data.reading.adjust import later
from data.reading.jumps import jumps
from data.schema import RAW_FILE
from tests.helpers.price_files import PLAIN, PRICES, csv, unadjusted

DAY = PLAIN["Date"].dt.strftime("%Y-%m-%d")
NAME = "data/processed/SPY_dataset_c.parquet"


def scaled(factor: float, begin: int, end: int = len(PLAIN)) -> pd.DataFrame:
    """The prices with those of some rows multiplied."""
    inside = (PLAIN.index >= begin) & (PLAIN.index < end)
    return PLAIN.assign(**{name: PLAIN[name] * np.where(inside, factor, 1) for name in PRICES})


def read(tmp_path: Path, content: str, **options: bool) -> pd.DataFrame:
    (tmp_path / "p.csv").write_text(content)
    return read_prices(tmp_path / "p.csv", options=ImportOptions(**options)).frame  # type: ignore[arg-type]


@pytest.mark.parametrize("ratio", [2, 3, 1.5, 5, 10, 20, 70, 100, 1000])
@pytest.mark.parametrize("up", [False, True])
def test_a_jump_like_a_split_is_refused_with_its_row_and_day(ratio: float, up: bool, tmp_path: Path) -> None:
    frame = scaled(ratio if up else 1 / ratio, 300)
    with pytest.raises(DataError, match=f"1 jump that .*row 302, {DAY[300]}: Close .* --accept-jumps"):
        read(tmp_path, csv(frame))
    pd.testing.assert_frame_equal(
        read(tmp_path, csv(frame), accept_jumps=True)[PRICES], frame[PRICES], check_exact=False, rtol=1e-12
    )


def test_the_rows_of_the_issue_are_a_split_of_ten_for_one(tmp_path: Path) -> None:
    rows = (
        "2016-09-07,11295,11640,11250,11413,5\n2016-09-08,1153.9,1169,1112,1140.45,5\n2016-09-09,1150,1160,1140,1150,5"
    )
    with pytest.raises(DataError, match=re.escape("row 3, 2016-09-08: Close 11413 -> 1140.45 (about 1/10)")):
        read(tmp_path, f"Date,Open,High,Low,Close,Volume\n{rows}\n")


def test_what_was_accepted_stands_in_the_manifest(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(csv(scaled(0.5, 300)))
    arguments = ["import", str(tmp_path / "p.csv"), "--name", "SPY", "--accept-jumps"]
    assert main(arguments, tmp_path / "project") == 0
    entry = load(tmp_path / "project")[NAME]
    assert entry.command.endswith("--name SPY --accept-jumps")
    assert [change[: len("jumps accepted: row 302")] for change in entry.changes] == ["jumps accepted: row 302"]


def bars(*rows: tuple[float, float, float, float]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=PRICES)
    return frame.assign(Date=pd.date_range("2020-01-01", periods=len(rows)))


def test_a_fall_to_half_within_the_day_is_no_split() -> None:
    assert jumps(bars((100, 101, 99, 100), (98, 99, 48, 50))) == []
    assert len(jumps(bars((100, 101, 99, 100), (50, 51, 48, 50)))) == 1
    assert jumps(bars((100, 101, 99, 100), (79, 80, 78, 79))) == []


def test_no_day_of_the_embedded_prices_is_a_jump() -> None:
    assert jumps(pd.read_csv(PROJECT / RAW_FILE)) == []


@pytest.mark.parametrize(("factor", "begin", "end"), [(100, 300, 301), (0.01, 300, 307), (1000, 10, 13), (0.1, 50, 52)])
def test_a_block_whose_jump_comes_back_is_named_and_repaired(
    factor: float, begin: int, end: int, tmp_path: Path
) -> None:
    frame = scaled(factor, begin, end)
    with pytest.raises(
        DataError, match=rf"2 jumps.*row {begin + 2}, {DAY[begin]}.*row {end + 2}, {DAY[end]}.*--repair"
    ):
        read(tmp_path, csv(frame))
    repaired = read(tmp_path, csv(frame), repair=True)
    np.testing.assert_allclose(repaired[PRICES], PLAIN[PRICES], rtol=1e-12)
    changes = read_prices(tmp_path / "p.csv", options=ImportOptions(repair=True)).changes
    assert changes == (
        f"prices of {DAY[begin]} to {DAY[end - 1]} (rows {begin + 2} to {end + 1}) divided by {factor:g}",
    )


def test_repair_leaves_a_jump_that_stays(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="1 jump that"):
        read(tmp_path, csv(scaled(0.5, 300)), repair=True)


def test_splits_beside_prices_that_know_them_are_left_alone(tmp_path: Path) -> None:
    _, split = unadjusted(PLAIN)
    frame = read(tmp_path, csv(PLAIN.assign(**{"Stock Splits": np.where(split == 1, 0, split)})))
    pd.testing.assert_frame_equal(frame, PLAIN.astype({"Volume": float}), check_exact=True)


def test_splits_of_which_some_are_in_the_prices_are_refused(tmp_path: Path) -> None:
    raw, split = unadjusted(PLAIN)
    with pytest.raises(DataError, match=f"split of {DAY[400]} is in the prices already, that of {DAY[300]} is not"):
        read(tmp_path, csv(raw.assign(splitFactor=np.where(raw.index == 400, 3, split))))


def test_volume_follows_the_splits_that_an_adjusted_close_implies_and_no_dividends(tmp_path: Path) -> None:
    raw, _ = unadjusted(PLAIN)
    dividends = np.where(PLAIN.index < 200, 0.93, 1.0)
    frame = read(tmp_path, csv(raw.assign(**{"Adj Close": PLAIN["Close"] * dividends})))
    np.testing.assert_allclose(frame["Volume"], PLAIN["Volume"], rtol=1e-12)
    np.testing.assert_allclose(frame["High"], PLAIN["High"] * dividends, rtol=1e-12)


def test_a_large_dividend_is_no_split(tmp_path: Path) -> None:
    paid = np.where(PLAIN.index < 300, 1 / 0.6, 1)  # raw prices fall by 40 %, which three for two would not do
    raw = PLAIN.assign(**{name: PLAIN[name] * paid for name in PRICES})
    frame = read(tmp_path, csv(raw.assign(**{"Adj Close": PLAIN["Close"]})))
    np.testing.assert_array_equal(frame["Volume"], PLAIN["Volume"])


def test_an_adjusted_volume_of_the_file_is_used(tmp_path: Path) -> None:
    raw, _ = unadjusted(PLAIN)
    frame = read(tmp_path, csv(raw.assign(adjusted_close=PLAIN["Close"], adj_volume=PLAIN["Volume"] * 3)))
    np.testing.assert_array_equal(frame["Volume"], PLAIN["Volume"] * 3)


def test_later_splits_multiply() -> None:
    assert later(np.array([9.0, 1, 2, 1, 3, 1])).tolist() == [6, 6, 3, 3, 1, 1]
