"""Attention as sums against torch's own."""

from __future__ import annotations

import pytest
import torch
from torch.nn import functional

from runtime.model.attention import summed_attention


@pytest.mark.parametrize(
    ("dtype", "tolerance"), [(torch.float64, 1e-12), (torch.float32, 1e-5), (torch.bfloat16, 2e-2)]
)
def test_attention_as_sums_is_scaled_dot_product_attention(dtype: torch.dtype, tolerance: float) -> None:
    exact = torch.float64 if dtype == torch.float64 else torch.float32
    inputs = [torch.randn(5, 3, 6, 8, dtype=dtype).requires_grad_() for _ in range(3)]
    gradient = torch.randn(5, 3, 6, 8, dtype=dtype)
    mixed = summed_attention(*inputs)
    assert mixed.dtype == dtype
    gradients = torch.autograd.grad(mixed, inputs, gradient)
    reference = [each.detach().to(exact).requires_grad_() for each in inputs]
    expected = functional.scaled_dot_product_attention(*reference)
    expected_gradients = torch.autograd.grad(expected, reference, gradient.to(exact))
    for given, wanted in zip((mixed, *gradients), (expected, *expected_gradients), strict=True):
        torch.testing.assert_close(given.to(exact), wanted, rtol=tolerance, atol=tolerance)
