"""A scratch project for every test that writes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.small_project import make_small_project


@pytest.fixture(scope="session")
def project_copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_small_project(tmp_path_factory.mktemp("project"))


@pytest.fixture
def project(project_copy: Path) -> Path:
    """The one copy that all tests share, without experiments."""
    shutil.rmtree(project_copy / "experiments", ignore_errors=True)
    return project_copy
