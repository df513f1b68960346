"""A finished search fills its training script; one of another question, or a damaged one, never does."""

from __future__ import annotations

import ast
import contextlib
import copy
from functools import reduce
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.files.planning import Planned, plan
from codegen.request.choices import UsageError
from codegen.request.spec import TrainingSpec
from tests.helpers.questions import ask, leave_finding, make_finding, refused

BEST = "experiments/phase6a/hpo_2M_threshold_1pct.best.json"
SEARCH = "python experiments/phase6a/hpo_2M_threshold_1pct.py"


@pytest.fixture
def finding(project: Path) -> dict[str, Any]:
    return make_finding(*ask(project))


def train(project: Path, content: bytes | dict[str, Any], **request: Any) -> Planned:
    """The training script planned beside a finding of the default question."""
    leave_finding(ask(project)[0], project, content)
    return plan(*ask(project, **request), default_recipe=False).scripts[-1]


def altered(finding: dict[str, Any], path: str, value: Any = None, *, drop: bool = False) -> dict[str, Any]:
    """A copy with the value at ``a.b.c`` replaced, or dropped."""
    changed = copy.deepcopy(finding)
    *parents, last = path.split(".")
    holder = reduce(lambda inner, name: inner[name], parents, changed)
    if drop:
        del holder[last]
    else:
        holder[last] = value
    return changed


def paths(finding: dict[str, Any]) -> list[str]:
    """Every key that the generator reads."""
    outer = [name for name in finding if name != "hours"]
    best = [f"best.{name}" for name in finding["best"]]
    return outer + best + [f"best.hyperparameters.{name}" for name in finding["best"]["hyperparameters"]]


def test_a_finding_fills_the_training_script(project: Path, finding: dict[str, Any]) -> None:
    tree = ast.parse(train(project, finding).render().text)
    values = {
        statement.targets[0].id: ast.literal_eval(statement.value)
        for statement in tree.body
        if isinstance(statement, ast.Assign)
        and isinstance(statement.targets[0], ast.Name)
        and statement.targets[0].id in ("HYPERPARAMETERS", "MODEL", "ARCHITECTURES", "PROVENANCE")
    }
    hyperparameters = dict(finding["best"]["hyperparameters"])
    name = hyperparameters.pop("architecture")
    assert values["HYPERPARAMETERS"] == hyperparameters
    assert {each: values["MODEL"] | own for each, own in values["ARCHITECTURES"].items()} == {
        name: finding["best"]["architecture"]
    }
    assert values["PROVENANCE"] == {
        "source": BEST,
        "task": "threshold_1pct",
        "horizon": 1,
        "timescale": "daily",
        "trial": 7,
        "val_loss": 0.5,
        "trials": {"completed": 30, "pruned": 20, "failed": 0},
        "ended_by": "trials",
    }


def test_a_borrowing_phase_trains_on_the_search_it_names(project: Path, finding: dict[str, Any]) -> None:
    borrowers = [{"phase": "phase6b", "horizon": 5}, {"phase": "phase6c", "timescale": "weekly"}]
    specs = [train(project, finding, **each).spec for each in borrowers]
    assert all(isinstance(spec, TrainingSpec) for spec in specs)
    assert [spec.provenance["source"] for spec in specs] == [BEST, BEST]
    assert [spec.hyperparameters["dropout"] for spec in specs] == [0.25, 0.25]


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("data_sha256", "0" * 64),
        ("feature_columns", ["rsi14"]),
        ("label_price", "close"),
        ("fixed.max_epochs", 31),
        ("fixed.unknown", 1),
        ("threshold", 0.03),
        ("horizon", 5),
        ("timescale", "weekly"),
        ("experiment", "phase6a_2M_threshold_3pct"),
        ("task", "threshold_3pct"),
        ("budget", "20M"),
        ("phase", "phase6b"),
        ("normalisation", "quantiles"),
        ("split.seed", 43),
        ("split.mode", "contiguous"),
        ("split.context_length", 61),
        ("split.val_ratio", 0.2),
        ("split.test_ratio", 0.2),
        ("split.chunk_length", 202),
        ("split.embargo", 1),
        ("split.max_gap_days", 30),
        ("split.seed", None),
        ("best.hyperparameters.architecture", "d1_h1_l1_p1"),
        ("best.architecture.d_ff", 32),
        ("best.architecture.norm", "batch"),
        ("best.architecture", {}),
        ("best.architecture.extra", 1),
    ],
)
def test_a_finding_of_another_question_is_refused(
    project: Path, finding: dict[str, Any], path: str, value: object
) -> None:
    with refused(BEST, SEARCH):
        train(project, altered(finding, path, value))


