"""The second fit of a baseline is another one, learned from training days alone, and kept like the first."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from runtime.arrays import Floats
from runtime.judging import second_fit
from runtime.judging.baseline_cache import baseline_logits
from runtime.judging.baselines import BASELINES
from runtime.judging.second_fit import SecondFit
from runtime.samples.experiment import Experiment
from tests.helpers.tiny import make_experiment, with_labels

EXPERIMENT = make_experiment()
SPLITS = EXPERIMENT.splits
TEST = SPLITS.test_indices


def second(name: str, folder: Path, experiment: Experiment = EXPERIMENT) -> Floats:
    found = SecondFit(experiment, name).logits(TEST, folder)
    assert not isinstance(found, str)
    return found


@pytest.mark.parametrize("name", [each.name for each in BASELINES if each.name != "base_rate"])
def test_it_differs_from_the_first_and_knows_the_same(name: str, tmp_path: Path) -> None:
    first, other = baseline_logits(EXPERIMENT, TEST, tmp_path)[name], second(name, tmp_path)
    assert np.abs(first - other).max() > 1e-3
    if name != "ewma_volatility":  # which tells nothing of the tiny market
        assert np.corrcoef(first, other)[0, 1] > 0.8


def test_no_held_out_label_reaches_it(tmp_path: Path) -> None:
    held_out = np.concatenate([SPLITS.val_indices, TEST])
    other = with_labels(EXPERIMENT, held_out, 1 - EXPERIMENT.labels_of(held_out))
    for name in ("logistic_regression", "gradient_boosting"):
        one, two = second(name, tmp_path / "one"), second(name, tmp_path / "two", other)
        np.testing.assert_array_equal(one, two)


def test_it_is_fitted_once_for_a_question_and_is_never_taken_for_the_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = second("logistic_regression", tmp_path)
    assert np.abs(first - baseline_logits(EXPERIMENT, TEST, tmp_path)["logistic_regression"]).max() > 1e-3
    unfit = [replace(each, fit=None) for each in BASELINES]  # type: ignore[arg-type]
    monkeypatch.setattr(second_fit, "BASELINES", unfit)
    np.testing.assert_array_equal(second("logistic_regression", tmp_path), first)


def test_regression_is_fitted_on_whole_blocks_of_training_days() -> None:
    fit = SecondFit(EXPERIMENT, "logistic_regression")
    samples = fit._forecaster.samples
    block = SPLITS.days(SPLITS.train_indices)[0] // EXPERIMENT.splitter.chunk_rows
    times = [np.isin(samples, SPLITS.train_indices[block == each]).sum() / (block == each).sum() for each in set(block)]
    assert set(times) >= {0, 1, 2}
    assert all(each == int(each) for each in times)


def test_where_there_is_none_it_says_why(tmp_path: Path) -> None:
    for name in ("base_rate", "of_another_version"):
        assert SecondFit(EXPERIMENT, name).logits(TEST, tmp_path) == f"{name} is fitted once only"
    drawn = SecondFit(EXPERIMENT, "logistic_regression")._resampled
    one_class = with_labels(EXPERIMENT, drawn, 0.0)
    assert "one class only" in str(SecondFit(one_class, "logistic_regression").logits(TEST, tmp_path))
    assert list(tmp_path.iterdir()) == []
