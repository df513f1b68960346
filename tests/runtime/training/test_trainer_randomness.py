"""A training is a function of its seed: nothing global decides it, and it leaves nothing global changed."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import Module

from tests.helpers.tiny import losses_of, make_experiment, make_trainer, weights_of

EXPERIMENT = make_experiment()


def fit_under(global_seed: int, **recipe: Any) -> tuple[list[tuple[float, float]], Tensor]:
    torch.manual_seed(global_seed)
    trainer = make_trainer(EXPERIMENT, **recipe)
    result = trainer.fit()
    return losses_of(result), weights_of(trainer)


def test_same_seed_gives_bit_identical_weights_whatever_the_global_random_state() -> None:
    (losses, weights), (other_losses, other_weights) = fit_under(1), fit_under(2)
    assert losses == other_losses
    assert torch.equal(weights, other_weights)


def test_another_seed_gives_other_weights() -> None:
    assert not torch.equal(weights_of(make_trainer(EXPERIMENT, seed=7)), weights_of(make_trainer(EXPERIMENT, seed=8)))


def test_global_random_state_is_untouched() -> None:
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # type: ignore[index]
    make_trainer(EXPERIMENT, max_epochs=1).fit()
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])  # type: ignore[index]


def orders_of(monkeypatch: pytest.MonkeyPatch, *, seed: int, **recipe: Any) -> list[list[int]]:
    trainer = make_trainer(EXPERIMENT, seed=seed, max_epochs=2, **recipe)
    seen: list[int] = []
    inputs = trainer.dataset.inputs

    def record_starts(starts: Tensor) -> Tensor:
        if trainer.model.training:
            seen.extend(starts.tolist())
        return inputs(starts)

    monkeypatch.setattr(trainer.dataset, "inputs", record_starts)
    trainer.fit()
    samples = EXPERIMENT.splits.train_indices.size
    return [seen[:samples], seen[samples:]]


def test_order_of_samples_is_decided_by_seed_and_epoch_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    orders = orders_of(monkeypatch, seed=7)
    assert orders == orders_of(monkeypatch, seed=7, batch_size=50, dropout=0.3, learning_rate=1e-4)
    assert all(sorted(order) == EXPERIMENT.splits.train_indices.tolist() for order in orders)
    assert orders[0] != orders[1]
    assert orders_of(monkeypatch, seed=8)[0] not in orders


def test_dropout_draws_anew_in_each_epoch() -> None:
    trainer = make_trainer(EXPERIMENT, dropout=0.5, batch_size=216, max_epochs=2)
    kept: list[Tensor] = []

    def record_kept(_module: Module, _inputs: Any, output: Tensor) -> None:
        if trainer.model.training:
            kept.append(output != 0)

    trainer.model.dropout.register_forward_hook(record_kept)
    trainer.fit()
    first, second = kept
    assert not torch.equal(first, second)
