"""The YAML files below ``configs/``, read and checked when scripts are generated, never when they run."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec

from codegen.choices import BUDGETS, HORIZONS, PROJECT, TASKS, TIMESCALES, UsageError, phase_names, require_choice
from runtime.architecture import Architecture, solve_d_ff

Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Value = TypeVar("Value")
Axis = Annotated[tuple[Value, ...], msgspec.Meta(min_length=1)]


class Source(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Whose searches a phase borrows."""

    phase: str
    horizon: int
    timescale: str


class Phase(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """Which experiments a phase holds, which of them search, and who borrows from whom."""

    budgets: Axis[str]
    tasks: Axis[str]
    horizons: Axis[int]
    timescales: Axis[str]
    searches: tuple[str, ...]
    interpolates: dict[str, tuple[str, str]] = {}
    borrows: Source | None = None

    def __post_init__(self) -> None:
        axes = {"budgets": BUDGETS, "tasks": TASKS, "horizons": HORIZONS, "timescales": TIMESCALES, "searches": TASKS}
        for name, allowed in axes.items():
            for value in getattr(self, name):
                require_choice(name, value, allowed)


class Range(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A number drawn between two ends."""

    low: float
    high: float
    log: bool

    def __post_init__(self) -> None:
        least = 0 if self.log else -math.inf
        if not least < self.low < self.high < math.inf:
            raise ValueError(f"low {self.low}, high {self.high}: low must be below high, and positive if log is true")


class Choices(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A value drawn from a list."""

    choices: Axis[Count]


class Fixed(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The part of a recipe that no search draws."""

    max_epochs: Count
    patience: Count
    warmup_fraction: Annotated[float, msgspec.Meta(ge=0, lt=1)]
    gradient_clip: Positive


class Space(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """The part of a recipe that a search draws."""

    learning_rate: Range
    weight_decay: Range
    dropout: Range
    batch_size: Choices


class Pruning(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """When the median pruner may act."""

    startup_trials: Count
    warmup_share: Annotated[float, msgspec.Meta(ge=0, le=1)]


class HpoConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One file of ``configs/hpo``."""

    space: Space
    fixed: Fixed
    pruning: Pruning


class RecipeConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A default for everything that a search would draw, besides the architecture."""

    learning_rate: Positive
    weight_decay: Annotated[float, msgspec.Meta(ge=0)]
    dropout: Annotated[float, msgspec.Meta(ge=0, lt=1)]
    batch_size: Count


class ModelConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One file of ``configs/model``."""

    budget: str
    patchtst: dict[str, Any]
    default: str
    architectures: dict[str, dict[str, int]]
    recipe: RecipeConfig

    def solve(self, budget: int, *, num_channels: int, context_length: int) -> dict[str, Architecture]:
        """Every candidate with the feed-forward width that meets the budget for these data.

        Raises:
            UsageError: naming the candidate and the limit, if one cannot meet it.
        """
        solved = {}
        for name, fields in self.architectures.items():
            given = {"num_channels": num_channels, "context_length": context_length, **self.patchtst, **fields}
            try:
                solved[name] = solve_d_ff(budget, **given)
            except (TypeError, ValueError) as error:
                raise UsageError(f"configs/model/patchtst_{self.budget}.yaml, architecture {name}: {error}") from error
        return solved


Config = TypeVar("Config")


def load_phase(name: str, project: Path = PROJECT) -> Phase:
    """Read a phase.

    Raises:
        UsageError: if there is no such phase, or its file is not as it should be.
    """
    require_choice("phase", name, phase_names(project))
    return _load(project / "configs" / "phases" / f"{name}.yaml", Phase)


def load_model(budget: str, project: Path = PROJECT) -> ModelConfig:
    """Read the architectures and the default recipe of a budget.

    Raises:
        UsageError: if the file is missing or not as it should be.
    """
    return _load(project / "configs" / "model" / f"patchtst_{budget}.yaml", ModelConfig)


def load_hpo(budget: str, project: Path = PROJECT) -> HpoConfig:
    """Read the search space of a budget.

    Raises:
        UsageError: if the file is missing or not as it should be.
    """
    return _load(project / "configs" / "hpo" / f"patchtst_{budget}.yaml", HpoConfig)


def _load(path: Path, kind: type[Config]) -> Config:
    import yaml

    try:
        return msgspec.convert(yaml.safe_load(path.read_bytes()), kind)
    except (OSError, ValueError, RecursionError, yaml.YAMLError, msgspec.ValidationError) as error:
        raise UsageError(f"configs/{path.parent.name}/{path.name}: {' '.join(str(error).split())}") from error
