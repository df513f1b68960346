"""A hyperparameter search that ends with exactly the requested number of trials, however often it is restarted."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import optuna
from optuna.trial import FrozenTrial, TrialState
from tqdm import tqdm

from runtime.errors import RunError
from runtime.judging.alarms import Watch
from runtime.records.environment import versions
from runtime.samples.experiment import Experiment
from runtime.search.batch import (
    ASKED_WITH,
    POSITION,
    in_order,
    interruptions_noted,
    positions_of,
    train_together,
    wall_seconds,
)
from runtime.search.earlier import EarlierTrials
from runtime.search.engine import Engine
from runtime.search.identity import check_identity, searched_space
from runtime.search.objective import Objective
from runtime.search.storage import open_storage
from runtime.search.trial import TrialRun, close, describe
from runtime.training.checkpoint import check_versions

optuna.logging.set_verbosity(optuna.logging.WARNING)  # our own lines say what its INFO lines would

LEAST_COMPLETED = 10
"""A search that ran out of time counts as finished only with at least this many completed trials."""


TRIAL_FORMAT = 2
"""Raised with what a trial records or how it trains: trials of two formats are not ranked beside each other."""


@dataclass(frozen=True, kw_only=True)
class SearchSettings:
    """How a search samples, prunes and ends.

    Attributes:
        n_trials: trials that count: completed, pruned or failed, not interrupted.
        timeout_hours: time over all restarts after which no further trial counts; of several workers, after which no
            further batch begins.
        seed: with a trial's position it decides what the sampler draws.
        startup_trials: trials before the median pruner acts.
        pruning_warmup_epochs: epochs of a trial before it can be pruned.
        workers: trials that are drawn together, as a batch, and train at once; the sampler and the pruner see all
            trials of earlier batches and none of the same, so that a search is a function of its seed and this number.
    """

    n_trials: int
    timeout_hours: float
    seed: int
    startup_trials: int
    pruning_warmup_epochs: int
    workers: int = 1


@dataclass
class Search:
    """One study; only the process that holds its folder may open it.

    Args:
        experiment: the question, stored with the study; another question in the same study is refused.
        objective: trains one configuration.
        settings: how to sample, prune and end.
        output: folder of the journal.
        engine: who trains the trials.
        storage_url: see `open_storage`.
        study_name: the experiment's unless given; a database may hold many.
        allow_other_versions: continue a search that was begun under other versions of torch or numpy.
        on_trial: called for each trial that counts, in order, with all trials up to it.

    Raises:
        UserError: if the storage cannot be opened, or holds another search under this name.
    """

    experiment: Experiment
    objective: Objective
    settings: SearchSettings
    output: Path
    engine: Engine[Any]
    storage_url: str | None = None
    study_name: str | None = None
    allow_other_versions: bool = False
    on_trial: Callable[[Sequence[FrozenTrial]], None] | None = None

    def __post_init__(self) -> None:
        self.output.mkdir(parents=True, exist_ok=True)
        name, storage = self.study_name or self.experiment.name, open_storage(self.storage_url, self.output)
        # Not load_if_exists: it relies on an index that is missing where a driver was killed as it made the tables.
        begin = optuna.load_study if name in optuna.get_all_study_names(storage) else optuna.create_study
        self.study = begin(study_name=name, storage=storage)
        if "identity" not in self.study.user_attrs:
            self.study.set_user_attr("versions", versions())
        check_identity(self.study, self.identity(), self.output, in_database=self.storage_url is not None)
        check_versions(str(self.output), self.study.user_attrs.get("versions"), allow=self.allow_other_versions)
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            close(optuna.Trial(self.study, trial._trial_id), "killed")
        self._watch = Watch(self.experiment)
        self._shown = len(self.announced())

    def identity(self) -> dict[str, Any]:
        """All that decides which trials a search draws and what they are worth."""
        settings = asdict(self.settings)
        del settings["n_trials"], settings["timeout_hours"]  # raising either continues the same search
        workers = settings.pop("workers")
        splits = self.objective.split_indices
        return self.experiment.identity() | {
            "train_samples": int(splits.train_indices.size),
            "samples_sha256": sha256(splits.train_indices.tobytes() + splits.val_indices.tobytes()).hexdigest(),
            "architectures": {name: dict(fields) for name, fields in self.objective.architectures.items()},
            "fixed": dict(self.objective.fixed),
            "space": searched_space(self.objective.suggest),
            "training_seed": self.objective.seed,
            "settings": settings,
            "trial_format": TRIAL_FORMAT,
            "workers": workers,
        }

    def counted(self) -> list[FrozenTrial]:
        """Trials that ran to an end of their own, completed, pruned or failed, in order."""
        ended = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        return in_order([each for each in self.study.get_trials(states=ended) if "interrupted" not in each.user_attrs])

    def announced(self) -> list[FrozenTrial]:
        """Trials that count up to the first that does not yet."""
        counted = self.counted()
        places = enumerate(positions_of(counted))
        return [counted[index] for index, position in places if index == position]

    def completed(self) -> list[FrozenTrial]:
        """Trials with a value."""
        return [trial for trial in self.counted() if trial.state is TrialState.COMPLETE]

    def best(self) -> FrozenTrial:
        """The first of the trials with the lowest value."""
        return min(self.completed(), key=lambda trial: trial.values[0])

    def seconds_spent(self) -> float:
        """Time that trials took, over all restarts."""
        return wall_seconds(self.study.get_trials(deepcopy=False))

    def seconds_left(self) -> float:
        """Time that is left of ``timeout_hours``."""
        return self.settings.timeout_hours * 3600 - self.seconds_spent()

    def ending(self) -> str | None:
        """``trials`` or ``timeout`` when the search is finished, None while it is not."""
        if self.completed() and len(self.counted()) >= self.settings.n_trials:
            return "trials"
        if self.seconds_left() <= 0 and len(self.completed()) >= LEAST_COMPLETED:
            return "timeout"
        return None

    def run(self) -> None:
        """Run trials until enough count or the time is spent.

        Raises:
            RunError: if the search ends without a usable best trial.
            UserError, TrialFault, KeyboardInterrupt: if a trial ends the search; all that run are then marked as
                interrupted.
        """
        total, done = self.settings.n_trials, self._shown
        with tqdm(total=total, initial=done, unit="trial", disable=not sys.stderr.isatty()) as bar:
            while positions := self._next_batch():
                self._run_batch(positions, bar)
        if self.ending() is None:
            raise RunError(
                f"the search ended with {len(self.completed())} completed trials in {self.seconds_spent() / 3600:.2f} "
                f"hours (at least {LEAST_COMPLETED} are needed when the time runs out, 1 otherwise); see the reasons "
                "above, or generate with a longer --timeout-hours and run again"
            )

    def _next_batch(self) -> list[int]:
        """Positions of the earliest batch at which no trial counts yet; none when the search is over."""
        taken, workers = positions_of(self.counted()), self.settings.workers
        missing = sorted(set(range(self.settings.n_trials)) - set(taken))
        # A batch that has begun is finished: one of several workers that was cut short would depend on their speed.
        if not missing or (self.seconds_left() <= 0 and len(taken) % workers == 0):
            return []
        return [position for position in missing if position // workers == missing[0] // workers]

    def _run_batch(self, positions: list[int], bar: tqdm[NoReturn]) -> None:
        runs: list[TrialRun] = []
        deadline = time.monotonic() + self.seconds_left() if self.settings.workers == 1 else math.inf
        with interruptions_noted(runs):
            runs.extend(self._ask(positions, lambda line: _show(bar, line)))
            train_together(runs, self.engine, deadline, lambda: self._announce(bar))

    def _ask(self, positions: list[int], show: Callable[[str], None]) -> Iterator[TrialRun]:
        """Draw trials that see those of earlier batches alone."""
        counted, workers = self.counted(), self.settings.workers
        begin = positions[0] - positions[0] % workers
        earlier = [trial for trial, at in zip(counted, positions_of(counted), strict=True) if at < begin]
        pruner = optuna.pruners.MedianPruner(self.settings.startup_trials, self.settings.pruning_warmup_epochs)
        seen = EarlierTrials(self.study, earlier, pruner)
        first: int | None = None
        for position in positions:
            seen.sampler = optuna.samplers.TPESampler(seed=self._sampler_seed(position))
            trial = seen.ask()
            first = trial.number if first is None else first
            if workers > 1:
                trial.set_user_attr(POSITION, position)
                trial.set_user_attr(ASKED_WITH, first)
            drawn = self.objective.suggest(trial)
            yield TrialRun(trial, position, drawn, self.objective, self.engine, position % workers, show)

    def _announce(self, bar: tqdm[NoReturn]) -> None:
        """Show the trials that count by now, each after those before it."""
        counted = self.announced()
        while self._shown < len(counted):
            self._shown += 1
            newest = counted[: self._shown]
            _show(bar, describe(newest, self.settings.n_trials, self._watch))
            bar.update()
            if self.on_trial is not None:
                self.on_trial(newest)

    def _sampler_seed(self, position: int) -> int:
        """A sampler that depends on nothing but seed, study and position draws the same after any restart."""
        study = int.from_bytes(sha256(self.study.study_name.encode()).digest()[:8])
        return int(np.random.SeedSequence([self.settings.seed, study, position]).generate_state(1)[0])


def _show(bar: tqdm[NoReturn], line: str) -> None:
    bar.write(line)
    sys.stdout.flush()
