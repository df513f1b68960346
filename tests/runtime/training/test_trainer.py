"""What the trainer optimises, when it stops, what it restores, refuses and may look at."""

from copy import deepcopy
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import log_loss
from torch import Tensor

from runtime.arrays import Indices
from runtime.errors import RunError, UserError
from runtime.judging.baselines import fit_baselines
from runtime.training.trainer import EpochRecord, Trainer
from tests.helpers.tiny import (
    ARCHITECTURE,
    CONTEXT_LENGTH,
    losses_of,
    make_experiment,
    make_recipe,
    make_trainer,
    weights_of,
    with_features,
    with_labels,
)

PARAMETERS = 601
EXPERIMENT = make_experiment()


def script_losses(trainer: Trainer, monkeypatch: pytest.MonkeyPatch, losses: list[float]) -> None:
    upcoming = iter(losses)
    monkeypatch.setattr(trainer, "loss", lambda *_: next(upcoming))


def fit_by_hand(trainer: Trainer) -> Tensor:
    """Train a copy of the fresh model on whole batches, in as few words as the method needs."""
    model, recipe = deepcopy(trainer.model), trainer.recipe
    starts = trainer.dataset.starts(EXPERIMENT.splits.train_indices)
    inputs, targets = trainer.dataset.inputs(starts), trainer.dataset.targets(starts)
    matrices = [p for p in model.parameters() if p.ndim == 2]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    decay = {"weight_decay": recipe.weight_decay}, {"weight_decay": 0.0}
    optimizer = torch.optim.AdamW([{"params": matrices, **decay[0]}, {"params": vectors, **decay[1]}], fused=False)
    for step in range(recipe.max_epochs):
        for group in optimizer.param_groups:
            group["lr"] = recipe.learning_rate_at(step, recipe.max_epochs)
        chances = torch.sigmoid(model(inputs))
        loss = -torch.where(targets == 1, chances, 1 - chances).log().mean()
        gradients = torch.autograd.grad(loss, [*matrices, *vectors])
        norm = torch.cat([gradient.flatten() for gradient in gradients]).norm()
        for parameter, gradient in zip([*matrices, *vectors], gradients, strict=True):
            parameter.grad = gradient * (recipe.gradient_clip / norm).clamp(max=1)
        optimizer.step()
    return torch.cat([parameter.detach().flatten() for parameter in model.parameters()])


def test_training_equals_the_method_written_by_hand() -> None:
    trainer = make_trainer(EXPERIMENT, batch_size=216, dropout=0.0, max_epochs=5, weight_decay=0.5, gradient_clip=0.1)
    by_hand, before = fit_by_hand(trainer), weights_of(trainer)
    assert trainer.fit().best_epoch == 5, "this test needs the last epoch to be the best"
    torch.testing.assert_close(weights_of(trainer), by_hand, rtol=1e-3, atol=1e-3)
    assert (by_hand - before).abs().mean() > 0.01


@pytest.mark.parametrize(("last_row", "baseline"), [(False, "base_rate"), (True, "logistic_regression")])
def test_training_begins_at_the_obvious_forecast(last_row: bool, baseline: str) -> None:
    splits = EXPERIMENT.splits
    trainer = make_trainer(EXPERIMENT, last_row=last_row)
    forecast = fit_baselines(EXPERIMENT)[baseline]
    np.testing.assert_allclose(trainer.predict(splits.val_indices), forecast(splits.val_indices), atol=1e-5)


def test_there_is_no_training_without_split_indices() -> None:
    arguments: dict[str, Any] = {"architecture": ARCHITECTURE, "recipe": make_recipe(), "seed": 7}
    with pytest.raises(TypeError, match="split_indices"):
        Trainer(EXPERIMENT.windows, **arguments)


def test_weight_decay_acts_on_matrices_only_and_every_parameter_is_optimised_once() -> None:
    trainer = make_trainer(EXPERIMENT, weight_decay=0.3)
    decay = {p: group["weight_decay"] for group in trainer.optimizer.param_groups for p in group["params"]}
    optimised = sum(len(group["params"]) for group in trainer.optimizer.param_groups)
    assert {p: 0.3 if p.ndim >= 2 else 0.0 for p in trainer.model.parameters()} == decay
    assert optimised == len(decay)


