"""A hyperparameter search that ends with exactly the requested number of trials, however often it is restarted."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
import optuna
from optuna.distributions import distribution_to_json
from optuna.trial import FrozenTrial, TrialState
from tqdm import tqdm

from data.differences import differences, names_of, noted
from runtime.errors import RunError, UserError
from runtime.judging.alarms import Watch
from runtime.records.environment import versions
from runtime.samples.experiment import Experiment
from runtime.search.objective import Hyperparameters, Objective
from runtime.search.storage import open_storage
from runtime.search.trial import TrialRun, describe
from runtime.search.trial_process import DeadlineReached, TrialFault, TrialProcesses
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
        timeout_hours: time over all restarts after which no further trial counts.
        seed: with a trial's position it decides what the sampler draws.
        startup_trials: trials before the median pruner acts.
        pruning_warmup_epochs: epochs of a trial before it can be pruned.
    """

    n_trials: int
    timeout_hours: float
    seed: int
    startup_trials: int
    pruning_warmup_epochs: int


@dataclass
class Search:
    """One study; only the process that holds its folder may open it.

    Args:
        experiment: the question, stored with the study; another question in the same study is refused.
        objective: trains one configuration.
        settings: how to sample, prune and end.
        output: folder of the journal.
        processes: where trials train.
        storage_url: see `open_storage`.
        study_name: the experiment's unless given; a database may hold many.
        allow_other_versions: continue a search that was begun under other versions of torch or numpy.
        on_trial: called with all trials that count whenever there is one more.

    Raises:
        UserError: if the storage cannot be opened, or holds another search under this name.
    """

    experiment: Experiment
    objective: Objective
    settings: SearchSettings
    output: Path
    processes: TrialProcesses
    storage_url: str | None = None
    study_name: str | None = None
    allow_other_versions: bool = False
    on_trial: Callable[[Sequence[FrozenTrial]], None] | None = None

    def __post_init__(self) -> None:
        self.output.mkdir(parents=True, exist_ok=True)
        name, storage = self.study_name or self.experiment.name, open_storage(self.storage_url, self.output)
        # Not load_if_exists: it relies on an index that is missing where a driver was killed as it made the tables.
        begin = optuna.load_study if name in optuna.get_all_study_names(storage) else optuna.create_study
        self.study = begin(
            study_name=name,
            storage=storage,
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=self.settings.startup_trials,
                n_warmup_steps=self.settings.pruning_warmup_epochs,
            ),
        )
        self._check_identity()
        check_versions(str(self.output), self.study.user_attrs.get("versions"), allow=self.allow_other_versions)
        self._close_interrupted()
        self._watch = Watch(self.experiment)

    def identity(self) -> dict[str, Any]:
        """All that decides which trials a search draws and what they are worth."""
        settings = asdict(self.settings)
        del settings["n_trials"], settings["timeout_hours"]  # raising either continues the same search
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
        }

    def _check_identity(self) -> None:
        identity = json.loads(json.dumps(self.identity()))  # as a storage gives it back
        stored = self.study.user_attrs.get("identity")
        if stored is None:
            self.study.set_user_attr("versions", versions())
            self.study.set_user_attr("identity", identity)
        elif found := list(differences(stored, identity)):
            way_out = "move the folder away, or give another --output"
            if self.storage_url is not None:
                way_out = f"study {self.study.study_name!r} in that database; give another --storage"
            refusal = f"{self.output} holds another search: it differs in {names_of(found)}; {way_out}"
            raise noted(UserError(refusal), found)

    def _close_interrupted(self) -> None:
        for trial in self.study.get_trials(states=(TrialState.RUNNING,)):
            self._interrupt(optuna.Trial(self.study, trial._trial_id), "killed")

    def _interrupt(self, trial: optuna.Trial, reason: str) -> None:
        trial.set_user_attr("interrupted", reason)
        self.study.tell(trial, state=TrialState.FAIL)

    def counted(self) -> list[FrozenTrial]:
        """Trials that ran to an end of their own: completed, pruned or failed."""
        ended = (TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL)
        return [trial for trial in self.study.get_trials(states=ended) if "interrupted" not in trial.user_attrs]

    def completed(self) -> list[FrozenTrial]:
        """Trials with a value."""
        return self.study.get_trials(states=(TrialState.COMPLETE,))

    def seconds_spent(self) -> float:
        """Time that trials took, over all restarts."""
        return float(sum(trial.user_attrs.get("seconds", 0.0) for trial in self.study.get_trials(deepcopy=False)))

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
            UserError, TrialFault, KeyboardInterrupt: if a trial ends the search; it is then marked as interrupted.
        """
        total, done = self.settings.n_trials, len(self.counted())
        with tqdm(total=total, initial=done, unit="trial", disable=not sys.stderr.isatty()) as bar:
            while len(self.counted()) < total and self.seconds_left() > 0:
                self._run_trial(bar)
        if self.ending() is None:
            raise RunError(
                f"the search ended with {len(self.completed())} completed trials in {self.seconds_spent() / 3600:.2f} "
                f"hours (at least {LEAST_COMPLETED} are needed when the time runs out, 1 otherwise); see the reasons "
                "above, or generate with a longer --timeout-hours and run again"
            )

    def _run_trial(self, bar: tqdm[NoReturn]) -> None:
        self.study.sampler = optuna.samplers.TPESampler(seed=self._sampler_seed(len(self.counted())))
        trial = self.study.ask()
        deadline = time.monotonic() + self.seconds_left()
        run = TrialRun(trial, self.objective, self.processes, deadline, lambda line: _show(bar, line))
        try:
            value = run.value()
        except optuna.TrialPruned:
            self._tell(run, state=TrialState.PRUNED)
        except RunError as error:
            trial.set_user_attr("failure", str(error))
            self._tell(run, state=TrialState.FAIL)
        except DeadlineReached:
            run.record_cost()
            self._interrupt(trial, "timeout")
            return
        except (KeyboardInterrupt, UserError, TrialFault) as error:
            # No other error is noted: after a fault of the storage, half a line may stand at the journal's end.
            run.record_cost()
            self._interrupt(trial, type(error).__name__)
            raise
        else:
            self._tell(run, value=value)
        _show(bar, describe(self.counted(), self.settings.n_trials, self._watch))
        bar.update()
        if self.on_trial is not None:
            self.on_trial(self.counted())

    def _sampler_seed(self, position: int) -> int:
        """A sampler that depends on nothing but seed, study and position draws the same after any restart."""
        study = int.from_bytes(sha256(self.study.study_name.encode()).digest()[:8])
        return int(np.random.SeedSequence([self.settings.seed, study, position]).generate_state(1)[0])

    def _tell(self, run: TrialRun, *, value: float | None = None, state: TrialState | None = None) -> None:
        run.record_cost()
        self.study.tell(run.trial, values=value, state=state)


def _show(bar: tqdm[NoReturn], line: str) -> None:
    bar.write(line)
    sys.stdout.flush()


def searched_space(suggest: Callable[[optuna.Trial], Hyperparameters]) -> dict[str, Any]:
    """Name and range, as Optuna writes it, of each value that ``suggest`` draws."""
    probe = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    suggest(probe)
    return {name: json.loads(distribution_to_json(each)) for name, each in probe.distributions.items()}
