"""The Transformer encoder layer of PatchTST. Tokens are (num_patches, sequences, d_model) throughout."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812, the name the field gives it
from torch import Tensor, nn

from runtime.model.architecture import Architecture
from runtime.model.attention import Attention
from runtime.model.dropout import Dropout
from runtime.model.linear import (
    Linear,
    features_first_is_faster,
    flatten_features_first,
    is_features_first,
    unflatten_features_first,
)


class TokenBatchNorm(nn.BatchNorm1d):
    """BatchNorm over every token of the batch, each of the d_model values by itself.

    Tokens are flattened to (num_patches * sequences, d_model), which gives the same statistics as the published
    BatchNorm1d over (sequences, d_model, num_patches) and needs no transpose.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        """Normalise tokens of shape (num_patches, sequences, d_model)."""
        if not is_features_first(tokens):
            return super().forward(tokens.flatten(0, 1)).view_as(tokens)
        values = flatten_features_first(tokens).unsqueeze(0)
        normalised = self._of_this_batch(values) if self.training else super().forward(values)
        return unflatten_features_first(normalised.squeeze(0), like=tokens)

    def _of_this_batch(self, values: Tensor) -> Tensor:
        """The same for values (1, d_model, tokens), each of d_model a group of its own: a third of the time.

        Its rounding is coarser where a mean is tens of deviations; in training it stayed below two, and the gradients
        were as exact.
        """
        _, features, tokens = values.shape
        normalised, mean, scale = torch.native_group_norm(
            values, self.weight, self.bias, 1, features, tokens, features, self.eps
        )
        assert self.momentum is not None
        with torch.no_grad():
            variance = (scale[0] ** -2 - self.eps) * tokens / (tokens - 1)
            self.get_buffer("running_mean").lerp_(mean[0], self.momentum)
            self.get_buffer("running_var").lerp_(variance, self.momentum)
            self.get_buffer("num_batches_tracked").add_(1)
        return normalised


class FeedForward(nn.Module):
    """The same two-layer network for each token, with the exact (erf) GELU between."""

    def __init__(self, architecture: Architecture, *, dropout: float) -> None:
        super().__init__()
        self.hidden = Linear(architecture.d_model, architecture.d_ff)
        self.dropout = Dropout(dropout, inplace=True)  # GELU's gradient needs what it was given only
        self.output = Linear(architecture.d_ff, architecture.d_model)

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

    def prefers_features_first(self, tokens: Tensor) -> bool:
        """Whether such tokens had better lie with features first in memory; LayerNorm wants them last."""
        few = self.attention.is_among_few(tokens)
        return few and isinstance(self.attention_norm, TokenBatchNorm) and features_first_is_faster(tokens)

    def forward(self, tokens: Tensor, scores: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Return the tokens, same shape, and the attention scores for the next layer (see `Attention`)."""
        if self.norm_first:
            mixed, scores = self.attention(self.attention_norm(tokens), scores)
            tokens = self.dropout.add(tokens, mixed)
            return self.dropout.add(tokens, self.feed_forward(self.feed_forward_norm(tokens))), scores
        mixed, scores = self.attention(tokens, scores)
        tokens = self.attention_norm(self.dropout.add(tokens, mixed))
        return self.feed_forward_norm(self.dropout.add(tokens, self.feed_forward(tokens))), scores


def sincos_positions(num_patches: int, d_model: int) -> Tensor:
    """Fixed position encoding of shape (num_patches, d_model), mean 0 and standard deviation 0.1.

    Sines and cosines of Vaswani et al. (2017, section 3.5), standardised as in the published PatchTST.
    """
    rows = torch.arange(num_patches, dtype=torch.float64).unsqueeze(1)
    frequencies = torch.exp(torch.arange(0, d_model, 2, dtype=torch.float64) * (-math.log(10_000.0) / d_model))
    angles = rows * frequencies
    encoding = torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)
    return (encoding - encoding.mean()) / (10 * encoding.std())
