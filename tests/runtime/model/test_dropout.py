"""Our dropout against what dropout means: its rate, its scale, its independence, its gradient."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

from runtime.model.dropout import Dropout
from runtime.model.patchtst import PatchTST
from tests.benchmarks.setting import ARCHITECTURES

MANY = 2**18


def draw(probability: float, size: int = MANY, seed: int = 0) -> torch.Tensor:
    """Which of many ones were kept."""
    torch.manual_seed(seed)
    return Dropout(probability).train()(torch.ones(size)) != 0


@pytest.mark.parametrize("probability", [0.001, 0.1, 0.25, 0.5, 0.7, 0.99])
def test_the_rate_of_each_of_the_four_parts_of_a_word_is_the_probability(probability: float) -> None:
    kept = draw(probability).view(-1, 4).double().mean(dim=0)
    deviation = (probability * (1 - probability) / (MANY / 4)) ** 0.5
    assert (kept - (1 - probability)).abs().max() < 5 * deviation


@pytest.mark.parametrize("lag", range(1, 9))
def test_neighbouring_values_are_dropped_independently(lag: int) -> None:
    kept = draw(0.3).double() - 0.7
    assert abs(float((kept[lag:] * kept[:-lag]).mean())) < 5 * 0.21 / MANY**0.5


def test_each_call_draws_anew_and_the_seed_decides() -> None:
    layer = Dropout(0.5).train()
    torch.manual_seed(3)
    first, second = layer(torch.ones(1000)), layer(torch.ones(1000))
    torch.manual_seed(3)
    assert not torch.equal(first, second)
    assert torch.equal(first, layer(torch.ones(1000)))


@given(probability=st.floats(0, 0.999), shape=st.lists(st.integers(1, 5), min_size=1, max_size=4))
@settings(max_examples=60, deadline=None)
def test_what_is_kept_is_scaled_as_nn_dropout_scales_it(probability: float, shape: list[int]) -> None:
    values = torch.randn(shape)
    dropped = Dropout(probability).train()(values)
    assert dropped.shape == values.shape
    kept = dropped != 0
    torch.testing.assert_close(dropped[kept], values[kept] / (1 - probability), rtol=0.02, atol=0)


def test_the_mean_is_kept_exactly_at_a_probability_that_is_no_multiple() -> None:
    probability = 1.5 / 2**16
    scale = Dropout(probability).train()(torch.ones(64)).max()
    assert float(scale) == pytest.approx(2**16 / (2**16 - 2), rel=1e-7)


def test_the_gradient_flows_where_values_were_kept() -> None:
    values = torch.randn(1000, requires_grad=True)
    dropped = Dropout(0.4).train()(values)
    dropped.sum().backward()
    torch.testing.assert_close(values.grad, dropped.detach() / values.detach())


def test_masks_do_not_repeat() -> None:
    layer = Dropout(0.5).train()
    torch.manual_seed(0)
    masks = {tuple(layer(torch.ones(64)).bool().tolist()) for _ in range(2000)}
    assert len(masks) == 2000


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16])
def test_what_is_dropped_keeps_its_type(dtype: torch.dtype) -> None:
    values = torch.ones(8, dtype=dtype)
    assert Dropout(0.4).train()(values).dtype == Dropout(0.4).train().add(values, values).dtype == dtype


def test_other_devices_have_their_own_masks() -> None:
    values = torch.ones(8, device="meta")
    assert Dropout(0.4).train()(values).device == Dropout(0.4).train().add(values, values).device == values.device


@pytest.mark.parametrize("probability", [-0.1, 1.0, 1.5, float("nan")])
def test_a_probability_that_is_none_is_refused(probability: float) -> None:
    with pytest.raises(ValueError, match=f"probability: {probability} was given; allowed is 0 or more and less than 1"):
        Dropout(probability)


def test_nearly_certain_is_not_certain() -> None:
    kept = Dropout(0.9999999).train()(torch.ones(2**20))
    assert kept.isfinite().all()
    assert 0 < kept.count_nonzero() < 64


@pytest.mark.parametrize("norm_first", [True, False])
def test_a_model_drops_where_the_published_one_does(norm_first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After the position encoding, inside each feed-forward network, before each residual sum, before the head."""
    shape = replace(ARCHITECTURES["mixing"], num_layers=3, norm_first=norm_first)
    model = PatchTST(shape, dropout=0.5, head_dropout=0.5).train()
    widths, draw_mask = [], Dropout._mask

    def watch(layer: Dropout, values: torch.Tensor) -> torch.Tensor:
        widths.append(values.shape[-1])
        return draw_mask(layer, values)

    monkeypatch.setattr(Dropout, "_mask", watch)
    model(torch.randn(2, 60, 28))
    d_model, d_ff = shape.d_model, shape.d_ff
    assert widths == [d_model, *[d_model, d_ff, d_model] * 3, shape.head_size]


def test_in_place_overwrites_what_is_given_with_the_same() -> None:
    values = torch.randn(1000)
    torch.manual_seed(5)
    expected = Dropout(0.4).train()(values)
    torch.manual_seed(5)
    dropped = Dropout(0.4, inplace=True).train()(values)
    assert dropped is values
    torch.testing.assert_close(dropped, expected)


def test_a_sum_with_dropped_values_is_the_sum_with_what_dropout_leaves() -> None:
    layer, tokens, values = Dropout(0.4).train(), torch.randn(1000), torch.randn(1000)
    torch.manual_seed(5)
    expected = tokens + layer(values)
    torch.manual_seed(5)
    torch.testing.assert_close(layer.add(tokens, values), expected)
    assert torch.equal(layer.eval().add(tokens, values), tokens + values)


@pytest.mark.parametrize(("layer", "mode"), [(Dropout(0.5), False), (Dropout(0.0), True)])
def test_nothing_is_dropped_in_evaluation_or_without_probability(layer: nn.Module, mode: bool) -> None:
    values = torch.randn(10)
    assert layer.train(mode)(values) is values


def test_dropout_draws_along_memory_whatever_the_order() -> None:
    layer, tokens = Dropout(0.5).train(), torch.rand(3, 4, 5) + 1
    first = tokens.permute(2, 0, 1).contiguous().permute(1, 2, 0)
    torch.manual_seed(0)
    expected = layer(first.permute(2, 0, 1).clone())
    torch.manual_seed(0)
    dropped = layer(first)
    assert dropped.stride() == first.stride()
    assert torch.equal(dropped.permute(2, 0, 1), expected)


def test_dropout_of_repeated_values_drops_each_by_itself() -> None:
    dropped = Dropout(0.5).train()(torch.ones(1000, 1).expand(1000, 2))
    assert not torch.equal(dropped[:, 0], dropped[:, 1])
