"""Where a study lives: a journal in the search's folder, made whole before it is read, or any database Optuna knows."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from optuna.exceptions import StorageInternalError, UpdateFinishedTrialError
from optuna.storages import BaseStorage, JournalStorage, RDBStorage
from optuna.storages.journal import JournalFileBackend
from sqlalchemy import Engine, create_engine, make_url
from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from runtime.errors import RunError, UserError
from runtime.records.files import parse_json

JOURNAL = "journal.log"

_ENGINE = {"pool_pre_ping": True}  # a server that was restarted between two trials is not noticed


def open_storage(url: str | None, folder: Path) -> BaseStorage:
    """Open the storage of a search; only the process that holds ``folder`` may.

    Args:
        url: a database, as SQLAlchemy writes it (``sqlite:///…``, ``postgresql://…``); None takes the folder's journal.
        folder: the search's folder.

    Raises:
        UserError: if the database cannot be opened, or the journal is damaged before its last line.
    """
    if url is not None:
        with _opening():
            return RDBStorage(_database(url), engine_kwargs=_ENGINE)
    journal = folder / JOURNAL
    repair_journal(journal)
    try:
        return JournalStorage(JournalFileBackend(str(journal)))
    except (ArithmeticError, AssertionError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise UserError(f"{journal} is no journal of a search ({error!r}); move it away or restore it") from error


def connect(url: str) -> Engine:
    """A connection to a search's database beside Optuna's own.

    Raises:
        UserError: if the database cannot be opened.
    """
    with _opening():
        engine = create_engine(_database(url), **_ENGINE)
        engine.connect().close()
        return engine


def _database(url: str) -> str:
    """The same address, with the driver that our extra installs where it names none."""
    if url.partition("://")[2].partition("/")[0].count("@") > 1:
        raise UserError("--storage: write an @ within a user's name or password as %40")
    address = make_url(url)
    if address.drivername == "postgresql":
        address = address.set(drivername="postgresql+psycopg")
    return address.render_as_string(hide_password=False)


@contextmanager
def _opening() -> Iterator[None]:
    try:
        yield
    except ImportError as error:
        raise UserError(
            '--storage: no driver for this database is installed; for PostgreSQL: pip install -e ".[postgres]"'
        ) from error
    except UserError:
        raise
    except (SQLAlchemyError, RuntimeError, ValueError) as error:
        raise UserError(f"--storage: {_first_line(error)}") from error


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
        raise RunError(f"the search's storage failed: {_first_line(_origin(error))}; run again to continue") from error


def _origin(error: Exception) -> Exception:
    """What the database said first: Optuna's own words only guess, and what follows is about the broken session."""
    origin, earlier = error, error.__cause__ or error.__context__
    while earlier is not None:
        if isinstance(earlier, DBAPIError):
            origin = earlier
        earlier = earlier.__cause__ or earlier.__context__
    return origin


def _first_line(error: Exception) -> str:
    return str(error).partition("\n")[0]
