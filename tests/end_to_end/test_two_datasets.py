"""Two datasets in one clone, through the whole way: nothing of one is ever in the way of the other."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.helpers.small_project import SOURCE, make_small_project, run
from tests.helpers.tiny_run import read

ASKED = ("phase6a", "2M", "threshold_1pct")
SHORT = ("--trials", "1", "--hpo-train-fraction", "0.05")
ON_AAPL = ("-m", "codegen", *ASKED, "--data", "AAPL", *SHORT)
PLACE = "phase6a/AAPL/train_2M_threshold_1pct"


def contents(project: Path) -> dict[Path, bytes]:
    """Everything of the default dataset: its scripts, its manifest and all of its outputs, but no page."""
    files = [*(project / "experiments/phase6a").rglob("*"), *(project / "outputs/phase6a").rglob("*")]
    kept = [file for file in files if file.is_file() and "AAPL" not in file.parts and "report" not in str(file)]
    assert any(file.name == "model.safetensors" for file in kept)
    return {file: file.read_bytes() for file in kept}


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The default dataset's experiment was written and judged shortly; then the other's whole way was gone."""
    root = make_small_project(tmp_path_factory.mktemp("two"))
    shutil.copytree(SOURCE / "data/raw", root / "data/raw", dirs_exist_ok=True)
    go(root, "-m", "codegen", *ASKED, *SHORT)
    go(root, "-m", "codegen", *ASKED, "--hyperparameters", "default")
    go(root, "experiments/phase6a/train_2M_threshold_1pct_default.py")
    before = contents(root)
    go(
        root,
        "-m",
        "data",
        "import",
        "data/raw/US4_daily.csv.gz",
        "--ticker",
        "AAPL",
        "--name",
        "AAPL",
        "--accept-jumps",
    )
    go(root, *ON_AAPL)
    go(root, "experiments/phase6a/AAPL/hpo_2M_threshold_1pct.py")
    go(root, *ON_AAPL)
    go(root, f"experiments/{PLACE}.py")
    go(root, "-m", "codegen", *ASKED, "--data", "AAPL", "--hyperparameters", "default")
    go(root, "experiments/phase6a/AAPL/train_2M_threshold_1pct_default.py", "--no-test")  # the other one opened it
    assert contents(root) == before
    go(root, "-m", "runtime", "report", "phase6a")
    assert contents(root) == before
    return root


def go(project: Path, *command: str) -> str:
    """Run a command that must succeed."""
    answer = run(project, *command)
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def test_the_other_dataset_has_folders_of_its_own(project: Path) -> None:
    result = read(project / "outputs" / PLACE / "result.json")
    assert (result["status"], result["script"]) == ("finished", PLACE)
    assert result["experiment"] == "phase6a_2M_threshold_1pct_AAPL"
    found = result["hyperparameters_from"]["source"]
    assert found == "experiments/phase6a/AAPL/hpo_2M_threshold_1pct.best.json"
    assert json.loads((project / found).read_text())["data_sha256"] == result["data_sha256"]
    assert "# phase6a/AAPL" in (project / "experiments/phase6a/AAPL/README.md").read_text()
    assert sorted(path.name for path in (project / "outputs/phase6a/AAPL").glob("*/") if path.name != "report") == [
        "hpo_2M_threshold_1pct",
        "train_2M_threshold_1pct",
        "train_2M_threshold_1pct_default",
    ]


def test_each_has_its_page_and_one_compares_them(project: Path) -> None:
    for page in ("phase6a", "phase6a/AAPL"):
        assert "train 2M threshold 1pct" in (project / "outputs" / page / "report.html").read_text().replace("_", " ")
    compared = (project / "outputs/report.html").read_text()
    assert "The same question on several datasets" in compared
    assert "Datasets that share days are not independent evidence" in compared
    assert (project / "outputs/report/markets.png").is_file()


def test_a_run_knows_what_is_finished_on_which_dataset(project: Path) -> None:
    plan = go(project, "-m", "runtime", "run", *ASKED, "--data", "AAPL", "--dry-run")
    assert "search phase6a/AAPL/2M_threshold_1pct" in plan
    assert "search phase6a/2M_threshold_1pct" not in plan
    assert "hpo_2M_threshold_1pct.py" not in plan.replace("AAPL/hpo_2M_threshold_1pct.py", "")


def test_a_stale_file_of_either_is_seen(project: Path) -> None:
    assert run(project, *ON_AAPL, "--check").returncode == 0
    script = project / f"experiments/{PLACE}.py"
    before = script.read_bytes()
    script.write_bytes(before + b"# by hand\n")
    try:
        checked = run(project, "-m", "codegen", *ASKED, "--data", "AAPL", *SHORT, "--check")
        assert (checked.returncode, f"edited: experiments/{PLACE}.py" in checked.stderr) == (1, True)
        whole = run(project, "-m", "codegen", "phase6a", "--check")
        assert f"extra: experiments/{PLACE}.py (edited against its own command" in whole.stderr
        refused = run(project, *ON_AAPL)
        assert (refused.returncode, script.read_bytes()) == (1, before + b"# by hand\n")
    finally:
        script.write_bytes(before)


def test_what_the_other_found_is_lent_on_request(project: Path) -> None:
    asked = ("-m", "codegen", *ASKED, *SHORT[2:], "--hyperparameters", "from:AAPL")
    refused = run(project, "-m", "codegen", *ASKED, "--embargo", "7", "--hyperparameters", "from:AAPL")
    assert (refused.returncode, "it differs in embargo" in refused.stderr) == (2, True)
    go(project, *asked)
    text = (project / "experiments/phase6a/train_2M_threshold_1pct_from_AAPL.py").read_text()
    assert "# Searched on AAPL, used here on other data, as --hyperparameters from:AAPL asks." in text
