"""Epochs of so many steps are the same training as passes over the samples, looked at more often."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from runtime.errors import UserError
from runtime.training.trainer import Trainer
from runtime.training.training_part import recipe_for, train_on_part
from tests.helpers.tiny import losses_of, make_experiment, make_recipe, make_trainer, weights_of

EXPERIMENT = make_experiment()
STEPS = make_trainer(EXPERIMENT).steps_per_epoch


def trainer(**recipe: Any) -> Trainer:
    return make_trainer(EXPERIMENT, dropout=0.0, patience=100, **recipe)


def test_it_takes_the_steps_of_whole_passes_and_validates_in_between() -> None:
    assert STEPS == 7
    whole, often = trainer(max_epochs=3), trainer(max_epochs=7, validate_every=3)
    seen = [batch.tolist() for epoch in range(7) for batch in often.learner.batches(epoch)]
    assert seen == [batch.tolist() for epoch in range(3) for batch in whole.learner.batches(epoch)]
    by_pass, by_steps = losses_of(whole.fit()), losses_of(often.fit())
    assert len(by_steps) == 7
    assert by_steps[-1][1] == by_pass[-1][1], "both have taken 21 steps"
    mean = sum(each * size for (each, _), size in zip(by_steps, sizes(often), strict=True)) / sum(sizes(often))
    assert mean == pytest.approx(sum(each for each, _ in by_pass) / 3)


def sizes(trained: Trainer) -> list[int]:
    return [sum(batch.numel() for batch in trained.learner.batches(epoch)) for epoch in range(7)]


def test_the_best_weights_may_come_from_the_middle_of_a_pass() -> None:
    often = trainer(max_epochs=7, validate_every=3, learning_rate=0.1)
    result = often.fit()
    losses = [loss for _, loss in losses_of(result)]
    assert often.loss(EXPERIMENT.splits.val_indices) == pytest.approx(min(losses), abs=1e-6)
    assert result.best_epoch == 1 + losses.index(min(losses))


def test_a_training_that_was_stopped_between_two_steps_goes_on_the_same() -> None:
    class StoppedError(Exception):
        pass

    whole = make_trainer(EXPERIMENT, max_epochs=5, validate_every=3)
    whole.fit()
    stopped, taken = make_trainer(EXPERIMENT, max_epochs=5, validate_every=3), []

    def stop() -> None:
        taken.append(1)
        if len(taken) == 10:  # in the second pass, one step into the fourth epoch
            raise StoppedError

    with pytest.raises(StoppedError):
        stopped.fit(after_step=stop)
    resumed = make_trainer(EXPERIMENT, max_epochs=5, validate_every=3)
    resumed.load_state_dict(stopped.state_dict())
    resumed.fit()
    assert torch.equal(weights_of(resumed), weights_of(whole))


def test_a_part_of_the_samples_takes_no_more_steps() -> None:
    recipe = make_recipe(max_epochs=6, validate_every=3)
    part = train_on_part(EXPERIMENT, 0.3)
    assert recipe_for(part, recipe, None) == recipe
    assert recipe_for(part, recipe, 2).max_epochs == 2
    assert recipe_for(part, make_recipe(max_epochs=6), None).max_epochs > 6


@pytest.mark.parametrize("value", [0, -1, 2.0, True])
def test_what_is_no_number_of_steps_is_refused(value: Any) -> None:
    with pytest.raises(UserError, match=rf"validate_every {value}: allowed is an integer, at least 1, or None"):
        make_recipe(validate_every=value)


def test_a_recipe_that_counts_passes_says_nothing_of_steps() -> None:
    assert "validate_every" not in make_recipe().values()
    assert make_recipe(validate_every=3).values()["validate_every"] == 3
