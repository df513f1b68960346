"""What a file of ``configs/phases`` holds, and what must hold between it and the phase it borrows from."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal, TypeVar

import msgspec

from codegen.request.choices import (
    PROJECT,
    THRESHOLDS,
    Horizon,
    Task,
    Timescale,
    budget_names,
    phase_names,
    require_phase,
)
from codegen.request.configs import load
from codegen.request.yaml_files import KeyPath
from codegen.request.yaml_schema import MisfitError, not_allowed, not_here
from data.names import DEFAULT_NAME, PATTERN

Value = TypeVar("Value")
Axis = Annotated[tuple[Value, ...], msgspec.Meta(min_length=1)]
DatasetName = Annotated[str, msgspec.Meta(pattern=f"^{PATTERN}$")]
Pair = Annotated[tuple[Value, ...], msgspec.Meta(min_length=2, max_length=2)]


class Lender(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Whose searches a phase borrows: those of another phase, at one of its horizons and timescales."""

    phase: str
    horizon: Horizon
    timescale: Timescale


class PhaseConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which experiments a phase holds, and where each task's hyperparameters come from.

    Attributes:
        budgets, tasks, horizons, timescales: every combination is an experiment.
        data: names of the datasets, each of which is asked every question; the default dataset where none is named.
        training_assets: of a panel, how many of its assets train; beside each of these sets, all of them do. A smaller
            set lies inside every larger one.
        recipe: ``search`` takes what searches found, ``default`` the recipe of each budget's file.
        searches: tasks with a search of their own; none where the phase borrows.
        interpolates: tasks whose values lie between those of two searched tasks.
        borrows: the phase whose searches stand in for its own, if any.
    """

    budgets: Axis[str]
    tasks: Axis[Task]
    horizons: Axis[Horizon]
    timescales: Axis[Timescale]
    searches: tuple[Task, ...]
    interpolates: dict[str, Pair[Task]] = {}
    borrows: Lender | None = None
    data: Axis[DatasetName] | DatasetName = ()
    training_assets: Axis[Annotated[int, msgspec.Meta(ge=1)]] = ()
    recipe: Literal["search", "default"] = "search"

    @property
    def datasets(self) -> tuple[str, ...]:
        """As experiments call them: the default dataset has an empty name."""
        names = (self.data,) if isinstance(self.data, str) else self.data
        return tuple("" if name == DEFAULT_NAME else name for name in names) or ("",)

    def __post_init__(self) -> None:
        if self.recipe == "default":
            self._check_default()
            return
        if self.borrows and self.searches:
            raise MisfitError(("searches",), "a phase that borrows searches nothing itself; allowed: []")
        for index, task in enumerate(self.searches):
            if task not in self.tasks:
                raise MisfitError(("searches", index), not_here(task, self.tasks, "this phase's tasks"))
        for between, pair in self.interpolates.items():
            self._check_between(between, pair)
        if not self.borrows:
            self.require_searched(self.searches, "this phase")

    def _check_default(self) -> None:
        for name in ("searches", "interpolates", "borrows"):
            if getattr(self, name):
                raise MisfitError((name,), "with recipe: default nothing is searched or borrowed; leave it out")

    def _check_between(self, task: str, pair: Pair[Task]) -> None:
        path = ("interpolates", task)
        if task not in self.tasks:
            raise MisfitError(path, not_allowed(task, self.tasks))
        if task in self.searches:
            raise MisfitError(path, f"{task} has a search of its own; take it out of searches or of interpolates")
        if not min(map(THRESHOLDS.__getitem__, pair)) < THRESHOLDS[task] < max(map(THRESHOLDS.__getitem__, pair)):
            raise MisfitError(path, f"{task} does not lie between {pair[0]} and {pair[1]}")

    def require_searched(self, searched: Axis[Task], whose: str) -> None:
        """Refuse a task whose hyperparameters would come from a search that nobody runs.

        Args:
            searched: tasks with a search, in this phase or the one it borrows from.
            whose: that phase, for the message.

        Raises:
            MisfitError: naming the task.
        """
        for index, own in enumerate(self.tasks):
            if own not in self.interpolates and own not in searched:
                neither = f"{own} neither searches nor interpolates nor borrows"
                searches = f"{whose} searches {', '.join(searched) or 'nothing'}"
                raise MisfitError(("tasks", index), f"{neither}: {searches}, and interpolates does not name it")
        for task, pair in self.interpolates.items():
            for index, source in enumerate(pair):
                if source not in searched:
                    path = ("interpolates", task, index)
                    raise MisfitError(path, not_here(source, searched, f"searches of {whose}"))


def load_phase(name: str, project: Path = PROJECT) -> PhaseConfig:
    """Read a phase.

    Raises:
        UsageError: if there is no such phase, or its file or that of the phase it borrows from is not as it should be.
    """
    require_phase(name, project)
    document, phase = load(f"configs/phases/{name}.yaml", PhaseConfig, project)
    known = budget_names(project)
    for index, budget in enumerate(phase.budgets):
        if budget not in known:
            raise document.refusal(("budgets", index), not_allowed(budget, known))
    if phase.borrows:
        try:
            _require_lender(name, phase, phase.borrows, project)
        except MisfitError as misfit:
            raise document.refusal(misfit.path, str(misfit)) from misfit
    return phase


def _require_lender(name: str, phase: PhaseConfig, source: Lender, project: Path) -> None:
    others = [each for each in phase_names(project) if each != name]
    if source.phase == name:
        raise MisfitError(("borrows", "phase"), f"a phase cannot borrow from itself; allowed: {', '.join(others)}")
    if source.phase not in others:
        raise MisfitError(("borrows", "phase"), not_allowed(source.phase, others))
    _, lender = load(f"configs/phases/{source.phase}.yaml", PhaseConfig, project)
    if lender.borrows:
        borrowed = f"{source.phase} itself borrows from it"
        raise MisfitError(("borrows", "phase"), not_here(source.phase, [lender.borrows.phase], borrowed))
    wanted: list[tuple[KeyPath, object, Sequence[object]]] = [
        (("borrows", "horizon"), source.horizon, lender.horizons),
        (("borrows", "timescale"), source.timescale, lender.timescales),
    ]
    wanted += [(("budgets", index), budget, lender.budgets) for index, budget in enumerate(phase.budgets)]
    for path, value, held in wanted:
        if value not in held:
            raise MisfitError(path, not_here(value, held, f"searched by {source.phase}"))
    phase.require_searched(lender.searches, source.phase)
