"""What a search script does once everything is prepared: search, then hand the best trial to the generator."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import torch
from optuna.trial import FrozenTrial, TrialState

from runtime.judging.alarms import print_alarms, search_alarms
from runtime.records.environment import environment
from runtime.records.files import read_record, sole_process, write_json
from runtime.records.tracking import Tracking, scalars
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.search.engine import Engine
from runtime.search.history import History
from runtime.search.lease import Lease, lease
from runtime.search.objective import Objective
from runtime.search.plan import print_search_cost, print_search_plan
from runtime.search.storage import storage_failures
from runtime.search.study import Search, SearchSettings
from runtime.search.trial_process import TrialProcesses, threads_of


def run_search(
    experiment: Experiment,
    objective: Objective,
    arguments: Arguments,
    *,
    n_trials: int,
    timeout_hours: float,
    search_seed: int,
    startup_trials: int,
    pruning_warmup_epochs: int,
    hpo_train_fraction: float,
    regenerate: str,
) -> None:
    """Show the plan and, unless this is a dry run, search to the end.

    A finished search writes ``*.best.json`` beside its script; a shorter look only to its own output folder.

    Args:
        experiment: the question.
        objective: see `create_objective`.
        arguments: the script's command line, with the number of workers; a shorter look lowers ``n_trials``.
        n_trials, timeout_hours, search_seed, startup_trials, pruning_warmup_epochs: see `SearchSettings`.
        hpo_train_fraction: share of the training samples the objective trains on, for the record.
        regenerate: command that inlines the result into the training script.

    Raises:
        UserError: if validation or training holds one class only, another process holds the folder, or the study is
            another search's.
        RunError: if no trial succeeded, or the storage failed.
    """
    settings = SearchSettings(
        n_trials=arguments.shorter_look or n_trials,
        timeout_hours=timeout_hours,
        seed=search_seed,
        startup_trials=startup_trials,
        pruning_warmup_epochs=pruning_warmup_epochs,
        workers=arguments.workers,
    )
    print_search_plan(experiment, objective, settings)
    if arguments.dry_run:
        print_search_cost(objective, settings)
        return
    _search(experiment, objective, settings, arguments, hpo_train_fraction)
    if arguments.shorter_look is None:
        print(f"next: {regenerate}")


def _search(
    experiment: Experiment,
    objective: Objective,
    settings: SearchSettings,
    arguments: Arguments,
    hpo_train_fraction: float,
) -> None:
    experiment.require_two_classes("training", "validation")
    shortened = arguments.shorter_look is not None
    tracking = Tracking(arguments.track, arguments.outputs)
    study_name = f"{experiment.name}_short" if shortened else experiment.name
    with (
        sole_process(arguments.output),
        storage_failures(),
        lease(arguments.storage, study_name, arguments.output) as held,
    ):
        search = Search(
            experiment,
            objective,
            settings,
            arguments.output,
            _make_engine(arguments.engine, objective, settings.workers),
            storage_url=arguments.storage,
            study_name=study_name,
            allow_other_versions=arguments.allow_other_versions,
        )
        search.on_trial = partial(_on_trial, tracking, held, History(arguments.output, search.study) if held else None)
        tracking.start(str(arguments.output.relative_to(arguments.outputs)), scalars(search.identity()))
        for count in range(len(search.announced())):
            _track(tracking, search.announced()[: count + 1])
        with _finished(tracking):
            _run(search)
        record = search_record(search, hpo_train_fraction)
        print_alarms(record["alarms"])
        if shortened:
            write_json(arguments.output / "shortened.json", record | {"shortened_to_trials": settings.n_trials})
            print(f"shorter look of {settings.n_trials} trials: recorded in {arguments.output}, not as a search result")
            return
        _hand_over(record, arguments.best_file)


def _make_engine(engine: str, objective: Objective, workers: int) -> Engine[Any]:
    if engine == "ray":
        from runtime.search.ray_trials import RayTrials

        return RayTrials(objective, workers)
    return TrialProcesses(objective, workers)


def _on_trial(tracking: Tracking, held: Lease | None, history: History | None, counted: Sequence[FrozenTrial]) -> None:
    _track(tracking, counted)
    if held and history:
        history.add(counted)
        held.require()


def _track(tracking: Tracking, counted: Sequence[FrozenTrial]) -> None:
    if counted[-1].state is TrialState.COMPLETE:
        tracking.log(len(counted), {"val_loss": counted[-1].values[0]})


@contextmanager
def _finished(tracking: Tracking) -> Iterator[None]:
    """Finish the tracker's run as the block ends."""
    status = "failed"
    try:
        yield
        status = "finished"
    except KeyboardInterrupt:
        status = "interrupted"
        raise
    finally:
        tracking.finish({"status": status})


def _run(search: Search) -> None:
    total = search.settings.n_trials
    if done := len(search.counted()):
        print(f"continuing after {done} of {total} trials", file=sys.stderr)
    try:
        search.run()
    except KeyboardInterrupt:
        done = len(search.counted())
        print(f"stopped after {done} of {total} trials", file=sys.stderr)
        raise


def _hand_over(record: dict[str, Any], path: Path) -> None:
    best = record["best"]
    known = read_record(path)
    if any(known.get(name) != record[name] for name in record if name != "environment"):
        write_json(path, record)
    print(f"best trial {best['trial']}: validation loss {best['value']:.4f}; written to {path.name}")


def search_record(search: Search, hpo_train_fraction: float) -> dict[str, Any]:
    """What a finished search hands to the generator, with all that is needed to trust it."""
    best, counted, objective = search.best(), search.counted(), search.objective
    peaks = [trial.user_attrs["peak_memory_bytes"] for trial in counted if "peak_memory_bytes" in trial.user_attrs]
    return search.experiment.identity() | {
        "hpo_train_fraction": hpo_train_fraction,
        "fixed": dict(objective.fixed),
        "training_seed": objective.seed,
        "search_seed": search.settings.seed,
        "n_trials": search.settings.n_trials,
        "workers": search.settings.workers,
        "ended_by": search.ending(),
        "alarms": search_alarms(search.experiment, best, max_epochs=objective.fixed["max_epochs"]),
        "trials": count_states(counted),
        "hours": round(search.seconds_spent() / 3600, 3),
        "peak_memory_bytes": max(peaks, default=None),
        "environment": environment(torch.device(objective.device)) | {"threads": threads_of(search.settings.workers)},
        "best": {
            "trial": 1 + [trial.number for trial in counted].index(best.number),
            "value": best.value,
            "best_epoch": best.user_attrs["best_epoch"],
            "parameter_count": best.user_attrs["parameter_count"],
            "micro_batch_size": best.user_attrs["micro_batch_size"],
            "hyperparameters": best.params,
            "architecture": dict(objective.architectures[best.params["architecture"]]),
        },
    }


def count_states(trials: list[FrozenTrial]) -> Mapping[str, int]:
    """How many trials completed, were pruned and failed."""
    states = [trial.state for trial in trials]
    return {
        "completed": states.count(TrialState.COMPLETE),
        "pruned": states.count(TrialState.PRUNED),
        "failed": states.count(TrialState.FAIL),
    }
