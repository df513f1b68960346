"""Every vendor's file of the same prices gives the same dataset, and says what it was taken for."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from data.cli import main
from data.content import content_sha256
from data.dataset import assemble
from data.import_arguments import DESCRIPTION
from data.manifest import load
from data.options import ImportOptions
from data.prices import read_prices
from data.reading.dialects import DIALECTS as TABLE
from data.reading.dialects import dialect_of, reduced
from tests.helpers.price_files import DIALECTS, PLAIN, PRICES

NAME = "data/processed/SPY_dataset_c.parquet"


def write(path: Path, content: str | bytes) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


@pytest.fixture(scope="module")
def expected() -> pd.DataFrame:
    return assemble(PLAIN.astype({"Volume": float}), "expected")


@pytest.mark.parametrize("dialect", DIALECTS)
def test_every_dialect_gives_the_same_dataset_and_is_named(
    dialect: str, tmp_path: Path, expected: pd.DataFrame, capsys: pytest.CaptureFixture[str]
) -> None:
    make, understood, options = DIALECTS[dialect]
    source = write(tmp_path / "p.csv", make(PLAIN))
    assert main(["import", str(source), "--name", "SPY", *options], tmp_path / "project") == 0
    pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "project" / NAME), expected, check_exact=True)
    first = capsys.readouterr().err.splitlines()[0]
    assert understood in first
    assert ", 520 days, " in first
    assert load(tmp_path / "project")[NAME].command.endswith(" ".join(["SPY", *options]))


@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(scale=st.sampled_from([0.01, 0.3, 1.0, 7.0, 40.0]), digits=st.integers(1, 4), volume=st.integers(1, 10**7))
def test_the_same_prices_in_every_dialect_have_one_content_hash(
    scale: float, digits: int, volume: int, tmp_path: Path
) -> None:
    rounded = {name: (PLAIN[name] * scale + 1).round(digits) for name in PRICES}
    frame = PLAIN.assign(**rounded, Volume=(PLAIN["Volume"] // volume + 2) * 2)
    wanted = content_sha256(assemble(frame.astype({"Volume": float}), "expected"))
    for dialect, (make, _, words) in DIALECTS.items():
        options = ImportOptions(ticker="SPY" if "--ticker" in words else None, drop_missing="--drop-missing" in words)
        prices = read_prices(write(tmp_path / "p", make(frame)), options=options)
        assert content_sha256(assemble(prices.frame, "p")) == wanted, dialect


def test_the_help_names_every_dialect_of_the_table() -> None:
    assert [dialect.name for dialect in TABLE if dialect.tells and dialect.name not in DESCRIPTION] == []
    assert "plain" not in DESCRIPTION


def test_every_dialect_of_the_table_can_be_reached_and_its_headings_are_reduced() -> None:
    for dialect in TABLE:
        assert dialect_of(dialect.tells) is dialect
        names = [*dialect.tells, *(name for names in dialect.columns.values() for name in names)]
        assert [name for name in names if reduced(name) != name] == []


@pytest.mark.parametrize("heading", ["vol_20", "Open_0", "close 2", "volume ma", "VIX9D"])
def test_a_heading_keeps_its_digits_and_words(heading: str) -> None:
    known = {name for dialect in TABLE for names in dialect.columns.values() for name in names}
    assert reduced(heading) not in known
