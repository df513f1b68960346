"""What a dataset may be called, so that no experiment of one is ever in the way of another's."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.errors import DataError
from data.importer import dataset_path
from data.manifest import DatasetEntry, record
from data.names import DEFAULT_NAME, KINDS, PATTERN, check_name, file_of, name_of, require_own_name
from data.schema import DEFAULT_DATASET

ENTRY = DatasetEntry(
    rows=1,
    first_date="2020-01-01",
    last_date="2020-01-01",
    columns=("Date",),
    file_sha256="0" * 64,
    content_sha256="0" * 64,
    sources=(),
    command="python -m data import",
)


@given(st.from_regex(PATTERN, fullmatch=True), st.sampled_from(KINDS))
def test_a_file_tells_its_name(name: str, kind: str) -> None:
    assert name_of(file_of(name, kind)) == name


def test_the_embedded_dataset_has_a_name() -> None:
    assert (DEFAULT_NAME, file_of("SPX", "dataset")) == ("SPX", DEFAULT_DATASET)


@pytest.mark.parametrize("name", ["AAPL", "US30", "brk-b", "9984", "hpo", "a_b", "h12", "W", "assets"])
def test_names_that_are_allowed(name: str) -> None:
    check_name(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", ".", "..", "../AAPL", "a/b", "a b", "größe", "-a", "_a", "a" * 65, "a\n", "a\x00", "AAPL.US"),
        *("hpo_2M_threshold_1pct", "TRAIN_x", "report", "Slurm", "default", "weekly", "3d", "h5", "2assets", "h5_a"),
        *("from_SPX", "AAPL_from_SPX", "AAPL_default"),
    ],
)
def test_names_that_leave_the_folder_or_are_taken_for_something_else(name: str) -> None:
    with pytest.raises(DataError, match="is not allowed"):
        check_name(name)


@pytest.mark.parametrize("other", ["data/processed/aapl_dataset_c.parquet", "data/processed/AAPL_panel_c.parquet"])
def test_no_two_datasets_share_a_name(tmp_path: Path, other: str) -> None:
    record(tmp_path / other, ENTRY, tmp_path)
    with pytest.raises(DataError, match=f"belongs to {other}, too"):
        dataset_path("AAPL", tmp_path)
    require_own_name(other, [other, DEFAULT_DATASET])


def test_a_dataset_is_imported_again_under_its_own_name(tmp_path: Path) -> None:
    record(tmp_path / file_of("AAPL", "dataset"), ENTRY, tmp_path)
    assert dataset_path("AAPL", tmp_path) == tmp_path / "data/processed/AAPL_dataset_c.parquet"


@pytest.mark.parametrize("name", ["SPX", "spx"])
def test_the_embedded_name_is_kept(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="belongs to the embedded dataset"):
        dataset_path(name, tmp_path)
