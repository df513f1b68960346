"""The manifest, `build`, `ensure` and the four outcomes of `verify`."""

import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from data import manifest
from data.build import DEFAULT_DATASET, build_default, ensure
from data.cli import main
from data.content import content_sha256, file_sha256
from data.errors import DataError
from data.files import write_atomically
from data.schema import RAW_FILE


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("built")
    (root / "data/raw").mkdir(parents=True)
    shutil.copy(manifest.PROJECT / RAW_FILE, root / RAW_FILE)
    build_default(root)
    return root


@pytest.fixture
def project(built: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(built, tmp_path / "project"))


def test_a_second_build_changes_no_byte(project: Path) -> None:
    before = [file_sha256(project / file) for file in (manifest.MANIFEST_PATH, DEFAULT_DATASET)]
    assert main(["build"], project) == 0
    assert [file_sha256(project / file) for file in (manifest.MANIFEST_PATH, DEFAULT_DATASET)] == before
    (project / DEFAULT_DATASET).unlink()
    build_default(project)
    assert [file_sha256(project / file) for file in (manifest.MANIFEST_PATH, DEFAULT_DATASET)] == before


def rewrite(root: Path, change: Callable[[pd.DataFrame], pd.DataFrame], *, recorded: bool = False) -> None:
    """Change the dataset and, if ``recorded``, the manifest with it."""
    path = root / DEFAULT_DATASET
    frame = change(pd.read_parquet(path))
    frame.to_parquet(path, index=False, compression="gzip")
    if recorded:
        entry = manifest.entry_for(path, root)
        hashes = {"file_sha256": file_sha256(path), "content_sha256": content_sha256(frame)}
        manifest.record(path, msgspec.structs.replace(entry, **hashes), root)


def nudge(column: str, factor: float) -> Callable[[pd.DataFrame], pd.DataFrame]:
    return lambda frame: frame.assign(**{column: frame[column] * factor})


def test_build_keeps_a_dataset_from_another_platform(project: Path) -> None:
    rewrite(project, nudge("rsi14", 1 + 1e-12), recorded=True)
    before = file_sha256(project / DEFAULT_DATASET), file_sha256(project / manifest.MANIFEST_PATH)
    build_default(project)
    assert (file_sha256(project / DEFAULT_DATASET), file_sha256(project / manifest.MANIFEST_PATH)) == before


@pytest.mark.parametrize(("column", "factor"), [("rsi14", 1 + 1e-5), ("Close", 1 + 1e-12)])
def test_build_replaces_a_dataset_that_differs(column: str, factor: float, project: Path, built: Path) -> None:
    rewrite(project, nudge(column, factor), recorded=True)
    build_default(project)
    assert file_sha256(project / DEFAULT_DATASET) == file_sha256(built / DEFAULT_DATASET)


def test_entry_for_and_load_name_the_command(project: Path) -> None:
    entry = manifest.entry_for(Path(DEFAULT_DATASET), project)
    assert entry == manifest.entry_for(project / DEFAULT_DATASET, project)
    assert entry.rows == 7248
    with pytest.raises(ValueError, match=r"no entry .* `python -m data build` .* `python -m data import"):
        manifest.entry_for(Path("data/processed/SPY_dataset_c.parquet"), project)
    with pytest.raises(ValueError, match="outside the project"):
        manifest.entry_for(Path("/elsewhere.parquet"), project)
    (project / manifest.MANIFEST_PATH).unlink()
    with pytest.raises(ValueError, match=r"manifest.json is missing: run `python -m data build`"):
        manifest.load(project)


@pytest.mark.parametrize("content", [b"", b"[]", b"\xff", b'{"a": {}}', b'{"a": {"rows": 0}}'])
def test_an_invalid_manifest_is_named(content: bytes, project: Path) -> None:
    (project / manifest.MANIFEST_PATH).write_bytes(content)
    with pytest.raises(ValueError, match=r"data/manifest.json is invalid .*python -m data build"):
        manifest.load(project)
    assert main(["build"], project) == 2


def test_record_keeps_other_entries_in_order(project: Path) -> None:
    entry = manifest.entry_for(Path(DEFAULT_DATASET), project)
    for name in ("b", "a"):
        manifest.record(Path(f"data/processed/{name}.parquet"), entry, project)
    assert list(manifest.load(project)) == [DEFAULT_DATASET, "data/processed/a.parquet", "data/processed/b.parquet"]


