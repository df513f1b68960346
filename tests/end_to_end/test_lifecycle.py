"""The whole life of an experiment, each command run as a user runs it, on ten years of the real prices."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from safetensors.torch import load_file

from runtime.judging.baselines import BASELINES
from runtime.judging.openings import OPENINGS
from runtime.judging.sealed_test import weights_sha256
from tests.helpers.small_project import make_small_project, run

GENERATE = ("-m", "codegen", "phase6a", "2M", "threshold_1pct", "--trials", "2", "--hpo-train-fraction", "0.05")
HPO = "experiments/phase6a/hpo_2M_threshold_1pct.py"
TRAIN = "experiments/phase6a/train_2M_threshold_1pct.py"
BEST = "experiments/phase6a/hpo_2M_threshold_1pct.best.json"
TRAINED = "outputs/phase6a/train_2M_threshold_1pct"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_small_project(tmp_path_factory.mktemp("project"))
    assert run(root, *GENERATE).returncode == 0
    return root


@pytest.fixture(scope="module")
def searched(project: Path) -> Path:
    """The project after its search and the regeneration that the search asks for."""
    search = run(project, HPO)
    assert search.returncode == 0, search.stderr
    assert search.stdout.splitlines()[-1] == f"next: {' '.join(['python', *GENERATE])}"
    assert run(project, *GENERATE).returncode == 0
    return project


@pytest.fixture(scope="module")
def trained(searched: Path) -> Path:
    """The project after its training."""
    training = run(searched, TRAIN)
    assert training.returncode == 0, training.stderr
    return searched


def test_an_unsearched_training_script_says_what_to_run_first(tmp_path: Path) -> None:
    root = make_small_project(tmp_path)
    run(root, *GENERATE)
    refused = run(root, TRAIN)
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert f"run first: python {HPO}, then python -m codegen phase6a 2M threshold_1pct" in refused.stderr


def test_importing_a_script_does_nothing(project: Path) -> None:
    imported = run(project, "-c", "import experiments.phase6a.hpo_2M_threshold_1pct")
    assert (imported.returncode, imported.stdout, imported.stderr) == (0, "", "")


@pytest.mark.parametrize("arguments", [(HPO, "--dry-run"), (HPO, "--trials", "1", "--output", "elsewhere")])
def test_looking_leaves_no_result(project: Path, arguments: tuple[str, ...]) -> None:
    before = {path for path in project.rglob("*.json") if "elsewhere" not in path.parts}
    looked = run(project, *arguments)
    assert looked.returncode == 0, looked.stderr
    assert "validation    282 samples" in looked.stdout
    assert {path for path in project.rglob("*.json") if "elsewhere" not in path.parts} == before


def test_a_finished_search_fills_the_training_script(searched: Path) -> None:
    best = json.loads((searched / BEST).read_text())
    assert best["trials"]["completed"] + best["trials"]["pruned"] + best["trials"]["failed"] == 2
    assert best["ended_by"] == "trials"
    text = (searched / TRAIN).read_text()
    assert repr(best["best"]["hyperparameters"]["learning_rate"]) in text
    assert repr(best["best"]["value"]) in text
    assert "require_hyperparameters" not in text


def test_rerunning_a_finished_search_adds_no_trial(searched: Path) -> None:
    before = (searched / BEST).read_bytes()
    again = run(searched, HPO)
    assert again.returncode == 0, again.stderr
    assert "trial 3" not in again.stdout
    assert json.loads((searched / BEST).read_text())["best"] == json.loads(before)["best"]


def test_a_trained_result_is_complete(trained: Path) -> None:
    result = json.loads((trained / TRAINED / "result.json").read_text())
    assert result["status"] == "finished"
    assert abs(result["parameter_count"] - 2_000_000) <= 100_000
    assert list(result["test"]) == ["model", *(each.name for each in BASELINES)]
    assert result["test"]["model"]["samples"] == result["splits"]["test"]["samples"]
    assert (trained / TRAINED / "script.py").read_bytes() == (trained / TRAIN).read_bytes()
    weights = load_file(trained / TRAINED / "model.safetensors")
    assert weights_sha256(weights) == result["weights_sha256"]


def test_the_test_split_opens_once(trained: Path) -> None:
    log = trained / OPENINGS
    assert len(log.read_text().splitlines()) == 1
    generated = run(trained, *GENERATE, "--training-seed", "7", "--hyperparameters", "default")
    assert generated.returncode == 0, generated.stderr
    second = run(trained, TRAIN.replace(".py", "_default.py"))
    assert second.returncode == 2
    assert "--reopen-test" in second.stderr
    assert len(log.read_text().splitlines()) == 1
    assert not (trained / f"{TRAINED}_default").exists(), "it is refused before anything is trained"


def test_a_shorter_training_stays_apart(searched: Path) -> None:
    short = run(searched, TRAIN, "--epochs", "1", "--output", "apart")
    assert short.returncode == 0, short.stderr
    result = json.loads((searched / "apart/phase6a/train_2M_threshold_1pct_short/result.json").read_text())
    assert result["shortened_to_epochs"] == 1
    assert result["test"] is None


def test_other_data_are_refused(searched: Path, tmp_path: Path) -> None:
    root = make_small_project(tmp_path)
    script = root / TRAIN
    script.parent.mkdir(parents=True)
    script.write_text((searched / TRAIN).read_text().replace('DATA_SHA256 = "', 'DATA_SHA256 = "0'))
    refused = run(root, TRAIN)
    assert refused.returncode == 2
    assert "holds other data" in refused.stderr
