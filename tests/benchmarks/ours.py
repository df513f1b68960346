"""Our own training, measured two ways: its steps alone, and a whole epoch around them."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import numpy as np
import torch

from runtime.model.architecture import Architecture
from runtime.samples.splits import SplitIndices
from runtime.samples.windows import WindowDataset
from runtime.training.allocator import keep_pages
from runtime.training.checkpoint import Checkpoints
from runtime.training.progress import EpochRecord
from runtime.training.recipe import Recipe
from runtime.training.trainer import Trainer
from tests.benchmarks.setting import BATCH, CHANNELS, CONTEXT, DROPOUT, LEARNING_RATE, STEPS, Runner

VALIDATION_SHARE = 0.15
"""Validation samples for each training sample, as in the default split."""


def make_trainer(a: Architecture, samples: int) -> Trainer:
    """A trainer on random rows, with so many training samples."""
    generator = np.random.default_rng(0)
    held_out = round(samples * VALIDATION_SHARE)
    span, end = CONTEXT + 1, samples + CONTEXT
    chunks = ((end, end + held_out + CONTEXT), (end + held_out + CONTEXT, end + held_out + CONTEXT + span))
    rows = chunks[1][1]
    dataset = WindowDataset(
        generator.standard_normal((rows, CHANNELS)).astype(np.float32), generator.integers(0, 2, rows) * 1.0, CONTEXT
    )
    val = np.arange(held_out) + chunks[0][0]
    splits = SplitIndices(np.arange(samples), val, np.array([chunks[1][0]]), span, chunks[:1], chunks[1:])
    fields = {name: value for name, value in vars(a).items() if name not in ("num_channels", "context_length")}
    recipe = Recipe(
        learning_rate=LEARNING_RATE,
        weight_decay=0.01,
        dropout=DROPOUT,
        batch_size=BATCH,
        max_epochs=10_000,
        patience=10_000,
        warmup_fraction=0.1,
        gradient_clip=1.0,
    )
    return Trainer(dataset, split_indices=splits, architecture=fields, recipe=recipe, seed=0)


def steps(a: Architecture) -> Runner:
    """Our trainer's own step: gathers the batch, trains, clips, schedules."""
    keep_pages()  # as `Trainer.fit` does
    trainer = make_trainer(a, BATCH * STEPS[a.channels])
    order = torch.from_numpy(np.random.default_rng(1).permutation(trainer.splits.train_indices))

    def take_steps(count: int) -> None:
        trainer.model.train()
        for step, starts in enumerate(order.split(BATCH)[:count]):
            trainer._train_step(starts, step)

    return Runner(trainer.model.parameter_count(), take_steps)


class EpochIsOver(Exception):  # noqa: N818 - no error
    """Raised after an epoch, where a search would prune."""


def whole_epoch(a: Architecture) -> Runner:
    """An epoch of a training script: its steps, validation, the epoch's record, checkpoints.

    It has ``STEPS`` steps, however many are asked for, and saves at least one checkpoint, more often than a training.
    """
    trainer = make_trainer(a, BATCH * STEPS[a.channels])

    def end(_record: EpochRecord) -> None:
        raise EpochIsOver

    def take_epoch(_count: int) -> None:
        with tempfile.TemporaryDirectory() as folder:
            checkpoints = Checkpoints(Path(folder), {})
            with contextlib.suppress(EpochIsOver):
                trainer.fit(end, lambda: checkpoints.save(trainer) if checkpoints.due() else None)

    return Runner(trainer.model.parameter_count(), take_epoch)
