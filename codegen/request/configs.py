"""Models and search spaces: ``configs/model`` and ``configs/hpo``, read when scripts are generated, never later."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import msgspec

from codegen.request.choices import PROJECT, Budget, UsageError
from codegen.request.yaml_files import Document, parse_yaml, read_bytes
from codegen.request.yaml_schema import MisfitError, convert, not_allowed, not_here
from runtime.model.architecture import Architecture, solve_d_ff

Positive = Annotated[float, msgspec.Meta(gt=0)]
Count = Annotated[int, msgspec.Meta(ge=1)]
Name = Annotated[str, msgspec.Meta(pattern="^[a-z0-9_]+$")]


class Range(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A number drawn between two ends."""

    low: float
    high: float
    log: bool

    def __post_init__(self) -> None:
        if self.low >= self.high:
            raise MisfitError(("low",), f"{self.low} is not below high, which is {self.high}")
        if self.log and self.low <= 0:
            raise MisfitError(("low",), f"{self.low} is not positive, as it must be where log is true")


class Choices(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """A value drawn from a list."""

    choices: Annotated[tuple[Count, ...], msgspec.Meta(min_length=1)]


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


class Candidate(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """What makes one architecture; ``d_ff`` is solved."""

    d_model: Count
    num_heads: Count
    num_layers: Count
    patch_length: Count
    stride: Count


class ModelConfig(msgspec.Struct, forbid_unknown_fields=True, frozen=True):
    """One file of ``configs/model``."""

    budget: Budget
    patchtst: Shared
    default: str
    architectures: Annotated[dict[Name, Candidate], msgspec.Meta(min_length=1)]
    recipe: RecipeConfig
    checkpoint_activations: bool = False

    def __post_init__(self) -> None:
        if self.checkpoint_activations and self.patchtst.norm == "batch":
            raise MisfitError(("checkpoint_activations",), not_here(True, ["false"], "patchtst.norm is batch"))
        if self.default not in self.architectures:
            raise MisfitError(("default",), not_allowed(self.default, self.architectures))

    def shared(self) -> dict[str, Any]:
        """What every architecture shares, as the fields of `Architecture`."""
        return msgspec.structs.asdict(self.patchtst)

    def solve(self, budget: int, *, num_channels: int, context_length: int) -> dict[str, Architecture]:
        """Every candidate with the feed-forward width that meets the budget for these data.

        Raises:
            UsageError: naming the candidate and the limit, if one cannot meet it.
        """
        solved = {}
        for name, fields in self.architectures.items():
            shape = {"num_channels": num_channels, "context_length": context_length}
            given = {**shape, **self.shared(), **msgspec.structs.asdict(fields)}
            try:
                solved[name] = solve_d_ff(budget, **given)
            except ValueError as error:
                raise UsageError(f"configs/model/patchtst_{self.budget}.yaml, architecture {name}: {error}") from error
        return solved


Config = TypeVar("Config")


def load_model(budget: str, project: Path = PROJECT) -> ModelConfig:
    """Read the architectures and the default recipe of a budget.

    Raises:
        UsageError: if the file is missing or not as it should be.
    """
    document, model = load(f"configs/model/patchtst_{budget}.yaml", ModelConfig, project)
    if model.budget != budget:
        raise document.refusal(("budget",), not_here(model.budget, [budget], "the budget in the file's name"))
    return model


def load_hpo(budget: str, project: Path = PROJECT) -> HpoConfig:
    """Read the search space of a budget.

    Raises:
        UsageError: if the file is missing or not as it should be.
    """
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
