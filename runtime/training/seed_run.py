"""One training seed: trained and judged on validation in a folder of its own, and judged on test when that is opened.

``status`` in its ``result.json``: ``running`` (or killed), ``interrupted``, ``failed``, ``trained`` (its test split is
still closed) and ``finished``.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from data.files import write_atomically
from runtime.errors import RunError, UserError, resource_failures
from runtime.judging.alarms import Watch, training_alarms
from runtime.judging.judge import Judge
from runtime.judging.predictor import RIVAL, WEIGHTS, export_model, read_weights
from runtime.judging.sealed_test import weights_sha256
from runtime.records.files import read_record, write_json
from runtime.records.metrics_log import MetricsLog
from runtime.records.tracking import scalars
from runtime.script.stopping import Stop
from runtime.training.candidates import Candidate, train_candidates
from runtime.training.checkpoint import warn_of_others
from runtime.training.trainer import Trainer
from runtime.training.training import Training


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
        for name in (WEIGHTS, RIVAL, "predictions.parquet"):
            (self.output / name).unlink(missing_ok=True)
        record = self.training.describe(self.seed)
        self._write("running", record)  # what a killed run leaves
        write_atomically(self.output / "script.py", arguments.script_bytes)
        try:
            with resource_failures():
                trained = train_candidates(candidates, self._metrics(record), stop)
            record |= trained.describe()
            judge, weights = self.judge(trained.trainer), trained.trainer.learner.weights()
            record |= judge.validation() | {"network_share": judge.network_share(weights, test=False)}
            record["alarms"] = training_alarms(self.training.experiment, record)
            if arguments.train_fraction is None:  # a part of the days is for the curve, not for forecasts
                export_model(self.output, weights, self.training.experiment, record)
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
        trainer = self.restored(record)
        judge = self.judge(trainer)
        record |= judge.test(opening)
        record |= {"network_share": judge.network_share(trainer.learner.weights(), test=True)}
        record["alarms"] = training_alarms(self.training.experiment, record)
        write_json(self._result, record | {"status": "finished"})

    def add(self, found: Mapping[str, Any]) -> None:
        """Put what was found later into the record."""
        write_json(self._result, self.record() | dict(found))

    def _candidates(self) -> list[Candidate]:
        training, identity = self.training, self.training.identity(self.seed)
        watch = Watch(training.experiment)
        return [
            Candidate(
                name,
                partial(training.trainer, fields, self.seed),
                training.checkpoints(
                    self.output / "checkpoints", identity | {"candidate": name, "fields": dict(fields)}
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

    def judge(self, trainer: Trainer) -> Judge:
        """What judges a trained network of this seed."""
        # The cache lies beside the phases' folders, so that experiments of one question share what they can.
        return Judge(
            self.training.experiment, trainer.predict, self.output, self.training.arguments.outputs / "baselines"
        )

    def restored(self, record: Mapping[str, Any]) -> Trainer:
        """The network whose weights are stored.

        Raises:
            UserError: if they are not those of the record.
        """
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
