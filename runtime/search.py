"""A hyperparameter search that ends with exactly the requested number of trials, however often it is restarted."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import optuna
from optuna.distributions import distribution_to_json
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial, TrialState
from tqdm import tqdm

from runtime.environment import peak_memory_bytes
from runtime.errors import RunError, UserError, memory_failures
from runtime.experiment import Experiment
from runtime.objective import Hyperparameters, Objective
from runtime.trainer import EpochRecord

optuna.logging.set_verbosity(optuna.logging.WARNING)  # our own lines say what its INFO lines would

LEAST_COMPLETED = 10
"""A search that ran out of time counts as finished only with at least this many completed trials."""


class DeadlineReached(Exception):  # noqa: N818 - not an error: the time the user granted is spent
    """The search's time is spent in the middle of a trial."""


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
    """One study in one folder.

    Args:
        experiment: the question, stored with the study; another question in the same folder is refused.
        objective: trains one configuration.
        settings: how to sample, prune and end.
        output: folder of the journal.
    """

    experiment: Experiment
    objective: Objective
    settings: SearchSettings
    output: Path

    def __post_init__(self) -> None:
        self.output.mkdir(parents=True, exist_ok=True)
        self.study = optuna.create_study(
            study_name=self.experiment.name,
            storage=JournalStorage(JournalFileBackend(str(self.output / "journal.log"))),
            direction="minimize",
            pruner=optuna.pruners.MedianPruner(
                n_startup_trials=self.settings.startup_trials,
                n_warmup_steps=self.settings.pruning_warmup_epochs,
            ),
            load_if_exists=True,
        )
        self._check_identity()
        self._close_interrupted()

    def _check_identity(self) -> None:
        settings = asdict(self.settings)
        del settings["n_trials"], settings["timeout_hours"]  # raising either continues the same search
        identity = self.experiment.identity() | {
            "train_samples": int(self.objective.split_indices.train_indices.size),
            "architectures": {name: dict(fields) for name, fields in self.objective.architectures.items()},
            "fixed": dict(self.objective.fixed),
            "space": searched_space(self.objective.suggest),
            "training_seed": self.objective.seed,
            "settings": settings,
        }
        stored = self.study.user_attrs.get("identity")
        if stored is None:
            self.study.set_user_attr("identity", identity)
            return
        differing = [name for name in identity if identity[name] != stored.get(name)]
        if differing:
            name = differing[0]
            raise UserError(
                f"{self.output} holds a search with another {name}: {stored.get(name)!r} there, {identity[name]!r} in "
                "this script; move the folder away, or give another --output"
            )

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
        """
        total, done = self.settings.n_trials, len(self.counted())
        with tqdm(total=total, initial=done, unit="trial", disable=not sys.stderr.isatty()) as self._bar:
            while (done := len(self.counted())) < total and self.seconds_left() > 0:
                self._run_trial(position=done)
        if self.ending() is None:
            raise RunError(
                f"the search ended with {len(self.completed())} completed trials in {self.seconds_spent() / 3600:.2f} "
                f"hours (at least {LEAST_COMPLETED} are needed when the time runs out, 1 otherwise); see the reasons "
                "above, or generate with a longer --timeout-hours and run again"
            )

    def _run_trial(self, position: int) -> None:
        # A sampler that depends on nothing but the position draws the same after any restart.
        seed = int(np.random.SeedSequence([self.settings.seed, position]).generate_state(1)[0])
        self.study.sampler = optuna.samplers.TPESampler(seed=seed)
        trial = self.study.ask()
        began = time.perf_counter()
        deadline = time.monotonic() + self.seconds_left()
        try:
            with memory_failures():
                value = self.objective_until(deadline, trial, began)
        except optuna.TrialPruned:
            self._tell(trial, began, state=TrialState.PRUNED)
        except DeadlineReached:
            self._interrupt(trial, "timeout")
        except RunError as error:
            trial.set_user_attr("failure", str(error))
            self._tell(trial, began, state=TrialState.FAIL)
        else:
            self._tell(trial, began, value=value)

    def objective_until(self, deadline: float, trial: optuna.Trial, began: float) -> float:
        """The objective, given up at the first epoch that ends after the deadline (``time.monotonic()``)."""

        def check(record: EpochRecord) -> None:
            self._bar.set_postfix_str(f"epoch {record.epoch}  val {record.val_loss:.4f}")
            trial.set_user_attr("seconds", time.perf_counter() - began)  # counts even if the trial is killed
            if time.monotonic() > deadline:
                raise DeadlineReached

        return self.objective(trial, check)

    def _tell(
        self, trial: optuna.Trial, began: float, *, value: float | None = None, state: TrialState | None = None
    ) -> None:
        trial.set_user_attr("seconds", time.perf_counter() - began)
        trial.set_user_attr("peak_memory_bytes", peak_memory_bytes())
        told = self.study.tell(trial, values=value, state=state)
        self._bar.write(describe(told, position=len(self.counted()), n_trials=self.settings.n_trials))
        sys.stdout.flush()
        self._bar.update()


def searched_space(suggest: Callable[[optuna.Trial], Hyperparameters]) -> dict[str, str]:
    """Name and range, as Optuna writes it, of each value that ``suggest`` draws."""
    probe = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0)).ask()
    suggest(probe)
    return {name: distribution_to_json(each) for name, each in probe.distributions.items()}


def describe(trial: FrozenTrial, *, position: int, n_trials: int) -> str:
    """One line that says how a trial ended; ``position`` counts the trials that count."""
    values = ", ".join(
        f"{name} {value:.3g}" if isinstance(value, float) else f"{name} {value}" for name, value in trial.params.items()
    )
    outcome = {
        TrialState.COMPLETE: f"val_loss {trial.value:.4f}" if trial.value is not None else "",
        TrialState.PRUNED: f"pruned after epoch {len(trial.intermediate_values)}",
        TrialState.FAIL: f"FAILED ({trial.user_attrs.get('failure')})",
    }[trial.state]
    return f"trial {position}/{n_trials}: {outcome}, {trial.user_attrs['seconds']:.0f} s  [{values}]"
