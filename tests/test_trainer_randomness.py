"""A training is a function of its seed: nothing global decides it, and it leaves nothing global changed."""

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from tests.tiny import losses_of, make_experiment, make_trainer, weights_of

EXPERIMENT = make_experiment()


def test_same_seed_gives_bit_identical_weights_whatever_the_global_random_state() -> None:
    torch.manual_seed(1)
    one = make_trainer(EXPERIMENT)
    torch.manual_seed(2)
    other = make_trainer(EXPERIMENT)
    assert losses_of(one.fit()) == losses_of(other.fit())
    assert torch.equal(weights_of(one), weights_of(other))


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
    trainer = make_trainer(EXPERIMENT, learning_rate=1e-30, weight_decay=0.0, dropout=0.5, batch_size=216)
    first, second, *_ = trainer.fit().epochs
    assert first.val_loss == second.val_loss, "this test needs weights that stand still"
    assert first.train_loss != pytest.approx(second.train_loss, abs=1e-6)
