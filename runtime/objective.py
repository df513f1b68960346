"""What a search minimises: the best epoch's validation loss of one configuration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import optuna
import torch

from runtime.recipe import Recipe
from runtime.splits import SplitIndices
from runtime.trainer import EpochRecord, Trainer, TrainingResult
from runtime.windows import WindowDataset

Hyperparameters = dict[str, Any]


@dataclass(frozen=True, eq=False, kw_only=True)
class Objective:
    """Callable for Optuna; see `create_objective`."""

    suggest: Callable[[optuna.Trial], Hyperparameters]
    dataset: WindowDataset
    split_indices: SplitIndices
    architectures: Mapping[str, Mapping[str, Any]]
    fixed: Mapping[str, Any]
    seed: int
    parameter_budget: int | None
    device: torch.device | str

    def __call__(self, trial: optuna.Trial, on_epoch: Callable[[EpochRecord], None] | None = None) -> float:
        """Train what ``suggest`` draws, report each epoch for pruning, return the best epoch's validation loss.

        Args:
            trial: where to draw from and report to.
            on_epoch: called after each epoch; what it raises ends the trial.

        Raises:
            optuna.TrialPruned: if the pruner gives the trial up.
            RunError: if the training diverges.
        """
        losses: list[float] = []

        def report(record: EpochRecord) -> None:
            losses.append(record.val_loss)
            # The best so far, as the objective is the best of all: Optuna's median pruner compares a trial's best value
            # with what others reported at the same epoch, and would never prune if those had begun to overfit.
            trial.report(min(losses), record.epoch)
            if on_epoch is not None:
                on_epoch(record)
            if trial.should_prune():
                raise optuna.TrialPruned(f"pruned after epoch {record.epoch}")

        result = self.train(self.suggest(trial), report)
        trial.set_user_attr("best_epoch", result.best_epoch)
        trial.set_user_attr("epochs", len(result.epochs))
        trial.set_user_attr("parameter_count", result.parameter_count)
        return result.best_val_loss

    def train(
        self, hyperparameters: Hyperparameters, on_epoch: Callable[[EpochRecord], None] | None = None
    ) -> TrainingResult:
        """Train one configuration from scratch; a function of the hyperparameters and the seed alone."""
        return self.make_trainer(hyperparameters).fit(on_epoch)

    def make_trainer(self, hyperparameters: Hyperparameters) -> Trainer:
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
        )


def create_objective(
    *,
    suggest: Callable[[optuna.Trial], Hyperparameters],
    dataset: WindowDataset,
    split_indices: SplitIndices,
    architectures: Mapping[str, Mapping[str, Any]],
    model: Mapping[str, Any] | None = None,
    fixed: Mapping[str, Any],
    seed: int = 42,
    parameter_budget: int | None = None,
    device: torch.device | str = "cpu",
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
    )
