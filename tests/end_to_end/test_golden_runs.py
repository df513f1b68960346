"""The golden scripts, made for ten years of the real prices and run as programs."""

from __future__ import annotations

import json
import runpy
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.golden_scripts import DEEP, FOUND, NAMES, make_golden
from tests.helpers.small_project import make_small_project

LOOKS = {name: ("--trials", "1") if name == "hpo.py" else ("--epochs", "1") for name in NAMES}
SHORT = {"context_length": 20, "chunk_length": 60, "hpo_train_fraction": 0.05}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The scripts' folder in a project of their own."""
    project = make_small_project(tmp_path_factory.mktemp("golden"))
    folder = project / "experiments" / "phase6a"
    for name, text in make_golden(project, **SHORT).items():
        (folder / name).write_text(text)
    return folder


def look(script: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    """Run a script for one trial or epoch and return its record."""
    monkeypatch.setattr("sys.argv", [str(script), *LOOKS[script.name], "--device", "cpu"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert ended.value.code == 0
    output = script.parents[2] / "outputs" / "phase6a" / f"{script.stem}_short"
    name = "shortened.json" if script.name == "hpo.py" else "result.json"
    record: dict[str, Any] = json.loads((output / name).read_text())
    return record


def test_the_search_tries_what_its_head_allows(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    best = look(folder / "hpo.py", monkeypatch)["best"]
    assert best["hyperparameters"].keys() == FOUND.keys()
    assert abs(best["parameter_count"] - 2_000_000) <= 100_000


@pytest.mark.parametrize(
    ("name", "candidates"),
    [
        ("train_found.py", {FOUND["architecture"]}),
        ("train_interpolated.py", {FOUND["architecture"], DEEP["architecture"]}),
        ("train_borrowed_weekly.py", {FOUND["architecture"]}),
    ],
)
def test_a_training_trains_every_candidate_and_keeps_the_best_on_validation(
    folder: Path, name: str, candidates: set[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    record = look(folder / name, monkeypatch)
    assert record["status"] == "finished"
    losses = record["candidate_val_losses"]
    assert losses.keys() == candidates
    assert record["architecture_name"] == min(losses, key=losses.__getitem__)
    assert record["test"] is None, "a shorter look never opens the test split"


def test_an_unsearched_training_names_the_search(
    folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["train_unsearched.py"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(folder / "train_unsearched.py"), run_name="__main__")
    assert ended.value.code == 2
    assert "run first: python experiments/phase6a/hpo_2M_threshold_1pct.py, then " in capsys.readouterr().err
