"""What every seed of a training command shares: the question, the recipe, and how trainers are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from runtime.judging.alarms import few_positives
from runtime.records.environment import environment
from runtime.records.tracking import Tracking
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.script.place import place_of
from runtime.script.ranks import Ranks
from runtime.training.checkpoint import Checkpoints
from runtime.training.learner import Learner
from runtime.training.recipe import Recipe
from runtime.training.sharded_checkpoint import ShardedCheckpoints
from runtime.training.step_time import make_learner
from runtime.training.trainer import Trainer

Architectures = Mapping[str, Mapping[str, Any]]
MakeTrainer = Callable[[Experiment, dict[str, Any], Recipe, int, Arguments], Trainer]
Provenance = Mapping[str, Any]
"""Where hyperparameters come from, as it stands in the script."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Training:
    """What all seeds of a command share; see `run_training`."""

    experiment: Experiment
    recipe: Recipe
    make_trainer: MakeTrainer
    arguments: Arguments
    architectures: Architectures
    provenance: Provenance
    checkpoint_share: float
    tracking: Tracking

    def trainer(self, fields: Mapping[str, Any], seed: int) -> Trainer:
        """A fresh trainer of one candidate, on every rank."""
        with self.arguments.ranks.order(Training.trainer, self, fields, seed):
            return self.make_trainer(self.experiment, dict(fields), self.recipe, seed, self.arguments)

    def checkpoints(self, root: Path, config: Mapping[str, Any]) -> Checkpoints:
        """Where one candidate's training is saved; see `Checkpoints`."""
        kind = Checkpoints if self.arguments.ranks.sharding == "none" else ShardedCheckpoints
        share, allowed = self.checkpoint_share, self.arguments.allow_other_versions
        return kind(root, config, share=share, allow_other_versions=allowed)

    def outline(self, fields: Mapping[str, Any], seed: int) -> Trainer:
        """The trainer of one candidate on the meta device, as if this rank were alone: it costs nothing."""
        arguments = replace(self.arguments, device=torch.device("meta"), ranks=Ranks())
        return self.make_trainer(self.experiment, dict(fields), self.recipe, seed, arguments)

    def learner(self, fields: Mapping[str, Any], seed: int, layers: int) -> Learner:
        """What takes the steps of one candidate with so many layers, on every rank, and is not to learn anything."""
        with self.arguments.ranks.order(Training.learner, self, fields, seed, layers):
            outline, device = self.outline(fields, seed), self.arguments.device
            return make_learner(outline, self.experiment.windows, device, self.arguments.ranks, layers)

    def identity(self, seed: int) -> dict[str, Any]:
        """Which training this is: the question, the data, the split, the script and what it was asked for."""
        return self.experiment.identity() | {
            "training_seed": seed,
            "train_fraction": self.arguments.train_fraction,
            "shortened_to_epochs": self.arguments.shorter_look,
            "script_sha256": self.arguments.script_sha256,
        }

    def describe(self, seed: int) -> dict[str, Any]:
        """Everything needed to repeat the run, beside the script itself."""
        return self.identity(seed) | {
            "script": place_of(self.arguments.script).as_posix(),
            "hyperparameters_from": dict(self.provenance),
            "candidates": {name: dict(fields) for name, fields in self.architectures.items()},
            "splits": {
                name: {"samples": int(labels.size), "positives": int(labels.sum())}
                for name, labels in self.experiment.split_labels()
            },
            "alarms": few_positives(self.experiment),
            "environment": environment(self.arguments.device) | self.arguments.ranks.describe(),
        }
