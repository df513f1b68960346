"""Steps recorded on a GPU: which ones, and that they train as steps taken one by one do."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Any

import pytest
import torch
from torch import Tensor

from runtime.training.captured_steps import FIRST_STEPS, CapturedSteps
from runtime.training.trainer import Trainer
from tests.helpers.tiny import ARCHITECTURE, losses_of, make_experiment, make_recipe, weights_of

EXPERIMENT = make_experiment()
needs_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device: recorded steps were not trained")


class Recording:
    """Stands in for a CUDA graph: it knows how often it was replayed."""

    def __init__(self) -> None:
        self.replays = 0

    def replay(self) -> None:
        self.replays += 1


class Stream:
    """Stands in for a CUDA stream."""

    def wait_stream(self, other: Stream) -> None: ...


@pytest.fixture
def recordings(monkeypatch: pytest.MonkeyPatch) -> list[Recording]:
    """Let a processor pass for a GPU."""
    made: list[Recording] = []

    @contextmanager
    def graph(recording: Recording, *, capture_error_mode: str) -> Iterator[None]:
        made.append(recording)
        yield

    fakes: dict[str, Any] = {
        "device": lambda _: nullcontext(),
        "stream": lambda _: nullcontext(),
        "Stream": Stream,
        "current_stream": Stream,
        "CUDAGraph": Recording,
        "graph": graph,
    }
    for name, fake in fakes.items():
        monkeypatch.setattr(torch.cuda, name, fake)
    return made


def test_whole_batches_are_recorded_once_and_replayed_after_the_first_few(recordings: list[Recording]) -> None:
    captured, computed = CapturedSteps(4), []

    def step(starts: Tensor) -> Tensor:
        computed.append(starts)
        return starts.sum()

    whole, ragged = [torch.arange(4) + 10 * index for index in range(8)], torch.arange(3)
    for starts in whole[:FIRST_STEPS]:
        assert captured.take(step, starts) == starts.sum()
    assert not recordings
    for starts in whole[FIRST_STEPS:-1]:
        captured.take(step, starts)
    assert captured.take(step, ragged) == 3, "a smaller batch is taken as it is"
    captured.take(step, whole[-1])
    assert [each.replays for each in recordings] == [len(whole) - FIRST_STEPS]
    sizes = [starts.numel() for starts in computed]
    assert sizes == [4] * (FIRST_STEPS + 1) + [3], "a replay computes what was recorded, not the step again"
    assert torch.equal(computed[FIRST_STEPS], whole[-1]), "the recorded step reads the newest batch"


def make_gpu_trainer(**recipe: Any) -> Trainer:
    schedule = {"max_epochs": 4, "dropout": 0.3, "batch_size": 32} | recipe
    return Trainer(
        EXPERIMENT.windows,
        split_indices=EXPERIMENT.splits,
        architecture=ARCHITECTURE | {"last_row": True},
        recipe=make_recipe(**schedule),
        seed=7,
        device="cuda",
    )


@needs_gpu
@pytest.mark.parametrize("micro_batch_size", [32, 8])
def test_recorded_steps_train_as_steps_one_by_one_do(micro_batch_size: int) -> None:
    losses = []
    for recorded in (True, False):
        trainer = make_gpu_trainer()
        trainer.micro_batch_size = micro_batch_size
        if not recorded:
            trainer.learner.captured = None
        losses.append(torch.tensor(losses_of(trainer.fit())))
    torch.testing.assert_close(*losses, rtol=1e-4, atol=1e-5)


@needs_gpu
def test_a_training_continued_on_a_gpu_ends_as_one_that_never_stopped() -> None:
    whole, first, second = (make_gpu_trainer() for _ in range(3))
    expected = losses_of(whole.fit())
    steps = 0

    def stop() -> None:
        nonlocal steps
        steps += 1
        if steps == 12:  # in the second epoch, after steps that were replayed
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.fit(after_step=stop)
    second.load_state_dict(first.state_dict())
    torch.testing.assert_close(torch.tensor(losses_of(second.fit())), torch.tensor(expected), rtol=1e-4, atol=1e-5)


@needs_gpu
def test_a_checkpoint_crosses_between_processor_and_gpu() -> None:
    def on_processor() -> Trainer:
        arguments: dict[str, Any] = {"architecture": ARCHITECTURE | {"last_row": True}, "seed": 7}
        recipe = make_recipe(max_epochs=4, dropout=0.3, batch_size=32)
        return Trainer(EXPERIMENT.windows, split_indices=EXPERIMENT.splits, recipe=recipe, **arguments)

    for first, second in ((make_gpu_trainer(), on_processor()), (on_processor(), make_gpu_trainer())):
        with pytest.raises(KeyboardInterrupt):
            first.fit(after_step=interrupt)
        second.load_state_dict(first.state_dict())
        second.fit()
        assert bool(weights_of(second).isfinite().all())


def interrupt() -> None:
    raise KeyboardInterrupt
