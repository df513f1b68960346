"""Where the time of the default 2M search goes: ``python -m tests.benchmarks.search [--trials N]``, 50 by default.

The committed script's own experiment and objective, searched twice in a scratch folder: as the script does it, and by
random search without pruning, to compare how long each takes to reach what both reach.
"""

from __future__ import annotations

import argparse
import importlib.util
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast
from unittest import mock

import optuna
from optuna.trial import FrozenTrial, TrialState

from runtime.search.objective import Objective
from runtime.search.study import Search, SearchSettings
from runtime.search.trial_process import TrialProcess, TrialProcesses
from runtime.training.trainer import EpochRecord

SCRIPT = Path(__file__).resolve().parents[2] / "experiments" / "phase6a" / "hpo_2M_threshold_1pct.py"


@dataclass
class Clock:
    """Seconds spent in trials' epochs, in handing epochs to the driver, and in the rest of a trial's process."""

    epochs: float = 0.0
    reports: float = 0.0
    processes: float = 0.0
    epochs_by_architecture: dict[str, int] = field(default_factory=dict)


class TimedProcesses(TrialProcesses):
    """Trial processes that keep the time, one at a time."""

    def __init__(self, objective: Any, clock: Clock) -> None:
        super().__init__(objective)
        self.clock = clock

    def start(self, hyperparameters: Any, **options: Any) -> TrialProcess:
        training = super().start(hyperparameters, **options)
        return cast("TrialProcess", TimedTraining(training, hyperparameters["architecture"], self.clock))


class TimedTraining:
    """A trial's process that keeps the time."""

    def __init__(self, training: TrialProcess, architecture: str, clock: Clock) -> None:
        self.training, self.architecture, self.clock = training, architecture, clock
        self.began, self.inside, self.received = time.perf_counter(), 0.0, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.training, name)

    def receive(self) -> Any:
        message = self.training.receive()
        self.received = time.perf_counter()
        if isinstance(message, EpochRecord):
            epochs = self.clock.epochs_by_architecture
            epochs[self.architecture] = epochs.get(self.architecture, 0) + 1
            self.clock.epochs += message.seconds
            self.inside += message.seconds
        return message

    def go_on(self) -> None:
        reported = time.perf_counter() - self.received
        self.clock.reports += reported
        self.inside += reported
        self.training.go_on()

    def stop(self) -> None:
        stopped = self.training.connection.closed
        self.training.stop()
        if not stopped:
            self.clock.processes += time.perf_counter() - self.began - self.inside


@dataclass(frozen=True)
class Searched:
    """A finished search: its trials, the wall seconds it took, and where they went."""

    objective: Objective
    trials: list[FrozenTrial]
    seconds: float
    clock: Clock

    @property
    def best(self) -> float:
        """The least loss of a completed trial."""
        return min(trial.values[0] for trial in self.trials if trial.state is TrialState.COMPLETE)

    def reached(self, loss: float) -> float:
        """Seconds of trials until one was as good as the loss."""
        seconds = 0.0
        for trial in self.trials:
            seconds += trial.user_attrs["seconds"]
            if trial.state is TrialState.COMPLETE and trial.values[0] <= loss:
                return seconds
        raise ValueError(f"no trial reached {loss}")


def search(script: Any, arguments: Any, trials: int, *, random: bool) -> Searched:
    """One whole search in a scratch folder."""
    experiment = script.make_experiment()
    objective = script.make_objective(experiment, arguments)
    # Pruning that may start only after more trials than there are never starts.
    settings = SearchSettings(
        n_trials=trials,
        timeout_hours=script.TIMEOUT_HOURS,
        seed=script.SEARCH_SEED,
        startup_trials=trials if random else script.STARTUP_TRIALS,
        pruning_warmup_epochs=script.PRUNING_WARMUP_EPOCHS,
    )
    clock = Clock()
    sampler = optuna.samplers.RandomSampler if random else optuna.samplers.TPESampler
    with tempfile.TemporaryDirectory() as folder, mock.patch("optuna.samplers.TPESampler", sampler):
        began = time.perf_counter()
        study = Search(experiment, objective, settings, Path(folder), TimedProcesses(objective, clock))
        study.run()
        return Searched(objective, study.counted(), time.perf_counter() - began, clock)


def evaluation_seconds(found: Searched) -> float:
    """What validating took in all: its time for each architecture, measured here once, times its epochs."""
    total = 0.0
    for name, epochs in found.clock.epochs_by_architecture.items():
        values = {"learning_rate": 1e-4, "weight_decay": 0.1, "dropout": 0.1, "batch_size": 64}
        trainer = found.objective.make_trainer({"architecture": name, **values})
        trainer.loss(found.objective.split_indices.val_indices)
        began = time.perf_counter()
        trainer.loss(found.objective.split_indices.val_indices)
        total += epochs * (time.perf_counter() - began)
    return total


def main(trials: int) -> None:
    """Search twice and print."""
    print(f"about {1 + trials * 14 // 60} minutes on two idle cores; each trial is told as it ends", flush=True)
    spec = importlib.util.spec_from_file_location("script", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    with mock.patch("sys.argv", [str(SCRIPT)]):
        arguments = script.parse_arguments(str(SCRIPT), "", shorten="trials")
    found = search(script, arguments, trials, random=False)
    clock, wall, evaluation = found.clock, found.seconds, evaluation_seconds(found)
    parts = {
        "training": clock.epochs - evaluation,
        "evaluation": evaluation,
        "process start and end, model": clock.processes,
        "epoch reports to the storage": clock.reports,
        "sampler, the rest": wall - clock.epochs - clock.processes - clock.reports,
    }
    print(f"\n{trials} trials of {SCRIPT.name}: {wall:.0f} s")
    for name, seconds in parts.items():
        print(f"  {name:<30}{seconds:>9.1f} s{seconds / wall:>8.1%}")
    other = search(script, arguments, trials, random=True)
    both = max(found.best, other.best)
    for name, each in {"TPE with pruning": found, "random search without": other}.items():
        print(f"{name}: best loss {each.best:.4f} in {each.seconds:.0f} s, {both:.4f} after {each.reached(both):.0f} s")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.search", description=__doc__)
    parser.add_argument("--trials", type=int, default=50, metavar="N", help="of each search (default: 50)")
    main(parser.parse_args().trials)
