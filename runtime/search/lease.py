"""One driver for each study of a database: a lease that its holder renews, and others take when it is silent."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from sqlalchemy import Column, Connection, Engine, Float, MetaData, String, Table, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from data.files import write_atomically
from runtime.errors import UserError
from runtime.search.storage import connect

RENEWED_EVERY = 5.0
"""Seconds between two renewals."""

SILENT_AFTER = 60.0
"""Seconds without renewal after which a holder counts as dead."""

TOKEN = "lease"
"""File in a search's folder whose content proves that a lease is this folder's: it outlives a driver that is killed."""

_LEASES = Table(
    "patchtst_leases",
    MetaData(),
    Column("study", String(512), primary_key=True),
    Column("token", String(32), nullable=False),
    Column("holder", String(1024), nullable=False),
    Column("renewed", Float, nullable=False),
)


class Lease:
    """The right to drive one study, renewed in a thread of its own.

    Args:
        engine: the database; its clock is the only one that counts.
        study: the study's name.
        folder: the search's folder, which this process alone holds: a lease of the same folder is a dead driver's.

    Raises:
        UserError: if a driver in another folder holds the study.
    """

    def __init__(self, engine: Engine, study: str, folder: Path) -> None:
        self.engine, self.study = engine, study
        self.token = _token(folder)
        self.holder = f"process {os.getpid()} on {platform.node()}, writing to {folder.resolve()}"
        self.lost = False
        self._ended = threading.Event()
        _LEASES.create(engine, checkfirst=True)
        if not self._take():
            raise UserError(self._held_by_another())

    def require(self) -> None:
        """Refuse to go on once another driver has taken the study.

        Raises:
            UserError: if one has, because this process was silent for too long.
        """
        if self.lost:
            raise UserError(
                f"study {self.study!r} was taken by another driver after this one was silent for {SILENT_AFTER:.0f} s; "
                "what it had finished counts"
            )

    def keep(self) -> None:
        """Renew until `release`."""
        while not self._ended.wait(RENEWED_EVERY):
            # A server that restarts is found by the search itself, which then ends or goes on; here is the next try.
            with suppress(SQLAlchemyError):
                self.lost = self.lost or not self._renew()

    def release(self) -> None:
        """Give the study back."""
        self._ended.set()
        # Where the database is gone, the lease ends by silence.
        with suppress(SQLAlchemyError), self.engine.begin() as connection:
            connection.execute(_LEASES.delete().where(_LEASES.c.study == self.study, _LEASES.c.token == self.token))

    def _take(self) -> bool:
        """Take a free lease; the database decides between two who try at once."""
        with self.engine.begin() as connection:
            now = _now(connection)
            free = or_(_LEASES.c.token == self.token, _LEASES.c.renewed < now - SILENT_AFTER)
            mine = {"token": self.token, "holder": self.holder, "renewed": now}
            if connection.execute(update(_LEASES).where(_LEASES.c.study == self.study, free).values(mine)).rowcount:
                return True
        try:
            with self.engine.begin() as connection:
                connection.execute(insert(_LEASES).values(study=self.study, **mine))
        except IntegrityError:  # somebody holds it
            return False
        return True

    def _renew(self) -> bool:
        own = (_LEASES.c.study == self.study, _LEASES.c.token == self.token)
        with self.engine.begin() as connection:
            return bool(connection.execute(update(_LEASES).where(*own).values(renewed=_now(connection))).rowcount)

    def _held_by_another(self) -> str:
        with self.engine.begin() as connection:
            now = _now(connection)
            row = connection.execute(select(_LEASES).where(_LEASES.c.study == self.study)).one_or_none()
        if row is None:
            return f"study {self.study!r} was held by another driver until this moment; run again"
        silent = max(0.0, now - row.renewed)
        return (
            f"another driver runs study {self.study!r} in that database ({row.holder}; heard {silent:.0f} s ago); wait "
            f"for its end, or give another --storage. If it is dead, run again in {SILENT_AFTER - silent + 1:.0f} s"
        )


@contextmanager
def lease(url: str | None, study: str, folder: Path) -> Iterator[Lease | None]:
    """Hold the study while the block runs; None without a database, whose place the folder's own lock takes.

    Raises:
        UserError: if the database cannot be opened, or a driver in another folder holds the study.
    """
    if url is None:
        yield None
        return
    engine = connect(url)
    try:
        held = Lease(engine, study, folder)
        renewing = threading.Thread(target=held.keep, daemon=True)
        renewing.start()
        try:
            yield held
        finally:
            held.release()
            renewing.join()
    finally:
        engine.dispose()


def _token(folder: Path) -> str:
    path = folder / TOKEN
    if not path.exists():
        write_atomically(path, uuid4().hex.encode())
    return path.read_text()


def _now(connection: Connection) -> float:
    now: datetime = connection.execute(select(func.current_timestamp())).scalar_one()
    return (now if now.tzinfo else now.replace(tzinfo=UTC)).timestamp()
