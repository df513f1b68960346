"""Every hyperparameter reaches the training, and a trial is worth the best epoch's validation loss."""

from dataclasses import fields
from typing import Any

import optuna
import pytest
import torch

from runtime.errors import RunError
from runtime.model.dropout import Dropout
from runtime.search.objective import Objective, create_objective, record_result, reporter
from runtime.training.recipe import Recipe
from runtime.training.trainer import EpochRecord, Trainer, TrainingResult
from tests.helpers.tiny import (
    ARCHITECTURE,
    FIXED,
    SEARCHED,
    losses_of,
    make_experiment,
    make_objective,
    suggest,
    weights_of,
)

EXPERIMENT = make_experiment()
OBJECTIVE = make_objective(EXPERIMENT)

CHANGED: dict[str, Any] = {
    "architecture": "wide",
    "learning_rate": 0.03,
    "weight_decay": 0.5,
    "dropout": 0.4,
    "batch_size": 64,
    "max_epochs": 9,
    "patience": 1,
    "warmup_fraction": 0.5,
    "gradient_clip": 0.01,
    "validate_every": 3,
}
ON_PANELS = {"validate_every"}
"""What a script names only where the data are a panel."""


def trainer_with(**changes: Any) -> Trainer:
    searched = {name: changes.get(name, value) for name, value in SEARCHED.items()}
    fixed = {name: changes.get(name, value) for name, value in FIXED.items()}
    fixed |= {name: changes[name] for name in ON_PANELS & set(changes)}
    return make_objective(EXPERIMENT, fixed=fixed).make_trainer(searched)


def what_is_built(trainer: Trainer) -> dict[str, Any]:
    matrices, _ = trainer.optimizer.param_groups
    return {
        "architecture": trainer.model.parameter_count(),
        "learning_rate": matrices["lr"],
        "weight_decay": matrices["weight_decay"],
        "dropout": {module.probability for module in trainer.model.modules() if isinstance(module, Dropout)},
        "batch_size": trainer.steps_per_epoch,
    }


def outcome(trainer: Trainer) -> list[tuple[float, float]]:
    return losses_of(trainer.fit())


def run_trial(objective: Objective, pruner: optuna.pruners.BasePruner | None = None) -> optuna.trial.FrozenTrial:
    study = optuna.create_study(pruner=pruner)
    study.enqueue_trial(SEARCHED)
    study.optimize(objective, n_trials=1)
    return study.trials[0]


def test_no_hyperparameter_is_left_out_of_these_tests() -> None:
    assert set(CHANGED) == set(SEARCHED) | set(FIXED) | ON_PANELS
    assert set(CHANGED) == {field.name for field in fields(Recipe)} | {"architecture"}


@pytest.mark.parametrize("name", SEARCHED)
def test_searched_hyperparameter_changes_its_part_of_what_is_built_and_nothing_else(name: str) -> None:
    before, after = what_is_built(trainer_with()), what_is_built(trainer_with(**{name: CHANGED[name]}))
    assert {part for part in before if before[part] != after[part]} == {name}


@pytest.mark.parametrize("name", ["learning_rate", "batch_size", "max_epochs", "warmup_fraction", "validate_every"])
def test_hyperparameter_of_the_schedule_changes_it(name: str) -> None:
    def schedule(trainer: Trainer) -> list[float]:
        steps = trainer.steps_per_epoch * trainer.recipe.max_epochs
        return [trainer.recipe.learning_rate_at(step, steps) for step in range(steps)]

    assert schedule(trainer_with()) != schedule(trainer_with(**{name: CHANGED[name]}))


UNCHANGED = outcome(trainer_with())


def test_same_hyperparameters_train_the_same() -> None:
    assert outcome(trainer_with()) == UNCHANGED


@pytest.mark.parametrize("name", CHANGED)
def test_every_hyperparameter_changes_the_training(name: str) -> None:
    assert outcome(trainer_with(**{name: CHANGED[name]})) != UNCHANGED


def test_hyperparameter_that_nothing_consumes_is_an_error() -> None:
    with pytest.raises(TypeError, match="momentum"):
        OBJECTIVE.make_trainer(SEARCHED | {"momentum": 0.9})


def test_there_is_no_objective_without_split_indices() -> None:
    arguments: dict[str, Any] = {"suggest": suggest, "dataset": EXPERIMENT.windows}
    with pytest.raises(TypeError, match="split_indices"):
        create_objective(**arguments, architectures={"narrow": ARCHITECTURE}, fixed=FIXED)


def test_objective_is_the_best_epochs_validation_loss() -> None:
    trial, epochs = run_trial(OBJECTIVE), OBJECTIVE.train(SEARCHED).epochs
    value = trial.value
    assert value == min(record.val_loss for record in epochs)
    assert value != epochs[-1].val_loss, "this test needs a best epoch before the last"
    assert value not in [record.train_loss for record in epochs]


