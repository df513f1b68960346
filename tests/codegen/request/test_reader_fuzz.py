"""Whatever bytes a YAML or JSON file holds, its reader answers or refuses it in one line; nothing else is raised."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given

from codegen.files.planning import plan
from codegen.request.choices import UsageError
from codegen.request.phases import select
from data.errors import DataError
from data.manifest import MANIFEST_PATH, PROJECT, load
from data.verify import verify
from runtime.errors import UserError
from runtime.judging.openings import read_openings
from runtime.records.files import read_record
from tests.helpers.damage import FUZZ, answered_or_refused, damaged, other_values
from tests.helpers.questions import ask

CONFIGURATIONS = ["configs/phases/phase6b.yaml", "configs/model/patchtst_2M.yaml", "configs/hpo/patchtst_2M.yaml"]


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_configuration(name: str, project: Path) -> None:
    valid = (project / name).read_bytes()

    @FUZZ
    @given(damaged(valid))
    def read(content: bytes) -> None:
        (project / name).write_bytes(content)
        answered_or_refused(lambda: plan(*ask(project), default_recipe=True), UsageError)
        answered_or_refused(lambda: select("phase6b", project=project), UsageError)

    try:
        read()
    finally:
        (project / name).write_bytes(valid)


def test_manifest(tmp_path: Path) -> None:
    valid = (PROJECT / MANIFEST_PATH).read_bytes()
    (tmp_path / "data").mkdir()

    @FUZZ
    @given(damaged(valid) | other_values(json.loads(valid)).map(lambda each: json.dumps(each).encode()))
    def read(content: bytes) -> None:
        (tmp_path / MANIFEST_PATH).write_bytes(content)
        answered_or_refused(lambda: load(tmp_path), DataError)
        findings = verify(tmp_path)
        assert any(finding.level == "failure" for finding in findings)  # for there is no dataset
        assert not any("\n" in finding.message for finding in findings)

    read()


def test_record_of_a_run(tmp_path: Path) -> None:
    path = tmp_path / "result.json"

    @FUZZ
    @given(damaged(b'{"status": "finished", "script_sha256": "0", "shortened_to_epochs": null}'))
    def read(content: bytes) -> None:
        path.write_bytes(content)
        answered_or_refused(lambda: read_record(path), UserError)

    read()


def test_log_of_openings(tmp_path: Path) -> None:
    path = tmp_path / "openings.jsonl"
    entry = dict.fromkeys(("question", "experiment", "weights_sha256", "script_sha256", "opening", "opened"), 1)

    @FUZZ
    @given(damaged(2 * (json.dumps(entry).encode() + b"\n")))
    def read(content: bytes) -> None:
        path.write_bytes(content)
        answered_or_refused(lambda: read_openings(path), UserError)

    read()
