"""From a request to a spec: everything it rests on is in its hash, and what is missing is refused."""

from __future__ import annotations

import dataclasses
import shutil
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pandas as pd
import pytest

from codegen.request.choices import DEFAULT_DATASET, NOT_FEATURES, PROJECT, THRESHOLDS
from codegen.request.configs import load_hpo, load_model
from codegen.request.resolve import choose_assets, choose_normalisation, read_schema, resolve_hpo, resolve_training
from codegen.request.spec import ExperimentSpec, HpoSpec, TrainingSpec
from data.dataset import publish
from data.manifest import entry_for
from runtime.model.architecture import Architecture
from tests.helpers.questions import BUDGETS, ask, refused

FOUND = {
    "architecture": "d192_h6_l4_p10",
    "learning_rate": 0.0003,
    "weight_decay": 0.01,
    "dropout": 0.25,
    "batch_size": 64,
}
EMPTY: dict[str, Any] = {}


def hpo(**fields: Any) -> HpoSpec:
    return resolve_hpo(ask(PROJECT, **fields)[1])


def training(found: dict[str, Any] = FOUND, **fields: Any) -> TrainingSpec:
    return resolve_training(ask(PROJECT, **fields)[1], hyperparameters=found, provenance=EMPTY, search_first=[])


HPO, TRAINING = hpo(), training()


def other(value: Any) -> Any:
    """Another value, of the same type where there is one."""
    if value is None:
        return "x"
    if isinstance(value, dict | tuple):
        return {**value, "another": 1} if isinstance(value, dict) else (*value, "another")
    return value + "x" if isinstance(value, str) else value + 1


@pytest.mark.parametrize(
    ("spec", "name"), [(spec, field.name) for spec in (HPO, TRAINING) for field in dataclasses.fields(spec)]
)
def test_the_hash_changes_with_every_field(spec: ExperimentSpec, name: str) -> None:
    changed: ExperimentSpec = dataclasses.replace(spec, **{name: other(getattr(spec, name))})
    assert changed.sha256() != spec.sha256()


def test_the_hash_changes_with_the_order_of_columns_and_not_of_names() -> None:
    assert dataclasses.replace(HPO, feature_columns=HPO.feature_columns[::-1]).sha256() != HPO.sha256()
    assert dataclasses.replace(HPO, space=dict(reversed(HPO.space.items()))).sha256() == HPO.sha256()
    assert hpo().sha256() == HPO.sha256()


def test_a_spec_holds_what_was_asked_and_what_the_configurations_say() -> None:
    fixed = load_hpo("2M").fixed
    assert (HPO.threshold, HPO.parameter_budget) == (THRESHOLDS["threshold_1pct"], BUDGETS["2M"])
    assert HPO.fixed == TRAINING.fixed == msgspec.structs.asdict(fixed)
    assert HPO.data_sha256 == entry_for(Path(DEFAULT_DATASET)).content_sha256
    assert hpo(seed=1, search_seed=2, training_seed=3).seed == 1
    assert TRAINING.hyperparameters == {name: value for name, value in FOUND.items() if name != "architecture"}


def test_chunks_hold_three_of_the_longest_samples_at_every_horizon() -> None:
    assert {hpo(horizon=horizon).chunk_length for horizon in (1, 7)} == {201}
    assert hpo(context_length=30).chunk_length == 111
    assert hpo(chunk_length=67).chunk_length == 67


def test_fields_of_an_architecture_stand_once_and_are_all_there() -> None:
    fields = {field.name for field in dataclasses.fields(Architecture)} - {"num_channels", "context_length"}
    for architecture in HPO.architectures.values():
        assert not architecture.keys() & HPO.model.keys()
        assert architecture.keys() | HPO.model.keys() == fields
    assert TRAINING.model == HPO.model
    assert TRAINING.architectures == {"d192_h6_l4_p10": HPO.architectures["d192_h6_l4_p10"]}
    assert HPO.architectures.keys() == load_model("2M").architectures.keys()


@pytest.mark.parametrize(
    ("asked", "on_a_panel", "of_one_series"),
    [(None, "quantiles", None), ("standard", None, None), ("quantiles", "quantiles", "quantiles")],
)
def test_a_panel_is_normalised_by_quantiles_unless_asked_otherwise(
    asked: str | None, on_a_panel: str | None, of_one_series: str | None
) -> None:
    request = dataclasses.replace(ask(PROJECT)[1], normalisation=asked)
    assert choose_normalisation(["AAPL"], request) == on_a_panel
    assert choose_normalisation([], request) == of_one_series
    assert resolve_hpo(request).normalisation == of_one_series


def test_assets_that_never_train_are_drawn_by_the_splits_seed_fewer_among_more() -> None:
    assets = [f"A{number}" for number in range(12)]

    def drawn(count: int, seed: int = 42) -> set[str]:
        request = dataclasses.replace(ask(PROJECT)[1], holdout_assets=count, seed=seed)
        return set(choose_assets(assets, request)["holdout_assets"])

    assert [len(drawn(count)) for count in range(12)] == list(range(12))
    assert all(drawn(count) < drawn(count + 1) for count in range(11))
    assert len({frozenset(drawn(4, seed)) for seed in range(6)}) > 1
    with refused("--holdout-assets 12: ", "holds 12 assets, and some must train"):
        drawn(12)


