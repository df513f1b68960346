"""Models and search spaces: ``configs/model`` and ``configs/hpo``, read when scripts are generated, never later."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from codegen.request.choices import PROJECT, UsageError
from codegen.request.yaml_files import Document, parse_yaml, read_bytes
from codegen.request.yaml_schema import MisfitError, convert, not_allowed, not_here
from runtime.model.architecture import Architecture, solve_d_ff
from runtime.training.recipe import FIXED, SEARCHED, Declared

Count = Annotated[int, msgspec.Meta(ge=1)]
Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]+$")]


class Range(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A number drawn between two ends."""

    low: float
    high: float

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise MisfitError(("low",), f"{self.low} is not below high, which is {self.high}")


class Choices(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A value drawn from a list."""

    choices: Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)]


def _value(declared: Declared) -> tuple[str, Any, Any]:
    bounds = {"gt": declared.above, "ge": declared.least, "lt": declared.below}
    finite: Any = {name: bound for name, bound in bounds.items() if math.isfinite(bound)}
    return declared.name, Annotated[declared.type, msgspec.Meta(**finite)], declared.default


def _drawn(declared: Declared) -> tuple[str, Any, Any]:
    if declared.choices:
        return declared.name, Choices, Choices(declared.choices)
    return declared.name, Range, Range(declared.low or 0.0, declared.high or 0.0)


def _of_recipe(fields: Iterable[Any]) -> Any:
    """A struct with a field for some values of a recipe, each with the default that `Recipe` declares."""
    return msgspec.defstruct("OfRecipe", fields, frozen=True, forbid_unknown_fields=True)


def required_values() -> Any:
    """A struct of what a search draws, of which nothing may be missing."""
    return _of_recipe(_value(declared)[:2] for declared in SEARCHED.values())


class Fixed(_of_recipe(map(_value, FIXED.values()))):  # type: ignore[misc]
    """The part of a recipe that no search draws."""


class RecipeConfig(_of_recipe(map(_value, SEARCHED.values()))):  # type: ignore[misc]
    """The part of a recipe that a search would draw, where none does."""


class Space(_of_recipe(map(_drawn, SEARCHED.values()))):  # type: ignore[misc]
    """What a search draws, besides the architecture."""

    def __post_init__(self) -> None:
        for name, drawn in msgspec.structs.asdict(self).items():
            if SEARCHED[name].log and isinstance(drawn, Range) and drawn.low <= 0:
                raise MisfitError(
                    (name, "low"), f"{drawn.low} is not positive, as it must be where ratios count as steps"
                )

    def draws(self) -> dict[str, dict[str, Any]]:
        """What ``suggest`` holds of each value: its bounds and their scale, or its choices."""
        drawn = {name: msgspec.to_builtins(each) for name, each in msgspec.structs.asdict(self).items()}
        return {name: each | ({} if "choices" in each else {"log": SEARCHED[name].log}) for name, each in drawn.items()}


class Pruning(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """When the median pruner may act."""

    startup_trials: Count
    warmup_share: Annotated[float, msgspec.Meta(ge=0, le=1)]


class PanelConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What differs on a panel, where one pass over the training samples takes many steps.

    ``validate_every`` are the steps of what ``max_epochs`` and ``patience`` count there.
    """

    validate_every: Count
    max_epochs: Count
    patience: Count
    space: Space = Space()


class HpoConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One file of ``configs/hpo``; what it leaves out of ``space`` and ``fixed`` is as `Recipe` declares it."""

    pruning: Pruning = Pruning(startup_trials=8, warmup_share=0.3)
    space: Space = Space()
    fixed: Fixed = Fixed()
    panel: PanelConfig | None = None

    def fixed_for(self, *, panel: bool) -> dict[str, Any]:
        """Name and value of all that no search draws."""
        fixed = msgspec.structs.asdict(self.fixed)
        if not panel or self.panel is None:
            return fixed
        return fixed | {name: getattr(self.panel, name) for name in ("max_epochs", "patience", "validate_every")}

    def space_for(self, *, panel: bool) -> Space:
        """What a search draws."""
        return self.panel.space if panel and self.panel is not None else self.space


class Shared(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What every architecture of a budget shares; see `Architecture`."""

    channels: Literal["mixing", "independent"]
    norm: Literal["layer", "batch"]
    norm_first: bool
    positions: Literal["learned", "sincos"]
    residual_attention: bool
    pooling: Literal["flatten", "mean", "max"]
    instance_norm: bool
    last_row: bool


class ArchitectureConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What makes one architecture; ``d_ff`` is solved."""

    d_model: Count
    num_heads: Count
    num_layers: Count
    patch_length: Count
    stride: Count


class ModelConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One file of ``configs/model``."""

    parameters: Count
    patchtst: Shared
    default: str
    architectures: Annotated[dict[Name, ArchitectureConfig], msgspec.Meta(min_length=1)]
    recipe: RecipeConfig = RecipeConfig()
    panel_recipe: RecipeConfig | None = None
    checkpoint_activations: bool = False
    sharding: Literal["none", "ddp", "fsdp"] = "none"

    def __post_init__(self) -> None:
        if self.checkpoint_activations and self.patchtst.norm == "batch":
            raise MisfitError(("checkpoint_activations",), not_here(True, ["false"], "patchtst.norm is batch"))
        if self.sharding != "none" and self.patchtst.norm == "batch":
            raise MisfitError(("sharding",), not_here(self.sharding, ["none"], "patchtst.norm is batch"))
        if self.default not in self.architectures:
            raise MisfitError(("default",), not_allowed(self.default, self.architectures))

    def default_recipe(self, *, panel: bool) -> dict[str, Any]:
        """The recipe that needs no search, its architecture among it."""
        recipe = self.panel_recipe if panel and self.panel_recipe is not None else self.recipe
        return {"architecture": self.default, **msgspec.structs.asdict(recipe)}

    def shared(self) -> dict[str, Any]:
        """What every architecture shares, as the fields of `Architecture`."""
        return msgspec.structs.asdict(self.patchtst)

    def solve(self, budget: str, *, num_channels: int, context_length: int) -> dict[str, Architecture]:
        """Every candidate with the feed-forward width that meets the number of parameters for these data.

        Args:
            budget: its name, for the message.
            num_channels, context_length: of the data.

        Raises:
            UsageError: naming the candidate and the limit, if one cannot meet it.
        """
        solved = {}
        for name, fields in self.architectures.items():
            shape = {"num_channels": num_channels, "context_length": context_length}
            given = {**shape, **self.shared(), **msgspec.structs.asdict(fields)}
            try:
                solved[name] = solve_d_ff(self.parameters, **given)
            except ValueError as error:
                raise UsageError(f"configs/model/patchtst_{budget}.yaml, architecture {name}: {error}") from error
        return solved


Config = TypeVar("Config")


def load_model(budget: str, project: Path = PROJECT) -> ModelConfig:
    """Read the architectures and the default recipe of a budget.

    Raises:
        UsageError: if the file is missing or not as it should be.
    """
    return load(f"configs/model/patchtst_{budget}.yaml", ModelConfig, project)[1]


def load_hpo(budget: str, project: Path = PROJECT) -> HpoConfig:
    """Read the search space of a budget; one without a file of its own is searched as `Recipe` declares.

    Raises:
        UsageError: if the file is not as it should be.
    """
    if not os.path.lexists(project / f"configs/hpo/patchtst_{budget}.yaml"):
        return HpoConfig()
    return load(f"configs/hpo/patchtst_{budget}.yaml", HpoConfig, project)[1]


def load(name: str, kind: type[Config], project: Path) -> tuple[Document, Config]:
    """Read a configuration, and keep the document for errors that show only beside other files.

    Raises:
        UsageError: if the file is missing or not as it should be.
    """
    content = read_bytes(project / name, name)
    document, config = _converted(content, name, kind)  # type: ignore[arg-type]  # mypy takes no type for hashable
    return document, config


@lru_cache(maxsize=64)  # by content: each experiment of a phase asks for the same few files again
def _converted(content: bytes, name: str, kind: type[Any]) -> tuple[Document, Any]:
    document = parse_yaml(content, name)
    return document, convert(document, kind)
