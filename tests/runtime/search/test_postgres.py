"""A search in a real PostgreSQL: driver and server killed, wrong passwords, and no password in anything it leaves."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine

from runtime.errors import UserError
from runtime.report.searches import read_search
from runtime.search.lease import lease
from runtime.search.storage import open_storage
from runtime.search.study import Search
from tests.helpers.postgres import PASSWORD, Server, find_server, free_port, running_server
from tests.helpers.search_driver import open_search

PROGRAMS = find_server()
pytestmark = pytest.mark.skipif(PROGRAMS is None, reason="PostgreSQL's server is not installed (Debian: postgresql)")
PROJECT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    assert PROGRAMS is not None
    with running_server(PROGRAMS) as running:
        yield running


@pytest.fixture
def database(server: Server) -> str:
    """The server's database, empty."""
    engine = create_engine(server.url().replace("postgresql:", "postgresql+psycopg:"))
    with engine.begin() as connection:
        connection.exec_driver_sql("DROP SCHEMA public CASCADE")
        connection.exec_driver_sql("CREATE SCHEMA public")
    engine.dispose()
    return server.url()


def start(project: Path, url: str, *arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.helpers.search_driver", str(project), "--storage", url, *arguments]
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    return subprocess.Popen(command, cwd=PROJECT, start_new_session=True, **pipes)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def wait_for_trials(project: Path, count: int) -> None:
    history = project / "outputs" / "phase0" / "script" / "history.log"
    wait_until(lambda: history.exists() and history.read_text().count("\n") >= 1 + count)


def require_no_password(said: list[str], project: Path) -> None:
    """Nothing that was printed or written holds the password, as it is or as an address has it."""
    files = [path for path in project.rglob("*") if path.is_file()]
    assert {"history.log", "lease"} <= {path.name for path in files}
    for text in (*said, *(path.read_bytes().decode(errors="replace") for path in files)):
        assert PASSWORD not in text
        assert PASSWORD.replace("ö", "%C3%B6") not in text


def close(search: Search) -> None:
    """Close the connections that Optuna keeps for as long as its process lives."""
    backend = search.study._storage._backend  # type: ignore[attr-defined]
    backend.remove_session()
    backend.engine.dispose()


def trials(search: Search) -> list[tuple[Any, ...]]:
    return [(each.params, each.state, each.values, each.intermediate_values) for each in search.counted()]


def test_driver_and_server_killed_end_with_the_trials_of_an_undisturbed_search_and_no_password_is_left(
    server: Server, database: str, tmp_path: Path
) -> None:
    undisturbed = open_search(tmp_path / "alone")
    undisturbed.run()

    killed = start(tmp_path, database)
    wait_for_trials(tmp_path, 2)
    os.killpg(killed.pid, signal.SIGKILL)
    said = [*killed.communicate()]

    without_server = start(tmp_path, database)
    wait_for_trials(tmp_path, 4)
    server.kill()
    said += without_server.communicate(timeout=120)
    server.start()
    assert without_server.returncode == 1
    assert said[-1].splitlines()[-1].startswith("failed: the search's storage failed: (psycopg.")
    assert said[-1].endswith("; run again to continue\n")

    last = start(tmp_path, database)
    said += last.communicate(timeout=300)
    assert last.returncode == 0
    resumed = open_search(tmp_path, database)
    assert trials(resumed) == trials(undisturbed)
    close(resumed)
    output = tmp_path / "outputs" / "phase0" / "script"
    reported = read_search(output, tmp_path / "script.best.json")
    assert reported is not None
    assert len(reported.completed) == len(undisturbed.completed())

    require_no_password(said, tmp_path)


def test_driver_in_another_folder_is_refused_before_it_touches_a_trial(database: str, tmp_path: Path) -> None:
    driver = start(tmp_path, database, "hang")
    wait_until((tmp_path / "held").exists)
    second = start(tmp_path / "elsewhere", database)
    _, errors = second.communicate(timeout=120)
    assert second.returncode == 2
    assert re.match(f"error: another driver runs study .* in that database \\(process {driver.pid} on ", errors)
    os.killpg(driver.pid, signal.SIGINT)
    _, interrupted = driver.communicate(timeout=60)
    assert driver.returncode == 75
    assert interrupted.startswith("stopped after 0 of 8 trials\ninterrupted; continue with: ")  # its trial was open
    assert "--storage 'postgresql://researcher:***@127.0.0.1" in interrupted
    assert interrupted.endswith(" (*** is the password; PGPASSWORD or ~/.pgpass spare you giving it)\n")
    require_no_password([errors, interrupted], tmp_path)


@pytest.mark.parametrize("opened", ["storage", "lease"])
def test_wrong_password_and_no_server_are_one_line_each(opened: str, server: Server, tmp_path: Path) -> None:
    def open_lease(url: str) -> None:
        with lease(url, "study", tmp_path):
            pass

    def message(url: str) -> str:
        with pytest.raises(UserError) as refused:
            (open_lease(url) if opened == "lease" else open_storage(url, tmp_path))
        return str(refused.value)

    wrong = message(server.url("sesame"))
    assert wrong.startswith("--storage: (psycopg.OperationalError) connection failed")
    assert wrong.endswith('password authentication failed for user "researcher"')
    nobody = message(f"postgresql://researcher:sesame@127.0.0.1:{free_port()}/postgres")
    assert nobody.startswith("--storage: (psycopg.OperationalError) connection failed")
    assert "Connection refused" in nobody
    for text in (wrong, nobody):
        assert "\n" not in text
        assert "sesame" not in text
