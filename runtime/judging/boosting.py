"""Gradient boosting of a size that its training days choose: a rival that is too weak makes any model look good."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier

from runtime.arrays import Floats, Indices
from runtime.judging.evaluation import log_losses, with_reasons
from runtime.judging.inputs import last_rows
from runtime.samples.experiment import Experiment
from runtime.samples.few_positives import FEW_POSITIVES
from runtime.samples.splits import SplitIndices


@dataclass(frozen=True)
class Size:
    """How large boosting is.

    Attributes:
        leaves: most of a tree.
        rounds: trees, one added to the others at a time.
    """

    leaves: int
    rounds: int

    def __str__(self) -> str:
        """As records name it."""
        return f"{self.leaves} leaves, {self.rounds} rounds"


USUAL = Size(leaves=4, rounds=100)
"""Where the training days cannot choose. The best of eleven settings by the mean validation skill of split seeds 100 to
107 of the 1 % task on the index; scikit-learn's own (31 leaves) overfit there."""

LEAVES = (4, 15)
ROUNDS = (50, 100, 200)
SIZES = tuple(Size(leaves, rounds) for leaves in LEAVES for rounds in ROUNDS)
"""What may be chosen, the smaller one on a tie; those of as many leaves are stages of one fit."""

BLOCKS = 3
LEAST_SAMPLES = 500
"""Of a block that can tell sizes apart; it also holds `FEW_POSITIVES` of each class."""

MOST_SAMPLES = 100_000
"""That choose, and that boosting with history learns from, so that each costs about a minute and less than a gigabyte
whatever the data; of more, every second (third, ...) one, as neighbours share all bars but one."""

FIXED: Mapping[str, Any] = {
    "learning_rate": 0.05,
    "min_samples_leaf": 100,
    "early_stopping": False,
    "random_state": 0,
}

CHOICE: Mapping[str, Any] = {
    **FIXED,
    "leaves": list(LEAVES),
    "rounds": list(ROUNDS),
    "blocks": BLOCKS,
    "least": [LEAST_SAMPLES, FEW_POSITIVES],
    "most_samples": MOST_SAMPLES,
}
"""All that boosting depends on beside the samples."""

_LOSSES: WeakKeyDictionary[Experiment, dict[Size, float]] = WeakKeyDictionary()


def make_boosting(size: Size) -> HistGradientBoostingClassifier:
    """Boosting of a size, not fitted yet; the same forecasts from the same samples."""
    return HistGradientBoostingClassifier(max_leaf_nodes=size.leaves, max_iter=size.rounds, **FIXED)


def chosen_size(losses: Mapping[Size, float]) -> Size:
    """The size of the lowest loss on blocks of training days; `USUAL` where there are none.

    It is chosen on the newest rows and holds for boosting with history, too: the two then differ in what they read
    alone, and the choice costs a tenth.
    """
    return min(losses, key=losses.__getitem__, default=USUAL)


def describe_choice(losses: Mapping[Size, float]) -> dict[str, Any]:
    """The chosen size and what it was chosen from, for a record; ``undefined`` says why there are no losses."""
    size = chosen_size(losses)
    found = {
        "max_leaf_nodes": size.leaves,
        "max_iter": size.rounds,
        "losses": {str(each): loss for each, loss in losses.items()} or None,
    }
    few = f"a block of training days holds fewer than {LEAST_SAMPLES} samples or {FEW_POSITIVES} of a class"
    return with_reasons(found, {"losses": few})


def size_losses(experiment: Experiment) -> dict[Size, float]:
    """Mean log loss of each size on blocks of training days that it did not learn from.

    The training calendar is cut into `BLOCKS`, of all assets at the same days. A sample that touches two blocks is left
    out: neighbours share all days but one, so that samples drawn at random would be judged by what they were learned
    from. Computed once for an experiment.

    Returns:
        None at all where a block has too few samples, or of one class, to tell sizes apart.
    """
    if experiment not in _LOSSES:
        _LOSSES[experiment] = _size_losses(experiment)
    return _LOSSES[experiment]


def thinned(indices: Indices, most: int) -> Indices:
    """Evenly spaced samples, at most so many."""
    return indices[:: -(-indices.size // most)]


def block_numbers(splits: SplitIndices, indices: Indices) -> Indices:
    """Number of the block of the calendar that holds a sample's days, labels included; -1 where no block holds all."""
    first, stop = splits.days(indices)
    borders = np.quantile(first, np.arange(1, BLOCKS) / BLOCKS, method="higher")
    block, last = (np.searchsorted(borders, day, side="right") for day in (first, stop - 1))
    return np.where(block == last, block, -1)


def _size_losses(experiment: Experiment) -> dict[Size, float]:
    indices = thinned(experiment.splits.train_indices, MOST_SAMPLES)
    block, labels = block_numbers(experiment.splits, indices), experiment.labels_of(indices)
    if not all(_can_judge(labels[block == number]) for number in range(BLOCKS)):
        return {}
    inputs = last_rows(experiment)(indices)
    losses: dict[Size, list[Floats]] = {size: [] for size in SIZES}
    for number in range(BLOCKS):
        judging, learning = block == number, (block != number) & (block >= 0)
        for leaves in LEAVES:
            boosting = make_boosting(Size(leaves, max(ROUNDS))).fit(inputs[learning], labels[learning])
            for rounds, logits in enumerate(boosting.staged_decision_function(inputs[judging]), start=1):
                if rounds in ROUNDS:
                    losses[Size(leaves, rounds)].append(log_losses(labels[judging], logits.ravel()))
    return {size: float(np.concatenate(parts).mean()) for size, parts in losses.items()}


def _can_judge(labels: Floats) -> bool:
    positives = int(labels.sum())
    return labels.size >= LEAST_SAMPLES and min(positives, labels.size - positives) >= FEW_POSITIVES
