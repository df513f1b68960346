"""How a model is trained: the values a search may draw and those it leaves fixed, each declared in one place.

The search space, borrowing between tasks, the configurations' defaults, the head of a script and the records are made
from the fields of `Recipe`. Imports nothing heavy, for the generator reads it.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from runtime.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Declared:
    """What is declared of a value of a recipe.

    Attributes:
        name: of the field.
        type: ``int`` or ``float``.
        default: of the recipe that needs no search, where a configuration names none.
        above, least, below: bounds of what is allowed at all; an infinite one does not count.
        low, high: range that a search draws from, where a configuration names none; None for one that is not drawn so.
        choices: drawn instead of a range.
        log: whether equal ratios count as equal steps: in a search's draws, and between two tasks.
    """

    name: str = ""
    type: type = float
    default: float
    above: float = -math.inf
    least: float = -math.inf
    below: float = math.inf
    low: float | None = None
    high: float | None = None
    choices: tuple[int, ...] = ()
    log: bool = False

    @property
    def is_searched(self) -> bool:
        """Whether a search draws it."""
        return bool(self.choices) or self.low is not None

    @property
    def allowed(self) -> str:
        """What is allowed, in words."""
        bounds = {"above": self.above, "at least": self.least, "below": self.below}
        named = [f"{word} {bound:g}" for word, bound in bounds.items() if math.isfinite(bound)]
        return ", ".join(["an integer" if self.type is int else "a finite number", *named])

    def check(self, value: Any) -> None:
        """Refuse a value that is not allowed.

        Raises:
            UserError: naming it and what is.
        """
        fits = type(value) is int or (self.type is float and isinstance(value, float) and math.isfinite(value))
        if not (fits and self.above < value < self.below and value >= self.least):
            raise UserError(f"{self.name} {value!r}: allowed is {self.allowed}")


def _declare(default: float, **told: Any) -> Any:
    return field(metadata={"declared": Declared(default=default, **told)})


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One complete training recipe. No value that every training needs has a default here: a script names all of them.

    Attributes:
        learning_rate: peak learning rate of AdamW.
        weight_decay: decoupled weight decay, applied to matrices only.
        dropout: probability, everywhere the model drops.
        batch_size: samples of one optimiser step.
        max_epochs: length of the learning-rate schedule.
        patience: epochs without a better validation loss before training stops.
        warmup_fraction: share of all steps over which the learning rate rises linearly.
        gradient_clip: largest gradient norm of a step.
        validate_every: optimiser steps of an epoch; None, which a script leaves out, makes an epoch one pass over the
            training samples, however many there are.

    Raises:
        UserError: if a value is outside its range.
    """

    learning_rate: float = _declare(1e-4, above=0, low=3e-5, high=1e-3, log=True)
    weight_decay: float = _declare(0.1, least=0, low=1e-3, high=0.5, log=True)
    dropout: float = _declare(0.4, least=0, below=1, low=0.1, high=0.7)
    batch_size: int = _declare(128, type=int, least=1, choices=(32, 64, 128), log=True)
    max_epochs: int = _declare(30, type=int, least=1)
    patience: int = _declare(8, type=int, least=1)
    warmup_fraction: float = _declare(0.1, least=0, below=1)
    gradient_clip: float = _declare(1.0, above=0)
    validate_every: int | None = None

    def __post_init__(self) -> None:
        if self.validate_every is not None and (type(self.validate_every) is not int or self.validate_every < 1):
            raise UserError(f"validate_every {self.validate_every!r}: allowed is an integer, at least 1, or None")
        for declared in DECLARED.values():
            declared.check(getattr(self, declared.name))

    def values(self) -> dict[str, Any]:
        """Name and value of all that a script names."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    def learning_rate_at(self, step: int, total_steps: int) -> float:
        """Linear warm-up to the peak, then half a cosine to zero (Loshchilov & Hutter 2017, section 3).

        Args:
            step: optimiser steps already taken.
            total_steps: steps of ``max_epochs`` whole epochs.
        """
        warmup = round(self.warmup_fraction * total_steps)
        if step < warmup:
            return self.learning_rate * (step + 1) / warmup
        progress = (step - warmup) / max(1, total_steps - warmup)
        return self.learning_rate * 0.5 * (1 + math.cos(math.pi * progress))


def _named(name: str, declared: Declared) -> Declared:
    return Declared(**(vars(declared) | {"name": name}))


DECLARED = {each.name: _named(each.name, each.metadata["declared"]) for each in fields(Recipe) if each.metadata}
"""Every value of a recipe by its name."""

SEARCHED = {name: each for name, each in DECLARED.items() if each.is_searched}
FIXED = {name: each for name, each in DECLARED.items() if not each.is_searched}
