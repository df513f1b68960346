"""The baselines equal scikit-learn on the very samples that the model sees."""

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression

from runtime.baselines import fit_baselines
from runtime.splits import Indices
from tests.tiny import CONTEXT_LENGTH, make_experiment, with_features, with_labels

EXPERIMENT = make_experiment()
TRAIN, TEST = EXPERIMENT.splits.train_indices, EXPERIMENT.splits.test_indices
HELD_OUT = np.concatenate([EXPERIMENT.splits.val_indices, TEST])


def decision_features(starts: Indices) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """The last row of each window as the model gets it."""
    windows = EXPERIMENT.windows
    return windows.inputs(windows.starts(starts))[:, -1].numpy()


def test_base_rate_is_the_logit_of_the_training_positive_rate() -> None:
    dummy = DummyClassifier(strategy="prior").fit(TRAIN[:, None], EXPERIMENT.labels_of(TRAIN))
    logits = fit_baselines(EXPERIMENT.windows, TRAIN)["base_rate"](TEST)
    np.testing.assert_allclose(1 / (1 + np.exp(-logits)), dummy.predict_proba(TEST[:, None])[:, 1], rtol=1e-12)


def test_logistic_regression_is_that_of_scikit_learn_on_the_decision_rows() -> None:
    direct = LogisticRegression().fit(decision_features(TRAIN), EXPERIMENT.labels_of(TRAIN))
    logits = fit_baselines(EXPERIMENT.windows, TRAIN)["logistic_regression"](TEST)
    np.testing.assert_allclose(logits, direct.decision_function(decision_features(TEST)), rtol=1e-5)
    assert logits.dtype == np.float64


def test_logistic_regression_finds_the_signal() -> None:
    logits = fit_baselines(EXPERIMENT.windows, TRAIN)["logistic_regression"](TEST)
    assert ((logits > 0) == EXPERIMENT.labels_of(TEST)).mean() > 0.8


@pytest.mark.parametrize("name", ["base_rate", "logistic_regression"])
def test_nothing_is_learned_from_held_out_samples(name: str) -> None:
    flipped = with_labels(EXPERIMENT, HELD_OUT, 1 - EXPERIMENT.labels_of(HELD_OUT))
    poisoned = with_features(flipped, HELD_OUT + CONTEXT_LENGTH - 1, np.nan)
    clean, other = (fit_baselines(windows, TRAIN)[name](TRAIN) for windows in (EXPERIMENT.windows, poisoned))
    np.testing.assert_array_equal(clean, other)


@pytest.mark.parametrize("name", ["base_rate", "logistic_regression"])
def test_forecasts_come_in_the_order_asked_for(name: str) -> None:
    forecast = fit_baselines(EXPERIMENT.windows, TRAIN)[name]
    np.testing.assert_allclose(forecast(TEST[::-1].copy()), forecast(TEST)[::-1], rtol=1e-6)
