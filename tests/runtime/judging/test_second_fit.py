"""The second fit of a baseline is another one, learned from training days alone, and kept like the first."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runtime.judging import second_fit
from runtime.judging.baseline_cache import baseline_logits
from runtime.judging.baselines import BASELINES
from runtime.judging.second_fit import second_fit_logits
from tests.helpers.tiny import make_experiment, with_labels

EXPERIMENT = make_experiment()
SPLITS = EXPERIMENT.splits
TEST = SPLITS.test_indices


@pytest.mark.parametrize("name", [each.name for each in BASELINES if each.name != "base_rate"])
def test_it_differs_from_the_first_and_knows_the_same(name: str, tmp_path: Path) -> None:
    first, second = (
        baseline_logits(EXPERIMENT, TEST, tmp_path)[name],
        second_fit_logits(EXPERIMENT, name, TEST, tmp_path),
    )
    assert not isinstance(second, str)
    assert np.abs(first - second).max() > 1e-3
    if (
        name == "logistic_regression"
    ):  # half of the tiny market is too little for boosting, and volatility tells nothing
        assert np.corrcoef(first, second)[0, 1] > 0.8


def test_no_held_out_label_reaches_it(tmp_path: Path) -> None:
    held_out = np.concatenate([SPLITS.val_indices, TEST])
    other = with_labels(EXPERIMENT, held_out, 1 - EXPERIMENT.labels_of(held_out))
    one, two = (
        second_fit_logits(experiment, "gradient_boosting", TEST, tmp_path / str(number))
        for number, experiment in enumerate((EXPERIMENT, other))
    )
    np.testing.assert_array_equal(one, two)


def test_it_is_fitted_once_for_a_question(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first = second_fit_logits(EXPERIMENT, "logistic_regression", TEST, tmp_path)
    names = [each.name for each in BASELINES]
    unfit = [replace(each, fit=None) for each in BASELINES]  # type: ignore[arg-type]
    monkeypatch.setattr(second_fit, "BASELINES", unfit)
    np.testing.assert_array_equal(second_fit_logits(EXPERIMENT, "logistic_regression", TEST, tmp_path), first)
    assert len(names) == len(unfit)


def test_where_there_is_none_it_says_why(tmp_path: Path) -> None:
    assert (
        second_fit_logits(EXPERIMENT, "of_another_version", TEST, tmp_path) == "of_another_version is fitted once only"
    )
    half = EXPERIMENT.splitter.get_training_part(SPLITS, second_fit.FRACTION)
    one_class = with_labels(EXPERIMENT, half, 0.0)
    assert "one class only" in second_fit_logits(one_class, "logistic_regression", TEST, tmp_path)
    assert list(tmp_path.iterdir()) == []
