"""A rival of the same network that has no history: trained alike, on windows masked to their newest row.

What the network is better by is what its history is worth; what this rival is better by than a regression on the same
row is what a non-linear reading of it is worth. Masked rows are 0, the middle of each feature among training rows: the
same for every sample, so that they tell nothing, neither unusual nor missing, so that no weight needs another scale.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from safetensors.torch import save
from torch import Tensor

from data.files import write_atomically
from runtime.errors import RunError, UserError, resource_failures
from runtime.judging.alarms import Watch
from runtime.judging.baseline_cache import question_key
from runtime.judging.judge import NEWEST_ROW
from runtime.judging.predictor import read_weights
from runtime.judging.sealed_test import weights_sha256
from runtime.records.environment import versions
from runtime.records.metrics_log import MetricsLog
from runtime.records.tracking import Tracking
from runtime.script.ranks import RankLost
from runtime.script.stopping import Stop
from runtime.training.candidates import Candidate, train_candidates
from runtime.training.finished import has_newest_row
from runtime.training.seed_run import SeedRun
from runtime.training.trainer import Trainer
from runtime.training.training import Training


def on_newest_rows(training: Training) -> Training:
    """The same training on windows masked to their newest row.

    Raises:
        UserError: if a network standardises each window by itself.
    """
    if any(fields.get("instance_norm") for fields in training.architectures.values()):
        raise UserError(
            "--newest-row-network: with instance_norm each window is standardised by itself, and of one row alone "
            "nothing but signs would be left; run without this flag"
        )
    return replace(
        training,
        experiment=replace(training.experiment, newest_row_only=True),
        tracking=Tracking(None, training.arguments.outputs),
    )


def judge_newest_rows(runs: Sequence[SeedRun], masked: Training, stop: Stop) -> dict[int, str]:
    """Train the rival of every seed that has none yet, and add to its record how it does on the splits that are open.

    Args:
        runs: trained seeds; what they recorded stays as it is.
        masked: see `on_newest_rows`.
        stop: asked after every step.

    Returns:
        The failures by seed; they stand in the records.

    Raises:
        KeyboardInterrupt: if an end was asked for; what was trained is saved.
        RankLost: if another process of this training has ended.
    """
    failures: dict[int, str] = {}
    for run in runs:
        if has_newest_row(run.record()):
            continue
        stop.check()
        print(f"seed {run.seed}: the same network on the newest row alone")
        rival = _Rival(masked, run, run.record()["architecture_name"])
        try:
            with resource_failures():
                rival.judge(stop)
        except RankLost:
            raise
        except RunError as error:  # its words only: its traceback would hold a model in memory
            failures[run.seed] = f"{NEWEST_ROW}: {error}"
            run.add({NEWEST_ROW: {"failure": f"{type(error).__name__}: {error}"}})
            print(f"seed {run.seed}: {failures[run.seed]}", file=sys.stderr)
    return failures


def newest_row_lines(record: Mapping[str, Any]) -> list[str]:
    """A line a split: how much of the lead over the regression is history; none where there is no such rival."""
    found = record.get(NEWEST_ROW) or {}
    lines = []
    for split in ("validation", "test"):
        if (report := found.get(split)) is not None:
            history, reading = (
                report[each]["log_loss"]["difference"] for each in ("model_minus_this", "minus_regression")
            )
            lines.append(
                f"{split:<10} {NEWEST_ROW}, seed {record['training_seed']}: lead over the regression "
                f"{history + reading:+.4f} = history {history:+.4f} + non-linearity {reading:+.4f}"
            )
    return lines


@dataclass(frozen=True, eq=False)
class _Rival:
    """The rival of one seed's network."""

    masked: Training
    run: SeedRun
    architecture_name: str

    def judge(self, stop: Stop) -> None:
        """Train it, unless that was done before, judge it, and add what was found to the record."""
        trainer, told = self._kept() or self._train(stop)
        record = self.run.record()
        judge = self.run.judge(self.run.restored(record))
        self.run.add({NEWEST_ROW: told | judge.newest_row(trainer.predict, test=record["test"] is not None)})
        shutil.rmtree(self._folder / "checkpoints", ignore_errors=True)

    @property
    def _folder(self) -> Path:
        return self.run.output / NEWEST_ROW

    @property
    def _fields(self) -> Mapping[str, Any]:
        return self.masked.architectures[self.architecture_name]

    @property
    def _key(self) -> str:
        """Hash of everything that its weights depend on."""
        arguments = self.masked.arguments
        key = question_key(self.masked.experiment) | {
            "network": NEWEST_ROW,
            "architecture": dict(self._fields),
            "recipe": self.masked.recipe.values(),
            "training_seed": self.run.seed,
            "device": arguments.device.type,
            "ranks": arguments.ranks.describe(),
            "versions": versions(),
        }
        return hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()

    @property
    def _weights(self) -> Path:
        return self.masked.arguments.outputs / "baselines" / f"{NEWEST_ROW}-{self._key[:16]}.safetensors"

    def _kept(self) -> tuple[Trainer, dict[str, Any]] | None:
        """The trained network and how its training went, if the cache holds exactly this one."""
        if not self._weights.exists():
            return None
        try:
            state, metadata = read_weights(self._weights)
            told = _told(state, metadata, self._key)
        except (UserError, ValueError) as error:
            print(f"warning: {self._weights} is damaged ({error}); it is trained again", file=sys.stderr)
            return None
        trainer = self.masked.trainer(self._fields, self.run.seed)
        trainer.learner.load_weights(state)
        trainer.micro_batch_size = told["micro_batch_size"]
        return trainer, told

    def _train(self, stop: Stop) -> tuple[Trainer, dict[str, Any]]:
        trained = train_candidates([self._candidate()], self._metrics(), stop)
        found = trained.describe()
        told = {name: found[name] for name in ("weights_sha256", "micro_batch_size")} | {
            name: found["training"][name] for name in ("best_epoch", "best_val_loss", "stopped_early", "seconds")
        }
        metadata = {"key": self._key, "told": json.dumps(told)}
        write_atomically(self._weights, save(trained.trainer.learner.weights(), metadata))
        return trained.trainer, told

    def _candidate(self) -> Candidate:
        identity = self.masked.identity(self.run.seed) | {"network": NEWEST_ROW, "fields": dict(self._fields)}
        return Candidate(
            NEWEST_ROW,
            partial(self.masked.trainer, self._fields, self.run.seed),
            self.masked.checkpoints(self._folder / "checkpoints", identity),
            Watch(self.masked.experiment),
        )

    def _metrics(self) -> MetricsLog:
        return MetricsLog(self._folder / "metrics.jsonl", self.masked.tracking, NEWEST_ROW, {})


def _told(state: dict[str, Tensor], metadata: Mapping[str, str], key: str) -> dict[str, Any]:
    told: dict[str, Any] = json.loads(metadata.get("told", "{}"))
    if metadata.get("key") != key or told.get("weights_sha256") != weights_sha256(state):
        raise ValueError("its content does not fit its checksum")
    return told
