"""A training that stops anywhere and continues ends as if it had never stopped, to the last bit."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file

from runtime.judging.sealed_test import open_test
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.training.recipe import Recipe
from runtime.training.trainer import Trainer, TrainingResult
from tests.helpers.tiny import losses_of, make_arguments, make_recipe, make_trainer, weights_of
from tests.helpers.tiny_run import EXPERIMENT, metrics_of, openings, read, run_tiny, train

RECIPE: dict[str, Any] = {"dropout": 0.4, "max_epochs": 3, "batch_size": 50}
STEPS = 3 * 5


class Stopped(Exception):  # noqa: N818
    pass


def stop_after(trainer: Trainer, steps: int) -> None:
    """Train so many steps, then break off in the middle of the next one, as a crash would."""
    left = steps

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise Stopped

    with pytest.raises(Stopped):
        trainer.fit(after_step=count)


@pytest.fixture(scope="module")
def uninterrupted() -> tuple[Trainer, TrainingResult]:
    trainer = make_trainer(EXPERIMENT, **RECIPE)
    return trainer, trainer.fit()


@pytest.mark.parametrize("micro_batch_size", [50, 7])
@pytest.mark.parametrize("steps", range(1, STEPS + 1))
def test_resumed_at_any_step_with_dropout_is_bit_identical(steps: int, micro_batch_size: int) -> None:
    whole = make_trainer(EXPERIMENT, **RECIPE)
    whole.micro_batch_size = micro_batch_size
    expected = whole.fit()
    first = make_trainer(EXPERIMENT, **RECIPE)
    first.micro_batch_size = micro_batch_size
    stop_after(first, steps)
    state = deepcopy(first.state_dict())
    torch.manual_seed(steps)  # another process has drawn other numbers
    second = make_trainer(EXPERIMENT, **RECIPE)
    second.load_state_dict(state)
    result = second.fit()
    assert losses_of(result) == losses_of(expected)
    assert torch.equal(weights_of(second), weights_of(whole))
    assert (result.best_epoch, result.best_val_loss) == (expected.best_epoch, expected.best_val_loss)
    assert second.micro_batch_size == micro_batch_size


def test_same_trainer_goes_on_after_an_exception(uninterrupted: tuple[Trainer, TrainingResult]) -> None:
    trainer = make_trainer(EXPERIMENT, **RECIPE)
    for steps in (3, 2, 4, 1):
        stop_after(trainer, steps)
    assert losses_of(trainer.fit()) == losses_of(uninterrupted[1])


def test_finished_training_stays_finished(uninterrupted: tuple[Trainer, TrainingResult]) -> None:
    trainer, result = uninterrupted
    again = make_trainer(EXPERIMENT, **RECIPE)
    again.load_state_dict(deepcopy(trainer.state_dict()))
    assert again.fit(after_step=pytest.fail) == result
    assert torch.equal(weights_of(again), weights_of(trainer))


def test_patience_counts_across_a_restart(monkeypatch: pytest.MonkeyPatch) -> None:
    losses = [0.5, 0.4, 0.45, 0.46, 0.3]
    for stop in range(1, 4):
        upcoming = iter(losses)
        trainer = make_trainer(EXPERIMENT, patience=2, max_epochs=5)
        monkeypatch.setattr(trainer, "loss", lambda *_, upcoming=upcoming: next(upcoming))
        stop_after(trainer, 7 * stop + 1)
        second = make_trainer(EXPERIMENT, patience=2, max_epochs=5)
        second.load_state_dict(trainer.state_dict())
        monkeypatch.setattr(second, "loss", trainer.loss)
        result = second.fit()
        assert (result.best_epoch, len(result.epochs), result.stopped_early) == (2, 4, True)


def break_off_in_step(number: int, monkeypatch: pytest.MonkeyPatch) -> Callable[[], int]:
    """Let the ``number``-th step of this process raise; the function that comes back counts the steps."""
    step, taken = Trainer._train_step, 0

    def count(trainer: Trainer, *arguments: Any) -> torch.Tensor:
        nonlocal taken
        taken += 1
        if taken == number:
            raise KeyboardInterrupt
        return step(trainer, *arguments)

    monkeypatch.setattr(Trainer, "_train_step", count)
    return lambda: taken


def train_two(arguments: Arguments) -> dict[str, Any]:
    def make(asked: Experiment, fields: dict[str, Any], recipe: Recipe, seed: int, _: Arguments) -> Trainer:
        rate = 1e-3 if fields["d_ff"] == 16 else recipe.learning_rate
        return make_trainer(asked, seed=seed, **(asdict(recipe) | {"learning_rate": rate}))

    candidates = {"slow": {"d_ff": 16}, "quick": {}}
    run_tiny(arguments, EXPERIMENT, make_recipe(**RECIPE), make, candidates, checkpoint_share=1)
    record: dict[str, Any] = read(arguments.output / "result.json")
    return record


@pytest.mark.parametrize("stop", [2, STEPS - 1, STEPS + 1, 2 * STEPS])
def test_finished_candidate_is_not_trained_again(stop: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, parts = make_arguments(tmp_path / "whole"), make_arguments(tmp_path / "parts")
    expected = train_two(whole)
    with monkeypatch.context() as patch:
        break_off_in_step(stop, patch)
        with pytest.raises(KeyboardInterrupt):
            train_two(parts)
        assert read(parts.output / "result.json")["status"] == "interrupted"
    taken = break_off_in_step(0, monkeypatch)
    record = train_two(parts)
    assert taken() == 2 * STEPS - (stop - 1)
    assert {name for name in expected if record[name] != expected[name]} <= {"training", "test_opening"}
    assert metrics_of(parts.output) == metrics_of(whole.output)
    assert not any((parts.output / "checkpoints").iterdir()), "they are of no use any more"


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_epochs_after_the_checkpoint_stand_once_in_the_metrics(
    share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole, parts = make_arguments(tmp_path / "whole"), make_arguments(tmp_path / "parts")
    train(whole)
    with monkeypatch.context() as patch:
        break_off_in_step(40, patch)
        with pytest.raises(KeyboardInterrupt):
            train(parts, checkpoint_share=share)
    assert len(metrics_of(parts.output)) == 5
    train(parts)
    assert metrics_of(parts.output) == metrics_of(whole.output)
    weights = [load_file(each.output / "model.safetensors") for each in (whole, parts)]
    assert all(torch.equal(weights[0][name], weights[1][name]) for name in weights[0])


def open_test_and_die(*arguments: Any, **keywords: Any) -> None:
    open_test(*arguments, **keywords)
    raise KeyboardInterrupt


def test_run_that_dies_after_the_test_was_opened_finishes_that_opening_without_training(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments = make_arguments(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr("runtime.training.training_run.open_test", open_test_and_die)
        with pytest.raises(KeyboardInterrupt):
            train(arguments)
    assert len(openings(arguments)) == 1
    taken = break_off_in_step(0, monkeypatch)
    assert train(arguments)["status"] == "finished"
    assert taken() == 0
    assert len(openings(arguments)) == 1
