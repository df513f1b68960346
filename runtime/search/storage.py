"""Where a study lives: a journal in the search's folder, made whole before it is read, or any database Optuna knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy.exc import SQLAlchemyError

from runtime.errors import RunError, UserError
from runtime.records.files import parse_json

JOURNAL = "journal.log"


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """Open the storage of a search; only the process that holds ``folder`` may.

    Args:
        url: a database, as SQLAlchemy writes it (``sqlite:///…``, ``postgresql://…``); None takes the folder's journal.
        folder: the search's folder.

    Raises:
        UserError: if the database cannot be opened, or the journal is damaged before its last line.
    """
    if url is not None:
        try:
            return RDBStorage(url)
        except (SQLAlchemyError, ImportError, RuntimeError) as error:
            raise UserError(f"--storage: {_first_line(error)}") from error
    journal = folder / JOURNAL
    repair_journal(journal)
    try:
        return JournalStorage(JournalFileBackend(str(journal)))
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UserError(f"{journal} is no journal of a search ({error!r}); move it away or restore it") from error


def repair_journal(journal: Path) -> None:
    """Undo what a driver that was killed may have left: half a last line, and the lock of Optuna's journal.

    Raises:
        UserError: if an earlier line is damaged, which no interruption can do.
    """
    for stale in journal.parent.glob(f"{journal.name}.lock*"):  # the lock, and what it is renamed to on release
        stale.unlink()
    if not journal.exists():
        return
    text = journal.read_bytes()
    whole = text.rfind(b"\n") + 1
    for number, line in enumerate(text[:whole].split(b"\n")[:-1], start=1):
        try:
            parse_json(line)
        except ValueError as error:
            raise UserError(
                f"{journal}, line {number}, is damaged ({error}); restore the file, or move it away to search anew"
            ) from error
    if whole < len(text):
        with journal.open("rb+") as file:
            file.truncate(whole)
            os.fsync(file.fileno())


@contextmanager
def storage_failures() -> Iterator[None]:
    """Turn what a database does in the middle of a search into one clear line.

    Raises:
        RunError: if it fails: running the search again continues.
        UserError: if another driver closed a trial of this one.
    """
    try:
        yield
    except UpdateFinishedTrialError as error:
        raise UserError(
            "another process runs the same study and has closed this one's trial; run one at a time (with the same "
            "--output they lock each other out)"
        ) from error
    except (SQLAlchemyError, StorageInternalError) as error:
        raise RunError(f"the search's storage failed: {_first_line(error)}; run again to continue") from error


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
