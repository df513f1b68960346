"""Training of one PatchTST: early stopping on validation loss, best weights restored."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor
from torch.nn import functional

from runtime.arrays import Indices
from runtime.errors import RunError
from runtime.model.patchtst import PatchTST
from runtime.samples.splits import SplitIndices
from runtime.samples.windows import WindowDataset
from runtime.script.ranks import Ranks
from runtime.training.allocator import keep_pages
from runtime.training.building import make_architecture, make_empty_model, make_model, mixed_seed, require_two_classes
from runtime.training.learner import Learner
from runtime.training.progress import EpochRecord, Progress, TrainingResult, random_states, set_random_states
from runtime.training.recipe import Recipe
from runtime.training.starting_point import set_starting_point

__all__ = ["EpochRecord", "Trainer", "TrainingResult"]


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
        device: where to train; on "meta" the trainer is an outline: all is as it would be, but takes no memory and
            computes nothing.
        micro_batch_size: samples that pass through the model at once; smaller ones need less memory and accumulate the
            same gradient. None takes a whole batch at once.
        checkpoint_activations: keep only each layer's input in memory and compute the rest again in the backward pass;
            the results are the same.
        ranks: the processes that train the model together, each step's batch shared among them; None: this one alone.
            The first one's trainer is called, the others follow it (see `Ranks.order`).

    Raises:
        UserError: if the architecture is impossible or misses its budget, if it normalises by batches and activations
            are to be checkpointed or ranks share a batch, or if all training labels are equal.
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
        checkpoint_activations: bool = False,
        ranks: Ranks | None = None,
    ) -> None:
        ranks = ranks or Ranks()
        self.dataset = dataset.to(device)
        self.splits = split_indices
        self.recipe = recipe
        self.seed = seed
        shape = make_architecture(architecture, dataset, parameter_budget)
        require_two_classes(_targets(dataset, split_indices.train_indices))
        is_outline = self.device.type == "meta"
        make = make_model if ranks.is_first and not is_outline else make_empty_model
        fresh = make(shape, dropout=recipe.dropout, checkpoint_activations=checkpoint_activations, seed=seed)
        if not is_outline:
            set_starting_point(fresh, self.dataset, split_indices.train_indices)
        self.learner = Learner(
            fresh,
            self.dataset,
            split_indices.train_indices,
            recipe=recipe,
            seed=seed,
            ranks=ranks,
            micro_batch_size=micro_batch_size,
        )
        self.progress = Progress(loss_sum=torch.zeros((), device=self.device))

    @property
    def model(self) -> PatchTST:
        """What is trained."""
        return self.learner.model

    @property
    def optimizer(self) -> torch.optim.Optimizer:
        """What changes its weights."""
        return self.learner.optimizer

    @property
    def micro_batch_size(self) -> int:
        """Samples that pass through the model at once."""
        return self.learner.micro_batch_size

    @micro_batch_size.setter
    def micro_batch_size(self, samples: int) -> None:
        self.learner.micro_batch_size = samples

    @property
    def device(self) -> torch.device:
        """Where the model trains."""
        return self.dataset.device

    @property
    def steps_per_epoch(self) -> int:
        """Optimiser steps of an epoch."""
        return self.learner.steps_per_epoch

    def fit(
        self,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        after_step: Callable[[], None] | None = None,
    ) -> TrainingResult:
        """Train to the end, from wherever the training stands, and restore the best epoch's weights.

        Args:
            on_epoch: called after each epoch; what it raises ends the training (a search prunes this way).
            after_step: called after each optimiser step, when ``state_dict`` is whole; what it raises ends the
                training, and ``fit`` continues it.

        Raises:
            RunError: if a loss is not finite.
        """
        keep_pages()
        with torch.random.fork_rng():
            while not self.progress.is_finished(self.recipe):
                self._train_epoch(after_step)
                record = self._validate_epoch()
                if on_epoch is not None:
                    on_epoch(record)
        progress = self.progress
        self.learner.restore_best()
        return TrainingResult(
            best_epoch=progress.best.epoch,
            best_val_loss=progress.best.val_loss,
            epochs=tuple(progress.epochs),
            stopped_early=len(progress.epochs) < self.recipe.max_epochs,
            parameter_count=self.model.parameter_count(),
        )

    def state_dict(self) -> dict[str, Any]:
        """Everything that ``fit`` needs to continue between two steps as if it had never stopped.

        Tensors, numbers and containers of them only; the tensors are the live ones.
        """
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "progress": self.progress.state_dict() | {"best_weights": self.learner.best_weights},
            "micro_batch_size": self.micro_batch_size,
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Stand where the trainer stood whose ``state_dict`` this is; it was made with the same arguments.

        Takes over the tensors, which the caller must not use again.
        """
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.learner.capture()
        self.learner.best_weights = state["progress"]["best_weights"]
        self.progress = Progress.from_state_dict(state["progress"], self.device)
        self.micro_batch_size = state["micro_batch_size"]

    def _train_epoch(self, after_step: Callable[[], None] | None) -> None:
        progress, epoch = self.progress, len(self.progress.epochs)
        if progress.steps:
            set_random_states(progress.random_states, self.device)
        else:
            torch.manual_seed(mixed_seed(self.seed, epoch + 1))
        self.model.train()
        for starts in self.learner.batches(epoch)[progress.steps :]:
            began = time.perf_counter()
            loss = self._train_step(starts, epoch * self.steps_per_epoch + progress.steps)
            progress.loss_sum = progress.loss_sum + loss * starts.numel()
            progress.steps += 1
            progress.random_states = random_states(self.device)
            progress.seconds += time.perf_counter() - began
            if after_step is not None:
                after_step()

    def _validate_epoch(self) -> EpochRecord:
        progress, began = self.progress, time.perf_counter()
        epoch = len(progress.epochs) + 1
        train_loss = float(progress.loss_sum) / sum(starts.numel() for starts in self.learner.batches(epoch - 1))
        logits = self.predict(self.splits.val_indices)
        val_loss = self.loss(self.splits.val_indices, logits)
        for name, loss in (("training", train_loss), ("validation", val_loss)):
            if not math.isfinite(loss):
                raise RunError(f"{name} loss is {loss} in epoch {epoch}: training diverged; lower the learning rate")
        rate = self.learner.rate_at(epoch * self.steps_per_epoch - 1)
        seconds = progress.seconds + time.perf_counter() - began
        spread = float(torch.from_numpy(logits).sigmoid().std(correction=0))
        record = EpochRecord(epoch, train_loss, val_loss, spread, rate, seconds)
        progress.finish_epoch(record)
        if progress.best is record:
            self.learner.keep_best()
        return record

    def _train_step(self, starts: Tensor, step: int) -> Tensor:
        return self.learner.take_step(starts, step)

    def predict(self, indices: Indices) -> npt.NDArray[np.float64]:
        """Logits of the current weights, in the order of ``indices``, shape (samples,)."""
        return self.learner.predict(indices)

    def targets(self, indices: Indices) -> npt.NDArray[np.float64]:
        """Labels in the order of ``indices``, 0.0 or 1.0, shape (samples,)."""
        return _targets(self.dataset, indices)

    def loss(self, indices: Indices, logits: npt.NDArray[np.float64] | None = None) -> float:
        """Plain mean binary cross-entropy of the current weights in evaluation mode, or of these logits, in nats."""
        forecast = torch.from_numpy(self.predict(indices) if logits is None else logits)
        return float(functional.binary_cross_entropy_with_logits(forecast, torch.from_numpy(self.targets(indices))))


def _targets(dataset: WindowDataset, indices: Indices) -> npt.NDArray[np.float64]:
    return dataset.targets(dataset.starts(indices)).cpu().double().numpy()
