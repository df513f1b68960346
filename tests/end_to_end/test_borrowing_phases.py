"""The phases that borrow their searches: all written and gated, and one script of each shape run as a user runs it."""

from __future__ import annotations

import ast
import json
from pathlib import Path
from typing import Any

import pytest

from codegen.request.configs import load_model
from codegen.request.phase_files import load_phase
from codegen.request.phases import select
from codegen.seal import is_intact
from tests.helpers.golden_scripts import FOUND, leave_search
from tests.helpers.small_project import SOURCE, make_small_project, run

PHASES = ("phase6b", "phase6c")
SHORT = {"context_length": 20, "chunk_length": 60}
FLAGS = ("--context-length", "20", "--chunk-length", "60")
SHAPES = {
    "train_2M_threshold_1pct_h5": "phase6b",
    "train_2M_threshold_1pct_5d": "phase6c",
    "train_2M_threshold_1pct_weekly": "phase6c",
}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project after every search of phase6a, with both phases that borrow from them."""
    root = make_small_project(tmp_path_factory.mktemp("phases"))
    for budget in load_phase("phase6a", root).budgets:
        found = {**FOUND, "architecture": load_model(budget, root).default}
        for task in ("threshold_1pct", "threshold_3pct", "threshold_5pct"):
            leave_search(root, found, budget=budget, task=task, **SHORT)
    for phase in PHASES:
        generated = run(root, "-m", "codegen", phase, *FLAGS)
        assert generated.returncode == 0, generated.stderr
    return root


def names_of(module: str) -> set[str]:
    """What a module of the runtime defines, read and not imported."""
    tree = ast.parse((SOURCE / f"{module.replace('.', '/')}.py").read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.ClassDef)}


@pytest.mark.parametrize("phase", PHASES)
def test_a_whole_phase_is_written_sealed_and_resolves(project: Path, phase: str) -> None:
    folder = project / "experiments" / phase
    cells = select(phase, project=project)
    assert {path.name for path in folder.iterdir()} - {".lock"} == {
        *(Path(cell.training_file).name for cell in cells),
        "README.md",
    }
    runtime: dict[str, set[str]] = {}
    for cell in cells:
        text = (project / cell.training_file).read_text()
        assert is_intact(text)
        compile(text, cell.training_file, "exec")
        assert f'"source": "experiments/phase6a/hpo_{cell.budget}_threshold_' in text
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and str(node.module).startswith("runtime."):
                module = str(node.module)
                assert {alias.name for alias in node.names} <= runtime.setdefault(module, names_of(module))


PLAN_THEN_TRAIN = """
import runpy, sys
script = sys.argv[1]
for flags in (["--dry-run"], []):
    sys.argv = [script, *flags]
    try:
        runpy.run_path(script, run_name="__main__")
    except SystemExit as ended:
        if ended.code:
            raise
"""  # one process for both, because most of its time goes into imports


@pytest.mark.parametrize("name", SHAPES)
def test_each_shape_plans_and_trains(project: Path, name: str) -> None:
    trained = run(project, "-c", PLAN_THEN_TRAIN, f"experiments/{SHAPES[name]}/{name}.py")
    assert trained.returncode == 0, trained.stderr
    plan, training = trained.stdout.split("memory: ")
    assert "shared between splits: 0" in plan
    assert "ms a step of 64 samples" in plan
    assert "epoch 1/1" in training
    result: dict[str, Any] = json.loads((project / "outputs" / SHAPES[name] / name / "result.json").read_text())
    assert result["status"] == "finished"
    assert len(result["training"]["epochs"]) == 1
    assert result["test"]["model"]["samples"] == result["splits"]["test"]["samples"] > 0


def test_a_search_runs_at_another_timescale(project: Path) -> None:
    config = project / "configs" / "hpo" / "patchtst_2M.yaml"
    config.write_text(config.read_text().replace("max_epochs: 1\n", "max_epochs: 2\n"))
    question = ("phase6a", "2M", "threshold_1pct", "--timescale", "weekly", "--trials", "2")
    generated = run(project, "-m", "codegen", *question, *FLAGS)
    assert generated.returncode == 0, generated.stderr
    searched = run(project, "experiments/phase6a/hpo_2M_threshold_1pct_weekly.py")
    assert searched.returncode == 0, searched.stderr
    best = json.loads((project / "experiments/phase6a/hpo_2M_threshold_1pct_weekly.best.json").read_text())
    assert (best["timescale"], best["n_trials"], best["fixed"]["max_epochs"]) == ("weekly", 2, 2)
