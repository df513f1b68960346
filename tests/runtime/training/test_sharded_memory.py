"""What a rank holds of the 2B model, counted on torch's fake process group: nothing is computed, nothing allocated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
import torch.distributed as dist
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.fsdp import FSDPModule
from torch.distributed.tensor import DTensor
from torch.testing._internal.distributed.fake_pg import FakeStore

from codegen.request.configs import load_model
from runtime.training.building import make_empty_model
from runtime.training.optimizer import make_optimizer
from runtime.training.sharding import fully_shard_layers
from tests.helpers.tiny import make_recipe

RANKS = 8


@pytest.fixture
def fake_ranks() -> Iterator[None]:
    dist.init_process_group("fake", store=FakeStore(), rank=3, world_size=RANKS)  # type: ignore[no-untyped-call]
    yield
    dist.destroy_process_group()


def bytes_here(tensor: torch.Tensor) -> int:
    local = tensor.to_local() if isinstance(tensor, DTensor) else tensor
    return local.numel() * local.element_size()


def test_a_rank_of_eight_holds_an_eighth_of_the_2b_training(fake_ranks: None) -> None:
    config = load_model("2B")
    architecture = config.solve("2B", num_channels=29, context_length=60)[config.default]
    model = make_empty_model(architecture, dropout=0.4, checkpoint_activations=False, seed=0)
    fully_shard_layers(model, init_device_mesh("cpu", (RANKS,)), bfloat16=True)
    assert all(isinstance(each, FSDPModule) for each in (*model.layers, model)), "one layer is whole at a time"
    assert model.parameter_count() == architecture.parameter_count()
    optimizer = make_optimizer(model, make_recipe())
    held = 0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            parameter.grad = torch.zeros_like(parameter)
            moments = [torch.zeros_like(parameter) for _ in ("exp_avg", "exp_avg_sq")]
            held += sum(map(bytes_here, (parameter, parameter.grad, *moments)))
    whole = 4 * 4 * architecture.parameter_count()  # parameters, gradients and two moments in float32
    assert 31e9 < whole < 33e9
    assert held == pytest.approx(whole / RANKS, rel=0.001)
    # Whole on a rank at any time, besides: one layer, and what is around the layers.
    layer = sum(each.numel() for each in model.layers[0].parameters())
    around = model.parameter_count() - len(model.layers) * layer
    assert 4 * (layer + around) < whole / RANKS / 10
