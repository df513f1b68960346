"""Files that appear whole or not at all, also when the disk is full or the folder cannot be written."""

import json
import math
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data.files import remove_leftovers, write_atomically
from runtime.records.files import append_json_line, mend_last_line, read_json_lines, write_json, write_json_lines

LINES = [{"opening": 1, "name": "ä\n"}, {"opening": 2, "nested": {"one": [1.5, None]}}]
Writer = Callable[[Path, Any], None]


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("write", [write_json, append_json_line])
def test_number_that_is_not_finite_is_never_written(write: Writer, value: float, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path / "file.json", {"loss": value})
    assert list(tmp_path.iterdir()) == []


def test_lines_are_read_as_they_were_written(tmp_path: Path) -> None:
    log = tmp_path / "folder" / "log.jsonl"
    assert read_json_lines(log) == []
    write_json_lines(log, LINES[:1])
    append_json_line(log, LINES[1])
    assert read_json_lines(log) == LINES
    write_json_lines(log, LINES[1:])
    assert read_json_lines(log) == LINES[1:]


@pytest.fixture(scope="module")
def log(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("log") / "log.jsonl"


@given(lost=st.integers(1, len(json.dumps(LINES[1])) + 1))
def test_last_line_cut_off_anywhere_is_mended(lost: int, log: Path) -> None:
    write_json_lines(log, LINES)
    log.write_bytes(log.read_bytes()[:-lost])
    expected = LINES if lost == 1 else LINES[:1]  # that only lacks its end has lost nothing
    assert read_json_lines(log) == expected
    mend_last_line(log)
    append_json_line(log, LINES[0])
    assert read_json_lines(log) == [*expected, LINES[0]]


def test_line_that_a_crash_cut_off_is_said_aloud(log: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_json_lines(log, LINES)
    mend_last_line(log)
    assert capsys.readouterr().err == ""
    log.write_bytes(log.read_bytes()[:-3])
    mend_last_line(log)
    assert capsys.readouterr().err.endswith("log.jsonl: its last line was cut off by a crash and is removed\n")


@pytest.mark.parametrize("damage", [b"\n", b"{\n", b"\x00\xff\n"])
def test_damage_inside_a_log_is_not_passed_over(damage: bytes, log: Path) -> None:
    write_json_lines(log, LINES)
    log.write_bytes(damage + log.read_bytes())
    with pytest.raises(ValueError, match=r"."):
        read_json_lines(log)


def fail_like(error: OSError, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_descriptor: int) -> None:
        raise OSError(error.errno, error.strerror)

    monkeypatch.setattr(os, "fsync", fail)


@pytest.mark.parametrize("write", [write_json, append_json_line, lambda path, value: write_json_lines(path, [value])])
@pytest.mark.parametrize("error", [OSError(28, "No space left on device"), OSError(30, "Read-only file system")])
def test_failed_write_leaves_the_old_file_and_names_it(
    write: Writer, error: OSError, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file.json"
    path.write_text('{"old": 1}\n')
    fail_like(error, monkeypatch)
    with pytest.raises(OSError, match=rf"^\[Errno {error.errno}\] {error.strerror}: '{path}'$"):
        write(path, {"new": 1})
    assert [each.name for each in tmp_path.iterdir()] == ["file.json"]
    assert path.read_text() == '{"old": 1}\n'


def test_folder_is_synced_after_its_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[bool] = []
    fsync = os.fsync

    def record(descriptor: int) -> None:
        synced.append(os.path.samestat(os.fstat(descriptor), tmp_path.stat()))
        fsync(descriptor)

    monkeypatch.setattr(os, "fsync", record)
    write_atomically(tmp_path / "file", b"content")
    assert synced == [False, True]


def test_what_a_killed_writer_left_is_removed_and_nothing_else(tmp_path: Path) -> None:
    for name in (".file.0123.tmp", "sub/.file.4567.tmp", "file.tmp", ".hidden", "sub/file"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    remove_leftovers(tmp_path)
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert left == {"file.tmp", ".hidden", "sub/file"}
