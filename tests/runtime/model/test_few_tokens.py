"""Attention along the sequences is attention: the values and gradients of plain products, wherever it is chosen."""

from __future__ import annotations

import copy
import math

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from runtime.model import attention, few_tokens
from runtime.model.few_tokens import LEAST_SEQUENCES, MOST_TOKENS, few_token_attention, few_tokens_are_faster
from runtime.model.patchtst import PatchTST
from tests.benchmarks.setting import ARCHITECTURES


def plain(queries: Tensor, keys: Tensor, values: Tensor, dropout_p: float = 0.0) -> Tensor:
    """The formula (Vaswani et al., 2017, equation 1); (sequences, num_heads, num_patches, head width)."""
    assert dropout_p == 0
    scores = queries @ keys.mT / math.sqrt(queries.shape[-1])
    return (scores.exp() / scores.exp().sum(dim=-1, keepdim=True)) @ values


shapes = st.tuples(st.integers(1, 5), st.integers(1, 5), st.integers(1, 7), st.integers(1, 9))


@given(shape=shapes, block=st.sampled_from([1, 100, 2**18]), seed=st.integers(0, 2**32))
@settings(max_examples=100, deadline=None)
def test_equals_the_formula_and_its_gradient(shape: tuple[int, int, int, int], block: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    qkv = torch.randn(3, *shape, dtype=torch.float64, generator=generator, requires_grad=True)
    weight = torch.randn(shape, dtype=torch.float64, generator=generator)
    expected = plain(*qkv.permute(0, 4, 1, 3, 2)).permute(1, 3, 2, 0)
    (expected_gradient,) = torch.autograd.grad((expected * weight).sum(), qkv)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(few_tokens, "_BLOCK", block)
        mixed = few_token_attention(qkv)
        (gradient,) = torch.autograd.grad((mixed * weight).sum(), qkv)
    torch.testing.assert_close(mixed, expected)
    torch.testing.assert_close(gradient, expected_gradient)


def test_gradient_equals_numerical_differences() -> None:
    qkv = torch.randn(3, 2, 3, 4, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(few_token_attention, (qkv,))


def test_a_second_derivative_is_refused() -> None:
    qkv = torch.randn(3, 2, 3, 4, 5, requires_grad=True)
    with pytest.raises(RuntimeError, match="differentiated once; create_graph=True was given"):
        torch.autograd.grad(few_token_attention(qkv).square().sum(), qkv, create_graph=True)


def test_large_scores_do_not_overflow() -> None:
    qkv = 1e4 * torch.randn(3, 2, 3, 4, 5)
    assert few_token_attention(qkv).isfinite().all()


@pytest.mark.parametrize(
    ("more_patches", "fewer_sequences", "device", "dtype", "expected"),
    [
        (0, 0, "cpu", torch.float32, True),
        (0, 0, "cpu", torch.float64, True),
        (1, 0, "cpu", torch.float32, False),
        (0, 1, "cpu", torch.float32, False),
        (0, 0, "meta", torch.float32, False),
        (0, 0, "cpu", torch.bfloat16, False),
    ],
)
def test_is_chosen_for_few_tokens_of_many_sequences_on_a_cpu(
    more_patches: int, fewer_sequences: int, device: str, dtype: torch.dtype, expected: bool
) -> None:
    shape = MOST_TOKENS + more_patches, LEAST_SEQUENCES - fewer_sequences, 8
    tokens = torch.empty(shape, device=device, dtype=dtype)
    assert few_tokens_are_faster(tokens) is expected
    with torch.autocast("cpu", torch.bfloat16):
        assert not few_tokens_are_faster(tokens)


def loss_and_gradients(model: PatchTST, windows: Tensor) -> tuple[float, dict[str, Tensor]]:
    labels = torch.arange(len(windows), dtype=windows.dtype) % 2
    loss = F.binary_cross_entropy_with_logits(model(windows), labels)
    torch.autograd.backward(loss)
    return float(loss.detach()), {name: p.grad.double() for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("form", ["mixing", "independent"])
def test_two_million_parameters_agree_with_the_plain_reference_in_loss_and_gradients(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    model = PatchTST(ARCHITECTURES[form])
    samples = LEAST_SEQUENCES if form == "mixing" else math.ceil(LEAST_SEQUENCES / 28)  # each channel is a sequence
    reference, windows = copy.deepcopy(model).double(), torch.randn(samples, 60, 28)
    loss, gradients = loss_and_gradients(model, windows)
    monkeypatch.setattr(attention, "few_tokens_are_faster", lambda _tokens: False)
    monkeypatch.setattr(F, "scaled_dot_product_attention", plain)
    expected_loss, expected = loss_and_gradients(reference, windows.double())
    assert loss == pytest.approx(expected_loss, abs=1e-5)
    assert len(gradients) == len(list(model.parameters()))
    torch.testing.assert_close(gradients, expected, rtol=1e-4, atol=1e-5)
    whole = torch.cat([gradient.flatten() for gradient in expected.values()]).norm()
    assert torch.cat([(gradients[name] - expected[name]).flatten() for name in expected]).norm() < 1e-5 * whole
    for name, gradient in gradients.items():  # those of queries and keys are small in a fresh model, biases' may be 0
        assert (gradient - expected[name]).norm() <= 1e-4 * expected[name].norm() + 5e-6 * whole, name


@pytest.mark.parametrize(("dropout", "residual"), [(0.3, False), (0.0, True)])
def test_dropped_or_carried_weights_are_left_to_the_other_ways(
    dropout: float, residual: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    architecture = ARCHITECTURES["mixing"]
    monkeypatch.setattr(attention, "few_token_attention", None)
    fields = {**vars(architecture), "residual_attention": residual, "num_layers": 1}
    model = PatchTST(type(architecture)(**fields), attention_dropout=dropout)
    windows = torch.randn(LEAST_SEQUENCES, 60, 28)
    assert model(windows).isfinite().all()
    if not residual:
        with pytest.raises(TypeError):
            model.eval()(windows)
