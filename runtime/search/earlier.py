"""A study as one batch of trials sees it: all trials of earlier batches, and nothing of those that run beside.

What a trial draws and when it is pruned then follows from the seed and the size of a batch alone, however fast its
workers are, whichever of them dies, and however often the search is continued.
"""

from __future__ import annotations

import copy
from collections.abc import Container, Sequence

import optuna
from optuna.pruners import BasePruner
from optuna.trial import FrozenTrial, TrialState


class EarlierTrials(optuna.Study):
    """The same study, to ask for trials and to tell them, whose sampler and pruner see earlier trials only.

    Args:
        study: where trials are stored.
        earlier: what sampler and pruner see, in order.
        pruner: decides which trials are given up.
    """

    def __init__(self, study: optuna.Study, earlier: Sequence[FrozenTrial], pruner: BasePruner) -> None:
        super().__init__(study.study_name, study._storage, pruner=pruner)
        self._earlier = [copy.copy(trial) for trial in earlier]
        # The sampler weighs trials by their age, which it reads from these numbers: not the order they were run in.
        for number, trial in enumerate(self._earlier):
            trial.number = number

    def _get_trials(
        self, deepcopy: bool = True, states: Container[TrialState] | None = None, use_cache: bool = False
    ) -> list[FrozenTrial]:
        """What samplers and pruners read; a sampler that asks for running trials finds none."""
        found = [trial for trial in self._earlier if states is None or trial.state in states]
        return copy.deepcopy(found) if deepcopy else found
