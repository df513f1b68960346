"""Days that no market trades, that repeat, that are still to come, or whose order is not to be known."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.errors import DataError
from data.options import ImportOptions
from data.prices import Prices, read_prices
from tests.helpers.price_files import PLAIN, csv

DAY = PLAIN["Date"].dt.strftime("%Y-%m-%d")
DAILY = pd.date_range("2017-01-01", periods=len(PLAIN))


def read(tmp_path: Path, content: str, **options: object) -> Prices:
    (tmp_path / "p.csv").write_text(content)
    return read_prices(tmp_path / "p.csv", options=ImportOptions(**options))  # type: ignore[arg-type]


def test_a_filled_calendar_is_refused_and_can_be_undone(tmp_path: Path) -> None:
    filled = PLAIN.set_index("Date").resample("D").ffill().reset_index()
    repeats, weekends = len(filled) - len(PLAIN), int((filled["Date"].dt.day_of_week > 4).sum())
    with pytest.raises(
        DataError, match=rf"{repeats} rows of {len(filled)} equal .*\({weekends} on weekends\).*--drop-repeats"
    ):
        read(tmp_path, csv(filled))
    prices = read(tmp_path, csv(filled), drop_repeats=True)
    pd.testing.assert_frame_equal(prices.frame, PLAIN.astype({"Volume": float}), check_exact=True)
    assert f"{repeats} rows of" in prices.changes[0]


def test_filled_holidays_are_seen_by_their_volume(tmp_path: Path) -> None:
    filled = PLAIN.set_index("Date").resample("B").ffill().reset_index()
    with pytest.raises(DataError, match=rf"{len(filled) - len(PLAIN)} rows of .*\(0 on weekends\)"):
        read(tmp_path, csv(filled))


def test_quiet_days_of_a_thin_market_are_no_filled_calendar(tmp_path: Path) -> None:
    quiet = (PLAIN.index % 20) > 15
    flat = {name: PLAIN["Close"].where(~quiet).ffill() for name in ("Open", "High", "Low", "Close")}
    thin = PLAIN.assign(**flat, Volume=PLAIN["Volume"].where(~quiet, 0))
    assert len(read(tmp_path, csv(thin)).frame) == len(PLAIN)


def test_days_to_come_are_refused(tmp_path: Path) -> None:
    late = PLAIN.assign(Date=PLAIN["Date"].where(PLAIN.index < len(PLAIN) - 1, pd.Timestamp("2068-12-31")))
    with pytest.raises(DataError, match="1 day after today: row 521: 2068-12-31: correct the year, or cut by --to"):
        read(tmp_path, csv(late))
    assert len(read(tmp_path, csv(late), to_=date(2018, 12, 31)).frame) == len(PLAIN) - 1


def test_weekends_that_no_market_of_seven_days_has_are_counted(tmp_path: Path) -> None:
    early = PLAIN["Date"].where(PLAIN["Date"].dt.day_of_week > 0, PLAIN["Date"] - pd.Timedelta(days=1))
    sundays = int((early.dt.day_of_week == 6).sum())
    first = f"{early[early.dt.day_of_week == 6].iloc[0]:%Y-%m-%d}"
    notes = read(tmp_path, csv(PLAIN.assign(Date=early))).notes
    assert f"warning: p.csv: {sundays} rows on a weekend, first {first}, a Sunday" in " ".join(notes)
    shifted = PLAIN.assign(Date=PLAIN["Date"] - pd.Timedelta(days=1))
    assert "--timezone and --session-start put right" in " ".join(read(tmp_path, csv(shifted)).notes)


def test_a_market_of_seven_days_is_nothing_to_speak_of(tmp_path: Path) -> None:
    assert not any("weekend" in note for note in read(tmp_path, csv(PLAIN.assign(Date=DAILY))).notes)
    assert not any("weekend" in note for note in read(tmp_path, csv(PLAIN)).notes)


def test_all_doubles_are_named_whichever_way_the_file_is_sorted(tmp_path: Path) -> None:
    double = PLAIN.assign(Date=PLAIN["Date"].where(~PLAIN.index.isin([100, 200]), PLAIN["Date"].shift()))
    for frame, rows in ((double, "101, 102"), (double[::-1], "422, 421")):
        with pytest.raises(DataError) as refusal:
            read(tmp_path, csv(frame))
        assert f"{DAY[99]} is there twice (rows {rows})" in str(refusal.value)
        assert f"{DAY[199]} is there twice" in str(refusal.value)


def test_a_doubled_last_row_that_differs_stays_refused(tmp_path: Path) -> None:
    last = PLAIN[-1:].assign(Volume=1)
    with pytest.raises(DataError, match=f"{DAY[519]} is there twice"):
        read(tmp_path, csv(pd.concat([PLAIN, last])))
    notes = read(tmp_path, csv(pd.concat([PLAIN, PLAIN[-1:]]))).notes
    assert f"p.csv: the last day, {DAY[519]}, is there twice with equal values: row 522 is left out" in notes


def test_days_can_be_cut(tmp_path: Path) -> None:
    frame = read(tmp_path, csv(PLAIN), from_=date.fromisoformat(DAY[10]), to_=date.fromisoformat(DAY[490])).frame
    np.testing.assert_array_equal(frame["Date"], PLAIN["Date"][10:491])
    with pytest.raises(DataError, match="no day between --from and --to: it holds 2016"):
        read(tmp_path, csv(PLAIN), from_=date(2025, 1, 1))


def test_the_order_of_day_and_month_is_asked_for_where_no_day_tells(tmp_path: Path) -> None:
    early = PLAIN[PLAIN["Date"].dt.day <= 12][:7]
    with pytest.raises(DataError, match="--dates month-first or --dates day-first"):
        read(tmp_path, csv(early, "%d/%m/%Y"))
    for order, written in (("day-first", "%d/%m/%Y"), ("month-first", "%m/%d/%Y")):
        frame = read(tmp_path, csv(early, written), dates=order).frame
        np.testing.assert_array_equal(frame["Date"], early["Date"])


def test_a_thirteenth_tells_the_order(tmp_path: Path) -> None:
    early = PLAIN[PLAIN["Date"].dt.day.between(2, 13)][:12]
    assert early["Date"].dt.day.max() == 13
    for written in ("%d/%m/%Y", "%m/%d/%Y"):
        np.testing.assert_array_equal(read(tmp_path, csv(early, written)).frame["Date"], early["Date"])


def test_dates_of_both_orders_are_refused(tmp_path: Path) -> None:
    lines = csv(PLAIN, "%m/%d/%Y").splitlines()
    lines[50] = "31/12/2016" + lines[50][10:]
    with pytest.raises(DataError, match=r"31/12/2016 \(row 51\) is day first, .* month first"):
        read(tmp_path, "\n".join(lines))
