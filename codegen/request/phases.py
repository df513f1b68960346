"""Which experiments a phase holds, what their files are called, and whose search each one trains on."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from pathlib import Path

from codegen.request.choices import PROJECT, UsageError
from codegen.request.phase_files import load_phase
from codegen.request.request import Request, name_suffix


@dataclass(frozen=True)
class ExperimentKey:
    """One experiment of a phase."""

    phase: str
    budget: str
    task: str
    horizon: int
    timescale: str

    @property
    def title(self) -> str:
        """``2M_threshold_1pct``, with ``_h5`` or ``_weekly`` behind: no two experiments of a phase share one."""
        return f"{self.budget}_{self.task}{name_suffix(self.horizon, self.timescale)}"

    @property
    def experiment(self) -> str:
        """``phase6a_2M_threshold_1pct``."""
        return f"{self.phase}_{self.title}"

    @property
    def hpo_file(self) -> str:
        """The search script, relative to the project."""
        return f"experiments/{self.phase}/hpo_{self.title}.py"

    @property
    def training_file(self) -> str:
        """The training script, relative to the project."""
        return f"experiments/{self.phase}/train_{self.title}.py"

    @property
    def best_file(self) -> str:
        """What a finished search leaves beside its script."""
        return f"experiments/{self.phase}/hpo_{self.title}.best.json"


def select(
    phase: str,
    *,
    budget: str | None = None,
    task: str | None = None,
    horizon: int | None = None,
    timescale: str | None = None,
    project: Path = PROJECT,
) -> list[ExperimentKey]:
    """The experiments of a phase, in the order of its file.

    A given budget or task picks among the phase's own; a given horizon or timescale stands instead of them.

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
    )
    return [ExperimentKey(phase, *values) for values in product(*axes)]


def runs_search(cell: ExperimentKey, project: Path = PROJECT) -> bool:
    """Whether the experiment has a search of its own."""
    return cell.task in load_phase(cell.phase, project).searches


def sources(cell: ExperimentKey, project: Path = PROJECT) -> list[ExperimentKey]:
    """The searches an experiment's hyperparameters come from: its own, a borrowed one, or the two it lies between."""
    phase = load_phase(cell.phase, project)
    home = cell
    if phase.borrows is not None:
        borrowed = phase.borrows
        home = ExperimentKey(borrowed.phase, cell.budget, cell.task, borrowed.horizon, borrowed.timescale)
    tasks = phase.interpolates.get(cell.task, (cell.task,))
    return [ExperimentKey(home.phase, home.budget, task, home.horizon, home.timescale) for task in tasks]


def sources_of(request: Request) -> list[ExperimentKey]:
    """The searches that a request's hyperparameters come from."""
    cell = ExperimentKey(request.phase, request.budget, request.task, request.horizon, request.timescale)
    return sources(cell, request.project)


def search_first(request: Request) -> list[str]:
    """The commands to run before a training script without hyperparameters can run."""
    return [*(f"python {source.hpo_file}" for source in sources_of(request)), request.command()]
