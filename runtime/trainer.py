"""Training of one PatchTST: early stopping on validation loss, best weights restored."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from runtime.architecture import BUDGET_TOLERANCE, Architecture
from runtime.errors import RunError, UserError
from runtime.patchtst import PatchTST
from runtime.recipe import Recipe
from runtime.splits import Indices, SplitIndices
from runtime.starting_point import set_starting_point
from runtime.windows import WindowDataset

_EVALUATION_BATCH = 1024


@dataclass(frozen=True)
class EpochRecord:
    """What one epoch showed. Losses are mean binary cross-entropy in nats; epochs count from 1."""

    epoch: int
    train_loss: float
    val_loss: float
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


class Trainer:
    """Train a PatchTST on the training samples of a split, judged by the split's validation samples.

    AdamW with weight decay on matrices only, linear warm-up and cosine decay, gradient clipping, early stopping on
    the plain validation loss, best weights restored. Before the first step the model forecasts the training base rate
    or, where the architecture has ``last_row``, what a logistic regression on the decision row does.

    Args:
        dataset: samples; moved to ``device``.
        split_indices: which samples train and which validate. There is no default: a model is never trained without.
        architecture: fields of `Architecture` but ``num_channels`` and ``context_length``, which the data decide.
        recipe: learning rate, regularisation, batch size, schedule.
        seed: decides initial weights, order of samples and dropout.
        parameter_budget: number of trainable parameters the model must have, to within ±5 %; None asks for none.
        device: where to train.
        micro_batch_size: samples that pass through the model at once; smaller ones need less memory and accumulate the
            same gradient. None takes a whole batch at once.

    Raises:
        UserError: if the architecture is impossible or misses its budget, or all training labels are equal.
    """

    def __init__(
        self,
        dataset: WindowDataset,
        *,
        split_indices: SplitIndices,
        architecture: Mapping[str, Any],
        recipe: Recipe,
        seed: int,
        parameter_budget: int | None = None,
        device: torch.device | str = "cpu",
        micro_batch_size: int | None = None,
    ) -> None:
        self.dataset = dataset.to(device)
        self.splits = split_indices
        self.recipe = recipe
        self.seed = seed
        self.micro_batch_size = micro_batch_size or recipe.batch_size
        shape = make_architecture(architecture, dataset, parameter_budget)
        self._require_two_classes()
        with torch.random.fork_rng():
            torch.manual_seed(_mixed_seed(seed, 0))
            self.model = PatchTST(shape, dropout=recipe.dropout).to(device)
        set_starting_point(self.model, self.dataset, split_indices.train_indices)
        self.optimizer = make_optimizer(self.model, recipe)

    def _require_two_classes(self) -> None:
        positives = int(self.targets(self.splits.train_indices).sum())
        if positives in (0, self.splits.train_indices.size):
            raise UserError(
                f"all {self.splits.train_indices.size} training labels are {int(positives > 0)}: there is nothing to "
                "learn; use a longer horizon, a smaller threshold or a longer history"
            )

    @property
    def device(self) -> torch.device:
        """Where the model trains."""
        return self.dataset.device

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of one pass over the training samples; the last batch may be smaller."""
        return math.ceil(self.splits.train_indices.size / self.recipe.batch_size)

    def fit(self, on_epoch: Callable[[EpochRecord], None] | None = None) -> TrainingResult:
        """Train to the end and restore the best epoch's weights.

        Args:
            on_epoch: called after each epoch; what it raises ends the training (a search prunes this way).

        Raises:
            RunError: if a loss is not finite.
        """
        records: list[EpochRecord] = []
        best = 0
        best_weights: dict[str, Tensor] = {}
        with torch.random.fork_rng():
            for epoch in range(self.recipe.max_epochs):
                records.append(self._run_epoch(epoch))
                if epoch == 0 or records[epoch].val_loss < records[best].val_loss:
                    best = epoch
                    best_weights = {name: value.clone() for name, value in self.model.state_dict().items()}
                if on_epoch is not None:
                    on_epoch(records[epoch])
                if epoch - best >= self.recipe.patience:
                    break
        self.model.load_state_dict(best_weights)
        return TrainingResult(
            best_epoch=records[best].epoch,
            best_val_loss=records[best].val_loss,
            epochs=tuple(records),
            stopped_early=len(records) < self.recipe.max_epochs,
            parameter_count=self.model.parameter_count(),
        )

    def _run_epoch(self, epoch: int) -> EpochRecord:
        began = time.perf_counter()
        train_loss = self._train_epoch(epoch)
        val_loss = self.loss(self.splits.val_indices)
        for name, loss in (("training", train_loss), ("validation", val_loss)):
            if not math.isfinite(loss):
                raise RunError(
                    f"{name} loss is {loss} in epoch {epoch + 1}: training diverged; lower the learning rate"
                )
        rate = self.optimizer.param_groups[0]["lr"]
        return EpochRecord(epoch + 1, train_loss, val_loss, rate, time.perf_counter() - began)

    def _train_epoch(self, epoch: int) -> float:
        torch.manual_seed(_mixed_seed(self.seed, epoch + 1))
        order = np.random.default_rng([self.seed, epoch]).permutation(self.splits.train_indices)
        self.model.train()
        total = torch.zeros((), device=self.dataset.device)
        for step, starts in enumerate(torch.split(self.dataset.starts(order), self.recipe.batch_size)):
            total += self._train_step(starts, epoch * self.steps_per_epoch + step) * starts.numel()
        return float(total) / order.size

    def _train_step(self, starts: Tensor, step: int) -> Tensor:
        rate = self.recipe.learning_rate_at(step, self.recipe.max_epochs * self.steps_per_epoch)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad()
        batch_loss = torch.zeros((), device=self.dataset.device)
        for part in torch.split(starts, self.micro_batch_size):
            logits = self.model(self.dataset.inputs(part))
            loss = functional.binary_cross_entropy_with_logits(logits, self.dataset.targets(part))
            loss = loss * (part.numel() / starts.numel())
            torch.autograd.backward(loss)
            batch_loss += loss.detach()
        torch.nn.utils.clip_grad_norm_(self.model.parameters(), self.recipe.gradient_clip)
        self.optimizer.step()
        return batch_loss

    def measure_step_seconds(self, steps: int) -> float:
        """Take a few real training steps and time them; the model is no longer fresh afterwards.

        Args:
            steps: how many to time, after one that warms up.

        Returns:
            Mean wall seconds of a step.
        """
        starts = self.dataset.starts(self.splits.train_indices[: self.recipe.batch_size])
        self.model.train()
        self._train_step(starts, 0)
        began = time.perf_counter()
        for step in range(steps):
            float(self._train_step(starts, step))
        return (time.perf_counter() - began) / steps

    def predict(self, indices: Indices) -> npt.NDArray[np.float64]:
        """Logits of the current weights, in the order of ``indices``, shape (samples,)."""
        self.model.eval()
        with torch.inference_mode():
            # Less in the same proportion as training passes at once: memory that runs out must not do so here.
            at_once = max(1, _EVALUATION_BATCH * self.micro_batch_size // self.recipe.batch_size)
            parts = torch.split(self.dataset.starts(indices), at_once)
            return torch.cat([self.model(self.dataset.inputs(starts)) for starts in parts]).cpu().double().numpy()

    def targets(self, indices: Indices) -> npt.NDArray[np.float64]:
        """Labels in the order of ``indices``, 0.0 or 1.0, shape (samples,)."""
        return self.dataset.targets(self.dataset.starts(indices)).cpu().double().numpy()

    def loss(self, indices: Indices) -> float:
        """Plain mean binary cross-entropy of the current weights in evaluation mode, in nats."""
        logits, targets = torch.from_numpy(self.predict(indices)), torch.from_numpy(self.targets(indices))
        return float(functional.binary_cross_entropy_with_logits(logits, targets))


def make_architecture(fields: Mapping[str, Any], dataset: WindowDataset, budget: int | None) -> Architecture:
    """The architecture for these data, refused when it misses its budget.

    Raises:
        UserError: if the fields are impossible, or the parameter count is not within ±5 % of the budget.
    """
    try:
        architecture = Architecture(num_channels=dataset.num_channels, context_length=dataset.context_length, **fields)
    except (TypeError, ValueError) as error:
        raise UserError(f"architecture {dict(fields)}: {error}") from error
    count = architecture.parameter_count()
    if budget is not None and abs(count - budget) > BUDGET_TOLERANCE * budget:
        raise UserError(
            f"the model has {count:,} parameters, its budget is {budget:,} ± {BUDGET_TOLERANCE:.0%}; "
            "regenerate the script"
        )
    return architecture


def make_optimizer(model: torch.nn.Module, recipe: Recipe) -> torch.optim.AdamW:
    """AdamW that decays matrices, not biases, norms or other vectors."""
    parameters = list(model.parameters())
    groups = [
        {"params": [p for p in parameters if p.ndim >= 2], "weight_decay": recipe.weight_decay},
        {"params": [p for p in parameters if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=recipe.learning_rate, fused=True)


def _mixed_seed(seed: int, stream: int) -> int:
    """One well-mixed torch seed for each (seed, stream), so that neighbouring seeds are unrelated."""
    return int(np.random.SeedSequence([seed, stream]).generate_state(1)[0])