def test_an_interrupted_write_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "f"
    write_atomically(path, b"old")

    def fail(*_: object) -> None:
        raise OSError(28, "disk full")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="disk full"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_ensure_returns_builds_or_explains(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = project / DEFAULT_DATASET
    assert ensure(Path(DEFAULT_DATASET), project) == wanted
    assert capsys.readouterr().err == ""
    wanted.unlink()
    assert ensure(wanted, project) == wanted
    assert capsys.readouterr().err.count("\n") == 1
    with pytest.raises(ValueError, match="python -m data import FILE --name NAME"):
        ensure(Path("data/processed/SPY_dataset_c.parquet"), project)


def test_two_processes_may_ensure_at_once(project: Path, built: Path) -> None:
    (project / DEFAULT_DATASET).unlink()
    (project / manifest.MANIFEST_PATH).unlink()
    code = f"import pathlib, data.build as b; b.ensure(b.DEFAULT_DATASET, pathlib.Path({str(project)!r}))"
    command = [sys.executable, "-W", "error", "-c", code]
    processes = [subprocess.Popen(command, cwd=manifest.PROJECT, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait() for process in processes] == [0, 0]
    for file in (DEFAULT_DATASET, manifest.MANIFEST_PATH):
        assert file_sha256(project / file) == file_sha256(built / file)
    assert not list(project.rglob("*.tmp"))


def damage(root: Path, file: str) -> None:
    (root / file).write_bytes((root / file).read_bytes()[:-9])


def misstate(root: Path) -> None:
    path = root / manifest.MANIFEST_PATH
    path.write_text(path.read_text().replace('"rows": 7248', '"rows": 7249'))


def hand_over(root: Path) -> None:
    """Leave a manifest whose only entry is not the embedded dataset."""
    path = root / manifest.MANIFEST_PATH
    (root / DEFAULT_DATASET).rename(root / "data/processed/A_dataset_c.parquet")
    path.write_text(path.read_text().replace("SPX_dataset", "A_dataset"))


OUTCOMES: dict[str, tuple[Callable[[Path], object], int, str]] = {
    "as recorded": (lambda root: None, 0, "agrees with its rebuild"),
    "other bytes": (lambda root: rewrite(root, lambda frame: frame), 0, "warning: .* bytes differ, content same"),
    "other content": (
        lambda root: rewrite(root, nudge("rsi14", 2)),
        1,
        "failure: data/processed/SPX.* other content .*manifest [0-9a-f]{64}, file [0-9a-f]{64}.*python -m data build",
    ),
    "damaged": (
        lambda root: damage(root, DEFAULT_DATASET),
        1,
        "not a readable dataset .*manifest .*python -m data build",
    ),
    "missing file": (lambda root: (root / DEFAULT_DATASET).unlink(), 1, "SPX_dataset_c.parquet is missing: run"),
    "missing manifest": (lambda root: (root / manifest.MANIFEST_PATH).unlink(), 1, "manifest.json is missing: run"),
    "empty manifest": (lambda root: (root / manifest.MANIFEST_PATH).write_text("{}"), 1, "has no entry"),
    "only another entry": (hand_over, 1, "SPX_dataset_c.parquet has no entry"),
    "misstated": (misstate, 1, r"misstates \['rows'\]"),
    "changed source": (
        lambda root: damage(root, RAW_FILE),
        1,
        "SPX_daily.csv.gz, the source .* has changed .*manifest",
    ),
    "missing source": (lambda root: (root / RAW_FILE).unlink(), 1, "the source .* is missing"),
    "recorded forgery": (
        lambda root: rewrite(root, nudge("rsi14", 1.001), recorded=True),
        1,
        "rsi14 on 1990-03-27: .* stored, .* rebuilt",
    ),
    "recorded last bits": (lambda root: rewrite(root, nudge("rsi14", 1 + 1e-12), recorded=True), 0, "agrees with"),
}


@pytest.mark.parametrize("outcome", OUTCOMES)
def test_verify(outcome: str, project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    change, code, message = OUTCOMES[outcome]
    change(project)
    assert main(["verify"], project) == code
    output = capsys.readouterr()
    assert re.search(message, output.out + output.err)
    assert ("failure: " in output.err) == (code == 1)


def test_the_committed_dataset_verifies_from_the_command_line() -> None:
    command = [sys.executable, "-m", "data", "verify"]
    result = subprocess.run(command, cwd=manifest.PROJECT, capture_output=True, text=True, check=False)
    assert (result.returncode, result.stderr) == (0, "")


def test_help_and_imports_are_cheap() -> None:
    code = "import sys, data, data.build, data.manifest, data.cli; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], cwd=manifest.PROJECT, check=False).returncode == 0


def test_our_own_bugs_exit_with_123(
    project: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("data.cli.build_default", lambda root: 1 / 0)
    assert main(["build"], project) == 123
    error = capsys.readouterr().err
    assert "ZeroDivisionError" in error
    assert "a bug of ours" in error


def test_bad_usage_exits_with_2() -> None:
    with pytest.raises(SystemExit) as exit_:
        main(["import", "x.csv"])
    assert exit_.value.code == 2


def test_data_error_is_a_value_error() -> None:
    assert issubclass(DataError, ValueError)
