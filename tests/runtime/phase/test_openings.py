"""Which trainings of a phase may open their test split, told before anything runs."""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.judging.openings import OPENINGS, planned_opening, read_openings
from runtime.phase import openings
from runtime.phase.graph import Node
from runtime.phase.openings import load_script, open_together, plan_openings
from runtime.samples.experiment import Experiment
from tests.helpers.tiny import make_experiment

EXPERIMENTS: dict[str, Experiment] = {
    "small": make_experiment(),
    "large": replace(make_experiment(), name="phase0_large_threshold_1pct"),
    "other": replace(make_experiment(), threshold=0.02, task="threshold_2pct", name="phase0_tiny_threshold_2pct"),
}


@pytest.fixture
def trainings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Node]:
    class Script:
        def __init__(self, path: Path) -> None:
            self.make_experiment = lambda: EXPERIMENTS[path.stem]

    monkeypatch.setattr(openings, "load_script", Script)
    found = []
    for name in EXPERIMENTS:
        script = tmp_path / f"experiments/phase0/{name}.py"
        script.parent.mkdir(parents=True, exist_ok=True)
        script.write_text(name)
        found.append(Node("train", script, (), tmp_path / name))
    return found


def log(project: Path, name: str, script_sha256: str) -> None:
    entry = planned_opening(EXPERIMENTS[name]) | {"opened": "2026-01-02", "script_sha256": script_sha256}
    (project / OPENINGS).write_text(json.dumps(entry) + "\n")


def names(groups: list[list[Node]]) -> list[list[str]]:
    return [[node.name for node in group] for group in groups]


def test_those_that_ask_the_same_are_one_opening(tmp_path: Path, trainings: list[Node]) -> None:
    found = plan_openings(trainings, tmp_path, ())
    assert (found.closed, names(found.together)) == ({}, [["train phase0/small", "train phase0/large"]])
    assert [found.waits(node.name) for node in trainings] == [True, True, False]


def test_of_those_that_share_days_the_first_opens_the_test(tmp_path: Path, trainings: list[Node]) -> None:
    splits = EXPERIMENTS["large"].splits
    fewer = replace(splits, test_indices=splits.test_indices[:-3])
    EXPERIMENTS["large"], whole = replace(EXPERIMENTS["large"], splits=fewer), EXPERIMENTS["large"]
    try:
        found = plan_openings(trainings, tmp_path, ())
    finally:
        EXPERIMENTS["large"] = whole
    assert found.closed == {"train phase0/large": "phase0_tiny_threshold_1pct opens it first"}
    assert found.together == []


def test_a_split_that_was_opened_before_stays_closed(tmp_path: Path, trainings: list[Node]) -> None:
    log(tmp_path, "small", "0" * 64)
    found = plan_openings(trainings, tmp_path, ())
    assert list(found.closed) == ["train phase0/small", "train phase0/large"]
    assert "opened on 2026-01-02 by phase0_tiny_threshold_1pct" in found.closed["train phase0/small"]


def test_a_script_repeats_its_own_opening_unless_it_will_be_another(tmp_path: Path, trainings: list[Node]) -> None:
    log(tmp_path, "small", hashlib.sha256(b"small").hexdigest())
    found = plan_openings(trainings, tmp_path, ())
    assert (list(found.closed), found.together) == (["train phase0/large"], [])
    unwritten = {trainings[0].script}
    assert list(plan_openings(trainings, tmp_path, unwritten).closed) == ["train phase0/small", "train phase0/large"]


def test_each_of_several_finishes_the_opening_that_was_theirs(tmp_path: Path, trainings: list[Node]) -> None:
    for node, weights in zip(trainings, "ab", strict=False):
        node.output.mkdir(exist_ok=True)
        record = {"weights_sha256": weights, "script_sha256": hashlib.sha256(node.script.read_bytes()).hexdigest()}
        (node.output / "result.json").write_text(json.dumps(record))
    open_together(trainings[:2], tmp_path)
    (entry,) = read_openings(tmp_path / OPENINGS)
    assert list(entry["together"].values()) == ["a", "b"]
    found = plan_openings(trainings, tmp_path, ())
    assert (found.closed, found.together) == ({}, [])


def test_a_script_is_loaded_without_running(tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text("VALUE = 3\nif __name__ == '__main__':\n    raise SystemExit(1)\n")
    assert load_script(script).VALUE == 3
    script.write_text("VALUE =\n")
    with pytest.raises(UserError, match=r"train\.py: invalid syntax"):
        load_script(script)
