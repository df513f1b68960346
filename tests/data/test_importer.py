"""Every style of price file gives the same dataset; every fault gives one clear line and no file."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from data.cli import main
from data.errors import DataError
from data.importer import import_prices
from data.manifest import PROJECT, load
from data.prices import read_prices
from data.reading.file import read_sheet
from data.schema import PROTOCOL_ROWS, RAW_FILE

RAW = pd.read_csv(PROJECT / RAW_FILE, parse_dates=["Date"])[-520:].reset_index(drop=True)
PLAIN = RAW.drop(columns="VIX")
NAME = "data/processed/SPY_dataset_c.parquet"


def text(frame: pd.DataFrame, dates: str = "%Y-%m-%d") -> str:
    return frame.assign(Date=frame["Date"].dt.strftime(dates)).to_csv(index=False)


def imported(tmp_path: Path, content: str | bytes, file: str = "prices.csv") -> pd.DataFrame:
    """Import ``content`` through the command line and return the dataset."""
    source = tmp_path / file
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    assert main(["import", str(source), "--name", "SPY"], tmp_path / "project") == 0
    return pd.read_parquet(tmp_path / "project" / NAME)


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    return imported(tmp_path_factory.mktemp("expected"), text(PLAIN))


STYLES: dict[str, Callable[[], str | bytes]] = {
    "yahoo": lambda: text(PLAIN.assign(**{"Adj Close": PLAIN["Close"]})),
    "yfinance time zone": lambda: text(PLAIN, "%Y-%m-%d 00:00:00-05:00"),
    "stooq headings": lambda: text(PLAIN, "%Y%m%d").replace(
        "Date,Open,High,Low,Close,Volume", "<DATE>,<OPEN>,<HIGH>,<LOW>,<CLOSE>,<VOL>"
    ),
    "cboe upper case": lambda: text(PLAIN.rename(columns=str.upper).rename(columns={"DATE": "Date"}), "%m/%d/%Y"),
    "day first, as its days above 12 tell": lambda: text(PLAIN, "%d/%m/%Y"),
    "points between day and month": lambda: text(PLAIN, "%d.%m.%Y"),
    "day-month name-year": lambda: text(PLAIN, "%d-%b-%Y"),
    "column order and spaces": lambda: text(PLAIN[PLAIN.columns[::-1]]).replace(",", " , "),
    "unknown columns": lambda: text(PLAIN.assign(Dividends=0, Comment="x")),
    "thousands separators": lambda: text(
        PLAIN.assign(**{name: PLAIN[name].map("{:,}".format) for name in PLAIN.columns[1:]})
    ),
    "byte order mark and CRLF": lambda: b"\xef\xbb\xbf" + text(PLAIN).replace("\n", "\r\n").encode(),
    "blank lines": lambda: text(PLAIN).replace("\n", "\n\n"),
    "newest first": lambda: text(PLAIN[::-1]),
    "gzip": lambda: gzip.compress(text(PLAIN).encode()),
}


@pytest.mark.parametrize("style", STYLES)
def test_every_style_gives_the_same_dataset(style: str, tmp_path: Path, expected: pd.DataFrame) -> None:
    pd.testing.assert_frame_equal(imported(tmp_path, STYLES[style]()), expected, check_exact=True)


@pytest.mark.parametrize("kind", ["float64", "float32", "int64"])
def test_numbers_of_a_parquet_file_stay_what_they_are(kind: str, tmp_path: Path) -> None:
    numbers = PLAIN.assign(Volume=PLAIN["Volume"].astype(kind))
    numbers.to_parquet(tmp_path / "p.parquet")
    cells = {column.heading: column.cells for column in read_sheet(tmp_path / "p.parquet").columns}
    assert isinstance(cells["Volume"], np.ndarray)
    np.testing.assert_array_equal(cells["Volume"], numbers["Volume"].to_numpy(np.float64))
    assert cells["Date"].dtype == "datetime64[us]"  # type: ignore[union-attr]


def test_a_value_that_a_parquet_file_lacks_is_named(tmp_path: Path) -> None:
    for column, message in (("Close", "row 101: no value in Close"), ("Date", "row 101: Date has no value")):
        PLAIN.assign(**{column: PLAIN[column].where(PLAIN.index != 100)}).to_parquet(tmp_path / "p.parquet")
        with pytest.raises(DataError, match=message):
            read_prices(tmp_path / "p.parquet")


@pytest.mark.parametrize("date_as", ["column", "index", "date", "text"])
def test_parquet_gives_the_same_dataset(date_as: str, tmp_path: Path, expected: pd.DataFrame) -> None:
    other = {"date": PLAIN["Date"].dt.date, "text": PLAIN["Date"].dt.strftime("%Y-%m-%d")}
    frame = PLAIN.assign(Date=other.get(date_as, PLAIN["Date"]))
    (frame.set_index("Date") if date_as == "index" else frame).to_parquet(tmp_path / "p.parquet")
    content = (tmp_path / "p.parquet").read_bytes()
    pd.testing.assert_frame_equal(imported(tmp_path, content, "p.parquet"), expected, check_exact=True)


def test_adjusted_close_scales_all_four_prices(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    factor = np.where(np.arange(len(PLAIN)) < 300, 0.5, 1.0)  # a split, two for one
    split = PLAIN.copy()
    for name in ("Open", "High", "Low", "Close"):
        split[name] = PLAIN[name] / factor
    split["Volume"] = PLAIN["Volume"] * factor
    frame = imported(tmp_path, text(split.assign(**{"Adj Close": PLAIN["Close"]})))
    np.testing.assert_allclose(frame[list(PLAIN)[1:]], PLAIN.iloc[-len(frame) :, 1:], rtol=1e-12)
    assert frame["return1"].abs().max() < 0.1
    assert "adjusted by Adj Close and 1 split (volume, too)" in capsys.readouterr().err


def test_notes_say_what_was_done(tmp_path: Path) -> None:
    source = tmp_path / "p.csv"
    source.write_text(text(PLAIN.drop(index=range(300, 305))[::-1]))
    notes = read_prices(source).notes
    assert notes[0] == "p.csv: plain, 1 heading row, prices as they are, 515 days, newest first"
    gap = f"{PLAIN['Date'][299]:%Y-%m-%d} to {PLAIN['Date'][305]:%Y-%m-%d}"
    assert notes[1] == f"warning: p.csv has gaps of more than 5 days: {gap}"


def test_vix_comes_from_the_file_or_from_its_own(tmp_path: Path) -> None:
    own = imported(tmp_path, text(RAW))
    vix = RAW[["Date", "VIX"]].rename(columns={"VIX": "CLOSE"})
    (tmp_path / "VIX_History.csv").write_text(text(vix[::-1], "%m/%d/%Y"))
    (tmp_path / "plain.csv").write_text(text(PLAIN))
    arguments = ["import", str(tmp_path / "plain.csv"), "--vix", str(tmp_path / "VIX_History.csv"), "--name", "B"]
    assert main(arguments, tmp_path / "project") == 0
    separate = pd.read_parquet(tmp_path / "project/data/processed/B_dataset_c.parquet")
    assert "log_vix" in own
    pd.testing.assert_frame_equal(separate, own, check_exact=True)
    entry = load(tmp_path / "project")["data/processed/B_dataset_c.parquet"]
    assert entry.command == "python -m data import plain.csv --vix VIX_History.csv --name B"
    assert [source.path for source in entry.sources] == ["plain.csv", "VIX_History.csv"]


def test_a_source_inside_the_project_is_recorded_by_its_path(tmp_path: Path) -> None:
    source = tmp_path / "data/raw/spy.csv"
    source.parent.mkdir(parents=True)
    source.write_text(text(PLAIN))
    import_prices(source, "SPY", root=tmp_path)
    assert load(tmp_path)[NAME].sources[0].path == "data/raw/spy.csv"


def test_too_few_rows_for_the_default_protocol_are_told_at_import(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    imported(tmp_path, text(PLAIN))
    said = capsys.readouterr().err
    assert "warning: 321 rows are fewer than the 804 that scripts need by default" in said
    assert "supply 1,003 days or more (199 fill the longest window of a feature)" in said
    raw = pd.read_csv(PROJECT / RAW_FILE, parse_dates=["Date"]).drop(columns="VIX")
    assert len(imported(tmp_path, text(raw[-1003:]))) == PROTOCOL_ROWS
    assert "scripts need" not in capsys.readouterr().err


def cell(row: int, column: str, value: float | str) -> str:
    """Return the plain file with one cell changed."""
    frame = PLAIN.assign(Date=PLAIN["Date"].dt.strftime("%Y-%m-%d")).astype(object)
    frame.loc[row, column] = value
    return frame.to_csv(index=False)


DAY = f"{PLAIN['Date'][100]:%Y-%m-%d}"
FAULTS: dict[str, tuple[Callable[[], str | bytes], str]] = {
    "empty": (lambda: "", "is empty"),
    "heading only": (lambda: "Date,Open,High,Low,Close,Volume\n", "there are no rows"),
    "not text": (lambda: b"\xff\xfe\x00", "not UTF-16"),
    "bad quotes": (lambda: 'Date,Open\n"a"b,1\n', "not comma-separated"),
    "damaged gzip": (lambda: gzip.compress(text(PLAIN).encode())[:-99], "damaged gzip"),
    "damaged parquet": (lambda: b"PAR1 nothing", "not a readable parquet"),
    "missing column": (lambda: text(PLAIN.drop(columns="Low")), "lacks the columns ['Low']"),
    "column twice": (lambda: text(PLAIN.assign(close=1)), "two columns for Close"),
    "heading twice": (lambda: "Date,Date\n1,1\n", "heading twice"),
    "ragged row": (lambda: text(PLAIN) + "2019-01-02,1\n", "row 522 has 2 cells"),
    "null row": (lambda: cell(100, "Open", "null"), "row 102: no value in Open"),
    "empty cell": (lambda: cell(100, "Volume", ""), "row 102: no value in Volume"),
    "not a number": (lambda: cell(100, "Open", "1.234,5"), "row 102: Open is '1.234,5', not a number"),
    "infinite": (lambda: cell(100, "High", "9e999"), f"{DAY}: High is inf"),
    "zero price": (lambda: cell(100, "Open", 0), f"{DAY}: Open is 0; it must be positive"),
    "negative price": (lambda: cell(100, "Low", -1), f"{DAY}: Low is -1"),
    "high too low": (lambda: cell(100, "High", 1000), f"{DAY}: High is below"),
    "low too high": (lambda: cell(100, "Low", 2900), f"{DAY}: Low is above"),
    "negative volume": (lambda: cell(100, "Volume", -1), f"{DAY}: Volume is -1"),
    "late volume": (
        lambda: text(PLAIN.assign(Volume=PLAIN["Volume"].where(PLAIN.index > 19, 0))),
        f"{PLAIN['Date'][19]:%Y-%m-%d}: Volume is 0",
    ),
    "constant volume": (lambda: text(PLAIN.assign(Volume=7)), "['Volume', 'volume_to_mean20'] never change"),
    "unknown date": (lambda: text(PLAIN, "%m %d %Y"), "row 2: Date is"),
    "changed date style": (lambda: cell(100, "Date", "1/31/2018"), "row 102: Date is '1/31/2018'"),
    "no such day": (lambda: cell(100, "Date", "2017-02-30"), "row 102: Date is '2017-02-30'"),
    "ambiguous days": (lambda: text(PLAIN[PLAIN["Date"].dt.day <= 12], "%m/%d/%Y"), "may be month or day first"),
    "date twice": (lambda: cell(101, "Date", DAY), f"{DAY} is there twice"),
    "unsorted": (lambda: cell(100, "Date", "2016-01-04"), "2016-01-04 follows"),
    "weekly": (lambda: text(PLAIN[::5]), "rows are 7 days apart"),
    "too few rows": (lambda: text(PLAIN[:450]), "has 450 rows; at least 451 are needed: 199 fill"),
    "late VIX": (lambda: text(RAW.assign(VIX=RAW["VIX"].where(RAW.index > 400))), "only 60 rows, from"),
    "bad adjusted close": (
        lambda: text(PLAIN.assign(**{"Adj Close": PLAIN["Close"].where(PLAIN.index != 100, 0)})),
        f"{DAY}: Adj Close is 0",
    ),
    "overflowing adjustment": (
        lambda: text(PLAIN.assign(**{"Adj Close": PLAIN["Close"].where(PLAIN.index != 100, 1.7976931e308)})),
        f"(adjusted): row 102, {DAY}: ",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_every_fault_is_one_line_and_writes_nothing(
    fault: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make, message = FAULTS[fault]
    content = make()
    source, project = tmp_path / "prices.csv", tmp_path / "project"
    source.write_bytes(content.encode() if isinstance(content, str) else content)
    project.mkdir()
    assert main(["import", str(source), "--name", "SPY"], project) == 2
    output = capsys.readouterr()
    assert message in output.err
    assert output.err.startswith("error: ")
    assert output.err.count("\n") == 1
    assert output.out == ""
    assert not list(project.iterdir())


def test_rounding_of_a_billionth_is_no_fault(tmp_path: Path) -> None:
    high = PLAIN["High"].where(PLAIN.index != 100, PLAIN[["Open", "Close"]].max(axis=1) * (1 - 1e-10))
    imported(tmp_path, text(PLAIN.assign(High=high)))


@pytest.mark.parametrize("name", ["", "..", "../x", "a/b", "a b", "-x", "x.y", "é", "a\n", "x" * 65, "SPX", "spx"])
def test_names_that_are_refused(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", "absent.csv", f"--name={name}"], tmp_path) == 2
    assert "name " in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_missing_files_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["import", str(tmp_path / "absent.csv"), "--name", "SPY"], tmp_path) == 2
    assert "absent.csv cannot be read: No such file" in capsys.readouterr().err


def test_two_vix_sources_are_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(text(RAW))
    with pytest.raises(DataError, match="has a VIX column already"):
        read_prices(tmp_path / "p.csv", tmp_path / "p.csv")


def test_a_vix_file_without_values_column_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text(text(PLAIN))
    (tmp_path / "v.csv").write_text(text(PLAIN[["Date", "Open"]]))
    with pytest.raises(DataError, match="neither a VIX nor a Close column"):
        read_prices(tmp_path / "p.csv", tmp_path / "v.csv")
