"""Every case of ``refused/``: what a user may get wrong, and the whole answer; nothing is ever written.

A case is one YAML file. ``arguments`` is the command line after ``python -m codegen``; ``exit`` and ``error`` are the
exit code and what is printed, with a further line for each of the ``notes``; ``{data_sha256}`` stands for the first 12
digits of the hash of the project's data. Before, the scratch
project, a copy without scripts, gets ``files`` (path and text; null removes one), ``edit`` (path, and which text to
replace by which), and ``finding``, a finished search of phase6a, 2M, threshold_1pct with some of its values replaced.
"""

from __future__ import annotations

import copy
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from codegen.request.resolve import resolve_hpo
from tests.helpers import refusals
from tests.helpers.questions import ask, make_finding
from tests.helpers.small_project import make_small_project

CASES = {file.stem: yaml.safe_load(file.read_text()) for file in sorted((Path(__file__).parent / "refused").glob("*"))}

Answer = tuple[int, str, str, list[str]]


def prepare(case: dict[str, Any], project: Path) -> dict[str, Any]:
    """The case with all that it asks for written out as files."""
    files = dict(case.get("files", {}))
    for name, replacements in case.get("edit", {}).items():
        files[name] = (project / name).read_text()
        for old, new in replacements.items():
            assert files[name].count(old) == 1, (name, old)
            files[name] = files[name].replace(old, new)
    if "finding" in case:
        cell, request = ask(project)
        files[cell.best_file] = json.dumps(replaced(make_finding(cell, request), case["finding"]))
    return {"files": files, "arguments": shlex.split(case["arguments"])}


def replaced(finding: dict[str, Any], values: dict[str, Any]) -> dict[str, Any]:
    """A copy with the values at dotted paths replaced."""
    changed = copy.deepcopy(finding)
    for path, value in values.items():
        holder = changed
        *parents, last = path.split(".")
        for parent in parents:
            holder = holder[parent]
        holder[last] = value
    return changed


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Answer]:
    """All cases, in one process of one project."""
    project = make_small_project(tmp_path_factory.mktemp("refused"))
    driven = subprocess.run(
        [sys.executable, refusals.__file__],
        input=json.dumps([prepare(case, project) for case in CASES.values()]),
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project)},
        capture_output=True,
        text=True,
        check=True,
    )
    sha256 = resolve_hpo(ask(project)[1]).data_sha256
    answered = json.loads(driven.stdout.replace(sha256[:12], "{data_sha256}"))
    return dict(zip(CASES, answered, strict=True))


@pytest.mark.parametrize("name", CASES)
def test_a_mistake_is_answered_in_one_line_and_its_notes_and_nothing_is_written(
    answers: dict[str, Answer], name: str
) -> None:
    code, out, err, changed = answers[name]
    assert err == "\n  ".join([CASES[name]["error"], *CASES[name].get("notes", [])]) + "\n"
    assert (code, out, changed) == (CASES[name]["exit"], "", [])


@pytest.mark.parametrize("name", CASES)
def test_a_case_shows_whole_lines(name: str) -> None:
    assert CASES[name].keys() <= {"arguments", "files", "edit", "finding", "exit", "error", "notes"}
    assert CASES[name]["error"].startswith("error: ")
    assert "\n" not in "".join([CASES[name]["error"], *CASES[name].get("notes", [])])
