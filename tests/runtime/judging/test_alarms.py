"""Each alarm fires on a made case and is silent on a clean one."""

from typing import Any

import numpy as np
import optuna
import pytest
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from runtime.judging.alarms import (
    Alarm,
    Watch,
    best_epoch_at_edge,
    collapse,
    far_features,
    few_positives,
    no_skill,
    optimum_at_border,
    print_alarms,
    search_alarms,
    training_alarms,
    underpowered,
)
from runtime.judging.evaluation import Tuned, base_rate_logit, evaluate, log_loss
from runtime.judging.intervals import forecast_intervals, paired_difference
from runtime.judging.network_share import share_report
from runtime.search.trial import describe
from tests.helpers.tiny import make_experiment, with_labels

EXPERIMENT = make_experiment()
SPLITS = EXPERIMENT.splits


def names(alarms: list[Alarm]) -> list[str]:
    assert all(set(each) == {"name", "message"} for each in alarms)
    return [each["name"] for each in alarms]


def report(logits: Any) -> dict[str, Any]:
    labels = np.tile([0.0, 1.0], len(logits) // 2)
    return evaluate(labels, np.asarray(logits, float), train_base_rate=0.4, tuned=Tuned(None, None))


@pytest.mark.parametrize(("logits", "fires"), [([0.01, -0.01] * 4, True), ([0.0] * 8, True), ([0.1, -0.1] * 4, False)])
def test_collapse(logits: list[float], fires: bool) -> None:
    prediction = report(logits)["prediction"]
    assert names(collapse("validation", prediction["mean"], prediction["std"])) == ["collapse"] * fires


def test_a_single_epoch_raises_alarms_while_training_goes_on() -> None:
    watch, rate = Watch(EXPERIMENT), EXPERIMENT.labels_of(EXPERIMENT.splits.train_indices).mean()
    labels = EXPERIMENT.labels_of(EXPERIMENT.splits.val_indices)
    base = log_loss(labels, np.full(labels.shape, base_rate_logit(rate)))
    assert names(watch(base - 0.01, 0.2)) == []
    assert names(watch(base + 1e-9, 0.2)) == ["no_skill"]
    assert names(watch(base - 0.01, 0.0)) == ["collapse"]
    assert names(watch(base + 1, 0.001)) == ["collapse", "no_skill"]


@pytest.mark.parametrize(("loss", "fires"), [(0.41, True), (0.4, True), (0.39, False)])
def test_no_skill(loss: float, fires: bool) -> None:
    assert names(no_skill("validation", loss, 0.4)) == ["no_skill"] * fires


@pytest.mark.parametrize(
    ("best", "epochs", "says"), [(1, 30, "first"), (30, 30, "last"), (2, 30, None), (29, 30, None), (1, 1, "first")]
)
def test_best_epoch_at_edge(best: int, epochs: int, says: str | None) -> None:
    alarms = best_epoch_at_edge(best, epochs)
    assert names(alarms) == ["best_epoch_at_edge"] * (says is not None)
    assert says is None or f"the {says} " in alarms[0]["message"]


@pytest.mark.parametrize(
    ("value", "distribution", "fires"),
    [
        (1.1e-5, FloatDistribution(1e-5, 1e-3, log=True), True),
        (9e-4, FloatDistribution(1e-5, 1e-3, log=True), True),
        (2e-5, FloatDistribution(1e-5, 1e-3, log=True), False),
        (9e-4, FloatDistribution(0.0, 1e-3), False),
        (0.11, FloatDistribution(0.1, 0.7), True),
        (0.69, FloatDistribution(0.1, 0.7), True),
        (0.4, FloatDistribution(0.1, 0.7), False),
        (8, IntDistribution(1, 8), True),
        (4, IntDistribution(1, 8), False),
        (32, CategoricalDistribution((32, 64, 128)), False),
    ],
)
def test_optimum_at_border(value: float, distribution: BaseDistribution, fires: bool) -> None:
    assert names(optimum_at_border({"it": value}, {"it": distribution})) == ["optimum_at_border"] * fires


def test_far_features_names_the_feature_and_how_often() -> None:
    rows = np.random.default_rng(0).normal(size=(100, 3)).astype(np.float32)
    assert far_features("validation", rows, ["a", "b", "c"]) == []
    rows[:4, 1] = 6
    assert far_features("validation", rows, ["a", "b", "c"]) == []
    rows[:10, 1] = -6
    (alarm,) = far_features("validation", rows, ["a", "b", "c"])
    assert (alarm["name"], alarm["message"].endswith("b on 10% of the days")) == ("far_features", True)


def test_no_distribution_has_so_many_far_values_that_training_alone_would_alarm() -> None:
    rows = np.zeros((1000, 1))
    rows[:39] = 1.0  # nearly the worst case of Chebyshev's inequality
    rows = (rows - rows.mean()) / rows.std()
    assert far_features("training", rows.astype(np.float32), ["a"]) == []


def reports(better_by: float, chunks: int = 6) -> dict[str, Any]:
    random = np.random.default_rng(0)
    chunk_of = np.repeat(np.arange(chunks), 50)
    truth = 2 * random.normal(size=chunk_of.size)
    labels = (random.random(truth.size) < 1 / (1 + np.exp(-truth))).astype(float)
    rival = truth + better_by * random.normal(size=truth.size)
    return {"rival": {"model_minus_this": paired_difference(labels, truth, rival, chunk_of)}}


def test_underpowered_comparison_says_what_could_be_seen() -> None:
    assert underpowered("test", reports(better_by=4.0), "rival") == []
    (alarm,) = underpowered("test", reports(better_by=0.05), "rival")
    assert alarm["name"] == "underpowered"
    assert "log_loss differs by" in alarm["message"]
    assert "cannot be told from chance" in alarm["message"]


def test_comparison_on_two_chunks_is_underpowered_because_it_has_no_interval() -> None:
    (alarm,) = underpowered("test", reports(better_by=4.0, chunks=2), "rival")
    assert "log_loss has no interval (2 chunks are fewer than 3)" in alarm["message"]


def test_few_positives() -> None:
    assert few_positives(EXPERIMENT) == []
    assert names(few_positives(with_labels(EXPERIMENT, SPLITS.test_indices, 0.0))) == ["few_positives"]


def judged(experiment: Any, model: Any, *, best_epoch: int = 3) -> dict[str, Any]:
    """The part of a record that alarms read; ``model`` turns labels into logits."""
    record: dict[str, Any] = {"training": {"best_epoch": best_epoch}, "recipe": {"max_epochs": 10}, "test": None}
    record["network_share"] = {}
    for split, indices in (("validation", SPLITS.val_indices), ("test", SPLITS.test_indices)):
        labels, chunk_of = experiment.labels_of(indices), np.repeat(np.arange(4), indices.size // 4)
        record[split] = {}
        linear = np.full(labels.size, 0.1)
        share = share_report(labels, model(labels), linear, linear, chunk_of, train_base_rate=0.43)
        record["network_share"][split] = share
        for name, logits in (("model", model(labels)), ("base_rate", np.full(labels.size, -0.3))):
            record[split][name] = evaluate(labels, logits, train_base_rate=0.43, tuned=Tuned(None, None)) | {
                "intervals": forecast_intervals(labels, logits, chunk_of, train_base_rate=0.43),
                "model_minus_this": paired_difference(labels, model(labels), logits, chunk_of),
            }
    return record


def test_clean_run_raises_no_alarm() -> None:
    noise = np.random.default_rng(0).normal(size=SPLITS.val_indices.size)
    record = judged(EXPERIMENT, lambda labels: 3 * labels - 1.5 + noise)
    assert training_alarms(EXPERIMENT, record) == []


def test_bad_run_raises_them_for_every_open_split() -> None:
    record = judged(EXPERIMENT, lambda labels: np.full(labels.size, 0.5), best_epoch=1)
    record["validation"]["model"]["log_loss"] += 1  # with so few samples a constant may beat the base rate by chance
    record["test"]["model"]["log_loss"] += 1
    both, validation = (names(training_alarms(EXPERIMENT, each)) for each in (record, record | {"test": None}))
    assert validation[:3] == ["best_epoch_at_edge", "collapse", "no_skill"]
    assert [both.count(name) for name in ("best_epoch_at_edge", "collapse", "no_skill")] == [1, 2, 2]


def best_trial(value: float, **attributes: Any) -> optuna.trial.FrozenTrial:
    return optuna.trial.create_trial(
        value=value,
        params={"dropout": attributes.pop("dropout", 0.3)},
        distributions={"dropout": FloatDistribution(0.0, 0.5)},
        user_attrs={"best_epoch": 3, "val_spread": 0.2} | attributes,
    )


@pytest.mark.parametrize(
    ("trial", "expected"),
    [
        (best_trial(0.4), []),
        (best_trial(0.9), ["no_skill"]),
        (best_trial(0.4, val_spread=0.001), ["collapse"]),
        (best_trial(0.4, best_epoch=10), ["best_epoch_at_edge"]),
        (best_trial(0.4, dropout=0.49), ["optimum_at_border"]),
    ],
)
def test_search_raises_the_alarms_of_its_best_trial(trial: optuna.trial.FrozenTrial, expected: list[str]) -> None:
    assert names(search_alarms(EXPERIMENT, trial, max_epochs=10)) == expected


@pytest.mark.parametrize(
    ("value", "spread", "said"), [(0.4, 0.2, ""), (0.9, 0.0, ", alarm: collapse, alarm: no_skill")]
)
def test_a_trials_line_says_its_alarms(value: float, spread: float, said: str) -> None:
    trial = best_trial(value, val_spread=spread, seconds=1.0)
    assert describe([trial], 4, Watch(EXPERIMENT)) == f"trial 1/4: val_loss {value:.4f}{said}, 1 s  [dropout 0.3]"


def test_alarms_are_printed_one_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    print_alarms([{"name": "collapse", "message": "all the same"}, {"name": "no_skill", "message": "none"}])
    assert capsys.readouterr().out == "alarm: collapse: all the same\nalarm: no_skill: none\n"
