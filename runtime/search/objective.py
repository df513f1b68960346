"""What a search minimises: the best epoch's validation loss of one configuration."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import optuna
import torch
from optuna import Trial

from runtime.errors import RunError
from runtime.samples.splits import SplitIndices
from runtime.samples.windows import WindowDataset
from runtime.training.recipe import Recipe
from runtime.training.trainer import EpochRecord, Trainer, TrainingResult

__all__ = ["Objective", "Trial", "create_objective"]

Hyperparameters = dict[str, Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Objective:
    """Callable for Optuna; see `create_objective`."""

    suggest: Callable[[Trial], Hyperparameters]
    dataset: WindowDataset
    split_indices: SplitIndices
    architectures: Mapping[str, Mapping[str, Any]]
    fixed: Mapping[str, Any]
    seed: int
    parameter_budget: int | None
    device: torch.device | str
    checkpoint_activations: bool

    def __call__(self, trial: Trial) -> float:
        """Train what ``suggest`` draws, in this process; report each epoch, return the best epoch's validation loss.

        Raises:
            optuna.TrialPruned: if the pruner gives the trial up.
            RunError: if the training diverges.
        """
        return record_result(trial, self.train(self.suggest(trial), reporter(trial)))

    def __getstate__(self) -> dict[str, Any]:
        """All that another process needs to train; ``suggest`` lives in the script and stays in the driver."""
        return {name: value for name, value in vars(self).items() if name != "suggest"}

    def train(
        self,
        hyperparameters: Hyperparameters,
        on_epoch: Callable[[EpochRecord], None] | None = None,
        *,
        micro_batch_size: int | None = None,
    ) -> TrainingResult:
        """Train one configuration from scratch; a function of the hyperparameters and the seed alone.

        Args:
            hyperparameters: what ``suggest`` returns.
            on_epoch: called after each epoch; what it raises ends the training.
            micro_batch_size: see `Trainer`; None takes a whole batch at once.
        """
        return self.make_trainer(hyperparameters, micro_batch_size).fit(on_epoch)

    def micro_batch_sizes(self, hyperparameters: Hyperparameters) -> list[int]:
        """What to try, one after the other, as long as memory runs out: the whole batch, then halves.

        An eighth is the last: activations shrink with the micro-batch, so what is too large at an eighth is mostly
        weights and optimiser state, which no micro-batch shrinks. BatchNorm has the whole batch only, as smaller ones
        would be normalised by other statistics.
        """
        batch_size = int((hyperparameters | dict(self.fixed))["batch_size"])
        if self.architectures[hyperparameters["architecture"]].get("norm") == "batch":
            return [batch_size]
        return list(dict.fromkeys(-(-batch_size // parts) for parts in (1, 2, 4, 8)))

    def make_trainer(self, hyperparameters: Hyperparameters, micro_batch_size: int | None = None) -> Trainer:
        """Every hyperparameter reaches the model (``architecture``) or the recipe (all others)."""
        recipe = {name: value for name, value in hyperparameters.items() if name != "architecture"}
        return Trainer(
            self.dataset,
            split_indices=self.split_indices,
            architecture=self.architectures[hyperparameters["architecture"]],
            recipe=Recipe(**recipe, **self.fixed),
            seed=self.seed,
            parameter_budget=self.parameter_budget,
            device=self.device,
            micro_batch_size=micro_batch_size,
            checkpoint_activations=self.checkpoint_activations,
        )

    def outline(self, hyperparameters: Hyperparameters) -> Trainer:
        """The trainer of a configuration on the meta device: it costs nothing."""
        return replace(self, device="meta").make_trainer(hyperparameters)


def reporter(trial: Trial) -> Callable[[EpochRecord], None]:
    """Make what reports each epoch to a trial, once, and raises `optuna.TrialPruned` when the pruner gives it up."""
    losses: dict[int, float] = {}

    def report(record: EpochRecord) -> None:
        if record.epoch in losses:  # a training that starts again in smaller micro-batches
            return
        if not math.isfinite(record.val_loss):
            raise RunError(f"validation loss is {record.val_loss} in epoch {record.epoch}")
        losses[record.epoch] = record.val_loss
        # The best so far, as the objective is the best of all: Optuna's median pruner compares a trial's best value
        # with what others reported at the same epoch, and would never prune if those had begun to overfit.
        trial.report(min(losses.values()), record.epoch)
        if trial.should_prune():
            raise optuna.TrialPruned(f"pruned after epoch {record.epoch}")

    return report


def record_result(trial: Trial, result: TrainingResult) -> float:
    """Store with a trial how it trained; return its value."""
    trial.set_user_attr("best_epoch", result.best_epoch)
    trial.set_user_attr("epochs", len(result.epochs))
    trial.set_user_attr("val_spread", result.epochs[result.best_epoch - 1].val_spread)
    trial.set_user_attr("parameter_count", result.parameter_count)
    return result.best_val_loss


def create_objective(
    *,
    suggest: Callable[[Trial], Hyperparameters],
    dataset: WindowDataset,
    split_indices: SplitIndices,
    architectures: Mapping[str, Mapping[str, Any]],
    model: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any],
    seed: int = 42,
    parameter_budget: int | None = None,
    device: torch.device | str = "cpu",
    checkpoint_activations: bool = False,
) -> Objective:
    """Make the function that a study minimises: the validation loss of the best epoch, never a training loss.

    Args:
        suggest: draws ``architecture`` (a name in ``architectures``) and recipe values from a trial.
        dataset: standardised samples.
        split_indices: which samples train and which validate; required, there is no search without validation.
        architectures: name and fields of each candidate, without the shape of the data.
        model: further fields that all candidates share.
        fixed: the recipe's values that are not searched.
        seed: the same for every trial, so that trials differ by their hyperparameters only.
        parameter_budget: every candidate must meet it to within ±5 %; None asks for none.
        device: where to train.
        checkpoint_activations: see `Trainer`; it changes no result, and so is no part of what tells searches apart.
    """
    return Objective(
        suggest=suggest,
        dataset=dataset,
        split_indices=split_indices,
        architectures={name: {**(model or {}), **fields} for name, fields in architectures.items()},
        fixed=fixed,
        seed=seed,
        parameter_budget=parameter_budget,
        device=device,
        checkpoint_activations=checkpoint_activations,
    )
