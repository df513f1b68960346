"""Which experiments a phase holds, what their files are called, and whose search each one trains on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path

from codegen.request.choices import PROJECT, UsageError
from codegen.request.phase_files import load_phase
from codegen.request.request import Request, name_suffix


@dataclass(frozen=True)
class ExperimentKey:
    """One experiment of a phase.

    Attributes:
        dataset: name of its data; empty for the default dataset, whose files lie in the phase's folder itself.
        training_assets: how many assets of a panel train; None for all.
    """

    phase: str
    budget: str
    task: str
    horizon: int
    timescale: str
    dataset: str = ""
    training_assets: int | None = None

    @property
    def title(self) -> str:
        """``2M_threshold_1pct``, with ``_h5``, ``_weekly`` or ``_2assets`` behind: no two of a folder share one."""
        return f"{self.budget}_{self.task}{name_suffix(self.horizon, self.timescale, self.training_assets)}"

    @property
    def experiment(self) -> str:
        """``phase6a_2M_threshold_1pct``, with ``_AAPL`` behind for another dataset than the default."""
        return f"{self.phase}_{self.title}" + (f"_{self.dataset}" if self.dataset else "")

    @property
    def folder(self) -> str:
        """Where its files lie, relative to the project: each dataset but the default has one of its own."""
        return f"experiments/{self.phase}" + (f"/{self.dataset}" if self.dataset else "")

    @property
    def hpo_file(self) -> str:
        """The search script, relative to the project."""
        return f"{self.folder}/hpo_{self.title}.py"

    @property
    def training_file(self) -> str:
        """The training script, relative to the project."""
        return f"{self.folder}/train_{self.title}.py"

    @property
    def best_file(self) -> str:
        """What a finished search leaves beside its script."""
        return f"{self.folder}/hpo_{self.title}.best.json"


def key_of(request: Request) -> ExperimentKey:
    """Which experiment a request asks for."""
    return ExperimentKey(
        request.phase,
        request.budget,
        request.task,
        request.horizon,
        request.timescale,
        request.dataset,
        request.training_assets,
    )


def select(
    phase: str,
    *,
    budget: str | None = None,
    task: str | None = None,
    horizon: int | None = None,
    timescale: str | None = None,
    dataset: str | None = None,
    training_assets: str | int | None = None,
    project: Path = PROJECT,
) -> list[ExperimentKey]:
    """The experiments of a phase, in the order of its file.

    A given budget or task picks among the phase's own; a given horizon, timescale, dataset or number of training assets
    (``all`` for all of them) stands instead of them.

    Raises:
        UsageError: if there is no such phase, its file is not as it should be, or it lacks the budget or the task.
    """
    found = load_phase(phase, project)
    for given, held in ((budget, found.budgets), (task, found.tasks)):
        if given and given not in held:
            names = ", ".join(held)
            raise UsageError(f"{phase} does not hold {given}; allowed: {names}, as configs/phases/{phase}.yaml says")
    axes = (
        (budget,) if budget else found.budgets,
        (task,) if task else found.tasks,
        (horizon,) if horizon else found.horizons,
        (timescale,) if timescale else found.timescales,
        found.datasets if dataset is None else (dataset,),
        (*found.training_assets, None) if training_assets is None else (_number(training_assets),),
    )
    return [ExperimentKey(phase, *values) for values in product(*axes)]


def _number(training_assets: str | int) -> int | None:
    return training_assets if isinstance(training_assets, int) else None


def runs_search(cell: ExperimentKey, project: Path = PROJECT) -> bool:
    """Whether the experiment has a search of its own."""
    return cell.task in load_phase(cell.phase, project).searches


def sources(cell: ExperimentKey, project: Path = PROJECT, *, lender: str | None = None) -> list[ExperimentKey]:
    """The searches an experiment's hyperparameters come from: its own, a borrowed one, or the two it lies between.

    Args:
        cell: the experiment.
        project: where the phase's file lies.
        lender: the dataset whose searches were asked for, if it is another; empty for the default one.

    Returns:
        None of them where the phase trains on default recipes.
    """
    phase = load_phase(cell.phase, project)
    if phase.recipe == "default":
        return []
    home = replace(cell, training_assets=None, dataset=cell.dataset if lender is None else lender)
    if phase.borrows is not None:
        borrowed = phase.borrows
        home = replace(home, phase=borrowed.phase, horizon=borrowed.horizon, timescale=borrowed.timescale)
    tasks = phase.interpolates.get(cell.task, (cell.task,))
    return [replace(home, task=task) for task in tasks]


def sources_of(request: Request) -> list[ExperimentKey]:
    """The searches that a request's hyperparameters come from."""
    return sources(key_of(request), request.project)


def search_first(request: Request) -> list[str]:
    """The commands to run before a training script without hyperparameters can run."""
    return [*(f"python {source.hpo_file}" for source in sources_of(request)), request.command()]
