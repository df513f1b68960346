"""What a judged run leaves behind, and that nothing in it was decided by the test split or found in noise."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from runtime.arrays import Floats, Indices
from runtime.judging.intervals import PROTOCOL
from runtime.judging.judge import Judge
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.training.trainer import Trainer
from tests.helpers import market
from tests.helpers.tiny import make_arguments, make_experiment, make_trainer, with_labels

EXPERIMENT = make_experiment()
SPLITS = EXPERIMENT.splits
OPENING = {"opening": 1, "weights_sha256": "0" * 64}
FORECASTS = ["model", "base_rate", "ewma_volatility", "logistic_regression", "gradient_boosting", "boosting_history"]


def fitted(experiment: Experiment = EXPERIMENT) -> Trainer:
    trainer = make_trainer(experiment, max_epochs=3)
    trainer.fit()
    return trainer


TRAINER = fitted()


def make_judge(arguments: Arguments, experiment: Experiment = EXPERIMENT, trainer: Trainer = TRAINER) -> Judge:
    return Judge(experiment, trainer.predict, arguments.output, arguments.outputs / "baselines")


def judge(arguments: Arguments, experiment: Experiment = EXPERIMENT, trainer: Trainer = TRAINER) -> dict[str, Any]:
    judging = make_judge(arguments, experiment, trainer)
    return judging.validation() | judging.test(OPENING)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Arguments, dict[str, Any]]:
    arguments = make_arguments(tmp_path_factory.mktemp("judged"))
    return arguments, judge(arguments)


def test_record_holds_every_forecast_on_both_splits(judged: tuple[Arguments, dict[str, Any]]) -> None:
    _, record = judged
    assert record["interval_protocol"] == PROTOCOL
    for split, chunks in (("validation", SPLITS.val_chunks), ("test", SPLITS.test_chunks)):
        assert list(record[split]) == FORECASTS
        assert {report["chunks"] for report in record[split].values()} == {len(chunks)}
        assert [name for name in FORECASTS if "model_minus_this" not in record[split][name]] == ["model"]


def test_difference_to_a_baseline_is_that_of_the_reported_losses(judged: tuple[Arguments, dict[str, Any]]) -> None:
    for split in ("validation", "test"):
        reports = judged[1][split]
        for name in FORECASTS[1:]:
            for metric, difference in reports[name]["model_minus_this"].items():
                expected = reports["model"][metric] - reports[name][metric]
                assert difference["difference"] == pytest.approx(expected, abs=1e-12)


def test_thresholds_and_temperatures_of_test_are_those_of_validation(judged: tuple[Arguments, dict[str, Any]]) -> None:
    _, record = judged
    assert record["decision_threshold"] == record["validation"]["model"]["decision"]["threshold"]
    for name in FORECASTS:
        validation, test = record["validation"][name], record["test"][name]
        for part, choice in (("decision", "threshold"), ("temperature_scaled", "temperature")):
            assert (validation[part] or {}).get(choice) == (test[part] or {}).get(choice)
        scaled = validation["temperature_scaled"]
        assert scaled is None or scaled["log_loss"] <= validation["log_loss"] + 1e-12


def knows_something(indices: Indices) -> Floats:
    """Logits of a model that saw the labels through fog."""
    return 2 * EXPERIMENT.labels_of(indices) - 2 + np.random.default_rng(0).normal(size=indices.size)


def test_addition_is_what_the_stored_forecasts_give(tmp_path: Path) -> None:
    """Weight, rival and gains, computed again from the probabilities on the disk."""
    judging = Judge(EXPERIMENT, knows_something, tmp_path, tmp_path / "baselines")
    record = judging.validation() | judging.test(OPENING)
    addition, table = record["addition"], pd.read_parquet(tmp_path / "predictions.parquet")
    assert addition["rival"] == min(FORECASTS[1:], key=lambda name: record["validation"][name]["log_loss"])
    assert 0 < addition["weight"] < 1, "this test needs a combination that is neither of the two"

    def losses(split: str, weight: float) -> pd.Series:
        part = table[table["split"] == split]
        model, rival = (np.log(part[name] / (1 - part[name])) for name in ("model", addition["rival"]))
        return np.logaddexp(0, (1 - 2 * part["label"]) * (weight * model + (1 - weight) * rival))

    weights = np.linspace(0, 1, 201)
    best = min(weights, key=lambda weight: losses("validation", weight).mean())
    assert addition["weight"] == pytest.approx(best, abs=0.005)
    for split in ("validation", "test"):
        gains = addition[split]["minus_rival"]
        assert list(gains) == ["combination", "mean", "second_fit", "rescaled"]
        for name, weight in (("combination", addition["weight"]), ("mean", 0.5)):
            expected = losses(split, weight).mean() - losses(split, 0).mean()
            assert gains[name]["difference"] == pytest.approx(expected, rel=1e-6)
        assert gains["second_fit"]["difference"] != 0


def check_reasons(value: Any) -> int:
    """Every null has its reason beside it, and every reason a null; return how many there are."""
    if isinstance(value, list):
        return sum(map(check_reasons, value))
    if not isinstance(value, dict):
        return 0
    missing = {name for name, each in value.items() if each is None}
    assert missing == set(value.get("undefined", {}))
    return len(missing) + sum(map(check_reasons, value.values()))


def test_every_null_has_its_reason_and_every_reason_its_null(tmp_path: Path) -> None:
    experiment = with_labels(EXPERIMENT, np.concatenate([SPLITS.val_indices, SPLITS.test_indices]), 0.0)
    record = judge(make_arguments(tmp_path), experiment)
    assert min(check_reasons(record[split]) for split in ("validation", "test")) > 20
    assert check_reasons(record["addition"]) > 0
    assert record["decision_threshold"] is None


def test_stored_predictions_are_those_that_were_judged(judged: tuple[Arguments, dict[str, Any]]) -> None:
    arguments, record = judged
    table = pd.read_parquet(arguments.output / "predictions.parquet")
    assert list(table) == ["split", "date", "chunk", "label", *FORECASTS]
    for split, indices in (("validation", SPLITS.val_indices), ("test", SPLITS.test_indices)):
        part = table[table["split"] == split]
        np.testing.assert_array_equal(part["label"], EXPERIMENT.labels_of(indices))
        np.testing.assert_array_equal(part["date"], EXPERIMENT.series.dates[EXPERIMENT.decision_rows(indices)])
        assert part.groupby("chunk").size().tolist() == [part.shape[0] // len(part["chunk"].unique())] * 2
        for name in FORECASTS:
            chances = np.where(part["label"] == 1, part[name], 1 - part[name])
            assert -np.log(chances).mean() == pytest.approx(record[split][name]["log_loss"], rel=1e-6)


def test_without_an_opening_no_test_prediction_is_stored(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    record = make_judge(arguments).validation()
    assert (record["test"], record["test_opening"]) == (None, None)
    assert set(pd.read_parquet(arguments.output / "predictions.parquet")["split"]) == {"validation"}


def test_permuted_test_labels_change_the_test_report_and_no_choice(tmp_path: Path) -> None:
    test = SPLITS.test_indices
    shuffled = np.random.default_rng(0).permutation(EXPERIMENT.labels_of(test))
    other = with_labels(EXPERIMENT, test, shuffled)
    one, two = (
        make_judge(make_arguments(tmp_path / name), experiment, fitted(experiment))
        for name, experiment in (("one", EXPERIMENT), ("two", other))
    )
    assert (one.tuned, one.combination) == (two.tuned, two.combination)
    assert one.validation() == two.validation()
    records = [judging.test(OPENING) for judging in (one, two)]
    additions = [record["addition"] for record in records]
    for choice in ("rival", "weight", "decision_threshold", "validation"):
        assert additions[0][choice] == additions[1][choice]
    assert additions[0]["test"] != additions[1]["test"]
    tests = [record["test"] for record in records]
    for name in FORECASTS:
        for choice in ("decision", "temperature_scaled"):
            values = [(report[name][choice] or {}) for report in tests]
            assert values[0].get("threshold") == values[1].get("threshold")
            assert values[0].get("temperature") == values[1].get("temperature")
        assert tests[0][name]["prediction"] == tests[1][name]["prediction"]
    assert tests[0]["model"]["log_loss"] != tests[1]["model"]["log_loss"]


def noise_experiment(seed: int) -> Experiment:
    """Persistent features that know nothing of the price, and labels that overlap for five days: leaks would pay."""
    random = np.random.default_rng(seed)
    daily = market.make_daily(1000, seed=seed)
    for name in market.FEATURES:
        daily[name] = pd.Series(random.normal(size=len(daily))).ewm(alpha=0.05).mean()
    series = market.make_series(daily)
    splitter = ChunkSplitter(len(series), 8, 5, 0.25, 0.25, seed=seed, chunk_length=50)
    labels = series.labels(threshold=0.01, horizon=5, price="high")
    return replace(EXPERIMENT, series=series, horizon=5, labels=labels, splitter=splitter, splits=splitter.split())


def test_canary_of_independent_noise_shows_no_skill(tmp_path: Path) -> None:
    """Six markets: mean skill is at most noise, and hardly an interval claims any."""
    skills: dict[str, list[float]] = {name: [] for name in FORECASTS}
    claims = 0
    for seed in range(6):
        experiment = noise_experiment(seed)
        record = judge(make_arguments(tmp_path / str(seed)), experiment, fitted(experiment))
        for name in FORECASTS:
            report = record["test"][name]
            skills[name].append(report["log_loss_skill"])
            claims += name != "base_rate" and report["intervals"]["log_loss_skill"]["bootstrap"][0] > 0
    assert claims <= 0.1 * 6 * (len(FORECASTS) - 1)
    for name, values in skills.items():
        assert np.mean(values) < 2 * np.std(values, ddof=1) / np.sqrt(6) + 1e-9, (name, values)
        assert max(values) < 0.1
