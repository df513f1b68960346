"""Each metric against scikit-learn or its definition; what is undefined stays undefined."""

import math
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn import metrics

from runtime.arrays import Floats
from runtime.judging.calibration import probabilities
from runtime.judging.evaluation import Tuned, base_rate_logit, evaluate, log_loss, tune_threshold

Samples = tuple[Floats, Floats]


def report_of(labels: Floats, logits: Floats, rate: float = 0.3, **tuned: float | None) -> dict[str, Any]:
    values: dict[str, float | None] = {"threshold": None, "temperature": None}
    return evaluate(labels, logits, train_base_rate=rate, tuned=Tuned(**(values | tuned)))


def to_arrays(pairs: list[tuple[bool, float]]) -> Samples:
    labels, logits = zip(*pairs, strict=True)
    return np.asarray(labels, dtype=np.float64), np.asarray(logits, dtype=np.float64)


def samples_of(logits: st.SearchStrategy[float]) -> st.SearchStrategy[Samples]:
    return st.lists(st.tuples(st.booleans(), logits), min_size=2, max_size=40).map(to_arrays)


def has_two_classes(samples: Samples) -> bool:
    return bool(0 < samples[0].sum() < samples[0].size)


samples = samples_of(st.floats(-8, 8))
two_classes = samples.filter(has_two_classes)
tied = samples_of(st.integers(-4, 4).map(float)).filter(lambda drawn: bool(drawn[0].any()))
rates = st.floats(0.01, 0.99)


@given(samples, rates)
@settings(max_examples=60, deadline=None)
def test_losses_equal_scikit_learn(drawn: Samples, rate: float) -> None:
    labels, logits = drawn
    report = report_of(labels, logits, rate)
    forecast = probabilities(logits)
    assert report["log_loss"] == pytest.approx(metrics.log_loss(labels, forecast, labels=[0, 1]), rel=1e-9)
    assert report["brier"] == pytest.approx(np.square(labels - forecast).mean(), rel=1e-12)
    assert (report["samples"], report["positives"]) == (labels.size, labels.sum())
    for name in ("mean", "std", "min", "median", "max"):
        assert report["prediction"][name] == pytest.approx(getattr(np, name)(1 / (1 + np.exp(-logits))), abs=1e-12)


@given(two_classes, rates)
@settings(max_examples=60, deadline=None)
def test_rank_metrics_equal_scikit_learn(drawn: Samples, rate: float) -> None:
    labels, logits = drawn
    report = report_of(labels, logits, rate)
    assert report["roc_auc"] == pytest.approx(metrics.roc_auc_score(labels, logits))
    assert report["pr_auc"] == pytest.approx(metrics.average_precision_score(labels, logits))
    assert "roc_auc" not in report["undefined"]


@given(tied, st.integers(-5, 5))
@settings(max_examples=60, deadline=None)
def test_decisions_equal_scikit_learn(drawn: Samples, threshold_logit: int) -> None:
    labels, logits = drawn
    threshold = float(probabilities(np.array([threshold_logit]))[0])  # often one of the forecasts
    decision = report_of(labels, logits, threshold=threshold)["decision"]
    chosen = logits >= threshold_logit
    table = [decision[name] for name in ("true_negatives", "false_positives", "false_negatives", "true_positives")]
    assert table == metrics.confusion_matrix(labels, chosen, labels=[0, 1]).ravel().tolist()
    assert decision["recall"] == metrics.recall_score(labels, chosen)
    assert decision["precision"] == (metrics.precision_score(labels, chosen) if chosen.any() else None)
    assert decision["threshold"] == threshold


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_leaves_rank_metrics_undefined_with_the_reason(label: float) -> None:
    report = report_of(np.full(5, label), np.arange(5.0))
    assert (report["roc_auc"], report["pr_auc"]) == (None, None)
    for name in ("roc_auc", "pr_auc"):
        assert report["undefined"][name] == f"all 5 labels are {int(label)}: ranking is undefined"
    assert math.isfinite(report["log_loss"])


def test_precision_of_no_choice_and_recall_of_no_positive_are_undefined() -> None:
    decision = report_of(np.zeros(3), np.full(3, -5.0), threshold=0.5)["decision"]
    assert (decision["precision"], decision["recall"]) == (None, None)
    assert set(decision["undefined"]) == {"precision", "recall"}


def test_no_threshold_and_no_temperature_are_said_to_be_missing() -> None:
    report = report_of(np.array([0.0, 1.0]), np.zeros(2))
    assert (report["decision"], report["temperature_scaled"]) == (None, None)
    assert set(report["undefined"]) == {"decision", "temperature_scaled"}


