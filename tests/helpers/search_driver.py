"""A driver to be killed: a whole search of the tiny question, as a generated script runs it."""

from __future__ import annotations

import os
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from runtime.script.running import run_script
from runtime.search import search_run
from runtime.search.objective import Objective
from runtime.search.study import Search, SearchSettings
from tests.helpers.hostile import HangHolding, JitteringObjective
from tests.helpers.in_this_process import InThisProcess
from tests.helpers.tiny import FIXED, make_arguments, make_experiment, make_formula_objective, make_objective

SETTINGS = SearchSettings(n_trials=8, timeout_hours=1.0, seed=5, startup_trials=2, pruning_warmup_epochs=0)
EXPERIMENT = make_experiment()
FEW_EPOCHS = FIXED | {"max_epochs": 4}
OBJECTIVE = make_objective(EXPERIMENT, fixed=FEW_EPOCHS)


def search(project: Path, url: str | None = None, objective: Objective = OBJECTIVE, workers: int = 1) -> None:
    """Search as `run_search` does."""
    arguments = make_arguments(project, storage=url, workers=workers)
    search_run.run_search(EXPERIMENT, objective, arguments, **as_given(settings_of(workers)))


def settings_of(workers: int) -> SearchSettings:
    """Of a search with so many workers: with several, long enough for the sampler to learn from earlier trials."""
    return replace(SETTINGS, workers=workers, n_trials=SETTINGS.n_trials if workers == 1 else 14)


def as_given(settings: SearchSettings) -> dict[str, Any]:
    """What a script gives to `run_search` besides."""
    values = asdict(settings)
    values["search_seed"] = values.pop("seed")
    del values["workers"]  # stands in the command line
    return values | {"hpo_train_fraction": 0.3, "regenerate": "python -m codegen"}


def search_quietly(project: Path, url: str | None) -> None:
    """The same with trials in the driver, which then starts in a moment."""
    for stream in (1, 2):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream)
    setattr(search_run, "TrialProcesses", InThisProcess)  # noqa: B010
    search(project, url)


def open_search(project: Path, url: str | None = None, workers: int = 1) -> Search:
    """The search that a driver left."""
    output, engine = make_arguments(project).output, InThisProcess(OBJECTIVE)
    return Search(EXPERIMENT, OBJECTIVE, settings_of(workers), output, engine, storage_url=url)


def flag(name: str) -> str | None:
    """What the command line gives for a flag."""
    return sys.argv[sys.argv.index(name) + 1] if name in sys.argv else None


if __name__ == "__mp_main__":
    print("a child runs the script again", file=sys.stderr)
if __name__ == "__main__":
    folder = Path(sys.argv[1])
    objective = OBJECTIVE
    if "hang" in sys.argv:
        objective = make_formula_objective(EXPERIMENT, HangHolding(folder / "held"), fixed=FEW_EPOCHS)
    if "jitter" in sys.argv:
        dying = tuple(int(each) for each in (flag("--dying") or "").split(",") if each)
        objective = JitteringObjective(**vars(OBJECTIVE), folder=folder, dying=dying)
    url, workers = flag("--storage"), int(flag("--workers") or 1)
    raise SystemExit(run_script(lambda: search(folder, url, objective, workers)))
