"""How long an optimiser step takes: measured where that takes moments, estimated from one of its layers elsewhere."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace

import torch

from runtime.model.architecture import Architecture
from runtime.samples.windows import WindowDataset
from runtime.script.ranks import Ranks
from runtime.training.allocator import keep_pages
from runtime.training.building import make_empty_model, make_model
from runtime.training.captured_steps import FIRST_STEPS
from runtime.training.compiled_layers import compiling_pays
from runtime.training.learner import Learner
from runtime.training.trainer import Trainer

MEASURING_SECONDS = 8.0
"""Of all candidates together, with what building them takes: a plan is to be there at once, whatever its budget."""

_MOST_STEPS, _FEWEST_STEPS = 10, 2

MakeLearner = Callable[[int], Learner]
"""Makes what takes the steps of a model with this number of layers."""


@dataclass(frozen=True)
class StepTime:
    """How long a step takes.

    Attributes:
        seconds: of a step.
        is_measured: whether steps of the whole model were timed.
        how: in words.
    """

    seconds: float
    is_measured: bool
    how: str


class StepTimer:
    """Time the steps of several candidates, one after the other, within a time that is set for all of them.

    A candidate begins with one of its layers, between its own embedding and head: real steps with all that belongs to
    one, of which the whole model's take longer in the ratio of their operations. Where the whole model's would take
    little enough, they are then timed, too. Where time is short even for one layer, the operations a second of the
    candidate before must do.

    Args:
        candidates: how many there are.
        seconds: for all of them.
    """

    def __init__(self, candidates: int, seconds: float = MEASURING_SECONDS) -> None:
        self._candidates_left = candidates
        self._seconds_left = seconds
        self._operations_per_second = 0.0

    def time(self, architecture: Architecture, samples: int, make_learner: MakeLearner) -> StepTime:
        """Time the next candidate's step.

        Args:
            architecture: of the whole model.
            samples: of a step.
            make_learner: makes what takes its steps, with as many layers as are asked for.
        """
        began = time.perf_counter()
        share = self._seconds_left / self._candidates_left
        timed = self._time(architecture, samples, make_learner, share)
        self._operations_per_second = architecture.training_operations(samples) / timed.seconds
        self._seconds_left -= time.perf_counter() - began
        self._candidates_left -= 1
        return timed

    def _time(self, architecture: Architecture, samples: int, make_learner: MakeLearner, share: float) -> StepTime:
        whole = architecture.training_operations(samples)
        layer = replace(architecture, num_layers=1).training_operations(samples)
        known = self._operations_per_second
        if known and layer / known * (1 + _FEWEST_STEPS) > share:
            return StepTime(whole / known, False, "estimated from the operations a second of the one before")
        seconds = measure_steps(make_learner(1), share / 4) * whole / layer
        if seconds * (1 + _FEWEST_STEPS) <= share:
            return StepTime(measure_steps(make_learner(architecture.num_layers), share / 2), True, "measured")
        return StepTime(seconds, False, f"estimated from steps of one of its {architecture.num_layers} layers")


def measure_steps(learner: Learner, seconds: float) -> float:
    """Take some real training steps on one batch and time them; the model is no longer fresh afterwards.

    Args:
        learner: which takes them.
        seconds: after which no further step begins, once there are two.

    Returns:
        The least wall seconds of a step: what else the machine does can only add to them.
    """
    keep_pages()
    starts = learner.batches(0)[0]
    learner.model.train()
    for _ in range(1 if learner.captured is None else FIRST_STEPS + 1):
        float(learner.take_step(starts, 0))  # waits: a GPU would still be at it when the clock starts
    timed: list[float] = []
    while len(timed) < _FEWEST_STEPS or (len(timed) < _MOST_STEPS and sum(timed) < seconds):
        began = time.perf_counter()
        float(learner.take_step(starts, 0))
        timed.append(time.perf_counter() - began)
    return min(timed)


def make_learner(outline: Trainer, dataset: WindowDataset, device: torch.device, ranks: Ranks, layers: int) -> Learner:
    """What takes the steps of a trainer with so many layers, and is not to learn anything.

    Args:
        outline: the trainer, on the meta device.
        dataset: samples.
        device: where it would train.
        ranks: that share each batch.
        layers: of the model.
    """
    make = make_model if ranks.is_first else make_empty_model
    return Learner(
        make(
            replace(outline.model.architecture, num_layers=layers),
            dropout=outline.recipe.dropout,
            checkpoint_activations=outline.model.checkpoint_activations,
            seed=outline.seed,
        ),
        dataset.to(device),
        outline.splits.train_indices,
        recipe=replace(outline.recipe, max_epochs=1),  # too short for layers to be compiled, which takes half a minute
        seed=outline.seed,
        ranks=ranks,
        micro_batch_size=outline.micro_batch_size,
    )


def will_compile(outline: Trainer, device: torch.device, ranks: Ranks) -> bool:
    """Whether the training itself compiles the layers that are timed here without."""
    samples = outline.splits.train_indices.size * outline.recipe.max_epochs
    return ranks.count == 1 and compiling_pays(outline.model.architecture, samples, device)
