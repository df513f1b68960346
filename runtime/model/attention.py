"""Multi-head self-attention. Tokens are (num_patches, sequences, d_model) throughout."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812, the name the field gives it
from torch import Tensor, nn

from runtime.model.architecture import Architecture
from runtime.model.few_tokens import MOST_TOKENS, few_token_attention, few_tokens_are_faster


class Attention(nn.Module):
    """Multi-head self-attention, optionally adding the scores of the layer before (RealFormer)."""

    def __init__(self, architecture: Architecture, *, attention_dropout: float) -> None:
        super().__init__()
        d_model = architecture.d_model
        self.num_heads = architecture.num_heads
        self.residual = architecture.residual_attention
        self.dropout = attention_dropout
        self.qkv = nn.Linear(d_model, 3 * d_model)
        self.output = nn.Linear(d_model, d_model)

    def forward(self, tokens: Tensor, previous_scores: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the mixed tokens and, with residual attention, the scores for the next layer.

        Scores are (sequences, num_heads, num_patches, num_patches), before the softmax.
        """
        if self.is_among_few(tokens):
            return self._among_few(tokens), None
        dropout = self._dropout()
        queries, keys, values = (self._split_heads(part) for part in self.qkv(tokens).chunk(3, dim=-1))
        scores = None
        if self.residual:
            mixed, scores = scored_attention(queries, keys, values, previous_scores, dropout)
        elif torch.compiler.is_compiling() and dropout == 0 and len(tokens) <= MOST_TOKENS:
            mixed = summed_attention(queries, keys, values)
        else:
            mixed = F.scaled_dot_product_attention(queries, keys, values, dropout_p=dropout)
        return self.output(mixed.permute(2, 0, 1, 3).flatten(2)), scores

    def is_among_few(self, tokens: Tensor) -> bool:
        """Whether `few_token_attention` serves: it shows no scores to the next layer and drops no weights."""
        return not self.residual and self._dropout() == 0 and few_tokens_are_faster(tokens)

    def _dropout(self) -> float:
        return self.dropout if self.training else 0.0

    def _split_heads(self, part: Tensor) -> Tensor:
        return part.view(*part.shape[:2], self.num_heads, -1).permute(1, 2, 0, 3)

    def _among_few(self, tokens: Tensor) -> Tensor:
        """The same with features before sequences in memory, which costs the two linear layers nothing."""
        qkv = torch.addmm(self.qkv.bias.unsqueeze(1), self.qkv.weight, tokens.flatten(0, 1).mT)
        mixed = few_token_attention(qkv.view(3, self.num_heads, -1, *tokens.shape[:2]))
        output: Tensor = self.output(mixed.flatten(0, 1).permute(1, 2, 0))
        return output


def summed_attention(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Compute softmax(queries keys' / sqrt(head width)) values as sums, which a compiler makes one pass over memory of.

    The fused kernels of a GPU work on tiles of 64 tokens and more; of six they waste nine tenths of their time.
    Queries, keys and values are (sequences, num_heads, num_patches, head width).
    """
    asking, answering, given = (
        each.to(torch.promote_types(each.dtype, torch.float32)) for each in (queries, keys, values)
    )
    scores = (asking.unsqueeze(3) * answering.unsqueeze(2)).sum(dim=-1) / math.sqrt(queries.shape[-1])
    return (scores.softmax(dim=-1).unsqueeze(-1) * given.unsqueeze(2)).sum(dim=3).to(values.dtype)


def scored_attention(
    queries: Tensor, keys: Tensor, values: Tensor, previous_scores: Tensor | None, dropout: float
) -> tuple[Tensor, Tensor]:
    """Compute softmax(queries keys' / sqrt(head width) + previous scores) values, and those scores.

    Queries, keys and values are (sequences, num_heads, num_patches, head width).
    """
    scores = (queries / math.sqrt(queries.shape[-1])) @ keys.mT
    if previous_scores is not None:
        scores = scores + previous_scores
    return F.dropout(scores.softmax(dim=-1), dropout) @ values, scores
