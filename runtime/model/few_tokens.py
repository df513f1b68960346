"""Attention between few tokens of many sequences, on a CPU: sums of products along the sequences.

The usual kernels work through one sequence and head after the other; between a handful of patches each of these matrix
products is too small to be worth its call, and they took half of a channel-independent training step. Here the
sequences are the last dimension, so that a pair of tokens is one vector operation over all sequences.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

MOST_TOKENS = 24
LEAST_SEQUENCES = 64
_BLOCK = 2**18
"""Scores that are worked on at a time: their 1 MiB stays in the processor's cache."""


def few_tokens_are_faster(tokens: Tensor) -> bool:
    """Whether this is the faster way for tokens of shape (num_patches, sequences, d_model), and as exact.

    Two cores took 0.15 to 0.45 of the fused kernel's time for 6 to 24 tokens of 1,792 sequences and 0.6 to 1.1 for 64
    sequences; for 32 sequences up to 2.0, for 8 or for 48 tokens 2 to 4. Sums in half precision would be rounded term
    by term.
    """
    few = len(tokens) <= MOST_TOKENS and tokens.shape[1] >= LEAST_SEQUENCES
    exact = tokens.dtype in (torch.float32, torch.float64) and not torch.is_autocast_enabled("cpu")
    return few and exact and tokens.device.type == "cpu"


def few_token_attention(qkv: Tensor) -> Tensor:
    """Compute softmax(queries keys' / sqrt(head width)) values.

    Args:
        qkv: queries, keys and values, (3, num_heads, head width, num_patches, sequences), contiguous.

    Returns:
        The mixed values, (num_heads, head width, num_patches, sequences).

    Raises:
        RuntimeError: when a second derivative is asked for (``create_graph``), or a transform of ``torch.func``.
    """
    attend: Callable[[Tensor], Tensor] = _FewTokenAttention.apply  # untyped in some versions of torch
    return attend(qkv)


class _FewTokenAttention(torch.autograd.Function):
    """Weights are (num_heads, asking patches, answering patches, sequences)."""

    @staticmethod
    def forward(ctx: Any, qkv: Tensor) -> Tensor:
        _, heads, width, patches, sequences = qkv.shape
        weights = qkv.new_empty(heads, patches, patches, sequences)
        mixed = torch.empty_like(qkv[0])
        for block in _blocks(weights):
            queries, keys, values = qkv[:, block]
            scores = torch.empty_like(weights[block])
            _products_over_width(queries, keys, out=scores)
            torch.softmax(scores.mul_(1 / math.sqrt(width)), dim=2, out=weights[block])
            _weighted_sum(weights[block], values, out=mixed[block])
        ctx.save_for_backward(qkv, weights)
        return mixed

    @staticmethod
    def backward(ctx: Any, mixed_gradient: Tensor) -> Tensor:
        if torch.is_grad_enabled():
            raise RuntimeError("attention among few tokens can be differentiated once; create_graph=True was given")
        qkv, weights = ctx.saved_tensors
        gradient = torch.empty_like(qkv)
        for block in _blocks(weights):
            queries, keys, values = qkv[:, block]
            for_queries, for_keys, for_values = gradient[:, block]
            asked, given = weights[block], mixed_gradient[block]
            _weighted_sum(asked.transpose(1, 2), given, out=for_values)
            scores = torch.empty_like(asked)
            _products_over_width(given, values, out=scores)
            scores.mul_(asked)
            scores.addcmul_(asked, scores.sum(dim=2, keepdim=True), value=-1)
            scores.mul_(1 / math.sqrt(queries.shape[1]))
            _weighted_sum(scores, keys, out=for_queries)
            _weighted_sum(scores.transpose(1, 2), queries, out=for_keys)
        return gradient


def _blocks(weights: Tensor) -> list[slice]:
    """As many heads at a time as fill the cache."""
    size = max(1, _BLOCK // weights[0].numel())
    return [slice(start, start + size) for start in range(0, len(weights), size)]


def _products_over_width(asking: Tensor, answering: Tensor, out: Tensor) -> None:
    """out[h, i, j, n] = sum over c of asking[h, c, i, n] * answering[h, c, j, n]."""
    _sum_of_products(asking.unsqueeze(3).unbind(1), answering.unsqueeze(2).unbind(1), out)


def _weighted_sum(weights: Tensor, values: Tensor, out: Tensor) -> None:
    """out[h, c, i, n] = sum over j of weights[h, i, j, n] * values[h, c, j, n]."""
    _sum_of_products(weights.unsqueeze(1).unbind(3), values.unsqueeze(2).unbind(3), out)


def _sum_of_products(left: tuple[Tensor, ...], right: tuple[Tensor, ...], out: Tensor) -> None:
    torch.mul(left[0], right[0], out=out)
    for one, other in zip(left[1:], right[1:], strict=True):
        out.addcmul_(one, other)
