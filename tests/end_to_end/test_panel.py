"""Several real stocks from a file to a judged model and a page, as a newcomer would do it."""

from __future__ import annotations

import shutil
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runtime import load_predictor
from runtime.errors import UserError
from tests.helpers.small_project import SOURCE, make_small_project, run
from tests.helpers.tiny_run import read

PANEL = "data/processed/US4_panel_c.parquet"
PLACE = "phase6a/US4/train_2M_threshold_1pct_default"
BY_ASSETS = ("train_200K_threshold_2pct_1asset", "train_200K_threshold_2pct_2assets", "train_200K_threshold_2pct")
FLAGS = ("--data", "US4", "--hyperparameters", "default", "--holdout-assets", "1", "--chunk-length", "150")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project whose panel was imported, trained on and reported."""
    root = make_small_project(tmp_path_factory.mktemp("panel"))
    (root / "data/raw").mkdir(exist_ok=True)
    for name in ("US4_daily.csv.gz", "SPX_daily.csv.gz"):
        shutil.copy(SOURCE / "data/raw" / name, root / "data/raw" / name)
    given = ("data/raw/US4_daily.csv.gz", "--panel", "--name", "US4", "--accept-jumps")
    for command in (
        ("-m", "data", "import", *given, "--vix", "data/raw/SPX_daily.csv.gz"),
        ("-m", "codegen", "phase6a", "2M", "threshold_1pct", *FLAGS),
        (f"experiments/{PLACE}.py",),
        ("-m", "codegen", "phase6d", "200K", "--data", "US4", "--chunk-length", "150"),
        ("-m", "runtime", "run", "phase6d", "200K", "--data", "US4"),
        ("-m", "runtime", "report"),
    ):
        answer = run(root, *command)
        assert answer.returncode == 0, answer.stderr
    return root


@pytest.fixture(scope="module")
def result(project: Path) -> dict[str, Any]:
    return read(project / f"outputs/{PLACE}/result.json")


def test_the_record_is_of_all_assets_and_of_the_one_that_never_trained(result: dict[str, Any]) -> None:
    assert (result["assets"], result["training_assets"]) == (["AAPL", "GOOG", "IBM", "MSFT"], ["AAPL", "GOOG", "IBM"])
    assert result["status"] == "finished"
    assert (result["recipe"]["validate_every"], result["recipe"]["learning_rate"]) == (5, 5e-5), "a panel's own recipe"
    assert result["normalisation"] == "quantiles", "of every panel, unless asked otherwise"
    assert list(result["by_asset"]["validation"]["assets"]) == ["AAPL", "GOOG", "IBM"]
    assert list(result["by_asset"]["test"]["assets"]) == result["assets"]
    assert result["unseen"]["model"]["samples"] == result["by_asset"]["test"]["assets"]["MSFT"]["samples"]
    assert result["test"]["model"]["intervals"]["log_loss"]["t"] is not None


def test_the_table_of_forecasts_holds_the_asset(project: Path) -> None:
    table = pd.read_parquet(project / f"outputs/{PLACE}/predictions.parquet")
    assert sorted(table.loc[table["split"] == "test", "asset"].unique()) == ["AAPL", "GOOG", "IBM", "MSFT"]


def test_a_trained_model_forecasts_any_assets_table(project: Path) -> None:
    predictor = load_predictor(project / f"outputs/{PLACE}")
    panel = pd.read_parquet(project / PANEL)
    table = pd.read_parquet(project / f"outputs/{PLACE}/predictions.parquet").query("split == 'test'")
    for asset in ("AAPL", "MSFT"):
        mine = table[table["asset"] == asset].set_index("date")["model"]
        forecast = predictor.predict(panel[panel["Asset"] == asset])
        np.testing.assert_allclose(forecast.loc[mine.index], mine, rtol=1e-4)
    with pytest.raises(UserError, match="the table holds 4 assets: forecast the rows of one at a time"):
        predictor.predict(panel)


def test_the_page_says_on_how_many_assets_the_model_is_better(project: Path) -> None:
    page = (project / "outputs/phase6a/US4/report.html").read_text()
    assert "of 4 assets (95 % of resampled chunks: " in page
    assert "Log loss by asset on test" in page
    assert "All forecasts on test samples of assets that are held out whole" in page
    assert "equal-weighted index of 4 assets" in page.lower()


def test_what_a_panel_cannot_be_asked_is_refused_when_scripts_are_written(project: Path) -> None:
    for flags, told in (
        (("--timescale", "weekly"), "is a panel, which has daily bars only"),
        (("--holdout-assets", "4"), "holds 4 assets, and some must train"),
    ):
        answer = run(project, "-m", "codegen", "phase6a", "2M", "threshold_1pct", "--data", "US4", *flags)
        assert answer.returncode == 2
        assert told in answer.stderr
    answer = run(project, "-m", "codegen", "phase6a", "2M", "threshold_1pct", "--holdout-assets", "1")
    assert "holds one series, no panel of assets" in answer.stderr


def test_sets_of_assets_are_nested_and_judged_on_the_same_days_and_assets(project: Path) -> None:
    results = [read(project / f"outputs/phase6d/US4/{script}/result.json") for script in BY_ASSETS]
    assert [len(each["training_assets"]) for each in results] == [1, 2, 4]
    assert set(results[0]["training_assets"]) < set(results[1]["training_assets"])
    assert [each["splits"]["training"]["samples"] for each in results] == sorted(
        {each["splits"]["training"]["samples"] for each in results}
    )
    for each, split in product(results, ("validation", "test")):
        assert each["splits"][split] == results[0]["splits"][split]
        judged = each["by_asset"][split]["assets"]
        assert [name for name, asset in judged.items() if asset["trains"]] == each["training_assets"]
        assert list(judged) == ["AAPL", "GOOG", "IBM", "MSFT"]


def test_their_test_split_is_opened_once_for_all(project: Path) -> None:
    results = [read(project / f"outputs/phase6d/US4/{script}/result.json") for script in BY_ASSETS]
    (opening, *others) = [each["test_opening"] for each in results]
    assert others == [opening] * 2
    assert opening["together"] == {each["script_sha256"]: each["weights_sha256"] for each in results}
    assert (opening["opening"], opening["repeats"]) == (1, False)
    log = (project / "experiments/test_openings.jsonl").read_text()
    assert log.count("\n") == 2, "one of phase6a, one of these"
    again = run(project, "-m", "runtime", "run", "phase6d", "200K", "--data", "US4")
    assert (again.returncode, again.stdout.count("finished earlier")) == (0, 3)
    assert (project / "experiments/test_openings.jsonl").read_text() == log
    assert "opened once for this and 2 other trainings" in (project / "outputs/phase6d/US4/report.html").read_text()


def test_the_page_draws_the_loss_by_training_samples(project: Path) -> None:
    page = (project / "outputs/phase6d/US4/report.html").read_text()
    assert "1 of 4 assets" in page
    assert "by training samples" in page
    assert "--training-assets N, for another N" in page
