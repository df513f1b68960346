"""The shipped configurations hold together, and a broken one is named with its key."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import get_args, get_type_hints

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.request import choices, findings
from codegen.request.choices import PROJECT, UsageError
from codegen.request.configs import Fixed, RecipeConfig, Shared, Space, load_hpo, load_model
from codegen.request.parameters import PARAMETERS
from codegen.request.phase_files import load_phase
from data.schema import DEFAULT_DATASET, PRICE_COLUMNS
from runtime.model.architecture import _CHOICES as CHOICES
from runtime.model.architecture import BUDGET_TOLERANCE
from runtime.records.results import Split
from runtime.samples import bars
from runtime.samples.chunk_splitter import SplitMode
from runtime.samples.labels import LABELS
from runtime.samples.timeline import MAX_GAP_DAYS
from runtime.samples.windows import NORMALISERS
from runtime.search import study as search
from runtime.training.recipe import FIXED, Recipe
from tests.helpers.questions import BUDGETS, refused

PHASE, MODEL, HPO = ("configs/phases/phase6a.yaml", "configs/model/patchtst_2M.yaml", "configs/hpo/patchtst_2M.yaml")
LOADERS: dict[str, Callable[[Path], object]] = {
    PHASE: lambda project: load_phase("phase6a", project),
    MODEL: lambda project: load_model("2M", project),
    HPO: lambda project: load_hpo("2M", project),
}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "configs", tmp_path / "configs")
    return tmp_path


@pytest.mark.parametrize(
    ("file", "old", "new", "key"),
    [
        (PHASE, "2B]\n", "2B\n", "line 3: while parsing a flow sequence that begins in line 2, expected ','"),
        (
            PHASE,
            "budgets: [2M,",
            "budgets: [3M,",
            "line 2, budgets[0]: '3M' is not allowed; allowed: 200K, 2M, 20M, 200M, 2B",
        ),
        (PHASE, "horizons: [1]", "horizons: [4]", "line 4, horizons[0]: 4 is not allowed; allowed: 1, 2, 3, 5, 7"),
        (PHASE, "horizons: [1]", "horizons: []", "line 4, horizons: "),
        (PHASE, "horizons: [1]", "horizons: 1", "line 4, horizons: "),
        (PHASE, "horizons: [1]", "horizon: [1]", "line 4: unknown key 'horizon'"),
        (PHASE, "timescales: [daily]", "timescales: [1]", "line 5, timescales[0]: 1 is not allowed"),
        (
            PHASE,
            "searches: [threshold_1pct,",
            "searches: [threshold_4pct,",
            "line 6, searches[0]: 'threshold_4pct' is not allowed",
        ),
        (
            PHASE,
            "timescales: [daily]",
            "timescales: !!python/object/apply:os.getcwd []",
            "python/object/apply:os.getcwd",
        ),
        (MODEL, "parameters: 2_000_000", "parameters: !!python/object:pathlib.Path {}", "python/object:pathlib.Path"),
        (MODEL, "learning_rate: 1.0e-4", "learning_rate: 0", "recipe.learning_rate"),
        (MODEL, "learning_rate: 1.0e-4", "learning_rate: 1e-4", "recipe.learning_rate"),  # YAML 1.1 reads a string
        (MODEL, "dropout: 0.4", "dropout: 1.0", "recipe.dropout"),
        (MODEL, "weight_decay: 0.1", "weight_decay: .nan", "line 20: '.nan' is not allowed"),
        (MODEL, "batch_size: 128", "batch_size: 64.5", "recipe.batch_size"),
        (MODEL, "batch_size: 128", "batch: 128", "line 22, recipe: unknown key 'batch'"),
        (
            MODEL,
            "num_heads: 8, num_layers: 8",
            "num_heads: eight, num_layers: 8",
            "line 13, architectures.d128_h8_l8_p10.num_heads: 'eight' is not allowed; allowed: an integer",
        ),
        (
            MODEL,
            "default: d192",
            "checkpoint_activations: maybe\ndefault: d192",
            "line 11, checkpoint_activations: 'maybe' is not allowed; allowed: true, false",
        ),
        (
            MODEL,
            "patchtst:            # shared by every architecture of this budget\n  channels: mixing\n  norm: layer",
            "checkpoint_activations: true\npatchtst:\n  channels: mixing\n  norm: batch",
            "line 2, checkpoint_activations: true is not allowed; allowed: false (patchtst.norm is batch",
        ),
        (MODEL, "default: d192", "sharding: 8\ndefault: d192", "line 11, sharding: 8 is not allowed; allowed:"),
        (
            MODEL,
            "patchtst:            # shared by every architecture of this budget\n  channels: mixing\n  norm: layer",
            "sharding: fsdp\npatchtst:\n  channels: mixing\n  norm: batch",
            "line 2, sharding: 'fsdp' is not allowed; allowed: none (patchtst.norm is batch",
        ),
        (HPO, "high: 0.7}", "high: 0.7, log: true}", "line 6, space.dropout: unknown key 'log'"),
        (HPO, "low: 0.1", "low: 0.9", "space.dropout"),
        (HPO, "low: 3.0e-5", "low: 0.0", "space.learning_rate"),
        (HPO, "high: 0.7", "high: .inf", "line 6: '.inf' is not allowed"),
        (HPO, "choices: [32, 64, 128]", "choices: []", "space.batch_size.choices"),
        (HPO, "choices: [32, 64, 128]", "choices: [32, 0]", "space.batch_size.choices[1]"),
        (HPO, "max_epochs: 4", "max_epochs: 0", "fixed.max_epochs"),
        (HPO, "gradient_clip: 1.0", "gradient_clip: 2001-99-99", "line 12: a value of type 'timestamp' is not allowed"),
        (HPO, "warmup_share: 0.3", "warmup_share: 1.5", "pruning.warmup_share"),
        (HPO, "  patience: 4\n", "  patience: 4\n  speed: 3\n", "line 11, fixed: unknown key 'speed'"),
        (HPO, "fixed:", "rest: {}\nfixed:", "line 8: unknown key 'rest'"),
    ],
)
def test_a_broken_configuration_is_named_with_its_key(root: Path, file: str, old: str, new: str, key: str) -> None:
    text = (root / file).read_text()
    assert old in text
    (root / file).write_text(text.replace(old, new, 1))
    with refused(f"{file}, line ", key):
        LOADERS[file](root)


@pytest.mark.parametrize("file", LOADERS)
@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"just words",
        b"\xff\xfe\x00",
        b"a: b: c",
        b"{" * 1200,
        b"&a [*a]",
        b"? " * 5000,
        b"x" * 10**6,
        b'"\\UFFFFFFFF"',
    ],
)
def test_a_file_that_is_no_configuration_is_refused(root: Path, file: str, content: bytes) -> None:
    (root / file).write_bytes(content)
    with refused(file):
        LOADERS[file](root)


def test_a_missing_configuration_is_refused(root: Path) -> None:
    (root / MODEL).unlink()
    with refused(f"{MODEL} is missing"):
        LOADERS[MODEL](root)


@pytest.mark.parametrize("file", LOADERS)
def test_a_link_is_refused(root: Path, file: str) -> None:
    (root / file).rename(root / "elsewhere.yaml")
    (root / file).symlink_to(root / "elsewhere.yaml")
    with refused(f"{file} is a symbolic link"):
        LOADERS[file](root)


@pytest.mark.parametrize("file", LOADERS)
def test_damage_is_refused_or_harmless(tmp_path_factory: pytest.TempPathFactory, file: str) -> None:
    root = tmp_path_factory.mktemp("damage")
    shutil.copytree(PROJECT / "configs", root / "configs")
    text = (root / file).read_text()

    @settings(max_examples=60, deadline=None)
    @given(start=st.integers(0, len(text)), length=st.integers(0, 5), new=st.text("{}[]:,-#'\"&*\n\t 0ae.", max_size=4))
    def damage(start: int, length: int, new: str) -> None:
        (root / file).write_text(text[:start] + new + text[start + length :])
        try:
            LOADERS[file](root)
        except UsageError as error:
            assert str(error).startswith(file)  # noqa: PT017
            assert "\n" not in str(error)  # noqa: PT017

    damage()


@pytest.mark.parametrize("context_length", [60, 120])
@pytest.mark.parametrize("num_channels", [1, 29])
@pytest.mark.parametrize("budget", BUDGETS)
def test_every_architecture_meets_its_budget(budget: str, num_channels: int, context_length: int) -> None:
    model = load_model(budget)
    assert model.default in model.architectures
    solved = model.solve(budget, num_channels=num_channels, context_length=context_length)
    assert solved.keys() == model.architectures.keys()
    for architecture in solved.values():
        distance = abs(architecture.parameter_count() - BUDGETS[budget])
        assert distance <= BUDGET_TOLERANCE * BUDGETS[budget]


def test_an_architecture_that_cannot_meet_its_budget_is_named(root: Path) -> None:
    model = load_model("2M", root)
    with refused("configs/model/patchtst_2M.yaml, architecture d128_h8_l8_p10: ", "cannot meet a budget of 1,000"):
        msgspec.structs.replace(model, parameters=1000).solve("2M", num_channels=29, context_length=60)


@pytest.mark.parametrize("budget", BUDGETS)
def test_the_default_recipe_lies_where_the_search_looks(budget: str) -> None:
    recipe, space = load_model(budget).recipe, load_hpo(budget).space
    for name in ("learning_rate", "weight_decay", "dropout"):
        ends = getattr(space, name)
        assert ends.low <= getattr(recipe, name) <= ends.high
    assert recipe.batch_size in space.batch_size.choices


def test_searched_and_fixed_values_are_the_recipe() -> None:
    recipe = {field.name for field in dataclasses.fields(Recipe)}
    assert set(Space.__struct_fields__) | set(Fixed.__struct_fields__) == recipe - {"validate_every"}
    assert not set(Space.__struct_fields__) & set(Fixed.__struct_fields__)
    assert set(Space.__struct_fields__) == set(RecipeConfig.__struct_fields__)


def test_choices_are_what_the_runtime_knows() -> None:
    assert bars.TIMESCALES == choices.TIMESCALES
    assert tuple(LABELS) == choices.LABEL_PRICES
    assert get_args(SplitMode) == choices.SPLIT_MODES
    assert tuple(NORMALISERS) == choices.NORMALISATIONS
    assert {name: get_args(kind) for name, kind in get_type_hints(Shared).items() if get_args(kind)} == CHOICES
    assert findings.LEAST_COMPLETED == search.LEAST_COMPLETED
    assert choices.DEFAULT_DATASET == DEFAULT_DATASET
    recorded = {field.name: field.default for field in msgspec.structs.fields(Split)}["max_gap_days"]
    assert PARAMETERS["max_gap_days"].default == recorded == MAX_GAP_DAYS
    assert ("Asset", "Date", *PRICE_COLUMNS) == choices.NOT_FEATURES
    assert {f"threshold_{percent}pct": percent / 100 for percent in (1, 2, 3, 5)} == choices.THRESHOLDS


def test_what_a_file_leaves_out_is_as_the_recipe_declares(root: Path) -> None:
    (root / HPO).write_text((root / HPO).read_text().replace("  patience: 4\n", "", 1))
    assert load_hpo("2M", root).fixed.patience == FIXED["patience"].default


def test_every_search_space_belongs_to_a_budget() -> None:
    files = {path.stem for path in (PROJECT / "configs" / "hpo").iterdir()}
    assert files <= {f"patchtst_{budget}" for budget in BUDGETS}
