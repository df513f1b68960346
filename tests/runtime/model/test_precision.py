"""Mixed precision, forced on a CPU: what is rounded to bfloat16, and what never is."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
import torch

from runtime.model import precision
from runtime.records.environment import environment
from runtime.training.trainer import Trainer
from tests.helpers.tiny import ARCHITECTURE, make_experiment, make_recipe, weights_of

EXPERIMENT = make_experiment()
CPU = torch.device("cpu")
FORMS: dict[str, dict[str, Any]] = {
    "default": {"last_row": True},
    "batch norm": {"norm": "batch", "norm_first": False},
    "residual attention": {"residual_attention": True},
    "independent": {"channels": "independent"},
}


@pytest.fixture
def bfloat16(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(precision, "supports_bfloat16", lambda device: True)


def make_trainer(**changes: Any) -> Trainer:
    """A tiny trainer whose gradients are not clipped."""
    return Trainer(
        EXPERIMENT.windows,
        split_indices=EXPERIMENT.splits,
        architecture=ARCHITECTURE | changes,
        recipe=make_recipe(dropout=0.2, gradient_clip=1e9),
        seed=3,
    )


def step(trainer: Trainer, at: int = 0) -> tuple[torch.Tensor, list[torch.Tensor]]:
    """Loss and gradients of the first batch, after which the weights have moved."""
    torch.manual_seed(5)
    trainer.model.train()
    starts = trainer.dataset.starts(trainer.splits.train_indices[: trainer.recipe.batch_size])
    loss = trainer._train_step(starts, at)
    return loss, [parameter.grad for parameter in trainer.model.parameters() if parameter.grad is not None]


@pytest.mark.parametrize("changes", FORMS.values(), ids=FORMS)
def test_a_step_in_bfloat16_is_that_in_float32_but_for_rounding(
    changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    plain, mixed = make_trainer(**changes), make_trainer(**changes)
    for at in range(2):  # the head begins at 0 and passes no gradient back in the first step
        expected, expected_gradients = step(plain, at)
        with monkeypatch.context() as patched:
            patched.setattr(precision, "supports_bfloat16", lambda device: True)
            loss, gradients = step(mixed, at)
    assert loss.dtype == torch.float32
    torch.testing.assert_close(loss, expected, rtol=1e-2, atol=0)
    assert not torch.equal(weights_of(mixed), weights_of(plain)), "nothing was rounded"
    for gradient, wanted in zip(gradients, expected_gradients, strict=True):
        assert gradient.dtype == torch.float32
        assert float((gradient - wanted).norm()) <= 0.05 * float(wanted.norm()) + 1e-4
    assert all(weights.dtype == torch.float32 for weights in mixed.model.parameters())


@pytest.mark.usefixtures("bfloat16")
def test_logits_and_what_the_last_row_tells_are_never_rounded() -> None:
    trainer = make_trainer(last_row=True)  # fresh: the forecast is the last row's alone
    rounded = trainer.predict(trainer.splits.val_indices)
    assert rounded.dtype == np.float64
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(precision, "supports_bfloat16", lambda device: False)
        np.testing.assert_array_equal(rounded, trainer.predict(trainer.splits.val_indices))


@pytest.mark.usefixtures("bfloat16")
def test_a_whole_training_learns_in_bfloat16() -> None:
    trainer = make_trainer()
    result = trainer.fit()
    assert result.best_val_loss < 0.9 * result.epochs[0].val_loss


def test_processors_and_what_is_no_cuda_card_compute_in_float32() -> None:
    for kind in ("cpu", "mps", "meta"):
        assert precision.precision_of(torch.device(kind)) == "float32"
        assert isinstance(precision.mixed_precision(torch.device(kind)), nullcontext)
    assert environment(CPU)["precision"] == "float32"


@pytest.mark.parametrize(("supported", "expected"), [(True, "bfloat16 autocast"), (False, "float32")])
def test_a_cuda_card_computes_in_bfloat16_where_it_has_the_units(
    supported: bool, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def is_supported(*, including_emulation: bool) -> bool:
        asked.append(including_emulation)
        return supported

    monkeypatch.setattr(torch.cuda, "device", lambda device: nullcontext())
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_supported)
    assert precision.precision_of(torch.device("cuda:1")) == expected
    assert asked == [False], "emulated bfloat16 is slower than float32"