@pytest.mark.parametrize(("clip", "acts"), [(1e-3, True), (1e3, False)])
def test_gradients_are_clipped_to_the_recipes_norm(clip: float, acts: bool) -> None:
    trainer = make_trainer(EXPERIMENT, gradient_clip=clip, max_epochs=1)
    trainer.fit()
    norm = torch.nn.utils.get_total_norm([p.grad for p in trainer.model.parameters() if p.grad is not None])
    assert 0 < norm < clip * 1.001
    assert (norm > clip * 0.99) == acts


def test_every_step_takes_the_scheduled_learning_rate_in_both_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(EXPERIMENT, max_epochs=3)
    taken: list[list[float]] = []
    step = trainer.optimizer.step

    def record_rates() -> None:
        taken.append([group["lr"] for group in trainer.optimizer.param_groups])
        step()

    monkeypatch.setattr(trainer.optimizer, "step", record_rates)
    result = trainer.fit()
    total = 3 * trainer.steps_per_epoch
    scheduled = [trainer.recipe.learning_rate_at(index, total) for index in range(total)]
    assert taken == [[rate, rate] for rate in scheduled]
    ends = slice(trainer.steps_per_epoch - 1, None, trainer.steps_per_epoch)
    assert [record.learning_rate for record in result.epochs] == scheduled[ends]


