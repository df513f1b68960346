"""Panels: each asset as it would be alone, the bad ones named, and nothing that depends on the order of files."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from data.cli import main
from data.dataset import assemble
from data.errors import DataError
from data.importer import import_prices
from data.options import ImportOptions
from data.panel import asset_name, import_panel
from data.prices import read_prices
from tests.helpers.small_project import SOURCE

US4 = SOURCE / "data/raw/US4_daily.csv.gz"
VIX = SOURCE / "data/raw/SPX_daily.csv.gz"
ACCEPT = ImportOptions(accept_jumps=True)


@pytest.fixture(scope="module")
def stocks() -> dict[str, pd.DataFrame]:
    """Six hundred days of three real stocks, and fewer of the third."""
    frame = pd.read_csv(US4).query("Date > '2005' and Date < '2007-06'")
    of = {name: rows.drop(columns="Ticker") for name, rows in frame.groupby("Ticker") if name != "GOOG"}
    of["MSFT"] = of["MSFT"].iloc[60:]
    return of


@pytest.fixture
def files(stocks: dict[str, pd.DataFrame], tmp_path: Path) -> list[Path]:
    folder = tmp_path / "stocks"
    folder.mkdir()
    for name, frame in stocks.items():
        frame.to_csv(folder / f"{name}.csv", index=False)
    return sorted(folder.iterdir())


PANEL = "data/processed/US_panel_c.parquet"


def entry_of(root: Path) -> dict[str, Any]:
    entry: dict[str, Any] = json.loads((root / "data/manifest.json").read_text())[PANEL]
    return entry


def panel(
    sources: list[Path], root: Path, options: ImportOptions | None = None, vix: Path | None = None
) -> pd.DataFrame:
    path, _ = import_panel(sources, "US", vix, root, options)
    assert path == root / PANEL
    return pd.read_parquet(path)


def test_each_asset_is_as_it_would_be_alone(files: list[Path], tmp_path: Path) -> None:
    found = panel(files, tmp_path / "project", vix=VIX)
    assert list(found["Asset"].unique()) == ["AAPL", "IBM", "MSFT"]
    for file in files:
        alone = pd.read_parquet(import_prices(file, file.stem, VIX, tmp_path / "project")[0])
        ours = found[found["Asset"] == file.stem].drop(columns="Asset").reset_index(drop=True)
        pd.testing.assert_frame_equal(ours, alone, check_exact=True)


def test_files_folders_their_order_and_one_file_of_all_give_the_same(
    files: list[Path], stocks: dict[str, pd.DataFrame], tmp_path: Path
) -> None:
    together = tmp_path / "all.csv.gz"
    rows = pd.concat([frame.assign(Ticker=name) for name, frame in reversed(stocks.items())])
    together.write_bytes(
        gzip.compress(rows.sample(frac=1, random_state=1).sort_values("Date").to_csv(index=False).encode())
    )
    hashes = set()
    for number, sources in enumerate((files, files[::-1], [files[0].parent], [together])):
        root = tmp_path / str(number)
        options = ImportOptions(panel=True) if sources == [together] else None
        import_panel(sources, "US", None, root, options)
        hashes.add(entry_of(root)["content_sha256"])
    assert len(hashes) == 1


def test_the_manifest_names_every_asset(files: list[Path], tmp_path: Path) -> None:
    found = panel(files, tmp_path)
    entry = entry_of(tmp_path)
    assert entry["rows"] == len(found)
    assert {name: each["rows"] for name, each in entry["assets"].items()} == found["Asset"].value_counts().to_dict()
    assert entry["assets"]["MSFT"]["first_date"] > entry["assets"]["IBM"]["first_date"] == entry["first_date"]
    assert [Path(each["path"]).name for each in entry["sources"]] == ["AAPL.csv", "IBM.csv", "MSFT.csv"]


def test_bad_assets_are_named_all_and_left_out_only_on_request(
    files: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (files[0].parent / "BAD.csv").write_text("Date,Open,High,Low,Close\n2020-01-02,1,1,1,oops\n")
    (files[0].parent / "FEW.csv").write_text("Date,Open,High,Low,Close\n2020-01-02,1,2,1,2\n")
    command = ["import", str(files[0].parent), "--name", "US"]
    assert main(command, tmp_path / "project") == 2
    error = capsys.readouterr().err
    assert error.startswith(
        "error: 2 of 5 assets cannot be used; mend the files, or leave these assets out with --skip-bad"
    )
    assert "\n  BAD: " in error
    assert "\n  FEW: " in error
    assert not (tmp_path / "project/data/processed").exists()
    assert main([*command, "--skip-bad"], tmp_path / "project") == 0
    out = capsys.readouterr()
    assert "left out BAD: " in out.err
    assert " rows of 3 assets, " in out.out
    entry = entry_of(tmp_path / "project")
    assert [change[:13] for change in entry["changes"]] == ["left out BAD:", "left out FEW:"]
    assert entry["command"].endswith("--name US --skip-bad")


def test_an_asset_without_volume_is_no_member_of_a_panel_with_it(files: list[Path], tmp_path: Path) -> None:
    pd.read_csv(files[1]).drop(columns="Volume").to_csv(files[1], index=False)
    with pytest.raises(DataError, match="1 of 3 assets cannot be used") as raised:
        panel(files, tmp_path)
    assert "IBM: it lacks Volume, mfi14, " in raised.value.__notes__[0]
    assert list(panel(files, tmp_path, ImportOptions(skip_bad=True))["Asset"].unique()) == ["AAPL", "MSFT"]


def test_many_files_are_read_by_several_processes_to_the_same_rows(files: list[Path], tmp_path: Path) -> None:
    for copy in range(9):
        (files[1].parent / f"C{copy}.csv").write_bytes(files[1].read_bytes())
    found = panel([files[0].parent], tmp_path)
    ours = found[found["Asset"] == "C7"].drop(columns="Asset").reset_index(drop=True)
    pd.testing.assert_frame_equal(ours, assemble(read_prices(files[1]).frame, "IBM"), check_exact=True)


def test_what_a_panel_cannot_be_is_refused(files: list[Path], tmp_path: Path) -> None:
    (files[0].parent / "AAPL.txt").write_bytes(files[0].read_bytes())
    with pytest.raises(DataError, match="several files are of AAPL: an asset is named by its file"):
        panel([files[0].parent], tmp_path)
    with pytest.raises(DataError, match="--ticker chooses one asset, and a panel takes all"):
        panel(files, tmp_path, ImportOptions(ticker="IBM"))
    with pytest.raises(DataError, match=r"IBM.csv has no column of tickers: leave --panel away"):
        panel([files[1]], tmp_path, ImportOptions(panel=True))
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="no file in there"):
        panel([tmp_path / "empty"], tmp_path)


def test_an_asset_is_named_by_its_file() -> None:
    assert [asset_name(Path(name)) for name in ("AAPL.csv.gz", "^GSPC.csv", "BRK-B", "A b.csv")] == [
        "AAPL",
        "^GSPC",
        "BRK-B",
        "A b",
    ]
    with pytest.raises(DataError, match="cannot be an asset: rename the file"):
        asset_name(Path("a\nb.csv"))


def test_the_committed_stocks_make_a_panel_that_verifies(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    found = panel([US4], tmp_path, ImportOptions(panel=True, accept_jumps=True), VIX)
    assert found.groupby("Asset").size().to_dict() == {"AAPL": 3071, "GOOG": 1949, "IBM": 3071, "MSFT": 3071}
    assert np.isfinite(found.drop(columns=["Asset", "Date"]).to_numpy()).all()
    before = (tmp_path / "data/processed/US_panel_c.parquet").stat().st_mtime_ns
    panel([US4], tmp_path, ImportOptions(panel=True, accept_jumps=True), VIX)
    assert (tmp_path / "data/processed/US_panel_c.parquet").stat().st_mtime_ns == before
    main(["verify"], tmp_path)
    assert "ok: data/processed/US_panel_c.parquet: 11,162 rows" in capsys.readouterr().out.replace("  ", " ")
