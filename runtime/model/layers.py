"""The Transformer encoder layer of PatchTST. Tokens are (num_patches, sequences, d_model) throughout."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F  # noqa: N812, the name the field gives it
from torch import Tensor, nn

from runtime.model.architecture import Architecture
from runtime.model.attention import Attention
from runtime.model.dropout import Dropout


class TokenBatchNorm(nn.BatchNorm1d):
    """BatchNorm over every token of the batch, each of the d_model values by itself.

    Tokens are flattened to (num_patches * sequences, d_model), which gives the same statistics as the published
    BatchNorm1d over (sequences, d_model, num_patches) and needs no transpose.
    """

    def forward(self, tokens: Tensor) -> Tensor:
        """Normalise tokens of shape (num_patches, sequences, d_model)."""
        return super().forward(tokens.flatten(0, 1)).view_as(tokens)


class FeedForward(nn.Module):
    """The same two-layer network for each token, with the exact (erf) GELU between."""

    def __init__(self, architecture: Architecture, *, dropout: float) -> None:
        super().__init__()
        self.hidden = nn.Linear(architecture.d_model, architecture.d_ff)
        self.dropout = Dropout(dropout, inplace=True)  # GELU's gradient needs what it was given only
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
