"""A script finds its project from where it lies, in a phase's folder or in a dataset's inside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.script.arguments import parse_arguments
from runtime.script.place import experiments_of, place_of, project_of

PLACES = ["phase6a/train_2M_threshold_1pct", "phase6a/AAPL/hpo_2M_threshold_1pct", "experiments/train_x"]


@pytest.mark.parametrize("place", PLACES)
def test_a_script_finds_its_project(tmp_path: Path, place: str) -> None:
    script = tmp_path / "experiments" / f"{place}.py"
    assert experiments_of(script) == tmp_path / "experiments"
    assert place_of(script) == Path(place)
    assert project_of(str(script)) == tmp_path


@pytest.mark.parametrize("place", PLACES[:2])
def test_results_lie_as_scripts_do(tmp_path: Path, place: str) -> None:
    script = tmp_path / "experiments" / f"{place}.py"
    arguments = parse_arguments(str(script), "", shorten="epochs", arguments=[])
    assert arguments.output == tmp_path / "outputs" / place
    assert (arguments.project, arguments.outputs) == (tmp_path, tmp_path / "outputs")
    elsewhere = parse_arguments(str(script), "", shorten="epochs", arguments=["--output", str(tmp_path / "mine")])
    assert (elsewhere.output, elsewhere.outputs) == (tmp_path / "mine" / place, tmp_path / "mine")


@pytest.mark.parametrize("place", ["x.py", "phase6a/x.py", "experiments/x.py", "experiments/a/b/c/x.py"])
def test_a_script_elsewhere_is_refused(tmp_path: Path, place: str) -> None:
    with pytest.raises(UserError, match="lies neither in experiments/PHASE nor in experiments/PHASE/DATASET"):
        experiments_of(tmp_path / place)
