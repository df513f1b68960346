"""How a plan knows what a step takes: from steps of the whole model, of one layer, or of the candidate before."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import torch

from runtime.model.architecture import Architecture
from runtime.script.ranks import Ranks
from runtime.training import step_time
from runtime.training.learner import Learner
from runtime.training.step_time import StepTimer, make_learner, measure_steps, will_compile
from runtime.training.trainer import Trainer
from tests.helpers.tiny import ARCHITECTURE, make_experiment, make_recipe, make_trainer

EXPERIMENT = make_experiment()
SHAPE = Architecture(num_channels=3, context_length=8, **ARCHITECTURE | {"num_layers": 10})
CPU = torch.device("cpu")


def outline(**more: Any) -> Trainer:
    fields: dict[str, Any] = {"architecture": ARCHITECTURE | {"num_layers": 3, "last_row": True}} | more
    return Trainer(
        EXPERIMENT.windows, split_indices=EXPERIMENT.splits, recipe=make_recipe(), seed=7, device="meta", **fields
    )


class Machine:
    """Takes a known time for a step of a layer, and remembers what it was asked to build."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, layer_seconds: float) -> None:
        self.built: list[int] = []
        self.clock, self.layer_seconds = 0.0, layer_seconds
        monkeypatch.setattr(step_time, "measure_steps", self.measure)
        monkeypatch.setattr(step_time.time, "perf_counter", lambda: self.clock)

    def build(self, layers: int) -> Any:
        self.built.append(layers)
        return layers

    def measure(self, layers: int, seconds: float) -> float:
        self.clock += 3 * layers * self.layer_seconds
        return layers * self.layer_seconds


def test_moments_are_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 0.01)
    step = StepTimer(1).time(SHAPE, 32, machine.build)
    assert (step.seconds, step.is_measured, step.how) == (0.1, True, "measured")
    assert machine.built == [1, 10]


def test_what_takes_longer_is_estimated_from_one_layer_by_its_operations(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine(monkeypatch, 1.0)
    step = StepTimer(1).time(SHAPE, 32, machine.build)
    assert machine.built == [1]
    assert step.seconds == pytest.approx(SHAPE.parameter_count() / replace(SHAPE, num_layers=1).parameter_count())
    assert (step.is_measured, step.how) == (False, "estimated from steps of one of its 10 layers")


def test_where_time_is_short_the_candidate_before_must_do(monkeypatch: pytest.MonkeyPatch) -> None:
    machine, timer = Machine(monkeypatch, 2.0), StepTimer(3)
    first = timer.time(SHAPE, 32, machine.build)
    second = timer.time(SHAPE, 64, machine.build)
    assert machine.built == [1]
    assert second.seconds == pytest.approx(2 * first.seconds)
    assert (second.is_measured, second.how) == (False, "estimated from the operations a second of the one before")


@pytest.mark.parametrize("layer_seconds", [0.001, 0.02, 0.3, 2.0, 2.9])
def test_all_candidates_together_stay_within_the_time(monkeypatch: pytest.MonkeyPatch, layer_seconds: float) -> None:
    machine, timer = Machine(monkeypatch, layer_seconds), StepTimer(5)
    for _ in range(5):
        timer.time(SHAPE, 32, machine.build)
    assert machine.clock <= max(step_time.MEASURING_SECONDS, 3 * layer_seconds)


def test_an_outline_is_the_trainer_without_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = make_trainer(EXPERIMENT)
    monkeypatch.setattr("runtime.training.trainer.make_model", lambda *_, **__: pytest.fail("took memory"))
    sketch = outline()
    assert {each.device.type for each in sketch.model.parameters()} == {"meta"}
    assert sketch.steps_per_epoch == whole.steps_per_epoch
    assert sketch.model.parameter_count() == sketch.model.architecture.parameter_count()


def test_what_is_timed_takes_the_steps_of_the_trainer_itself() -> None:
    sketch = outline(micro_batch_size=4, checkpoint_activations=True)
    learner = make_learner(sketch, EXPERIMENT.windows, CPU, Ranks(), 1)
    assert (len(learner.model.layers), learner.micro_batch_size) == (1, 4)
    assert learner.model.checkpoint_activations
    assert learner.model.dropout.probability == sketch.recipe.dropout
    assert learner.batches(0)[0].numel() == sketch.recipe.batch_size
    assert {each.device.type for each in learner.model.parameters()} == {"cpu"}
    before = learner.model.layers[0].attention.qkv.weight.clone()
    assert measure_steps(learner, 0.0) > 0
    assert not torch.equal(before, learner.model.layers[0].attention.qkv.weight)


def test_every_step_has_ended_before_the_next_begins_and_the_clock_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    events = []

    class Loss:
        """Of a step that a GPU may still be at; its number is there when the step has ended."""

        def __float__(self) -> float:
            events.append("ended")
            return 0.5

    def begin(*_: Any) -> Loss:
        events.append("begun")
        return Loss()

    monkeypatch.setattr(Learner, "take_step", begin)
    measure_steps(make_trainer(EXPERIMENT).learner, 0.0)
    assert events == ["begun", "ended"] * 3


def test_layers_that_the_training_will_compile_are_said_and_not_compiled_for_a_plan(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    def pays(architecture: Architecture, samples: int, device: torch.device) -> bool:
        asked.append(samples)
        return samples > EXPERIMENT.splits.train_indices.size

    monkeypatch.setattr("runtime.training.learner.compiling_pays", pays)
    monkeypatch.setattr(step_time, "compiling_pays", pays)
    monkeypatch.setattr("runtime.training.learner.compile_layers", lambda model: pytest.fail("compiled"))
    sketch = make_trainer(EXPERIMENT, max_epochs=1)
    assert not will_compile(sketch, CPU, Ranks())
    sketch.recipe = make_recipe()
    make_learner(sketch, EXPERIMENT.windows, CPU, Ranks(), 1)
    assert will_compile(sketch, CPU, Ranks())
    assert not will_compile(sketch, CPU, Ranks("ddp", 0, 2))