def test_temperature_stands_beside_the_raw_numbers_and_replaces_none() -> None:
    labels, logits = np.array([0.0, 1.0, 0.0, 1.0]), np.array([-3.0, 2.0, 1.0, -0.5])
    raw, scaled = report_of(labels, logits), report_of(labels, logits, temperature=2.0)
    halved = report_of(labels, logits / 2)
    assert scaled.pop("temperature_scaled") == {
        "temperature": 2.0,
        "log_loss": halved["log_loss"],
        "brier": halved["brier"],
        "ece": halved["calibration"]["ece"],
    }
    for each in (raw, scaled):
        each.pop("undefined")
    assert raw == scaled | {"temperature_scaled": None}


def exact_f1(labels: Floats, chosen: npt.NDArray[np.bool_]) -> Fraction:
    return Fraction(2 * int((chosen & (labels == 1)).sum()), int(chosen.sum()) + int(labels.sum()))


@given(tied)
@settings(max_examples=300, deadline=None)
def test_threshold_is_the_highest_that_maximises_f1(drawn: Samples) -> None:
    labels, logits = drawn
    forecast = probabilities(logits)
    best = max((exact_f1(labels, forecast >= threshold), threshold) for threshold in forecast)
    assert tune_threshold(labels, logits) == best[1]


def test_tie_that_rounding_would_break_goes_to_the_higher_threshold() -> None:
    """F1 is 2 * 1 / (1 + 5) at the top, and 2 * 5 / (25 + 5) when all are chosen."""
    labels = np.array([1.0, *[0.0] * 20, *[1.0] * 4])
    logits = -np.arange(25.0)
    assert exact_f1(labels, logits >= 0) == exact_f1(labels, logits >= -24)
    assert tune_threshold(labels, logits) == probabilities(logits)[0]


def test_threshold_without_positives_is_undefined() -> None:
    assert tune_threshold(np.zeros(4), np.arange(4.0)) is None


@pytest.mark.parametrize(
    ("label", "logit", "loss"),
    [
        (1.0, 1000.0, 0.0),
        (0.0, -1e300, 0.0),
        (0.0, 1000.0, 1000.0),
        (1.0, -1e300, 1e300),
        (1.0, 50.0, math.log1p(math.exp(-50.0))),
        (0.0, -40.0, math.log1p(math.exp(-40.0))),
    ],
)
def test_log_loss_is_exact_however_confident(label: float, logit: float, loss: float) -> None:
    assert log_loss(np.array([label]), np.array([logit])) == pytest.approx(loss, rel=1e-12, abs=0)


def test_probabilities_neither_overflow_nor_leave_the_unit_interval() -> None:
    assert probabilities(np.array([-1e300, -1000.0, 0.0, 1000.0, 1e300])).tolist() == [0.0, 0.0, 0.5, 1.0, 1.0]


@given(samples, rates)
@settings(max_examples=60, deadline=None)
def test_skill_compares_with_the_training_base_rate(drawn: Samples, rate: float) -> None:
    labels, logits = drawn
    report = report_of(labels, logits, rate)
    reference = metrics.log_loss(labels, np.full(labels.size, rate), labels=[0, 1])
    assert report["log_loss_skill"] == pytest.approx(1 - report["log_loss"] / reference, abs=1e-9)
    assert report["brier_skill"] == pytest.approx(1 - report["brier"] / np.square(labels - rate).mean(), abs=1e-9)


def test_base_rate_has_no_skill_and_certainty_has_all() -> None:
    labels = np.array([0.0, 1.0, 0.0, 0.0])
    constant = report_of(labels, np.full(4, base_rate_logit(0.3)))
    assert (constant["log_loss_skill"], constant["brier_skill"]) == pytest.approx((0, 0), abs=1e-12)
    certain = report_of(labels, np.where(labels == 1, 1000.0, -1000.0))
    assert (certain["log_loss_skill"], certain["brier_skill"]) == (1, 1)


@given(rates)
@settings(max_examples=30, deadline=None)
def test_base_rate_logit_is_the_logit_of_the_rate(rate: float) -> None:
    assert probabilities(np.array([base_rate_logit(rate)]))[0] == pytest.approx(rate)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_base_rate_of_one_class_has_no_logit(rate: float) -> None:
    with pytest.raises(ValueError, match="one class has no finite logit"):
        base_rate_logit(rate)
