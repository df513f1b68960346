"""Training of each candidate architecture, from its last checkpoint on; the lower validation loss decides."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any, NoReturn

from tqdm import tqdm

from runtime.errors import OutOfMemory, resource_failures
from runtime.judging.alarms import Watch
from runtime.judging.sealed_test import weights_sha256
from runtime.records.environment import peak_memory_bytes
from runtime.records.metrics_log import MetricsLog, Row
from runtime.script.stopping import Stop
from runtime.training.checkpoint import Checkpoints, position
from runtime.training.trainer import EpochRecord, Trainer, TrainingResult


@dataclass(frozen=True)
class Trained:
    """The chosen candidate, trained, and how each candidate did."""

    name: str
    trainer: Trainer
    result: TrainingResult
    losses: dict[str, float]

    def describe(self) -> dict[str, Any]:
        """What was trained, and how it went."""
        trainer = self.trainer
        return {
            "architecture_name": self.name,
            "architecture": asdict(trainer.model.architecture),
            "recipe": trainer.recipe.values(),
            "micro_batch_size": trainer.micro_batch_size,
            "training_seed": trainer.seed,
            "parameter_count": trainer.model.parameter_count(),
            "candidate_val_losses": self.losses,
            "training": asdict(self.result)
            | {
                "seconds": round(sum(record.seconds for record in self.result.epochs), 1),
                "peak_memory_bytes": peak_memory_bytes(),
            },
            "weights_sha256": weights_sha256(trainer.learner.weights()),
        }


@dataclass(frozen=True)
class Candidate:
    """One architecture that may turn out to be the best.

    Attributes:
        name: as in the script.
        make_trainer: builds a fresh trainer.
        checkpoints: where its training is saved.
        watch: says which alarms an epoch raises; each kind is printed when it first shows.
    """

    name: str
    make_trainer: Callable[[], Trainer]
    checkpoints: Checkpoints
    watch: Watch

    def train(self, metrics: MetricsLog, earlier: list[Row], stop: Stop) -> tuple[Trainer, TrainingResult]:
        """Train from the last checkpoint to the end, with smaller micro-batches whenever memory runs out."""
        micro_batch_size = None
        while True:
            trainer = self.make_trainer()
            self.checkpoints.restore(trainer)
            if micro_batch_size is not None:
                trainer.micro_batch_size = micro_batch_size
            metrics.restart(earlier + self.metrics(trainer), trainer.recipe.values())
            try:
                with resource_failures():
                    return trainer, self._fit(trainer, metrics, stop)
            except OutOfMemory as error:
                # BatchNorm's statistics are those of a whole batch.
                # Ranks that share a model are in the middle of the step and cannot be asked to begin again.
                unshared = trainer.learner.ranks.count == 1
                if trainer.micro_batch_size == 1 or trainer.model.architecture.norm == "batch" or not unshared:
                    raise
                micro_batch_size = trainer.micro_batch_size // 2
                print(f"warning: {error}; going on with micro-batches of {micro_batch_size}", file=sys.stderr)
            del trainer  # or two models would be in memory at once

    def _fit(self, trainer: Trainer, metrics: MetricsLog, stop: Stop) -> TrainingResult:
        total, done = trainer.recipe.max_epochs, len(trainer.progress.epochs)
        raised: set[str] = set()

        def after_step() -> None:
            stop.requested = trainer.learner.ranks.agree_to_stop(stop.requested)
            if stop.requested or self.checkpoints.due():
                self.checkpoints.save(trainer)
            if stop.requested:
                print(f"saved after {position(trainer)}", file=sys.stderr)
            stop.check()

        def after_epoch(record: EpochRecord) -> None:
            metrics.append({"architecture": self.name} | asdict(record))
            _show(record, total, bar)
            for each in self.watch(record.val_loss, record.val_spread):
                if each["name"] not in raised:
                    raised.add(each["name"])
                    bar.write(f"alarm after epoch {record.epoch}: {each['name']}: {each['message']}")

        with tqdm(total=total, initial=done, unit="epoch", disable=not sys.stderr.isatty(), leave=False) as bar:
            result = trainer.fit(after_epoch, after_step)
        self.checkpoints.save(trainer)
        stop.check()
        return result

    def metrics(self, trainer: Trainer) -> list[Row]:
        """One line of ``metrics.jsonl`` for each epoch that the trainer has finished."""
        return [{"architecture": self.name} | asdict(record) for record in trainer.progress.epochs]


def _show(record: EpochRecord, total: int, bar: tqdm[NoReturn]) -> None:
    line = f"train {record.train_loss:.4f}  val {record.val_loss:.4f}"
    bar.set_postfix_str(line, refresh=False)
    bar.update()
    if bar.disable:
        print(f"epoch {record.epoch}/{total}  {line}  {record.seconds:.1f} s", flush=True)


def train_candidates(candidates: Iterable[Candidate], metrics: MetricsLog, stop: Stop) -> Trained:
    """Train every candidate to its end; one that is at its end already only loads its checkpoint.

    Args:
        candidates: in the order to train them.
        metrics: where each epoch is written.
        stop: asked after every step.

    Raises:
        KeyboardInterrupt: if an end was asked for; what was trained is saved.
        OutOfMemory: if a single sample does not fit into memory.
        ValueError: if there is no candidate.
    """
    rows: list[Row] = []
    losses: dict[str, float] = {}
    best: Trained | None = None
    for candidate in candidates:
        trainer, result = candidate.train(metrics, rows, stop)
        rows += candidate.metrics(trainer)
        losses[candidate.name] = result.best_val_loss
        # Two models of 2B fit one card only if the first lets go of what training alone needs.
        trainer.learner.free_optimizer()
        if best is None or result.best_val_loss < best.result.best_val_loss:
            best = Trained(candidate.name, trainer, result, losses)
    if best is None:
        raise ValueError("there is no architecture to train")
    return best
