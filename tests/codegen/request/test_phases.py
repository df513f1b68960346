"""Which experiments a phase holds, whose searches they train on, and that no two share a file."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from codegen.request.choices import HORIZONS, PROJECT, TASKS, TIMESCALES, phase_names
from codegen.request.phase_files import load_phase
from codegen.request.phases import ExperimentKey, runs_search, select, sources
from tests.helpers.questions import BUDGETS, refused

ONE_DAY = ExperimentKey("phase6a", "2M", "threshold_1pct", 1, "daily")


@pytest.mark.parametrize(("phase", "cells", "searches"), [("phase6a", 16, 12), ("phase6b", 64, 0), ("phase6c", 64, 0)])
def test_a_phase_holds_what_it_is_meant_to(phase: str, cells: int, searches: int) -> None:
    selected = select(phase)
    assert len(set(selected)) == len(selected) == cells
    assert sum(map(runs_search, selected)) == searches


def test_every_file_is_one_experiments() -> None:
    cells = [cell for phase in phase_names() for cell in select(phase)]
    kinds: tuple[Callable[[ExperimentKey], str], ...] = (
        lambda cell: cell.hpo_file,
        lambda cell: cell.training_file,
        lambda cell: cell.best_file,
        lambda cell: cell.experiment,
    )
    assert len({name(cell).lower() for cell in cells for name in kinds}) == len(kinds) * len(cells)


def test_every_question_has_its_own_title() -> None:
    cells = [
        ExperimentKey("phase6a", budget, task, horizon, timescale)
        for budget in BUDGETS
        for task in TASKS
        for horizon in HORIZONS
        for timescale in TIMESCALES
    ]
    assert len({cell.title for cell in cells}) == len(cells)


@pytest.mark.parametrize(
    ("horizon", "timescale", "title"),
    [
        (1, "daily", "2M_threshold_1pct"),
        (5, "daily", "2M_threshold_1pct_h5"),
        (1, "weekly", "2M_threshold_1pct_weekly"),
        (7, "2d", "2M_threshold_1pct_h7_2d"),
    ],
)
def test_a_title_names_other_horizons_and_timescales(horizon: int, timescale: str, title: str) -> None:
    cell = ExperimentKey("phase6a", "2M", "threshold_1pct", horizon, timescale)
    assert cell.title == title
    assert cell.experiment == f"phase6a_{title}"
    assert cell.hpo_file == f"experiments/phase6a/hpo_{title}.py"
    assert cell.best_file == f"experiments/phase6a/hpo_{title}.best.json"
    assert cell.training_file == f"experiments/phase6a/train_{title}.py"


SEARCHED = [name for name in phase_names() if load_phase(name).recipe == "search"]


@pytest.mark.parametrize("phase", SEARCHED)
def test_two_percent_lies_between_one_and_three(phase: str) -> None:
    for cell in select(phase, task="threshold_2pct"):
        pair = ("threshold_1pct", "threshold_3pct")
        assert sources(cell) == [ExperimentKey("phase6a", cell.budget, task, 1, "daily") for task in pair]
        assert not runs_search(cell)


@pytest.mark.parametrize("phase", SEARCHED)
def test_hyperparameters_come_from_searches_that_run(phase: str) -> None:
    for cell in select(phase):
        assert all(runs_search(source) and source in select(source.phase) for source in sources(cell))
        assert {source.budget for source in sources(cell)} == {cell.budget}
        assert runs_search(cell) == (sources(cell) == [cell])


def test_a_given_value_stands_instead_of_the_phases_own() -> None:
    assert select("phase6a", budget="2M", task="threshold_1pct") == [ONE_DAY]
    assert select("phase6a", budget="2M", task="threshold_1pct", horizon=5, timescale="weekly") == [
        ExperimentKey("phase6a", "2M", "threshold_1pct", 5, "weekly")
    ]
    assert len(select("phase6b", task="threshold_5pct", horizon=3)) == len(load_phase("phase6b").budgets)


@pytest.mark.parametrize(
    "phase", ["", "phase6", "phase6A", "../phases/phase6a", "/configs/phases/phase6a", "phase6a.yaml"]
)
def test_other_phases_are_refused(phase: str) -> None:
    with refused(f"phase {phase!r} is not known; allowed: phase6a, phase6b, phase6c"):
        select(phase)


@pytest.mark.parametrize("given", [{"budget": "20M"}, {"task": "threshold_5pct"}])
def test_a_budget_or_task_of_no_experiment_is_refused(tmp_path: Path, given: dict[str, str]) -> None:
    write_phase(tmp_path, "phase7", budgets="[2M]", tasks="[threshold_1pct]", searches="[threshold_1pct]")
    with refused(f"phase7 does not hold {next(iter(given.values()))}; allowed: "):
        select("phase7", **given, project=tmp_path)


def test_a_new_phase_is_one_file(tmp_path: Path) -> None:
    write_phase(tmp_path, "phase7", budgets="[2M]", tasks="[threshold_1pct]", searches="[threshold_1pct]")
    write_phase(
        tmp_path,
        "phase8",
        budgets="[2M]",
        tasks="[threshold_1pct]",
        searches="[]",
        horizons="[5]",
        borrows="{phase: phase7, horizon: 1, timescale: daily}",
    )
    (borrower,) = select("phase8", project=tmp_path)
    assert sources(borrower, tmp_path) == select("phase7", project=tmp_path)
    assert not runs_search(borrower, tmp_path)


def write_phase(project: Path, name: str, **axes: str) -> None:
    folder = project / "configs" / "phases"
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copytree(PROJECT / "configs/model", project / "configs/model", dirs_exist_ok=True)
    given = {"horizons": "[1]", "timescales": "[daily]", **axes}
    (folder / f"{name}.yaml").write_text("".join(f"{key}: {value}\n" for key, value in given.items()))


@pytest.mark.parametrize("name", ["phase-7", "Phase7", "7phase", "phase 7", "phase7é", "phase\n7", "_phase"])
def test_a_file_with_another_name_is_no_phase(tmp_path: Path, name: str) -> None:
    write_phase(tmp_path, name, budgets="[2M]", tasks="[threshold_1pct]", searches="[threshold_1pct]")
    assert phase_names(tmp_path) == []
    with refused("a phase's name is made of lower-case letters, digits and _"):
        select(name, project=tmp_path)
