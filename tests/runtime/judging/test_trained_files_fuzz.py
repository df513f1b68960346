"""Whatever a finished training's files hold, the report shows it or says why not, and no forecast is made of it."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path

import pytest
from hypothesis import given, settings
from safetensors.torch import load_file, save_file

from runtime.__main__ import main
from runtime.errors import UserError
from runtime.judging.predictor import load_predictor
from runtime.report.phase import read_phase
from tests.helpers.damage import FUZZ, answered_or_refused, damaged, other_values
from tests.helpers.reported import arguments_for, train
from tests.helpers.tiny_run import EXPERIMENT

NAME = "train_2M_threshold_1pct"


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with one finished training."""
    project = tmp_path_factory.mktemp("trained")
    train(arguments_for(project, NAME))
    return project


@pytest.fixture
def project(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "project"))


def test_record_in_a_report(project: Path) -> None:
    path = project / "outputs/phase0" / NAME / "result.json"
    valid = path.read_bytes()

    @FUZZ
    @given(damaged(valid) | other_values(json.loads(valid)).map(lambda each: json.dumps(each).encode()))
    def read(content: bytes) -> None:
        path.write_bytes(content)
        (run,) = read_phase(project, "phase0", project / "outputs").runs
        assert (run.result is None) == (run.state == "unreadable") == bool(run.problem)

    read()


@pytest.mark.parametrize("name", ["result.json", "metrics.jsonl", "predictions.parquet"])
def test_nonsense_in_a_file_does_not_stop_the_report(name: str, project: Path) -> None:
    (project / "outputs/phase0" / NAME / name).write_bytes(b'{"status":' + b"[" * 100_000)
    assert main(["report", "phase0"], project) == 0


def test_description_of_a_model(project: Path) -> None:
    folder = project / "outputs/phase0" / NAME
    path, weights = folder / "model.json", folder / "model.safetensors"
    valid, state = path.read_bytes(), load_file(weights)

    @FUZZ
    @given(damaged(valid) | other_values(json.loads(valid)).map(lambda each: json.dumps(each).encode()))
    def read(content: bytes) -> None:
        path.write_bytes(content)
        save_file(state, weights, {"description_sha256": hashlib.sha256(content).hexdigest()})  # forged, too
        answered_or_refused(lambda: load_predictor(folder).predict(EXPERIMENT.series.daily), UserError)

    read()


def test_weights_of_a_model(project: Path) -> None:
    path = project / "outputs/phase0" / NAME / "model.safetensors"
    valid = path.read_bytes()

    @settings(FUZZ, max_examples=40)
    @given(damaged(valid))
    def read(content: bytes) -> None:
        path.write_bytes(content)
        answered_or_refused(lambda: load_predictor(path.parent), UserError)

    read()
