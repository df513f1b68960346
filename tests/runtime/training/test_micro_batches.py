"""A batch in parts: the same training in less memory, and none of it lost to the attempt that needed more."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from runtime.model.patchtst import PatchTST
from runtime.training.trainer import Trainer
from tests.helpers.tiny import losses_of, make_arguments, make_experiment, make_trainer
from tests.helpers.tiny_run import train

EXPERIMENT = make_experiment()


def test_micro_batches_accumulate_the_gradient_of_the_whole_batch() -> None:
    whole = make_trainer(EXPERIMENT, dropout=0.0, max_epochs=2)
    parts = make_trainer(EXPERIMENT, dropout=0.0, max_epochs=2)
    parts.micro_batch_size = 7
    np.testing.assert_allclose(losses_of(parts.fit()), losses_of(whole.fit()), atol=1e-5)
    for name, weights in whole.model.state_dict().items():
        torch.testing.assert_close(parts.model.state_dict()[name], weights, atol=1e-4, rtol=1e-4)


@pytest.fixture
def without_garbage_collection() -> Iterator[None]:
    """A card's memory runs out long before Python looks for cycles."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_garbage_collection")
def test_a_card_out_of_memory_is_free_of_the_failed_attempt_before_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    held: list[weakref.ref[Any]] = []
    alive: list[int] = []
    build, forward = Trainer.__init__, PatchTST.forward

    def count_and_build(self: Trainer, *given: Any, **named: Any) -> None:
        alive.append(sum(each() is not None for each in held))
        build(self, *given, **named)
        held.append(weakref.ref(self.model))

    def run_out(self: PatchTST, windows: torch.Tensor) -> torch.Tensor:
        logits = forward(self, windows)
        if self.training:
            held.extend(weakref.ref(each) for each in (logits, windows, *self.parameters()))
            if len(windows) > 8:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 MiB.")
        return logits

    monkeypatch.setattr(Trainer, "__init__", count_and_build)
    monkeypatch.setattr(PatchTST, "forward", run_out)
    record = train(make_arguments(tmp_path), max_epochs=1)
    assert (record["micro_batch_size"], record["recipe"]["batch_size"]) == (8, 32)
    assert alive[:3] == [0, 0, 0]
