"""One driver a study: who may take a lease, who is refused, and how a driver learns that it lost its own."""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine

from runtime.errors import UserError
from runtime.search import lease as lease_file
from runtime.search.lease import Lease, lease
from runtime.search.storage import connect


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    made = connect(f"sqlite:///{tmp_path}/trials.db")
    yield made
    made.dispose()


def folder(tmp_path: Path, name: str) -> Path:
    made = tmp_path / name
    made.mkdir(exist_ok=True)
    return made


def test_second_folder_is_refused_and_told_who_holds_the_study_until_it_is_given_back(
    engine: Engine, tmp_path: Path
) -> None:
    first = Lease(engine, "study", folder(tmp_path, "a"))
    with pytest.raises(UserError, match=rf"another driver runs study 'study' .*writing to {tmp_path}/a; heard [0-9]"):
        Lease(engine, "study", folder(tmp_path, "b"))
    Lease(engine, "another study", folder(tmp_path, "b"))
    first.release()
    Lease(engine, "study", folder(tmp_path, "b"))


def test_driver_that_was_killed_leaves_its_lease_to_its_own_folder_at_once(engine: Engine, tmp_path: Path) -> None:
    Lease(engine, "study", folder(tmp_path, "a"))
    Lease(engine, "study", folder(tmp_path, "a")).require()


def test_silent_holder_loses_the_study_and_is_told(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = Lease(engine, "study", folder(tmp_path, "a"))
    monkeypatch.setattr(lease_file, "SILENT_AFTER", -1.5)  # as if it had been silent for longer
    monkeypatch.setattr(lease_file, "RENEWED_EVERY", 0.01)
    second = Lease(engine, "study", folder(tmp_path, "b"))
    renewing = threading.Thread(target=first.keep)
    renewing.start()
    while not first.lost:
        first._ended.wait(0.01)
    first.release()  # of a lease that is another's by now: changes nothing
    renewing.join()
    with pytest.raises(UserError, match="study 'study' was taken by another driver .*; what it had finished counts"):
        first.require()
    assert second._renew()


def test_lease_is_renewed_while_the_block_runs_and_given_back_at_its_end(
    engine: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease_file, "RENEWED_EVERY", 0.01)
    renewed = threading.Event()
    renew = Lease._renew

    def note(self: Lease) -> bool:
        renewed.set()
        return renew(self)

    monkeypatch.setattr(Lease, "_renew", note)

    def fail_while_holding() -> None:
        with lease(str(engine.url), "study", folder(tmp_path, "a")) as held:
            assert held is not None
            assert renewed.wait(30)
            held.require()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fail_while_holding()
    Lease(engine, "study", folder(tmp_path, "b"))


def test_of_many_who_try_at_once_one_gets_the_study(engine: Engine, tmp_path: Path) -> None:
    folders = [folder(tmp_path, str(number)) for number in range(8)]
    Lease(engine, "other", folders[0])  # makes the table
    got: list[Lease] = []
    begin = threading.Barrier(len(folders))

    def attempt(own: Path) -> None:
        begin.wait()
        try:
            got.append(Lease(engine, "study", own))
        except UserError:
            return

    threads = [threading.Thread(target=attempt, args=(own,)) for own in folders]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(got) == 1


def test_without_a_database_there_is_no_lease(tmp_path: Path) -> None:
    with lease(None, "study", tmp_path) as held:
        assert held is None
    assert list(tmp_path.iterdir()) == []
