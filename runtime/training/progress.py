"""Where a training stands: the epochs that are finished, and the one that is not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any

import torch
from torch import Tensor

from runtime.training.recipe import Recipe


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch showed. Losses are mean binary cross-entropy in nats; epochs count from 1.

    ``val_spread`` is the standard deviation of the validation samples' forecast probabilities.
    """

    epoch: int
    train_loss: float
    val_loss: float
    val_spread: float
    learning_rate: float
    seconds: float


@dataclass(frozen=True)
class TrainingResult:
    """How a training ended. ``best_epoch`` is the one whose weights the model now holds."""

    best_epoch: int
    best_val_loss: float
    epochs: tuple[EpochRecord, ...]
    stopped_early: bool
    parameter_count: int


@dataclass
class Progress:
    """Where a training stands between two steps.

    Attributes:
        epochs: one record a finished epoch.
        steps: optimiser steps of the epoch that is not finished.
        loss_sum: of all samples of these steps; it stays on the device, where reading it would wait for the step.
        seconds: wall time of these steps.
        random_states: torch's after the last of them, see `random_states`.
    """

    epochs: list[EpochRecord] = field(default_factory=list)
    steps: int = 0
    loss_sum: Tensor = field(default_factory=lambda: torch.zeros(()))
    seconds: float = 0.0
    random_states: dict[str, Tensor] = field(default_factory=dict)

    @property
    def best(self) -> EpochRecord:
        """The epoch with the lowest validation loss, the first one on a tie."""
        return min(self.epochs, key=lambda record: record.val_loss)

    def is_finished(self, recipe: Recipe) -> bool:
        """Whether the schedule or the patience has run out."""
        count = len(self.epochs)
        return count == recipe.max_epochs or (count > 0 and count - self.best.epoch >= recipe.patience)

    def finish_epoch(self, record: EpochRecord) -> None:
        """Close the current epoch."""
        self.epochs.append(record)
        self.steps, self.seconds, self.loss_sum = 0, 0.0, torch.zeros_like(self.loss_sum)

    def state_dict(self) -> dict[str, Any]:
        """Tensors, numbers and containers of them only; the tensors are the live ones."""
        return vars(self) | {"epochs": [asdict(record) for record in self.epochs]}

    @classmethod
    def from_state_dict(cls, state: Mapping[str, Any], device: torch.device) -> Progress:
        """The progress that ``state_dict`` described; what else stands in it is not looked at."""
        known = {each.name: state[each.name] for each in fields(cls)}
        epochs = [EpochRecord(**record) for record in state["epochs"]]
        return cls(**{**known, "epochs": epochs, "loss_sum": state["loss_sum"].to(device)})


def random_states(device: torch.device) -> dict[str, Tensor]:
    """State of each of torch's generators that a model on ``device`` draws from."""
    states = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        states["cuda"] = torch.cuda.get_rng_state(device)
    return states


def set_random_states(states: Mapping[str, Tensor], device: torch.device) -> None:
    """Put the generators into the state that `random_states` took."""
    torch.set_rng_state(states["cpu"])
    if device.type == "cuda" and "cuda" in states:  # a checkpoint of a CPU run may continue on a GPU
        torch.cuda.set_rng_state(states["cuda"], device)
