"""A saved rival forecasts what scikit-learn's own did, trees to the last bit, and what is no tree is refused."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
import torch
from sklearn.ensemble import HistGradientBoostingClassifier

from runtime.judging import saved_rival
from runtime.judging.baselines import BASELINES
from runtime.judging.saved_rival import INPUTS, Arrays, SavedRival, save_rival, tree_arrays
from tests.helpers.tiny import CONTEXT_LENGTH, make_experiment

EXPERIMENT = make_experiment()
FEATURES = EXPERIMENT.windows.values.numpy()
ROWS = EXPERIMENT.decision_rows(EXPERIMENT.splits.test_indices)


def make_trees(leaves: int = 15) -> tuple[HistGradientBoostingClassifier, npt.NDArray[np.float32]]:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(3000, 5)).astype(np.float32)
    labels = inputs[:, 0] + inputs[:, 1] ** 2 + random.normal(size=3000) > 1
    return HistGradientBoostingClassifier(max_iter=40, max_leaf_nodes=leaves).fit(inputs, labels), inputs


def trees() -> Arrays:
    arrays = tree_arrays(make_trees(leaves=4)[0])
    assert arrays is not None
    return arrays


@pytest.mark.parametrize("leaves", [2, 4, 15, 31])
def test_trees_give_the_decision_function_to_the_last_bit(leaves: int) -> None:
    estimator, inputs = make_trees(leaves)
    saved = SavedRival("gradient_boosting", tree_arrays(estimator) or {})
    others = 3 * np.random.default_rng(1).normal(size=(20_000, 5)).astype(np.float32)
    for each in (inputs, others):
        rows = np.arange(len(each))
        np.testing.assert_array_equal(saved.logits(each, rows, 1), estimator.decision_function(each))


@pytest.mark.parametrize("name", INPUTS)
def test_each_that_can_be_saved_forecasts_what_it_did(name: str) -> None:
    saved = save_rival(EXPERIMENT, name)
    assert isinstance(saved, SavedRival)
    forecast = next(each.fit(EXPERIMENT) for each in BASELINES if each.name == name)(EXPERIMENT.splits.test_indices)
    np.testing.assert_allclose(saved.logits(FEATURES, ROWS, CONTEXT_LENGTH), forecast, rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("name", ["base_rate", "ewma_volatility", "of_another_version"])
def test_one_that_cannot_be_saved_says_why(name: str) -> None:
    assert save_rival(EXPERIMENT, name) == f"{name} reads more, or less, than the features of a window"


def test_trees_that_scikit_learn_keeps_otherwise_are_not_saved(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(saved_rival, "tree_arrays", lambda _: None)
    assert save_rival(EXPERIMENT, "gradient_boosting") == "this version of scikit-learn keeps its trees otherwise"
    shifted = {name: values + 0.1 if name == "baseline" else values for name, values in trees().items()}
    monkeypatch.setattr(saved_rival, "tree_arrays", lambda _: shifted)
    assert "do not forecast as" in str(save_rival(EXPERIMENT, "gradient_boosting"))


def circle(arrays: Arrays) -> None:
    arrays["left"][0] = 0


def beyond(arrays: Arrays) -> None:
    arrays["right"][0] = 100


def lost_nodes(arrays: Arrays) -> None:
    arrays["value"] = arrays["value"][:-1]


def empty_tree(arrays: Arrays) -> None:
    arrays["stops"][0] = 0


def lost_array(arrays: Arrays) -> None:
    del arrays["baseline"]


@pytest.mark.parametrize("damage", [circle, beyond, lost_nodes, empty_tree, lost_array])
def test_what_is_no_tree_is_refused(damage: Callable[[Arrays], None]) -> None:
    arrays = {name: values.clone() for name, values in trees().items()}
    damage(arrays)
    with pytest.raises(ValueError, match="tree|arrays"):
        SavedRival("gradient_boosting", arrays)


def test_name_that_reads_no_features_is_refused() -> None:
    linear = {"coefficients": torch.ones(3), "intercept": torch.ones(1)}
    assert SavedRival("logistic_regression", linear).logits(FEATURES, ROWS, CONTEXT_LENGTH).shape == ROWS.shape
    with pytest.raises(ValueError, match="not the arrays of base_rate"):
        SavedRival("base_rate", linear)
