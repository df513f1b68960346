"""The best rival as arrays that forecast without the experiment, and without anything that a file could execute.

scikit-learn's own files are pickles, which run what they hold. A regression is its coefficients; boosted trees are the
nodes of each tree, read from scikit-learn once, when they are saved, and proven then to give its very forecasts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from torch import Tensor

from runtime.arrays import Floats, Indices
from runtime.judging.baselines import BASELINES, Fitted
from runtime.judging.inputs import history_rows, newest_rows
from runtime.samples.experiment import Experiment

Arrays = dict[str, Tensor]

INPUTS: Mapping[str, Callable[[npt.NDArray[np.float32], Indices, int], npt.NDArray[Any]]] = {
    "logistic_regression": newest_rows,
    "gradient_boosting": newest_rows,
    "boosting_history": history_rows,
}
"""What each rival that can be saved reads of standardised features; the others need prices, or nothing at all."""

_NODES = {
    "feature": ("feature_idx", np.int64),
    "threshold": ("num_threshold", np.float64),
    "left": ("left", np.int64),
    "right": ("right", np.int64),
    "value": ("value", np.float64),
    "is_leaf": ("is_leaf", np.bool_),
}


@dataclass(frozen=True, eq=False)
class SavedRival:
    """A baseline that forecasts from standardised features.

    Attributes:
        name: of the baseline.
        arrays: ``coefficients`` and ``intercept``; or of trees ``baseline``, ``stops`` (where each tree's nodes end)
            and of each node ``feature``, ``threshold``, ``left``, ``right`` (counted from its tree's first node on),
            ``value`` and ``is_leaf``.

    Raises:
        ValueError: if no such baseline can be saved, or the arrays are not its own.
    """

    name: str
    arrays: Arrays

    def __post_init__(self) -> None:
        needed = {"coefficients", "intercept"} if "coefficients" in self.arrays else {"baseline", "stops", *_NODES}
        if self.name not in INPUTS or set(self.arrays) != needed:
            raise ValueError(f"{', '.join(sorted(self.arrays))} are not the arrays of {self.name}")
        if "stops" in self.arrays:
            _check_trees(self.arrays)

    def logits(self, features: npt.NDArray[np.float32], rows: Indices, context_length: int) -> Floats:
        """Forecasts at decision rows.

        Args:
            features: standardised, shape (bars, channels).
            rows: each with at least ``context_length - 1`` bars before it, shape (forecasts,).
            context_length: bars of a window.
        """
        inputs: npt.NDArray[Any] = INPUTS[self.name](features, rows, context_length)
        if "coefficients" not in self.arrays:
            return _sum_of_trees(self.arrays, inputs.astype(np.float64))
        coefficients, intercept = (self.arrays[name].numpy() for name in ("coefficients", "intercept"))
        return np.asarray(inputs @ coefficients + intercept, dtype=np.float64)


def save_rival(experiment: Experiment, name: str) -> SavedRival | str:
    """Fit a baseline once more, as it was for its forecasts, and take its arrays; or say why they cannot be taken."""
    baseline = next((each for each in BASELINES if each.name == name), None)
    if baseline is None or name not in INPUTS:
        return f"{name} reads more, or less, than the features of a window"
    fitted = baseline.fit(experiment)
    if not isinstance(fitted, Fitted):
        return f"{name} is none of scikit-learn's"
    linear = isinstance(fitted.estimator, LogisticRegression)
    arrays = linear_arrays(fitted.estimator) if linear else tree_arrays(fitted.estimator)
    if arrays is None:
        return "this version of scikit-learn keeps its trees otherwise"
    saved, indices = SavedRival(name, arrays), experiment.splits.val_indices
    rows, length = experiment.decision_rows(indices), experiment.splitter.context_length
    features = experiment.windows.values.cpu().numpy()
    if not np.allclose(saved.logits(features, rows, length), fitted(indices), rtol=1e-5, atol=1e-5):
        return "its arrays do not forecast as this version of scikit-learn does"
    return saved


def linear_arrays(estimator: LogisticRegression) -> Arrays:
    """Coefficients and intercept, see `SavedRival`."""
    found = {"coefficients": estimator.coef_[0], "intercept": estimator.intercept_[0:1]}
    return {name: torch.from_numpy(values.copy()) for name, values in found.items()}


def tree_arrays(estimator: HistGradientBoostingClassifier) -> Arrays | None:
    """Nodes of all trees, see `SavedRival`; None where a later scikit-learn has none: they are not of its interface."""
    if not (hasattr(estimator, "_predictors") and hasattr(estimator, "_baseline_prediction")):
        return None
    trees = [each[0].nodes for each in estimator._predictors]
    nodes = np.concatenate(trees)
    found: dict[str, npt.NDArray[Any]] = {name: nodes[field].astype(kind) for name, (field, kind) in _NODES.items()}
    found |= {"stops": np.cumsum([tree.size for tree in trees]), "baseline": estimator._baseline_prediction.ravel()}
    return {name: torch.from_numpy(values.copy()) for name, values in found.items()}


def _sum_of_trees(arrays: Arrays, inputs: Floats) -> Floats:
    """In the order of scikit-learn, so that sums round alike."""
    node = {name: arrays[name].numpy() for name in _NODES}
    samples, start = np.arange(len(inputs)), 0
    logits = np.full(len(inputs), arrays["baseline"].numpy()[0])
    for stop in arrays["stops"].tolist():
        tree = {name: values[start:stop] for name, values in node.items()}
        at = np.zeros(len(inputs), dtype=np.int64)
        while not (leaf := tree["is_leaf"][at]).all():
            goes_left = inputs[samples, tree["feature"][at]] <= tree["threshold"][at]
            at = np.where(leaf, at, np.where(goes_left, tree["left"][at], tree["right"][at]))
        logits += tree["value"][at]
        start = stop
    return logits


def _check_trees(arrays: Arrays) -> None:
    """Every path through a tree ends: children come behind their parents, and before the tree does."""
    stops = arrays["stops"].numpy()
    sizes = np.diff(stops, prepend=0)
    if (sizes < 1).any() or any(arrays[name].numel() != stops[-1] for name in _NODES):
        raise ValueError("the trees do not end where they should")
    place = np.arange(stops[-1]) - np.repeat(stops - sizes, sizes)
    for name in ("left", "right"):
        child, inner = arrays[name].numpy(), ~arrays["is_leaf"].numpy()
        if (child[inner] <= place[inner]).any() or (child[inner] >= np.repeat(sizes, sizes)[inner]).any():
            raise ValueError("a path through a tree does not end")