@pytest.mark.parametrize(
    "request_field",
    [
        {"seed": 7},
        {"context_length": 30},
        {"label_price": "close"},
        {"normalisation": "quantiles"},
        {"embargo": 5},
        {"split_mode": "contiguous"},
        {"val_ratio": 0.1},
    ],
)
def test_a_script_of_another_question_is_refused(
    project: Path, finding: dict[str, Any], request_field: dict[str, Any]
) -> None:
    with refused(BEST, SEARCH):
        train(project, finding, **request_field)


def test_a_refusal_names_every_difference_and_the_flag_that_asks_for_what_was_searched(
    project: Path, finding: dict[str, Any]
) -> None:
    columns = finding["feature_columns"]
    fewer = altered(altered(finding, "feature_columns", columns[5:]), "fixed.max_epochs", 31)
    with pytest.raises(UsageError) as refusal:
        train(project, fewer, embargo=5, feature_columns=[*columns[::-1][3:]])
    assert str(refusal.value).startswith(
        f"{BEST} was searched with other values: it differs in feature_columns, fixed.max_epochs and embargo; "
    )
    assert refusal.value.__notes__ == [
        f"feature_columns in this script lacks vix_return5, vix_to_mean60 and realised_to_vix, "
        f"has {', '.join(columns[4:1:-1])} and 2 more besides, has the others in another order (--feature-column)",
        "fixed.max_epochs is 31.0 there and 1 in this script (configs/hpo/patchtst_2M.yaml)",
        "embargo is 0 there and 5 in this script (--embargo 0)",
    ]


def test_a_refusal_of_the_architecture_says_what_is_other(project: Path, finding: dict[str, Any]) -> None:
    with refused(BEST, "\nd_ff is 32 there and ", "\nnorm is batch there and layer in this script"):
        train(project, altered(altered(finding, "best.architecture.d_ff", 32), "best.architecture.norm", "batch"))


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("best.value", "low"),
        ("best.trial", 1.5),
        ("best.trial", True),
        ("best.hyperparameters.learning_rate", 0),
        ("best.hyperparameters.dropout", 1.0),
        ("best.hyperparameters.weight_decay", -1),
        ("best.hyperparameters.batch_size", 0),
        ("best.hyperparameters", []),
        ("best.hyperparameters", {"momentum": 0.9}),
        ("ended_by", "boredom"),
        ("trials", {"completed": "many"}),
        ("split", None),
    ],
)
def test_a_finding_of_wrong_values_is_refused(project: Path, finding: dict[str, Any], path: str, value: object) -> None:
    with refused(BEST, SEARCH, f"$.{path}"):
        train(project, altered(finding, path, value))


def test_only_a_finished_search_counts(project: Path, finding: dict[str, Any]) -> None:
    def train_on(ended_by: str, completed: int, pruned: int) -> None:
        trials = {"completed": completed, "pruned": pruned, "failed": 0}
        train(project, finding | {"ended_by": ended_by, "trials": trials})

    for finished in (("trials", 1, 49), ("timeout", 10, 0)):
        train_on(*finished)
    for unfinished in (("trials", 0, 50), ("trials", 30, 19), ("timeout", 9, 30)):
        with refused(BEST, SEARCH, "has not finished"):
            train_on(*unfinished)


def test_a_finding_that_lacks_anything_is_refused(project: Path, finding: dict[str, Any]) -> None:
    for path in paths(finding):
        with refused(BEST, SEARCH, f"missing required field `{path.split('.')[-1]}`"):
            train(project, altered(finding, path, drop=True))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{",
        b"null",
        b"\xff\xfe{}",
        b"NaN",
        b"not JSON",
        b'{"split":' + b'{"a":' * 100_000,
        b'{"best": 1e999}',
    ],
)
def test_a_file_that_is_no_finding_is_refused(project: Path, content: bytes) -> None:
    with refused(BEST, SEARCH):
        train(project, content)


def test_a_value_that_is_no_number_is_refused(project: Path, finding: dict[str, Any]) -> None:
    valid = msgspec.json.encode(finding)
    for value in (b"NaN", b"Infinity", b"1e999"):
        with refused(BEST, SEARCH):
            train(project, valid.replace(b'"value":0.5', b'"value":' + value))


def test_damage_is_refused_or_harmless(project_copy: Path) -> None:
    cell, request = ask(project_copy, phase="phase6b", horizon=5)
    home, asked = ask(project_copy)
    valid = msgspec.json.encode(make_finding(home, asked))

    @settings(max_examples=50, deadline=None)
    @given(start=st.integers(0, len(valid)), length=st.integers(0, 3), new=st.binary(max_size=3))
    def damage(start: int, length: int, new: bytes) -> None:
        leave_finding(home, project_copy, valid[:start] + new + valid[start + length :])
        with contextlib.suppress(UsageError):
            plan(cell, request, default_recipe=False)

    damage()
