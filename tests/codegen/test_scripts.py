"""Generated scripts as text: golden, deterministic, a fixed point of black, safe whatever a column is called."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
from difflib import unified_diff
from pathlib import Path

import black
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from codegen import generate_hpo_script, generate_training_script
from codegen.seal import is_intact
from codegen.syntax.render import LINE_LENGTH
from tests.helpers.golden_scripts import FOLDER, FOUND, NAMES, make_real_golden, question
from tests.helpers.small_project import SOURCE
from tests.helpers.whole_specs import ODD_COLUMNS, make_odd_project


@pytest.fixture(scope="module")
def golden() -> dict[str, str]:
    return make_real_golden()


def test_every_golden_script_is_reviewed(golden: dict[str, str]) -> None:
    assert {path.name for path in FOLDER.iterdir()} == set(NAMES) == golden.keys()


@pytest.mark.parametrize("name", NAMES)
def test_scripts_are_as_reviewed(golden: dict[str, str], name: str) -> None:
    reviewed = (FOLDER / name).read_text()
    changes = "".join(unified_diff(reviewed.splitlines(True), golden[name].splitlines(True), "reviewed", "now"))
    assert not changes, f"{changes}\nfix: python -m tests.helpers.golden_scripts, then review the diff"


@pytest.mark.parametrize("name", NAMES)
def test_scripts_are_sealed_and_a_fixed_point_of_black(golden: dict[str, str], name: str) -> None:
    text = golden[name]
    assert is_intact(text)
    assert black.format_str(text, mode=black.Mode(line_length=LINE_LENGTH)) == text


def test_the_same_bytes_under_any_hash_seed(golden: dict[str, str]) -> None:
    program = (
        "from tests.helpers.golden_scripts import make_real_golden; print(''.join(make_real_golden().values()), end='')"
    )
    for seed in ("0", "1", "4242", "random"):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(SOURCE)}
        printed = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, check=True)
        assert printed.stdout.decode() == "".join(golden.values())


@pytest.fixture
def odd_project(tmp_path: Path) -> Path:
    return make_odd_project(tmp_path)


def test_odd_column_names_stay_data(odd_project: Path) -> None:
    given_question = question() | {"data_path": "data/processed/odd.parquet", "project": odd_project}
    for text in (
        generate_hpo_script(**given_question),  # type: ignore[arg-type]
        generate_training_script(**given_question, hyperparameters=FOUND),  # type: ignore[arg-type]
    ):
        assert _constant(text, "FEATURE_COLUMNS") == ODD_COLUMNS
        assert text.isascii()


@pytest.mark.parametrize("column", [name for name in ODD_COLUMNS if not (name.isascii() and name.isprintable())])
def test_a_chosen_column_that_no_command_line_can_show_is_refused(odd_project: Path, column: str) -> None:
    given_question = question() | {"data_path": "data/processed/odd.parquet", "project": odd_project}
    with pytest.raises(ValueError, match="printable ASCII"):
        generate_hpo_script(**given_question, feature_columns=[column])  # type: ignore[arg-type]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    learning_rate=st.floats(1e-9, 1.0),
    weight_decay=st.floats(0.0, 10.0),
    dropout=st.floats(0.0, 0.99),
    batch_size=st.integers(1, 10_000),
    seed=st.integers(0, 2**63),
)
def test_every_value_stands_in_the_script_as_given(
    learning_rate: float, weight_decay: float, dropout: float, batch_size: int, seed: int
) -> None:
    recipe = {
        "learning_rate": learning_rate,
        "weight_decay": weight_decay,
        "dropout": dropout,
        "batch_size": batch_size,
    }
    found = {"architecture": "d192_h6_l4_p10", **recipe}
    text = generate_training_script(**question(), hyperparameters=found, seed=seed)  # type: ignore[arg-type]
    assert _constant(text, "HYPERPARAMETERS") == recipe
    assert _constant(text, "SPLIT_SEED") == seed


def test_a_missing_file_is_a_value_error(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="python -m data import FILE"):
        generate_hpo_script(**question() | {"data_path": "data/processed/none.parquet"})  # type: ignore[arg-type]


def test_the_specifications_complete_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "data").symlink_to(SOURCE / "data")
    monkeypatch.chdir(tmp_path)
    example = Path(__file__).with_name("complete_example.txt").read_text()
    printed = subprocess.run(
        [sys.executable, "-c", example],
        env={**os.environ, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.splitlines() == ["Train: 3682, Val: 18, Test: 18", "Script validated successfully"]
    assert (tmp_path / "experiments/phase6a/hpo_2M_threshold_1pct.py").exists()


def _constant(script: str, name: str) -> object:
    for statement in ast.parse(script).body:
        if isinstance(statement, ast.Assign) and isinstance(statement.targets[0], ast.Name):
            if statement.targets[0].id == name:
                return ast.literal_eval(statement.value)
    raise AssertionError(f"no constant {name}")
