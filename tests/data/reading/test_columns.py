"""Which column is which, for which asset; files without headings or volume."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.cli import main
from data.errors import DataError
from data.features import FEATURES, VOLUME_FEATURES
from data.options import ImportOptions
from data.prices import Prices, read_prices
from tests.helpers.price_files import PLAIN, PRICES, csv, metatrader, stacked, under, yfinance


def read(tmp_path: Path, content: str | bytes, **options: str) -> Prices:
    (tmp_path / "p.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return read_prices(tmp_path / "p.csv", options=ImportOptions(**options))  # type: ignore[arg-type]


def test_a_volatility_is_no_volume_and_is_not_counted_as_one(tmp_path: Path) -> None:
    frame = read(tmp_path, csv(PLAIN.drop(columns="Volume").assign(vol_20=0.2)))
    assert "Volume" not in frame.frame
    assert "p.csv has no volume: the features of volume are left out" in frame.notes
    with pytest.raises(DataError, match=r"lacks the columns \['Open'\]; it has 'Date', 'Open_0', 'Open_1'"):
        read(
            tmp_path,
            csv(
                PLAIN.rename(columns={"Open": "Open_0"}).assign(Open_1=1)[
                    ["Date", "Open_0", "Open_1", "High", "Low", "Close"]
                ]
            ),
        )


def test_a_volume_of_zeros_gives_way_to_the_ticks(tmp_path: Path) -> None:
    np.testing.assert_array_equal(read(tmp_path, metatrader(PLAIN)).frame["Volume"], PLAIN["Volume"])
    traded = metatrader(PLAIN.assign(Volume=1)).replace("\t0\t5\n", "\t77\t5\n")
    assert set(read(tmp_path, traded).frame["Volume"]) == {77}


@pytest.mark.parametrize("volume", [None, 0, "", "-"])
def test_prices_without_volume_leave_its_features_out(
    volume: object, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    frame = PLAIN.drop(columns="Volume") if volume is None else PLAIN.assign(Volume=volume)
    (tmp_path / "p.csv").write_text(csv(frame))
    assert main(["import", str(tmp_path / "p.csv"), "--name", "SPY"], tmp_path / "project") == 0
    assert "has no volume: the features of volume are left out" in capsys.readouterr().err
    columns = set(pd.read_parquet(tmp_path / "project/data/processed/SPY_dataset_c.parquet"))
    every = {name for group in FEATURES for name in FEATURES[group] if group != "vix"}
    assert columns == {"Date", *PRICES, *every} - VOLUME_FEATURES


@pytest.mark.parametrize("heading", ["Name", "Ticker", "Symbol", "tic"])
def test_several_assets_are_listed_and_one_is_chosen(heading: str, tmp_path: Path) -> None:
    content = stacked(PLAIN, heading)
    with pytest.raises(DataError, match="holds 2 assets: choose one by --ticker, or all by --panel: 'QQQ', 'SPY'"):
        read(tmp_path, content)
    with pytest.raises(DataError, match="holds no 'IWM'; there are 'QQQ', 'SPY'"):
        read(tmp_path, content, ticker="IWM")
    assert read(tmp_path, content, ticker="QQQ").frame["Close"].tolist() == (PLAIN["Close"] * 2).tolist()


def test_tickers_above_the_columns_are_chosen_among(tmp_path: Path) -> None:
    first, second = (yfinance(PLAIN.assign(Close=PLAIN["Close"] + i), f"T{i}").splitlines() for i in range(2))
    both = "\n".join(f"{left},{right.split(',', 1)[1]}" for left, right in zip(first, second, strict=True))
    with pytest.raises(DataError, match="holds 2 assets: choose one by --ticker, or all by --panel: 'T0', 'T1'"):
        read(tmp_path, both)
    np.testing.assert_array_equal(read(tmp_path, both, ticker="T0").frame["Close"], PLAIN["Close"])
    indexed = PLAIN.set_index("Date")
    panel = pd.concat({"T0": indexed, "T1": indexed * 2}, axis=1, names=["Ticker", "Price"])
    buffer = io.BytesIO()
    panel.to_parquet(buffer)
    np.testing.assert_array_equal(read(tmp_path, buffer.getvalue(), ticker="T1").frame["Close"], PLAIN["Close"] * 2)


def test_a_ticker_where_there_are_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no column of tickers: leave --ticker away"):
        read(tmp_path, csv(PLAIN), ticker="SPY")


def test_one_ticker_needs_no_choice(tmp_path: Path) -> None:
    assert len(read(tmp_path, csv(PLAIN.assign(Ticker="SPY"))).frame) == len(PLAIN)


def test_a_file_without_headings_is_told_what_to_put_above(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no headings: row 1 is .*put a line above .*Date,Open,High,Low,Close,Volume"):
        read(tmp_path, csv(PLAIN, header=False))


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    notes = read(tmp_path, f"A title\nof two lines\n{csv(PLAIN)}Source: somewhere\n").notes
    assert "p.csv: 2 title lines before the headings are left out" in notes
    assert "p.csv: row 524, a footer, is left out: 'Source: somewhere'" in notes


def test_a_row_cut_off_is_no_footer(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="row 522 has 1 cells"):
        read(tmp_path, f"{csv(PLAIN)}2019-01-02\n")


def test_row_numbers_are_no_dates(tmp_path: Path) -> None:
    numbered = PLAIN.assign(Date=range(len(PLAIN)))
    with pytest.raises(DataError, match="row 2: Date is '0', neither a date nor seconds since 1970"):
        read(tmp_path, under(numbered, "index,Open,High,Low,Close,Volume", None))


@pytest.mark.parametrize("magic", [b"PK\x03\x04", b"\xd0\xcf\x11\xe0"])
def test_a_workbook_is_told_to_be_saved_as_csv(magic: bytes, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is a workbook or an archive: save its table as CSV"):
        read(tmp_path, magic + b"x" * 99)
