"""One folder of a search: its journal, finished or not, and what a finished search handed over."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState

from runtime.records.files import is_held
from runtime.records.results import Alarm
from runtime.report.runs import SHORT, one_line
from runtime.search.batch import in_order
from runtime.search.history import HISTORY
from runtime.search.storage import JOURNAL

optuna.logging.set_verbosity(optuna.logging.WARNING)

LEAST_COMPLETED = 10
"""Completed trials below which importances are noise and are not shown."""


class BestTrialRecord(msgspec.Struct, frozen=True):
    """The trial that won."""

    trial: int
    value: float
    best_epoch: int
    parameter_count: int
    hyperparameters: dict[str, Any]


class SearchRecord(msgspec.Struct, frozen=True):
    """The part of ``*.best.json``, or of ``shortened.json``, that a report reads."""

    n_trials: int
    ended_by: str
    hours: float
    hpo_train_fraction: float
    trials: dict[str, int]
    alarms: list[Alarm]
    best: BestTrialRecord


@dataclass(frozen=True, eq=False)
class ReportedSearch:
    """One search.

    Attributes:
        name: of its folder and script.
        study: as the journal tells it; None without a readable journal.
        finished: what it handed over; None while it is not finished.
        problem: what could not be read.
        state: ``finished``, ``running``, ``unfinished`` or ``unreadable``.
    """

    name: str
    study: optuna.Study | None
    finished: SearchRecord | None
    problem: str
    state: str

    @property
    def trials(self) -> list[FrozenTrial]:
        """All trials, in order."""
        return [] if self.study is None else self.study.get_trials(deepcopy=False)

    @property
    def is_short(self) -> bool:
        """Whether it was a shorter look."""
        return self.name.endswith(SHORT)

    @property
    def completed(self) -> list[FrozenTrial]:
        """Trials with a value of their own."""
        return [trial for trial in self.trials if outcome(trial) == "completed"]


OUTCOMES = ("completed", "pruned", "failed", "interrupted", "running")


def outcome(trial: FrozenTrial) -> str:
    """How a trial ended, one of `OUTCOMES`; an interrupted one does not count as failed."""
    if "interrupted" in trial.user_attrs:
        return "interrupted"
    names = {TrialState.COMPLETE: "completed", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}
    return names.get(trial.state, "running")


def lowest(trial: FrozenTrial) -> float | None:
    """The lowest validation loss that a trial reached; None before its first epoch."""
    return min(trial.intermediate_values.values(), default=trial.value)


def read_search(folder: Path, best_file: Path) -> ReportedSearch | None:
    """Read a search's journal, or the copy that a search in a database leaves, and the file it hands over.

    Args:
        folder: of its output; it need not exist.
        best_file: ``*.best.json`` beside its script; one in ``folder`` counts, too.

    Returns:
        None if there is neither.
    """
    journal = _newest(folder / JOURNAL, folder / HISTORY)
    handed = [path for path in (best_file, folder / best_file.name, folder / "shortened.json") if path.exists()]
    if journal is None and not handed:
        return None
    problems: list[str] = []
    study = _read(read_study, journal, problems) if journal else None
    finished = _read(_read_finished, handed[0], problems) if handed else None
    if problems:
        state = "unreadable"
    elif finished is not None:
        state = "finished"
    else:
        state = "running" if is_held(folder) else "unfinished"
    return ReportedSearch(folder.name, study, finished, "; ".join(problems), state)


def _newest(*paths: Path) -> Path | None:
    there = [path for path in paths if path.exists()]
    return max(there, key=lambda path: path.stat().st_mtime_ns, default=None)


def _read(reader: Any, path: Path, problems: list[str]) -> Any:
    try:
        return reader(path)
    # A damaged journal fails inside Optuna in more ways than it documents; each is reported on the page.
    except Exception as error:
        problems.append(f"{path.name}: {one_line(error)}")
        return None


def read_study(journal: Path) -> optuna.Study:
    """Replay a journal, on a copy of its whole lines: a search that still runs is never touched.

    Raises:
        Exception: whatever Optuna raises on a damaged journal.
    """
    content = journal.read_bytes()
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / JOURNAL
        copy.write_bytes(content[: content.rfind(b"\n") + 1])
        storage = JournalStorage(JournalFileBackend(str(copy)))
        names = optuna.get_all_study_names(storage)
        if len(names) != 1:
            raise ValueError(f"the journal holds {len(names)} studies instead of one")
        study = optuna.load_study(study_name=names[0], storage=storage)
        memory = optuna.create_study(study_name=study.study_name)
        memory.add_trials(in_order(study.get_trials()))
        return memory


def _read_finished(path: Path) -> SearchRecord:
    return msgspec.json.decode(path.read_bytes(), type=SearchRecord)
