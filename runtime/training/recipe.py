"""How a model is trained: the values a search may draw and those it leaves fixed."""

from __future__ import annotations

import math
from dataclasses import dataclass

from runtime.errors import UserError


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """One complete training recipe.

    Attributes:
        learning_rate: peak learning rate of AdamW.
        weight_decay: decoupled weight decay, applied to matrices only.
        dropout: probability, everywhere the model drops.
        batch_size: samples of one optimiser step.
        max_epochs: length of the learning-rate schedule.
        patience: epochs without a better validation loss before training stops.
        warmup_fraction: share of all steps over which the learning rate rises linearly.
        gradient_clip: largest gradient norm of a step.

    Raises:
        UserError: if a value is outside its range.
    """

    learning_rate: float
    weight_decay: float
    dropout: float
    batch_size: int
    max_epochs: int
    patience: int
    warmup_fraction: float
    gradient_clip: float

    def __post_init__(self) -> None:
        _check("learning_rate", self.learning_rate, 0 < self.learning_rate < math.inf, "positive")
        _check("weight_decay", self.weight_decay, 0 <= self.weight_decay < math.inf, "at least 0")
        _check("dropout", self.dropout, 0 <= self.dropout < 1, "in [0, 1)")
        _check(
            "batch_size",
            self.batch_size,
            type(self.batch_size) is int and self.batch_size >= 1,
            "an integer of at least 1",
        )
        _check(
            "max_epochs",
            self.max_epochs,
            type(self.max_epochs) is int and self.max_epochs >= 1,
            "an integer of at least 1",
        )
        _check("patience", self.patience, type(self.patience) is int and self.patience >= 1, "an integer of at least 1")
        _check("warmup_fraction", self.warmup_fraction, 0 <= self.warmup_fraction < 1, "in [0, 1)")
        _check("gradient_clip", self.gradient_clip, 0 < self.gradient_clip < math.inf, "positive")

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


def _check(name: str, value: float, allowed: bool, rule: str) -> None:
    if not allowed:
        raise UserError(f"{name} {value!r}: allowed is {rule}")
