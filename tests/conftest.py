"""A scratch project for every test that writes."""

from __future__ import annotations

import os
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers import slow
from tests.helpers.small_project import make_small_project

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two processes share two cores


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what is slow, and begin with the slow files, so that no process ends long before the other."""
    tests = Path(__file__).parent
    place = {item: _place(item.path.relative_to(tests).as_posix()) for item in items}
    for item in items:
        name = item.name.partition("[")[0]
        if place[item] < len(slow.FILES) or f"{item.path.relative_to(tests).as_posix()}::{name}" in slow.TESTS:
            item.add_marker("slow")
    items.sort(key=place.__getitem__)


def _place(file: str) -> int:
    return slow.FILES.index(file) if file in slow.FILES else len(slow.FILES)


@pytest.fixture(scope="session")
def project_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_small_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def project(project_copy: Path) -> Path:
    """The one copy that all tests share, without experiments."""
    shutil.rmtree(project_copy / "experiments", ignore_errors=True)
    return project_copy


@pytest.fixture(autouse=True, scope="session")
def own_cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """No test reads or writes what the user's own checks have remembered."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(autouse=True, scope="session")
def ctrl_c() -> None:
    """A shell's background job ignores Ctrl+C, and so would the processes that tests start and interrupt."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
