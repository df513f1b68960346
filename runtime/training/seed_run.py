"""One training seed: trained and judged on validation in a folder of its own, and judged on test when that is opened.

``status`` in its ``result.json``: ``running`` (or killed), ``interrupted``, ``failed``, ``trained`` (its test split is
still closed) and ``finished``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from data.files import write_atomically
from runtime.errors import RunError, UserError, resource_failures
from runtime.judging.alarms import Watch, few_positives, training_alarms
from runtime.judging.judge import Judge
from runtime.judging.predictor import WEIGHTS, export_model, read_weights
from runtime.judging.sealed_test import weights_sha256
from runtime.records.environment import environment
from runtime.records.files import read_record, write_json
from runtime.records.metrics_log import MetricsLog
from runtime.records.tracking import Tracking, scalars
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.script.ranks import Ranks
from runtime.script.stopping import Stop
from runtime.training.candidates import Candidate, train_candidates
from runtime.training.checkpoint import Checkpoints, warn_of_others
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
            "hyperparameters_from": dict(self.provenance),
            "candidates": {name: dict(fields) for name, fields in self.architectures.items()},
            "splits": {
                name: {"samples": int(labels.size), "positives": int(labels.sum())}
                for name, labels in self.experiment.split_labels()
            },
            "alarms": few_positives(self.experiment),
            "environment": environment(self.arguments.device) | self.arguments.ranks.describe(),
        }


@dataclass(frozen=True, eq=False)
class SeedRun:
    """One seed's training in its folder, whatever stands there already."""

    training: Training
    seed: int
    output: Path

    def record(self) -> dict[str, Any]:
        """What ``result.json`` holds; nothing if it is no record of this very training.

        Raises:
            UserError: if it is damaged.
        """
        record = read_record(self._result)
        asked = ("training_seed", "train_fraction", "shortened_to_epochs", "script_sha256")
        wanted = self.training.identity(self.seed)
        # A record of before there were fractions is one of all training samples.
        return record if record and all(record.get(name) == wanted[name] for name in asked) else {}

    def is_trained(self) -> bool:
        """Whether only the test split, if at all, is left to do."""
        return self.record().get("status") in ("trained", "finished")

    @property
    def _result(self) -> Path:
        return self.output / "result.json"

    def train(self, stop: Stop) -> None:
        """Train from the last checkpoint on, judge on validation, write the model and the record.

        Raises:
            RunError: if the training diverges, or even one sample at a time needs too much memory.
            KeyboardInterrupt: if an end was asked for; what was trained is saved.
        """
        arguments, candidates = self.training.arguments, self._candidates()
        warn_of_others(self.output / "checkpoints", [candidate.checkpoints for candidate in candidates])
        _keep_finished(self._result)
        for name in (WEIGHTS, "predictions.parquet"):
            (self.output / name).unlink(missing_ok=True)
        record = self.training.describe(self.seed)
        self._write("running", record)  # what a killed run leaves
        write_atomically(self.output / "script.py", arguments.script_bytes)
        try:
            with resource_failures():
                trained = train_candidates(candidates, self._metrics(record), stop)
            record |= trained.describe()
            record |= self._judge(trained.trainer).validation()
            record["alarms"] = training_alarms(self.training.experiment, record)
            if arguments.train_fraction is None:  # a part of the days is for the curve, not for forecasts
                export_model(self.output, trained.trainer.learner.weights(), self.training.experiment, record)
        except (KeyboardInterrupt, BrokenPipeError):
            self._write("interrupted", record)
            raise
        except (RunError, UserError, OSError) as error:
            with suppress(OSError):  # a full disk takes no record either; the error itself goes on
                self._write("failed", {"failure": f"{type(error).__name__}: {error}"} | record)
            raise
        self._write("trained" if arguments.opens_test else "finished", record)

    def remove_checkpoints(self) -> None:
        """Remove what is no longer needed once the training's record is written."""
        for candidate in self._candidates():
            candidate.checkpoints.remove()

    def judge_test(self, opening: Mapping[str, Any]) -> None:
        """Evaluate the stored weights on the test split, which was opened, unless the record holds that already.

        Raises:
            UserError: if the weights are not those of the record.
        """
        record = self.record()
        known = record["test_opening"] or {}
        if record["status"] == "finished" and known.get("weights_sha256") == opening["weights_sha256"]:
            return
        record |= self._judge(self._restored(record)).test(opening)
        record["alarms"] = training_alarms(self.training.experiment, record)
        write_json(self._result, record | {"status": "finished"})

    def _candidates(self) -> list[Candidate]:
        training, identity = self.training, self.training.identity(self.seed)
        watch = Watch(training.experiment)
        kind = Checkpoints if training.arguments.ranks.sharding == "none" else ShardedCheckpoints
        return [
            Candidate(
                name,
                partial(training.trainer, fields, self.seed),
                kind(
                    self.output / "checkpoints",
                    identity | {"candidate": name, "fields": dict(fields)},
                    share=training.checkpoint_share,
                    allow_other_versions=training.arguments.allow_other_versions,
                ),
                watch,
            )
            for name, fields in training.architectures.items()
        ]

    def _metrics(self, record: Mapping[str, Any]) -> MetricsLog:
        training = self.training
        return MetricsLog(
            self.output / "metrics.jsonl",
            training.tracking,
            str(self.output.relative_to(training.arguments.outputs)),
            scalars(record) | {"candidates": ", ".join(training.architectures)},
            several=len(training.architectures) > 1,
        )

    def _judge(self, trainer: Trainer) -> Judge:
        # The cache lies beside the phases' folders, so that experiments of one question share what they can.
        return Judge(
            self.training.experiment, trainer.predict, self.output, self.training.arguments.outputs / "baselines"
        )

    def _restored(self, record: Mapping[str, Any]) -> Trainer:
        training = self.training
        state, _ = read_weights(self.output / WEIGHTS)
        if weights_sha256(state) != record["weights_sha256"]:
            raise UserError(
                f"{self.output / WEIGHTS} holds other weights than {self._result.name} says; remove {self._result} to "
                "train this seed again"
            )
        fields = training.architectures[record["architecture_name"]]
        trainer = training.trainer(fields, self.seed)
        trainer.learner.load_weights(state)
        trainer.micro_batch_size = record["micro_batch_size"]
        return trainer

    def _write(self, status: str, record: Mapping[str, Any]) -> None:
        write_json(self._result, {"status": status} | dict(record))
        if status != "running":
            self.training.tracking.finish({"status": status} | _summary(record))


def _keep_finished(result: Path) -> None:
    if (record := read_record(result)).get("status") == "finished":
        result.rename(result.with_name(f"result-{record['weights_sha256'][:12]}.json"))


def _summary(record: Mapping[str, Any]) -> dict[str, Any]:
    if "validation" not in record:
        return {}
    report = record["validation"]["model"]
    chosen = {name: report[name] for name in ("log_loss", "log_loss_skill", "roc_auc")}
    return {"best_epoch": record["training"]["best_epoch"], "parameter_count": record["parameter_count"]} | chosen
