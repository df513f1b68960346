"""Data too thin for their question: the scripts are written all the same, and each says what it can show."""

from __future__ import annotations

import json
import runpy
from pathlib import Path

import pytest

from codegen.files.planning import plan
from tests.helpers.questions import ask
from tests.helpers.small_project import make_small_project

SHORT = {"context_length": 20, "chunk_length": 60}
HPO = "experiments/phase6a/hpo_2M_threshold_5pct.py"
TRAIN = "experiments/phase6a/train_2M_threshold_5pct_default.py"


def project_of(root: Path, rows: int) -> Path:
    """A project of the first so many days, in which a rise of 5 % a day is all but unknown."""
    project = make_small_project(root, rows)
    cell, request = ask(project, task="threshold_5pct", **SHORT)
    for default_recipe in (False, True):
        for script in plan(cell, request, default_recipe=default_recipe).scripts:
            script.render().write(force=False)
    return project


@pytest.fixture(scope="module")
def no_positive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project_of(tmp_path_factory.mktemp("none"), 1200)


@pytest.fixture(scope="module")
def none_in_validation(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return project_of(tmp_path_factory.mktemp("few"), 2500)


def exit_code(script: Path, monkeypatch: pytest.MonkeyPatch, *flags: str) -> int:
    monkeypatch.setattr("sys.argv", [str(script), *flags])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(script), run_name="__main__")
    assert isinstance(ended.value.code, int)
    return ended.value.code


@pytest.mark.parametrize("flags", [(), ("--dry-run",)])
@pytest.mark.parametrize("script", [HPO, TRAIN])
def test_one_class_in_training_is_refused_everywhere(
    no_positive: Path,
    script: str,
    flags: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert exit_code(no_positive / script, monkeypatch, *flags) == 2
    printed = capsys.readouterr()
    assert "warning: training holds 0 of " in printed.out
    assert "every training label is 0 (positives: training 0 of " in printed.err
    assert "use a longer horizon or a longer history" in printed.err


def test_one_class_in_validation_is_said_by_a_dry_run(
    none_in_validation: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(none_in_validation / TRAIN, monkeypatch, "--dry-run") == 0
    printed = capsys.readouterr().out
    assert "warning: validation holds 0 of " in printed
    assert "of 2499 labelled bars in 10 years are positive; at this rate 10 in every split take about " in printed


def test_one_class_in_validation_is_refused_by_a_search(
    none_in_validation: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert exit_code(none_in_validation / HPO, monkeypatch) == 2
    assert "every validation label is 0 (positives: training " in capsys.readouterr().err


def test_one_class_in_validation_is_recorded_by_a_training(
    none_in_validation: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exit_code(none_in_validation / TRAIN, monkeypatch, "--epochs", "1") == 0
    output = none_in_validation / "outputs/phase6a/train_2M_threshold_5pct_default_short"
    record = json.loads((output / "result.json").read_text())
    assert any(each["message"].startswith("validation holds 0 of ") for each in record["alarms"])
    assert record["validation"]["model"]["roc_auc"] is None
    assert "ranking is undefined" in record["validation"]["model"]["undefined"]["roc_auc"]
