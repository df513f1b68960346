"""Features first in memory, the layers compute what they compute with features last, and only where it is faster."""

from __future__ import annotations

import copy
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from runtime.model import layers
from runtime.model.dropout import Dropout
from runtime.model.layers import TokenBatchNorm
from runtime.model.linear import LEAST_TOKENS, Linear, features_first_is_faster, is_features_first
from runtime.model.patchtst import PatchTST
from tests.benchmarks.setting import ARCHITECTURES

INDEPENDENT = replace(ARCHITECTURES["independent"], num_layers=2)

pytestmark = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="this torch is built without oneDNN")


def features_first(tokens: Tensor) -> Tensor:
    """The same tokens, features first in memory; a leaf of its own."""
    return tokens.detach().permute(2, 0, 1).contiguous().permute(1, 2, 0).requires_grad_()


def value_and_gradients(layer: nn.Module, tokens: Tensor, weight: Tensor) -> tuple[Tensor, ...]:
    output = layer(tokens)
    return output, *torch.autograd.grad((output * weight).sum(), [tokens, *layer.parameters()])


sizes = st.tuples(*[st.integers(1, limit) for limit in (5, 40, 20, 20)])


@given(size=sizes, seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_a_linear_layer_has_the_same_values_and_gradients_in_either_order(
    size: tuple[int, int, int, int], seed: int
) -> None:
    torch.manual_seed(seed)
    patches, sequences, inputs, outputs = size
    layer, tokens = Linear(inputs, outputs), torch.randn(patches, sequences, inputs, requires_grad=True)
    weight = torch.randn(patches, sequences, outputs)
    expected = value_and_gradients(layer, tokens, weight)
    torch.testing.assert_close(expected[0], F.linear(tokens, layer.weight, layer.bias), rtol=0, atol=0)
    torch.testing.assert_close(value_and_gradients(layer, features_first(tokens), weight), expected)
    torch.testing.assert_close(layer.features_first(tokens), expected[0])


def test_a_gradient_that_is_one_value_repeated_is_understood() -> None:
    layer, tokens = Linear(3, 4), torch.randn(2, 5, 3).requires_grad_()
    expected = torch.autograd.grad(layer(tokens).sum(), [tokens, *layer.parameters()])
    first = features_first(tokens)
    torch.testing.assert_close(torch.autograd.grad(layer(first).sum(), [first, *layer.parameters()]), expected)


def test_a_linear_layer_keeps_the_order_of_its_input() -> None:
    layer, tokens = Linear(3, 4), torch.randn(2, 5, 3)
    assert is_features_first(layer(features_first(tokens)))
    assert not is_features_first(layer(tokens))
    assert is_features_first(layer.features_first(tokens))


def test_a_second_derivative_is_refused() -> None:
    layer, tokens = Linear(3, 4), features_first(torch.randn(2, 5, 3))
    (gradient,) = torch.autograd.grad(layer(tokens).square().sum(), tokens, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        torch.autograd.backward(gradient.sum())


def test_batch_normalisation_is_the_same_in_either_order() -> None:
    torch.manual_seed(0)
    usual = TokenBatchNorm(7)
    nn.init.normal_(usual.weight)
    nn.init.normal_(usual.bias)
    other = copy.deepcopy(usual)
    tokens, weight = (3 + 2 * torch.randn(5, 30, 7)).requires_grad_(), torch.randn(5, 30, 7)
    for _ in range(3):
        expected = value_and_gradients(usual, tokens, weight)
        torch.testing.assert_close(value_and_gradients(other, features_first(tokens), weight), expected)
    torch.testing.assert_close(dict(other.named_buffers()), dict(usual.named_buffers()))
    assert float(usual.get_buffer("running_var").min()) > 1  # moved off its start
    usual.eval(), other.eval()
    torch.testing.assert_close(
        value_and_gradients(other, features_first(tokens), weight), value_and_gradients(usual, tokens, weight)
    )
    torch.testing.assert_close(dict(other.named_buffers()), dict(usual.named_buffers()), rtol=1e-6, atol=1e-6)


def test_dropout_draws_along_memory_whatever_the_order() -> None:
    layer, tokens = Dropout(0.5).train(), torch.rand(3, 4, 5) + 1
    first = features_first(tokens).detach()
    torch.manual_seed(0)
    expected = layer(first.permute(2, 0, 1).clone())
    torch.manual_seed(0)
    dropped = layer(first)
    assert is_features_first(dropped)
    assert torch.equal(dropped.permute(2, 0, 1), expected)


def test_dropout_of_repeated_values_drops_each_by_itself() -> None:
    dropped = Dropout(0.5).train()(torch.ones(1000, 1).expand(1000, 2))
    assert not torch.equal(dropped[:, 0], dropped[:, 1])


def orders_inside(model: PatchTST, windows: Tensor) -> set[bool]:
    """Whether the tokens that the layers' modules are given and return lie with features first."""
    seen: set[bool] = set()

    def look(_module: nn.Module, given: tuple[Any, ...], returned: Any) -> None:
        tokens = [given[0], returned[0] if isinstance(returned, tuple) else returned]
        seen.update(map(is_features_first, tokens))

    for module in model.layers.modules():
        if not isinstance(module, nn.ModuleList):
            module.register_forward_hook(look)
    torch.autograd.backward(model(windows).sum())
    return seen


@pytest.fixture
def _where_it_is_faster(monkeypatch: pytest.MonkeyPatch) -> None:
    """A processor on which features first is faster for any size."""
    monkeypatch.setattr(layers, "features_first_is_faster", lambda _tokens: True)


@pytest.mark.usefixtures("_where_it_is_faster")
def test_a_published_model_has_its_features_first_throughout() -> None:
    assert orders_inside(PatchTST(INDEPENDENT, dropout=0.3), torch.randn(4, 60, 28)) == {True}


@pytest.mark.usefixtures("_where_it_is_faster")
@pytest.mark.parametrize(
    ("change", "attention_dropout"), [({"norm": "layer"}, 0.0), ({"residual_attention": True}, 0.0), ({}, 0.3)]
)
def test_other_models_have_them_last(change: dict[str, Any], attention_dropout: float) -> None:
    model = PatchTST(replace(INDEPENDENT, **change), attention_dropout=attention_dropout)
    assert orders_inside(model, torch.randn(4, 60, 28)) == {False}


@pytest.mark.usefixtures("_where_it_is_faster")
def test_windows_with_time_first_in_memory_are_no_features_first_tokens() -> None:
    model = PatchTST(replace(INDEPENDENT, context_length=12, patch_length=4, stride=1))
    windows = torch.randn(12, 4, 28).transpose(0, 1)  # all patches are one view of them, in which rows overlap
    torch.testing.assert_close(model(windows), model(windows.contiguous()))


def test_mixed_values_of_heads_of_width_1_are_no_features_first_tokens() -> None:
    model = PatchTST(replace(ARCHITECTURES["mixing"], num_heads=128, residual_attention=True))
    model.double()  # which oneDNN does not take
    assert model(torch.randn(1, 60, 28, dtype=torch.float64)).isfinite().all()


@pytest.mark.parametrize(
    ("fewer", "dtype", "processor", "expected"),
    [
        (0, torch.float32, "AVX512", True),
        (1, torch.float32, "AVX512", False),
        (0, torch.float64, "AVX512", False),
        (0, torch.float32, "AVX2", False),
    ],
)
def test_is_chosen_for_many_tokens_in_float32_on_avx512(
    fewer: int, dtype: torch.dtype, processor: str, expected: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.backends.cpu, "get_cpu_capability", lambda: processor)
    tokens = torch.empty(1, LEAST_TOKENS - fewer, 8, dtype=dtype)
    assert features_first_is_faster(tokens) is expected