def test_the_assets_that_train_are_nested_and_none_of_those_apart() -> None:
    assets = [f"A{number}" for number in range(12)]

    def drawn(count: int | None, seed: int = 42) -> tuple[set[str], set[str]]:
        given = {"holdout_assets": 3, "training_assets": count, "seed": seed}
        chosen = choose_assets(assets, dataclasses.replace(ask(PROJECT)[1], **given))
        return set(chosen["training_assets"]), set(chosen["holdout_assets"])

    sets = [drawn(count)[0] for count in range(1, 9)]
    assert [len(each) for each in sets] == list(range(1, 9))
    assert all(smaller < larger for smaller, larger in pairwise(sets))
    assert not sets[-1] & drawn(8)[1]
    assert drawn(None)[0] == set()
    assert len({frozenset(drawn(2, seed)[0]) for seed in range(6)}) > 1
    with refused("--training-assets 9: ", "holds 12 assets; allowed: fewer than 9, or all"):
        drawn(9)


def test_a_phase_of_assets_needs_a_panel() -> None:
    with refused("phase6d asks how many assets are enough", "holds one series", "name a panel with --data"):
        choose_assets([], ask(PROJECT, phase="phase6d", task="threshold_2pct")[1])


def test_a_script_without_findings_has_neither_recipe_nor_architecture() -> None:
    spec = training({})
    assert (spec.hyperparameters, spec.architectures) == ({}, {})


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (FOUND | {"architecture": "d192"}, "architecture of budget 2M 'd192' is not known; allowed: d128_h8_l8_p10"),
        (FOUND | {"learningrate": 1.0}, "hyperparameter 'learningrate' is not known; allowed: architecture"),
        ({"architecture": "d192_h6_l4_p10"}, "hyperparameters lack learning_rate, weight_decay, dropout, batch_size"),
    ],
)
def test_hyperparameters_must_be_complete(found: dict[str, Any], message: str) -> None:
    with refused(message):
        training(found)


def test_all_features_are_taken_or_the_chosen_ones_in_their_order() -> None:
    columns = entry_for(Path(DEFAULT_DATASET)).columns
    assert HPO.feature_columns == tuple(name for name in columns if name not in NOT_FEATURES)
    assert hpo(feature_columns=["rsi14", "adx14"]).feature_columns == ("rsi14", "adx14")


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["rsi14", "rsi41"], "lacks the columns ['rsi41']; it has ['Date', 'Open'"),
        ("rsi14", "lacks the columns ['r', 's', 'i'"),
        (["rsi14", "adx14", "rsi14"], "needs feature columns, each once"),
        ([], "needs feature columns"),
        (["Date"], "each once and never Date"),
    ],
)
def test_columns_that_cannot_be_used_are_refused(columns: Any, message: str) -> None:
    with refused(DEFAULT_DATASET, message):
        read_schema(ask(PROJECT, feature_columns=columns)[1])


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A project with the data and no code."""
    shutil.copytree(PROJECT / "configs", tmp_path / "configs")
    (tmp_path / DEFAULT_DATASET).parent.mkdir(parents=True)
    shutil.copy(PROJECT / DEFAULT_DATASET, tmp_path / DEFAULT_DATASET)
    shutil.copy(PROJECT / "data/manifest.json", tmp_path / "data/manifest.json")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("data/processed/other.parquet", "has no entry in data/manifest.json: run `python -m data"),
        ("../SPX_dataset_c.parquet", "lies outside the project"),
        ("/SPX_dataset_c.parquet", "lies outside the project"),
        (f"data/../{DEFAULT_DATASET}", f"write it as it stands in the manifest: {DEFAULT_DATASET}"),
        (f"./{DEFAULT_DATASET}", f"write it as it stands in the manifest: {DEFAULT_DATASET}"),
    ],
)
def test_data_are_named_as_in_the_manifest(root: Path, path: str, message: str) -> None:
    with refused(path, message):
        read_schema(ask(root, data_path=path)[1])


def test_the_same_data_have_one_name_on_every_machine(root: Path) -> None:
    with refused(f"write it as it stands in the manifest: {DEFAULT_DATASET}"):
        read_schema(ask(root, data_path=str(root / DEFAULT_DATASET))[1])


def test_data_may_lack_volume_and_no_price(root: Path) -> None:
    whole = pd.read_parquet(root / DEFAULT_DATASET)
    publish(whole.drop(columns="Volume"), root / DEFAULT_DATASET, (), "x", root)
    assert "rsi14" in read_schema(ask(root)[1])[0]
    publish(whole.drop(columns="Low"), root / DEFAULT_DATASET, (), "x", root)
    with refused("lacks the columns ['Low']"):
        read_schema(ask(root)[1])


@pytest.mark.parametrize("content", [None, b"", b"PAR1", b"no parquet at all"])
def test_a_damaged_file_is_refused(root: Path, content: bytes | None) -> None:
    (root / DEFAULT_DATASET).unlink()
    if content is not None:
        (root / DEFAULT_DATASET).write_bytes(content)
    with refused(f"{DEFAULT_DATASET}: "):
        read_schema(ask(root)[1])


@pytest.mark.parametrize("content", [None, b"", b"{}", b"[]", b"\xff"])
def test_data_without_a_manifest_entry_are_refused(root: Path, content: bytes | None) -> None:
    (root / "data/manifest.json").unlink()
    if content is not None:
        (root / "data/manifest.json").write_bytes(content)
    with refused("data/manifest.json", "python -m data build"):
        read_schema(ask(root)[1])
