"""A journal is made whole before it is read, or refused; a database that cannot be used is one clear line."""

import os
from pathlib import Path

import optuna
import pytest
from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages.journal import JournalFileSymlinkLock
from sqlalchemy.exc import OperationalError

from runtime.errors import RunError, UserError
from runtime.search.storage import JOURNAL, connect, open_storage, repair_journal, storage_failures


def make_journal(folder: Path, trials: int = 3) -> Path:
    study = optuna.create_study(study_name="study", storage=open_storage(None, folder))
    study.optimize(lambda trial: trial.suggest_float("x", 0.0, 1.0), n_trials=trials)
    return folder / JOURNAL


def test_journal_torn_at_any_byte_of_its_last_line_loses_that_line_alone(tmp_path: Path) -> None:
    journal = make_journal(tmp_path)
    text = journal.read_bytes()
    whole = text[: text.rfind(b"\n", 0, -1) + 1]
    assert len(text) - len(whole) > 20
    for end in range(len(whole), len(text)):
        journal.write_bytes(text[:end])
        repair_journal(journal)
        assert journal.read_bytes() == whole
    assert len(optuna.load_study(study_name="study", storage=open_storage(None, tmp_path)).trials) == 3


def test_whole_journal_is_left_as_it_is(tmp_path: Path) -> None:
    journal = make_journal(tmp_path)
    before = journal.read_bytes(), journal.stat().st_mtime_ns
    repair_journal(journal)
    assert (journal.read_bytes(), journal.stat().st_mtime_ns) == before


def test_torn_line_before_the_last_is_refused_with_its_number_and_nothing_changes(tmp_path: Path) -> None:
    journal = make_journal(tmp_path)
    lines = journal.read_bytes().splitlines(keepends=True)
    damaged = b"".join([*lines[:2], lines[2][:-9], *lines[3:]])
    journal.write_bytes(damaged)
    with pytest.raises(UserError, match=r"journal\.log, line 3, is damaged .*; restore the file, or move it away"):
        open_storage(None, tmp_path)
    assert journal.read_bytes() == damaged


@pytest.mark.parametrize("text", [b"[]\n", b"{}\n", b"1\n", b'{"op_code": 99}\n', b'{"op_code": 0}\n', b"\x00\xff\n"])
def test_file_that_is_no_journal_is_refused(text: bytes, tmp_path: Path) -> None:
    (tmp_path / JOURNAL).write_bytes(text)
    with pytest.raises(UserError, match=r"journal\.log.*(move it away)"):
        open_storage(None, tmp_path)


def test_stale_lock_of_the_journal_is_removed(tmp_path: Path) -> None:
    journal = make_journal(tmp_path)
    JournalFileSymlinkLock(str(journal)).acquire()
    (tmp_path / f"{JOURNAL}.lock1234.rename").symlink_to("gone")
    study = optuna.load_study(study_name="study", storage=open_storage(None, tmp_path))
    assert os.listdir(tmp_path) == [JOURNAL]
    study.ask()  # would wait half a minute for the lock


@pytest.mark.parametrize(
    "url", ["nonsense", "oracle-of-delphi://x/y", "sqlite:////no/such/folder/trials.db", "redis://localhost"]
)
def test_database_that_cannot_be_opened_is_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"^--storage: .+") as refused:
        open_storage(url, tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("postgresql://me:sesame@sesame@127.0.0.1/trials", "--storage: write an @ within .* as %40"),
        ("postgresql://me:sesame@127.0.0.1:port/trials", "--storage: invalid literal"),
        ("postgresql+nodriver://me:sesame@127.0.0.1/trials", "--storage: .*nodriver"),
        (
            "mysql://me:sesame@127.0.0.1/trials",
            r'no driver .* is installed; for PostgreSQL: pip install -e "\.\[postgr',
        ),
    ],
)
def test_address_that_cannot_be_used_is_refused_without_its_password(url: str, message: str, tmp_path: Path) -> None:
    for opened in (lambda: open_storage(url, tmp_path), lambda: connect(url)):
        with pytest.raises(UserError, match=message) as refused:
            opened()
        assert "sesame" not in str(refused.value)


def test_what_the_database_said_first_is_told_not_what_optuna_guesses() -> None:
    guess = StorageInternalError("perhaps the data is too long")
    guess.__cause__ = OperationalError("INSERT", {}, Exception("the server is gone"))
    with pytest.raises(RunError, match=r"\) the server is gone; run again"), storage_failures():
        raise guess


def test_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    (tmp_path / "trials.db").write_text("once upon a time, there was no database here\n" * 50)
    with pytest.raises(UserError, match="--storage: .*not a database"):
        open_storage(f"sqlite:///{tmp_path}/trials.db", tmp_path)


@pytest.mark.parametrize(
    ("error", "becomes", "message"),
    [
        (OperationalError("INSERT", {}, Exception("disk I/O error\nmore")), RunError, "disk I/O error; run again"),
        (StorageInternalError("lost the connection"), RunError, "lost the connection; run again to continue"),
        (UpdateFinishedTrialError("trial 3"), UserError, "another process runs the same study"),
    ],
)
def test_storage_that_fails_in_the_middle_is_one_clear_line(
    error: Exception, becomes: type[Exception], message: str
) -> None:
    with pytest.raises(becomes, match=message) as raised, storage_failures():
        raise error
    assert "\n" not in str(raised.value)
