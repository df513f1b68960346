"""The summary of a difference names exactly the values that differ, in the words of a request."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from codegen.files.changes import changes
from codegen.request.choices import UsageError
from codegen.request.parameters import PARAMETERS
from codegen.request.request import Request
from codegen.request.resolve import resolve_hpo, resolve_training
from codegen.request.spec import ExperimentSpec
from codegen.scripts import render_hpo, render_training
from tests.helpers.golden_scripts import FOLDER
from tests.helpers.whole_specs import found, make_odd_project, requests

PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
whole = settings(max_examples=15, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
STRUCTURE = {"block", "imports"}
HPO, FOUND, UNSEARCHED = ((FOLDER / f"{name}.py").read_text() for name in ("hpo", "train_found", "train_unsearched"))


@pytest.fixture(scope="module")
def odd_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_odd_project(tmp_path_factory.mktemp("odd"))


@st.composite
def pairs(draw: st.DrawFn, project: Path) -> tuple[Request, Request]:
    """Two requests that differ in everything, or in some parameters."""
    one, other = draw(requests(project)), draw(requests(project))
    if draw(st.booleans()):
        return one, other
    names = draw(st.sets(st.sampled_from(sorted(PARAMETERS)), min_size=1, max_size=3))
    try:
        return one, dataclasses.replace(one, **{name: getattr(other, name) for name in names})
    except UsageError:
        reject()


def differing(one: ExperimentSpec, other: ExperimentSpec) -> set[str]:
    """The values in which two specs differ; those of the recipe by their own names."""
    names = set()
    for field in dataclasses.fields(one):
        values = [getattr(each, field.name) for each in (one, other)]
        if field.name in ("fixed", "hyperparameters"):
            names |= {name for name in {**values[0], **values[1]} if len({repr(each.get(name)) for each in values}) > 1}
        elif repr(values[0]) != repr(values[1]):
            names.add(field.name)
    return names


def check(one: ExperimentSpec, other: ExperimentSpec, before: str, after: str, *, restructured: bool) -> None:
    fields = {each.field for each in changes(before, after)}
    expected = differing(one, other)
    assert fields - STRUCTURE == expected
    assert bool(fields & STRUCTURE) == restructured
    assert {each.field for each in changes(after, before)} - STRUCTURE == expected


def structure(spec: ExperimentSpec) -> tuple[bool, ...]:
    """Whether the script names what it may leave out."""
    return spec.checkpoint_activations, spec.normalisation is not None


@whole
@given(data=st.data())
def test_of_two_searches(data: st.DataObject, odd_project: Path) -> None:
    asked = data.draw(pairs(odd_project))
    try:
        one, other = map(resolve_hpo, asked)
    except UsageError:
        reject()
    restructured = structure(one) != structure(other)
    check(one, other, render_hpo(one), render_hpo(other), restructured=restructured)


@whole
@given(data=st.data())
def test_of_two_trainings(data: st.DataObject, odd_project: Path) -> None:
    asked = data.draw(pairs(odd_project))
    try:
        one, other = (
            resolve_training(
                each,
                hyperparameters=data.draw(found(each)),
                provenance={"source": data.draw(st.sampled_from("ab")), "trial": data.draw(st.integers(1, 3))},
                search_first=["search"],
            )
            for each in asked
        )
    except UsageError:
        reject()
    restructured = (*structure(one), bool(one.hyperparameters)) != (*structure(other), bool(other.hyperparameters))
    check(one, other, render_training(one), render_training(other), restructured=restructured)


def lines(before: str, after: str, **how: Any) -> list[str]:
    return [each.text for each in changes(before, after, **how)]


def edited(text: str, *replacements: tuple[str, str]) -> str:
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    return text


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        ("EMBARGO = 0", "EMBARGO = 20", "embargo 0 -> 20"),
        ("EMBARGO = 0", "EMBARGO = False", "embargo 0 -> False"),
        ("EMBARGO = 0\n", "EMBARGO: int = 1\n", "embargo 0 -> 1"),
        ("SPLIT_SEED = 42", "SPLIT_SEED = 43", "seed 42 -> 43"),
        ('    "rsi14",\n', '    "rsi7",\n    "macd",\n', "feature_columns -rsi14 +rsi7 +macd"),
        ('    "roc10",\n', "", "feature_columns -roc10"),
        ('"pooling": "flatten"', '"pooling": "mean"', "model.pooling flatten -> mean"),
        ('suggest_float("dropout", 0.1, 0.7)', 'suggest_float("dropout", 0.0, 0.7)', "space.dropout.low 0.1 -> 0.0"),
        ('"dropout", 0.1, 0.7)', '"dropout", 0.1, 0.7, log=True)', "space.dropout.log absent -> True"),
        ("(32, 64, 128)", "(32, 64)", "space.batch_size.choices -128"),
        ("# Generator: 0.1.0", "# Generator: 0.2.0", "generator 0.1.0 -> 0.2.0"),
        ("series.horizon_in_bars(HORIZON)", "HORIZON", "block changed: make_experiment"),
        (
            "    Objective,\n",
            "    Objective as Goal,\n",
            "imports only: -runtime.Objective +'runtime.Objective as Goal'",
        ),
        (
            "# Shared by every candidate.",
            "# Each has these.",
            "comments -'# Shared by every candidate.' +'# Each has these.'",
        ),
        ("EMBARGO = 0\n", "EMBARGO: int = 0\n", "embargo written otherwise"),
        ("(32, 64, 128)", "[32, 64, 128]", "code written otherwise"),
        (
            "TEST_RATIO = 0.15\n",
            "TEST_RATIO  =  0.15\n",
            "layout only: the code, the comments and every value are the same",
        ),
        (
            "VAL_RATIO = 0.15\nTEST_RATIO = 0.15",
            "TEST_RATIO = 0.15\nVAL_RATIO = 0.15",
            "statements in another order",
        ),
        ("\nif __name__", "\nEMBARGO = 5\n\nif __name__", "embargo_2 absent -> 5"),
        ('"""Search hyper', '"""Find hyper', "docstring changed"),
    ],
)
def test_one_change_is_one_line(old: str, new: str, line: str) -> None:
    assert lines(HPO, edited(HPO, (old, new))) == [line]


def test_what_was_found_says_where() -> None:
    where = "finding of hpo_2M_threshold_1pct.best.json, trial 7"
    assert lines(UNSEARCHED, FOUND) == [
        f"architectures.d192_h6_l4_p10 absent -> a mapping of 6 ({where})",
        f"learning_rate absent -> 0.0003 ({where})",
        f"weight_decay absent -> 0.01 ({where})",
        f"dropout absent -> 0.25 ({where})",
        f"batch_size absent -> 64 ({where})",
        f"provenance none -> {where}",
        "search_first a list of 2 -> absent",
        "block changed: main",
        "imports -runtime.require_hyperparameters",
    ]


def test_a_later_search_shows_what_it_found_otherwise() -> None:
    later = edited(FOUND, ("0.0003", "0.00037"), ('"trial": 7', '"trial": 16'))
    assert lines(FOUND, later) == [
        "learning_rate 0.0003 -> 0.00037 (finding of hpo_2M_threshold_1pct.best.json, trial 16)",
        "provenance.trial 7 -> 16",
    ]


def test_blocks_that_come_and_go_are_named() -> None:
    verbs = {each.text for each in changes(HPO, FOUND) if each.field == "block"}
    assert verbs == {
        "block removed: suggest",
        "block removed: make_objective",
        "block changed: main",
        "block added: make_recipe",
        "block added: make_trainer",
    }


def test_an_edit_by_hand_is_no_finding_and_its_comments_are_shown() -> None:
    by_hand = edited(FOUND, ("0.0003", "0.5"), ("EMBARGO = 0", "EMBARGO = 0  # none needed"))
    assert lines(FOUND, by_hand, by_hand=True) == ["learning_rate 0.0003 -> 0.5", "comments +'# none needed'"]
    assert len(lines(FOUND, by_hand)) == 1


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"source": "experiments/phase6a/hpo_2M_threshold_1pct.best.json"', '"source": 3'),
        ("PROVENANCE = {", "PROVENANCE = {**{}, "),
        ("HYPERPARAMETERS = {", "HYPERPARAMETERS = dict(x=1) or {"),
        ('"task": "threshold_1pct"', '"interpolated_between": 3'),
        ('"task": "threshold_1pct"', '"interpolated_between": [3, {"source": []}]'),
        ('"_".join((PHASE, BUDGET, TASK))', '"_".join(NOWHERE)'),
        ('"batch_size": 64', "7: 64"),
        ("# Command: python", "# Command: 'python"),
        ("FEATURE_COLUMNS = [", "FEATURE_COLUMNS = [{1}, [2], *(), "),
    ],
)
def test_whatever_is_edited_gives_lines(old: str, new: str) -> None:
    by_hand = edited(FOUND, (old, new))
    for before, after in ((FOUND, by_hand), (by_hand, FOUND)):
        assert lines(before, after, by_hand=True)
        assert lines(before, after)


@settings(max_examples=100, deadline=None)
@given(start=st.integers(0, len(FOUND)), length=st.integers(0, 12), new=st.text(max_size=6))
def test_no_edit_is_without_a_line(start: int, length: int, new: str) -> None:
    by_hand = FOUND[:start] + new + FOUND[start + length :]
    try:
        found = lines(FOUND, by_hand, by_hand=True)
    except (SyntaxError, ValueError):
        return
    assert bool(found) == (by_hand != FOUND)