def test_trial_reports_every_epoch_and_records_how_it_trained() -> None:
    trial = run_trial(OBJECTIVE)
    assert list(trial.intermediate_values) == list(range(1, trial.user_attrs["epochs"] + 1))
    assert trial.intermediate_values[trial.user_attrs["best_epoch"]] == trial.value
    assert trial.user_attrs["parameter_count"] == trainer_with().model.parameter_count()


def test_reports_the_best_loss_so_far_so_that_overfitting_trials_can_be_compared() -> None:
    losses = [record.val_loss for record in OBJECTIVE.train(SEARCHED).epochs]
    reported = run_trial(OBJECTIVE, optuna.pruners.NopPruner()).intermediate_values
    assert losses != sorted(losses, reverse=True), "this test needs an epoch worse than one before"
    assert list(reported.values()) == [min(losses[: count + 1]) for count in range(len(losses))]


def test_value_of_a_trial_is_that_of_training_its_hyperparameters_again() -> None:
    trial = run_trial(OBJECTIVE)
    assert OBJECTIVE.train(trial.params).best_val_loss == trial.value


class PruneAfterTwo(optuna.pruners.BasePruner):
    def prune(self, study: optuna.Study, trial: optuna.trial.FrozenTrial) -> bool:
        return trial.last_step == 2


def test_pruned_trial_ends_at_once() -> None:
    trial = run_trial(OBJECTIVE, PruneAfterTwo())
    assert trial.state is optuna.trial.TrialState.PRUNED
    assert list(trial.intermediate_values) == [1, 2]


def test_what_on_epoch_raises_ends_the_training() -> None:
    def give_up(_record: EpochRecord) -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        OBJECTIVE.train(SEARCHED, give_up)


def test_candidates_share_the_models_fields_and_keep_their_own() -> None:
    objective = make_objective(EXPERIMENT, architectures={"deep": {"d_ff": 16, "num_layers": 2}})
    architecture = objective.make_trainer(SEARCHED | {"architecture": "deep"}).model.architecture
    assert (architecture.d_ff, architecture.num_layers, architecture.d_model) == (16, 2, ARCHITECTURE["d_model"])


def test_seed_reaches_the_training() -> None:
    trainers = [make_objective(EXPERIMENT, seed=seed).make_trainer(SEARCHED) for seed in (7, 8)]
    assert not torch.equal(*map(weights_of, trainers))


@pytest.mark.parametrize(
    ("batch_size", "norm", "sizes"),
    [(64, "layer", [64, 32, 16, 8]), (6, "layer", [6, 3, 2, 1]), (1, "layer", [1]), (64, "batch", [64])],
)
def test_micro_batches_halve_to_an_eighth_unless_statistics_are_of_the_batch(
    batch_size: int, norm: str, sizes: list[int]
) -> None:
    objective = make_objective(EXPERIMENT, model=ARCHITECTURE | {"norm": norm})
    assert objective.micro_batch_sizes(SEARCHED | {"batch_size": batch_size}) == sizes


def test_micro_batch_size_reaches_the_trainer_and_leaves_the_effective_batch() -> None:
    whole, parts = (OBJECTIVE.make_trainer(SEARCHED, size) for size in (None, 8))
    assert (whole.micro_batch_size, parts.micro_batch_size) == (32, 8)
    assert whole.steps_per_epoch == parts.steps_per_epoch


def test_evaluation_takes_less_at_once_where_training_does() -> None:
    trainer, sizes = OBJECTIVE.make_trainer(SEARCHED, 1), []
    trainer.model.register_forward_pre_hook(lambda _model, inputs: sizes.append(inputs[0].shape[0]))
    trainer.predict(EXPERIMENT.splits.train_indices)
    assert max(sizes) == 1024 // SEARCHED["batch_size"]


def test_loss_that_is_no_number_fails_the_trial() -> None:
    report = reporter(optuna.create_study().ask())
    for loss in (float("nan"), float("inf")):
        with pytest.raises(RunError, match=f"validation loss is {loss} in epoch 3"):
            report(EpochRecord(3, 0.5, loss, 0.1, 0.1, 0.0))


def test_a_trial_keeps_the_spread_of_its_best_epoch() -> None:
    trial = optuna.create_study().ask()
    records = tuple(EpochRecord(n, 0.5, loss, n / 10, 0.1, 0.0) for n, loss in ((1, 0.4), (2, 0.3), (3, 0.5)))
    result = TrainingResult(best_epoch=2, best_val_loss=0.3, epochs=records, stopped_early=False, parameter_count=1)
    assert record_result(trial, result) == 0.3
    assert trial.user_attrs["val_spread"] == 0.2
