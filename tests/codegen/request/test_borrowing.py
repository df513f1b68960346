"""The 2 % task searches nothing: its values lie between those of the 1 % and the 3 % search, and say so."""

from __future__ import annotations

import ast
import math
from pathlib import Path
from typing import Any

import pytest

from codegen.files.planning import plan
from codegen.request.borrowing import combine
from codegen.request.phases import sources
from tests.helpers.golden_scripts import leave_search
from tests.helpers.questions import ask, refused

ONE = {"architecture": "d192_h6_l4_p10", "learning_rate": 1e-4, "weight_decay": 0.4, "dropout": 0.1, "batch_size": 32}
THREE = {
    "architecture": "d192_h6_l4_p10",
    "learning_rate": 9e-4,
    "weight_decay": 0.1,
    "dropout": 0.4,
    "batch_size": 128,
}
DEEP = {**THREE, "architecture": "d96_h6_l14_p10"}


def search(project: Path, task: str, hyperparameters: dict[str, Any]) -> None:
    """Leave what a finished search of a task would."""
    leave_search(project, hyperparameters, task=task)


def script(project: Path, **question: Any) -> str:
    return plan(*ask(project, task="threshold_2pct", **question), default_recipe=False).scripts[-1].render().text


def constants(text: str) -> dict[str, Any]:
    values = {}
    for statement in ast.parse(text).body:
        if (
            isinstance(statement, ast.Assign)
            and not isinstance(statement.value, ast.Call)
            and isinstance(statement.targets[0], ast.Name)
        ):
            if statement.targets[0].id != "PROJECT":
                values[statement.targets[0].id] = ast.literal_eval(statement.value)
    return values


def test_values_lie_between_the_two_searches(project: Path) -> None:
    search(project, "threshold_1pct", ONE)
    search(project, "threshold_3pct", THREE)
    values = constants(script(project))
    assert values["HYPERPARAMETERS"] == {
        "learning_rate": math.sqrt(1e-4 * 9e-4),
        "weight_decay": math.sqrt(0.4 * 0.1),
        "dropout": 0.25,
        "batch_size": 64,
    }
    assert list(values["ARCHITECTURES"]) == ["d192_h6_l4_p10"]


def test_both_sources_stand_in_the_script(project: Path) -> None:
    search(project, "threshold_1pct", ONE)
    search(project, "threshold_3pct", THREE)
    between = constants(script(project))["PROVENANCE"]["interpolated_between"]
    assert [each["task"] for each in between] == ["threshold_1pct", "threshold_3pct"]
    assert [each["weight"] for each in between] == [0.5, 0.5]
    assert [each["hyperparameters"] for each in between] == [ONE, THREE]
    assert all({"source", "trial", "val_loss", "trials"} <= each.keys() for each in between)


def test_two_architectures_are_both_candidates(project: Path) -> None:
    search(project, "threshold_1pct", ONE)
    search(project, "threshold_3pct", DEEP)
    text = script(project)
    assert list(constants(text)["ARCHITECTURES"]) == ["d192_h6_l4_p10", "d96_h6_l14_p10"]
    assert "the lower validation loss decides" in text


def test_batch_size_is_the_nearest_allowed_one_and_the_smaller_on_a_tie(project: Path) -> None:
    search(project, "threshold_1pct", {**ONE, "batch_size": 32})
    search(project, "threshold_3pct", {**THREE, "batch_size": 64})  # 45.25 lies as far from 32 as from 64
    recipe = combine(sources(ask(project, task="threshold_2pct")[0], project), project, training_seed=42)
    assert recipe is not None
    assert recipe.hyperparameters["batch_size"] == 32


@pytest.mark.parametrize("finished", [[], ["threshold_1pct"], ["threshold_3pct"]])
def test_until_both_searches_have_finished_the_script_names_them(project: Path, finished: list[str]) -> None:
    for task in finished:
        search(project, task, ONE)
    text = script(project)
    assert constants(text)["HYPERPARAMETERS"] == {}
    searches = [f"python experiments/phase6a/hpo_2M_{task}.py" for task in ("threshold_1pct", "threshold_3pct")]
    assert constants(text)["SEARCH_FIRST"] == [*searches, "python -m codegen phase6a 2M threshold_2pct"]


@pytest.mark.parametrize("question", [{"seed": 7}, {"context_length": 40}, {"label_price": "close"}])
def test_a_search_of_another_question_is_refused(project: Path, question: dict[str, Any]) -> None:
    search(project, "threshold_1pct", ONE)
    search(project, "threshold_3pct", THREE)
    with refused("hpo_2M_threshold_1pct.best.json was searched with"):
        script(project, **question)


@pytest.mark.parametrize("phase", [{"phase": "phase6b", "horizon": 5}, {"phase": "phase6c", "timescale": "weekly"}])
def test_other_phases_borrow_what_their_file_declares(project: Path, phase: dict[str, Any]) -> None:
    search(project, "threshold_1pct", ONE)
    search(project, "threshold_3pct", THREE)
    between = constants(script(project, **phase))["PROVENANCE"]["interpolated_between"]
    assert [(each["horizon"], each["timescale"]) for each in between] == [(1, "daily"), (1, "daily")]


@pytest.mark.parametrize("task", ["threshold_1pct", "threshold_2pct"])
@pytest.mark.parametrize(
    ("phase", "said"),
    [
        ({}, None),
        ({"phase": "phase6b", "horizon": 5}, "used here at 5, daily, as configs/phases/phase6b.yaml declares."),
        (
            {"phase": "phase6c", "timescale": "weekly"},
            "used here at 1, weekly, as configs/phases/phase6c.yaml declares.",
        ),
    ],
)
def test_a_script_says_what_it_borrows_across(
    project: Path, task: str, phase: dict[str, Any], said: str | None
) -> None:
    search(project, "threshold_1pct", ONE)
    search(project, "threshold_3pct", THREE)
    text = plan(*ask(project, task=task, **phase), default_recipe=False).scripts[-1].render().text
    comment = "Searched at HORIZON 1, TIMESCALE daily; "
    assert (comment in text) == (said is not None)
    if said is not None:
        above, _, _ = text.partition("\nPROVENANCE = ")
        assert above.replace("\n# ", " ").endswith(comment + said)