@pytest.mark.parametrize(
    ("losses", "patience", "best", "epochs"),
    [
        ([0.5, 0.4, 0.45, 0.46], 2, 2, 4),
        ([0.5, 0.6], 1, 1, 2),
        ([0.5, 0.5, 0.5], 2, 1, 3),  # equal is not better
        ([0.5, 0.6, 0.4, 0.6, 0.3, 0.6], 2, 5, 6),  # the schedule ends before patience does
        ([0.6, 0.5, 0.4, 0.3, 0.2, 0.1], 1, 6, 6),
    ],
)
def test_training_stops_after_patience_epochs_without_a_better_loss(
    losses: list[float], patience: int, best: int, epochs: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    trainer = make_trainer(EXPERIMENT, patience=patience, max_epochs=6)
    script_losses(trainer, monkeypatch, losses)
    result = trainer.fit()
    assert (result.best_epoch, len(result.epochs)) == (best, epochs)
    assert result.stopped_early == (epochs < trainer.recipe.max_epochs)


def test_best_weights_are_restored() -> None:
    trainer = make_trainer(EXPERIMENT)
    after_epoch: list[Tensor] = []
    result = trainer.fit(lambda _record: after_epoch.append(weights_of(trainer)))
    assert result.best_epoch < len(result.epochs), "this test needs a best epoch before the last"
    assert result.best_val_loss == min(record.val_loss for record in result.epochs)
    assert trainer.loss(EXPERIMENT.splits.val_indices) == result.best_val_loss
    assert torch.equal(weights_of(trainer), after_epoch[result.best_epoch - 1])
    assert result.parameter_count == PARAMETERS


def test_epochs_are_reported_in_order_as_they_are_recorded() -> None:
    reported: list[EpochRecord] = []
    result = make_trainer(EXPERIMENT).fit(reported.append)
    assert tuple(reported) == result.epochs
    assert [record.epoch for record in reported] == list(range(1, len(reported) + 1))


def poisoned_trainer(starts: Indices) -> Trainer:
    rows = (starts[:, None] + np.arange(CONTEXT_LENGTH)).ravel()
    return make_trainer(EXPERIMENT, dataset=with_features(EXPERIMENT, rows, np.nan))


def test_fitting_never_reads_a_test_row() -> None:
    poisoned, clean = poisoned_trainer(EXPERIMENT.splits.test_indices), make_trainer(EXPERIMENT)
    assert losses_of(poisoned.fit()) == losses_of(clean.fit())
    assert torch.equal(weights_of(poisoned), weights_of(clean))


def test_validation_that_is_nan_fails_the_run() -> None:
    with pytest.raises(RunError, match="validation loss is nan in epoch 1"):
        poisoned_trainer(EXPERIMENT.splits.val_indices).fit()


def test_feature_that_is_nan_fails_the_run() -> None:
    poisoned = with_features(EXPERIMENT, EXPERIMENT.splits.train_indices[5:6], np.nan)
    with pytest.raises(RunError, match="training loss is nan in epoch 1: training diverged"):
        make_trainer(EXPERIMENT, dataset=poisoned).fit()


def test_exploding_learning_rate_fails_the_run() -> None:
    with pytest.raises(RunError, match=r"loss is (nan|inf) in epoch \d: training diverged; lower the learning rate"):
        make_trainer(EXPERIMENT, learning_rate=1e30, warmup_fraction=0.0).fit()


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_failed_run_names_the_epoch(bad: float, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = make_trainer(EXPERIMENT)
    script_losses(trainer, monkeypatch, [0.5, 0.4, bad])
    with pytest.raises(RunError, match=f"validation loss is {bad} in epoch 3"):
        trainer.fit()


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_training_labels_of_one_class_are_refused(label: float) -> None:
    train = EXPERIMENT.splits.train_indices
    dataset = with_labels(EXPERIMENT, train, label).windows
    with pytest.raises(UserError, match=f"all {train.size} training labels are {int(label)}"):
        make_trainer(EXPERIMENT, dataset=dataset)


def build(budget: int | None, **architecture: Any) -> Trainer:
    return Trainer(
        EXPERIMENT.windows,
        split_indices=EXPERIMENT.splits,
        architecture=ARCHITECTURE | architecture,
        recipe=make_recipe(),
        seed=7,
        parameter_budget=budget,
    )


@pytest.mark.parametrize(("budget", "met"), [(601, True), (573, True), (632, True), (572, False), (633, False)])
def test_model_must_meet_its_budget_to_within_five_percent(budget: int, met: bool) -> None:
    if met:
        assert build(budget).model.parameter_count() == PARAMETERS
    else:
        with pytest.raises(UserError, match=f"the model has 601 parameters, its budget is {budget} ± 5%"):
            build(budget)


@pytest.mark.parametrize("fields", [{"d_model": 9}, {"patch_length": 9}, {"depth": 3}])
def test_impossible_architecture_is_refused(fields: dict[str, int]) -> None:
    with pytest.raises(UserError, match=f"architecture .*{next(iter(fields))}"):
        build(None, **fields)


def test_loss_is_the_plain_mean_cross_entropy() -> None:
    trainer = make_trainer(EXPERIMENT)
    trainer.fit()
    val = EXPERIMENT.splits.val_indices
    expected = log_loss(EXPERIMENT.labels_of(val), 1 / (1 + np.exp(-trainer.predict(val))))
    assert trainer.loss(val) == pytest.approx(expected, rel=1e-12)


def test_training_loss_is_the_mean_over_samples_although_the_last_batch_is_smaller() -> None:
    trainer = make_trainer(EXPERIMENT, batch_size=200, learning_rate=1e-30, weight_decay=0.0, dropout=0.0, max_epochs=1)
    trainer.model.head.weight.data *= 100  # losses far enough apart to tell the means
    assert trainer.fit().epochs[0].train_loss == pytest.approx(trainer.loss(EXPERIMENT.splits.train_indices), rel=1e-6)


def test_predictions_come_in_the_order_asked_for_and_without_dropout() -> None:
    trainer = make_trainer(EXPERIMENT, dropout=0.5)
    trainer.fit()
    val = EXPERIMENT.splits.val_indices
    logits = trainer.predict(val)
    order = np.random.default_rng(0).integers(val.size, size=2500)  # more than one batch
    np.testing.assert_allclose(trainer.predict(val[order]), logits[order], rtol=1e-4, atol=1e-6)
    np.testing.assert_array_equal(trainer.targets(val[order]), EXPERIMENT.labels_of(val[order]))
    assert logits.std() > 0.1, "this test needs predictions that differ"
