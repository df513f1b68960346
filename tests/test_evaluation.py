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

from runtime.evaluation import base_rate_logit, evaluate, log_loss, probabilities, tune_threshold

Floats = npt.NDArray[np.float64]
Samples = tuple[Floats, Floats]


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
    report = evaluate(labels, logits, train_base_rate=rate)
    forecast = probabilities(logits)
    assert report["log_loss"] == pytest.approx(metrics.log_loss(labels, forecast, labels=[0, 1]), rel=1e-9)
    assert report["brier"] == pytest.approx(np.square(labels - forecast).mean(), rel=1e-12)
    assert (report["samples"], report["positives"]) == (labels.size, labels.sum())
    assert report["prediction_std"] == pytest.approx(np.std(1 / (1 + np.exp(-logits))), abs=1e-12)


@given(two_classes, rates)
@settings(max_examples=60, deadline=None)
def test_rank_metrics_equal_scikit_learn(drawn: Samples, rate: float) -> None:
    labels, logits = drawn
    report = evaluate(labels, logits, train_base_rate=rate)
    assert report["roc_auc"] == pytest.approx(metrics.roc_auc_score(labels, logits))
    assert report["pr_auc"] == pytest.approx(metrics.average_precision_score(labels, logits))
    assert "undefined" not in report


@given(tied, st.integers(-5, 5))
@settings(max_examples=60, deadline=None)
def test_decisions_equal_scikit_learn(drawn: Samples, threshold_logit: int) -> None:
    labels, logits = drawn
    threshold = float(probabilities(np.array([threshold_logit]))[0])  # often one of the forecasts
    decision = evaluate(labels, logits, train_base_rate=0.3, threshold=threshold)["decision"]
    chosen = logits >= threshold_logit
    table = [decision[name] for name in ("true_negatives", "false_positives", "false_negatives", "true_positives")]
    assert table == metrics.confusion_matrix(labels, chosen, labels=[0, 1]).ravel().tolist()
    assert decision["recall"] == metrics.recall_score(labels, chosen)
    assert decision["precision"] == (metrics.precision_score(labels, chosen) if chosen.any() else None)
    assert decision["threshold"] == threshold


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_one_class_leaves_rank_metrics_undefined_with_the_reason(label: float) -> None:
    report = evaluate(np.full(5, label), np.arange(5.0), train_base_rate=0.3, threshold=0.5)
    assert (report["roc_auc"], report["pr_auc"]) == (None, None)
    assert report["undefined"] == f"all 5 labels are {int(label)}: ranking is undefined"
    assert math.isfinite(report["log_loss"])


def test_precision_of_no_choice_and_recall_of_no_positive_are_undefined() -> None:
    decision = evaluate(np.zeros(3), np.full(3, -5.0), train_base_rate=0.3, threshold=0.5)["decision"]
    assert (decision["precision"], decision["recall"]) == (None, None)


def test_no_threshold_means_no_decision() -> None:
    assert "decision" not in evaluate(np.array([0.0, 1.0]), np.zeros(2), train_base_rate=0.3)


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
    report: dict[str, Any] = evaluate(labels, logits, train_base_rate=rate)
    reference = metrics.log_loss(labels, np.full(labels.size, rate), labels=[0, 1])
    assert report["log_loss_skill"] == pytest.approx(1 - report["log_loss"] / reference, abs=1e-9)
    assert report["brier_skill"] == pytest.approx(1 - report["brier"] / np.square(labels - rate).mean(), abs=1e-9)


def test_base_rate_has_no_skill_and_certainty_has_all() -> None:
    labels = np.array([0.0, 1.0, 0.0, 0.0])
    constant = evaluate(labels, np.full(4, base_rate_logit(0.3)), train_base_rate=0.3)
    assert (constant["log_loss_skill"], constant["brier_skill"]) == pytest.approx((0, 0), abs=1e-12)
    certain = evaluate(labels, np.where(labels == 1, 1000.0, -1000.0), train_base_rate=0.3)
    assert (certain["log_loss_skill"], certain["brier_skill"]) == (1, 1)


@given(rates)
@settings(max_examples=30, deadline=None)
def test_base_rate_logit_is_the_logit_of_the_rate(rate: float) -> None:
    assert probabilities(np.array([base_rate_logit(rate)]))[0] == pytest.approx(rate)


@pytest.mark.parametrize("rate", [0.0, 1.0])
def test_base_rate_of_one_class_has_no_logit(rate: float) -> None:
    with pytest.raises(ValueError, match="one class has no finite logit"):
        base_rate_logit(rate)
