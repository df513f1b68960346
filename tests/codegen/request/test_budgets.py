"""The files of ``configs/model`` are the list of budgets."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codegen.request import choices
from codegen.request.choices import PROJECT
from codegen.request.configs import RecipeConfig, load_model
from codegen.request.resolve import resolve_hpo
from runtime.training.recipe import FIXED
from tests.helpers.questions import BUDGETS, ask

PHASE = "configs/phases/phase6a.yaml"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    shutil.copytree(PROJECT / "configs", tmp_path / "configs")
    return tmp_path


SMALL = """parameters: 8_000_000
patchtst: {channels: mixing, norm: layer, norm_first: true, positions: learned, residual_attention: false,
           pooling: flatten, instance_norm: false, last_row: true}
default: d256_h8_l10_p10
architectures:
  d256_h8_l10_p10: {d_model: 256, num_heads: 8, num_layers: 10, patch_length: 10, stride: 10}
"""


def test_a_budget_is_one_file(root: Path) -> None:
    (root / "configs/model/patchtst_8M.yaml").write_text(SMALL)
    assert choices.budget_names(root) == ["200K", "2M", "8M", "20M", "200M", "2B"]
    shutil.copytree(PROJECT / "data", root / "data")
    (root / PHASE).write_text((root / PHASE).read_text().replace("budgets: [2M,", "budgets: [2M, 8M,"))
    _, request = ask(root, budget="8M")
    spec = resolve_hpo(request)
    assert (spec.parameter_budget, list(spec.architectures)) == (8_000_000, ["d256_h8_l10_p10"])
    assert spec.space["learning_rate"] == {"low": 3e-5, "high": 1e-3, "log": True}
    assert spec.fixed == {name: each.default for name, each in FIXED.items()}
    assert load_model("8M", root).recipe == RecipeConfig()


def test_files_of_other_names_are_no_budgets(root: Path) -> None:
    for name in ("patchtst_2M_old.yaml", "patchtst_.yaml", "other.yaml", "patchtst_8M.yml"):
        (root / "configs/model" / name).write_text(SMALL)
    assert choices.budget_names(root) == list(BUDGETS)


@pytest.mark.parametrize("number", ["8000000", "8_000__000", "8_000_000_ # as YAML reads it"])
def test_budgets_are_in_order_however_their_numbers_are_written(root: Path, number: str) -> None:
    (root / "configs/model/patchtst_8M.yaml").write_text(SMALL.replace("8_000_000", number))
    assert choices.budget_names(root) == ["200K", "2M", "8M", "20M", "200M", "2B"]
    assert load_model("8M", root).parameters == 8_000_000


def test_a_number_that_is_none_is_refused_where_it_is_used_and_not_when_budgets_are_listed(root: Path) -> None:
    (root / "configs/model/patchtst_8M.yaml").write_text(SMALL.replace("8_000_000", "_8"))
    assert choices.budget_names(root)[-1] == "8M"
    with pytest.raises(choices.UsageError, match=r"patchtst_8M\.yaml.*parameters"):
        load_model("8M", root)
