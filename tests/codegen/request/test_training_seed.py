"""The seed of the final training is no part of what a search found: another is allowed, and both are recorded."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from codegen.files.planning import plan
from codegen.request.resolve import resolve_hpo
from tests.helpers.golden_scripts import DEEP, FOUND, leave_search
from tests.helpers.questions import ask, leave_finding, make_finding, refused


def scripts(project: Path, **fields: Any) -> list[str]:
    planned = plan(*ask(project, **fields), default_recipe=False)
    return [script.render().text for script in planned.scripts]


def provenance(text: str) -> dict[str, Any]:
    (value,) = (
        statement.value
        for statement in ast.parse(text).body
        if isinstance(statement, ast.Assign) and ast.unparse(statement.targets[0]) == "PROVENANCE"
    )
    found: dict[str, Any] = ast.literal_eval(value)
    return found


def remark(text: str) -> str:
    """The comment above the provenance, in one line."""
    return text.partition("\nPROVENANCE = ")[0].replace("\n# ", " ").splitlines()[-1]


def test_another_seed_is_trained_with_and_both_stand_in_the_head(project: Path) -> None:
    leave_search(project, FOUND)
    text = scripts(project, training_seed=43)[-1]
    assert "\nTRAINING_SEED = 43\n" in text
    assert provenance(text)["training_seed"] == 42
    assert remark(text).endswith("} Searched with TRAINING_SEED 42; trained here with 43.")
    assert "# Command: python -m codegen phase6a 2M threshold_1pct --training-seed 43\n" in text


def test_the_same_seed_is_not_said_twice(project: Path) -> None:
    leave_search(project, FOUND, training_seed=7)
    text = scripts(project, training_seed=7)[-1]
    assert "training_seed" not in provenance(text)
    assert remark(text) == "}"


def test_the_search_script_stays_the_one_that_searched(project: Path) -> None:
    before = scripts(project)[0]
    assert "\nTRAINING_SEED = 43\n" in scripts(project, training_seed=43)[0]
    leave_search(project, FOUND)
    assert scripts(project, training_seed=43)[0] == scripts(project)[0] == before


def test_each_of_two_searches_names_its_seed_where_it_is_another(project: Path) -> None:
    leave_search(project, FOUND, training_seed=7)
    leave_search(project, DEEP, task="threshold_3pct")
    text = scripts(project, task="threshold_2pct")[-1]
    one, other = provenance(text)["interpolated_between"]
    assert (one["training_seed"], "training_seed" in other) == (7, False)
    assert remark(text).endswith("} Searched with TRAINING_SEED 7 and 42; trained here with 42.")


def test_a_borrower_says_both_what_it_borrows_across_and_the_seed(project: Path) -> None:
    leave_search(project, FOUND)
    text = scripts(project, phase="phase6b", horizon=5, training_seed=43)[-1]
    assert remark(text).endswith(
        "as configs/phases/phase6b.yaml declares. Searched with TRAINING_SEED 42; trained here with 43."
    )


def test_the_seed_changes_nothing_else_that_is_trained(project: Path) -> None:
    leave_search(project, FOUND)
    one, other = (plan(*ask(project, training_seed=seed), default_recipe=False).scripts[-1].spec for seed in (42, 43))
    differing = {name for name, value in vars(one).items() if value != vars(other)[name]}
    assert differing == {"command", "training_seed", "provenance"}


@pytest.mark.parametrize("seed", [-1, 1.5, "42", None])
def test_a_finding_whose_seed_is_none_is_refused(project: Path, seed: object) -> None:
    cell, request = ask(project)
    assert resolve_hpo(request).training_seed == 42
    leave_finding(cell, project, make_finding(cell, request) | {"training_seed": seed})
    with refused(cell.best_file, "$.training_seed"):
        scripts(project)
