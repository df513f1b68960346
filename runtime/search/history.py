"""A copy of a database's trials beside the other results of their search: a report then needs no database."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from runtime.search.storage import repair_journal

HISTORY = "history.log"


class History:
    """The trials of a study that have ended, as a journal; it is written anew when a search continues.

    Args:
        folder: the search's folder, which this process alone holds.
        study: in its database.
    """

    def __init__(self, folder: Path, study: optuna.Study) -> None:
        journal = folder / HISTORY
        journal.unlink(missing_ok=True)
        repair_journal(journal)  # the lock of a driver that was killed
        storage = JournalStorage(JournalFileBackend(str(journal)))
        self._copy = optuna.create_study(study_name=study.study_name, storage=storage, direction="minimize")
        ended = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        trials = study.get_trials(states=ended)
        self._copied = {trial.number for trial in trials}
        self._copy.add_trials(trials)

    def add(self, counted: Sequence[FrozenTrial]) -> None:
        """Copy the last of the trials that count, unless it ended before the search was continued."""
        if counted[-1].number not in self._copied:
            self._copy.add_trial(counted[-1])
