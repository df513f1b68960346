"""Price files, names and manifests that someone made to do harm, or by strange accident: one line, nothing written."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from data.cli import main
from data.manifest import MANIFEST_PATH, PROJECT
from data.reading import file
from data.schema import DEFAULT_DATASET, RAW_FILE

PRICES = pd.read_csv(PROJECT / RAW_FILE)[-520:].drop(columns="VIX").to_csv(index=False).encode()


def far_future(path: Path) -> None:
    pq.write_table(pa.table({"Date": pa.array([2**62], pa.timestamp("us"))}), path)


FILES: dict[str, tuple[Callable[[Path], object], str]] = {
    "folder": (Path.mkdir, "f: no file in there"),
    "pipe without a writer": (os.mkfifo, "f cannot be read: it is no file"),
    "device without an end": (lambda path: path.symlink_to("/dev/zero"), "f cannot be read: it is no file"),
    "link to itself": (lambda path: path.symlink_to(path), "f cannot be read: "),
    "larger than any prices": (lambda path: path.write_bytes(b"0" * 30_001), "f holds more than 30,000 bytes"),
    "bomb": (lambda path: path.write_bytes(gzip.compress(b"0" * 30_001)), "f holds more than 30,000 bytes"),
    "date that no calendar has": (far_future, "f is not a readable parquet file: date value out of range"),
}


@pytest.mark.parametrize("fault", FILES)
def test_hostile_file_is_refused(
    fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(file, "MOST_BYTES", 30_000)
    make, message = FILES[fault]
    make(tmp_path / "f")
    assert main(["import", str(tmp_path / "f"), "--name", "SPY"], tmp_path / "project") == 2
    error = capsys.readouterr().err
    assert (error.count("\n"), error.startswith("error: "), message in error) == (1, True, True), error
    assert not (tmp_path / "project").exists()


@pytest.mark.parametrize("name", ["two\nlines.csv", "\x1b[31m.csv", "\udcff.csv"])
def test_file_whose_name_is_no_line_of_text_is_refused(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / name).write_bytes(PRICES)
    assert main(["import", str(tmp_path / name), "--name", "SPY"], tmp_path / "project") == 2
    assert capsys.readouterr().err == f"error: {name!a} holds characters that no manifest can: rename the file\n"
    assert not list((tmp_path / "project").rglob("*.*"))


def test_source_beside_the_manifest_s_folder_is_verified(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spy.csv").write_bytes(PRICES)
    assert main(["import", str(tmp_path / "spy.csv"), "--name", "SPY"], tmp_path) == 0
    (entry,) = json.loads((tmp_path / MANIFEST_PATH).read_text()).values()
    assert entry["sources"][0]["path"] == "./spy.csv"
    assert entry["command"] == "python -m data import ./spy.csv --name SPY"
    (tmp_path / "spy.csv").write_bytes(PRICES + b"\n")
    assert main(["verify"], tmp_path) == 1
    assert "./spy.csv, the source of data/processed/SPY_dataset_c.parquet, has changed" in capsys.readouterr().err


def entry_with(**fields: Any) -> dict[str, Any]:
    manifest = json.loads((PROJECT / MANIFEST_PATH).read_text())
    return {DEFAULT_DATASET: manifest[DEFAULT_DATASET] | fields}


HASH = "0" * 64
MANIFESTS = {
    "file of the system": {"/etc/passwd": entry_with()[DEFAULT_DATASET]},
    "file above": {"data/../../x": entry_with()[DEFAULT_DATASET]},
    "name of two lines": {"a\nb": entry_with()[DEFAULT_DATASET]},
    "source of the system": entry_with(sources=[{"path": "/etc/passwd", "sha256": HASH}]),
    "source above": entry_with(sources=[{"path": "..", "sha256": HASH}]),
    "hash and more": entry_with(content_sha256=f"{HASH}\n"),
    "command of two lines": entry_with(command="a\nb"),
}


@pytest.mark.parametrize("forgery", MANIFESTS)
def test_forged_manifest_is_refused(forgery: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / MANIFEST_PATH).write_text(json.dumps(MANIFESTS[forgery]))
    assert main(["verify"], tmp_path) == 1
    error = capsys.readouterr().err
    assert error.startswith("failure: data/manifest.json is invalid (Expected `str` matching regex")
    assert error.count("\n") == 1


def test_name_that_no_file_may_have_is_a_missing_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(PROJECT / "data/raw", tmp_path / "data/raw")
    (tmp_path / MANIFEST_PATH).write_text(json.dumps({"x" * 900: entry_with()[DEFAULT_DATASET]}))
    assert main(["verify"], tmp_path) == 1
    assert "x is missing: run `python -m data build`" in capsys.readouterr().err
