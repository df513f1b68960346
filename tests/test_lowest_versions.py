"""The constraints of the oldest allowed versions are made from pyproject.toml, and cannot drift from it."""

from __future__ import annotations

import re
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest

PROJECT = Path(__file__).resolve().parents[1]
SCRIPT = PROJECT / ".ci" / "lowest_versions.py"


def load() -> ModuleType:
    spec = spec_from_file_location("lowest_versions", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


LOWEST = load()


def text(dependencies: str, test: str = "") -> str:
    extras = f"[project.optional-dependencies]\ntest = [{test}]\npostgres = []\nray = []\n"
    return f"[project]\ndependencies = [{dependencies}]\n{extras}"


@pytest.mark.parametrize(
    ("dependency", "line"),
    [
        ('"numpy>=2"', "numpy==2"),
        ('"torch>=2.10,<3"', "torch==2.10"),
        ('"black==26.10.1"', "black==26.10.1"),
        ('"TA-Lib >= 0.6.5"', "TA-Lib==0.6.5"),
        ('"psycopg[binary]>=3.2"', "psycopg==3.2"),
    ],
)
def test_a_lower_bound_is_pinned(dependency: str, line: str) -> None:
    assert LOWEST.constraints(text(dependency)) == [line]


def test_what_has_no_lower_bound_is_left_alone() -> None:
    assert LOWEST.constraints(text('"pandas-stubs", "numpy<3"')) == []


def test_two_bounds_of_one_package_are_refused() -> None:
    with pytest.raises(ValueError, match="numpy has two lower bounds in pyproject.toml: 2 and 2.1"):
        LOWEST.constraints(text('"numpy>=2"', '"numpy>=2.1"'))


def test_every_dependency_of_this_project_has_its_line() -> None:
    printed = subprocess.run([sys.executable, str(SCRIPT)], capture_output=True, text=True, check=True).stdout
    pinned = {line.partition("==")[0] for line in printed.splitlines()}
    dependencies = re.search(r"^dependencies = \[$(.*?)^\]$", LOWEST.PYPROJECT.read_text(), re.MULTILINE | re.DOTALL)
    assert dependencies is not None
    named = set(re.findall(r'^    "([A-Za-z0-9-]+)', dependencies[1], re.MULTILINE))
    assert named <= pinned
    assert {"torch", "numpy", "pytest", "hypothesis", "ray"} <= pinned
