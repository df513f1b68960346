"""The Transformer encoder layer of PatchTST. Tokens are (sequences, num_patches, d_model) throughout."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812, the name the field gives it
from torch import Tensor, nn

from runtime.architecture import Architecture


class TokenBatchNorm(nn.BatchNorm1d):
    """BatchNorm over every token of the batch, each of the d_model values by itself.

    Tokens are flattened to (sequences * num_patches, d_model), which gives the same statistics as the published
    BatchNorm1d over (sequences, d_model, num_patches) and needs no transpose.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        """Normalise tokens of shape (sequences, num_patches, d_model)."""
        return super().forward(tokens.flatten(0, 1)).view_as(tokens)


class Dropout(nn.Module):
    """``nn.Dropout`` whose masks cost a third of the time on a CPU, where drawing them took a fifth of a training step.

    Each random word of 64 bits decides four values. The probability is rounded to a multiple of 2^-16, and what is kept
    is scaled by the rounded one, so that the mean stays exact.

    Args:
        probability: of dropping a value, in [0, 1).
    """

    def __init__(self, probability: float) -> None:
        super().__init__()
        self.probability = probability

    def forward(self, values: Tensor) -> Tensor:
        """Return the values themselves, or in training mode values of the same shape, some of them 0."""
        if not self.training or self.probability == 0:
            return values
        if values.device.type != "cpu":
            return F.dropout(values, self.probability)
        dropped = round(self.probability * 2**16)
        words = torch.empty(-(-values.numel() // 4), dtype=torch.int64).random_(-(2**63), None)
        draws = words.view(torch.int16)[: values.numel()].view(values.shape)
        keep = (draws >= dropped - 2**15).to(values.dtype)
        return values * keep.mul_(2**16 / (2**16 - dropped))


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
        queries, keys, values = (self._split_heads(part) for part in self.qkv(tokens).chunk(3, dim=-1))
        dropout = self.dropout if self.training else 0.0
        scores = None
        # The fused kernel keeps its scores to itself, so it serves only where the next layer does not need them.
        # Few tokens are no reason for plain products: with 6 or 12 of them, a training step of the 2M models took as
        # long on two CPU cores either way (within 7 %).
        if self.residual:
            mixed, scores = scored_attention(queries, keys, values, previous_scores, dropout)
        else:
            mixed = F.scaled_dot_product_attention(queries, keys, values, dropout_p=dropout)
        return self.output(mixed.transpose(1, 2).flatten(2)), scores

    def _split_heads(self, part: Tensor) -> Tensor:
        return part.view(*part.shape[:2], self.num_heads, -1).transpose(1, 2)


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


class FeedForward(nn.Module):
    """The same two-layer network for each token, with the exact (erf) GELU between."""

    def __init__(self, architecture: Architecture, *, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(architecture.d_model, architecture.d_ff)
        self.dropout = Dropout(dropout)
        self.output = nn.Linear(architecture.d_ff, architecture.d_model)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return tokens of the same shape."""
        transformed: Tensor = self.output(self.dropout(F.gelu(self.hidden(tokens))))
        return transformed


class EncoderLayer(nn.Module):
    """Self-attention and feed-forward network, each with dropout, residual and normalisation."""

    def __init__(self, architecture: Architecture, *, dropout: float, attention_dropout: float) -> None:
        super().__init__()
        norm = TokenBatchNorm if architecture.norm == "batch" else nn.LayerNorm
        self.norm_first = architecture.norm_first
        self.attention = Attention(architecture, attention_dropout=attention_dropout)
        self.attention_norm = norm(architecture.d_model)
        self.feed_forward = FeedForward(architecture, dropout=dropout)
        self.feed_forward_norm = norm(architecture.d_model)
        self.dropout = Dropout(dropout)

    def forward(self, tokens: Tensor, scores: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the tokens, same shape, and the attention scores for the next layer (see `Attention`)."""
        if self.norm_first:
            mixed, scores = self.attention(self.attention_norm(tokens), scores)
            tokens = tokens + self.dropout(mixed)
            return tokens + self.dropout(self.feed_forward(self.feed_forward_norm(tokens))), scores
        mixed, scores = self.attention(tokens, scores)
        tokens = self.attention_norm(tokens + self.dropout(mixed))
        return self.feed_forward_norm(tokens + self.dropout(self.feed_forward(tokens))), scores


def sincos_positions(num_patches: int, d_model: int) -> Tensor:
    """Fixed position encoding of shape (num_patches, d_model), mean 0 and standard deviation 0.1.

    Sines and cosines of Vaswani et al. (2017, section 3.5), standardised as in the published PatchTST.
    """
    rows = torch.arange(num_patches, dtype=torch.float64).unsqueeze(1)
    frequencies = torch.exp(torch.arange(0, d_model, 2, dtype=torch.float64) * (-math.log(10_000.0) / d_model))
    angles = rows * frequencies
    encoding = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    return (encoding - encoding.mean()) / (10 * encoding.std())
