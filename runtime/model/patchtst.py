"""PatchTST (Nie et al., 2023, "A Time Series is Worth 64 Words", arXiv:2211.14730) for binary classification."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from runtime.model.architecture import Architecture
from runtime.model.dropout import Dropout
from runtime.model.layers import EncoderLayer, sincos_positions
from runtime.model.precision import full_precision

INIT_STD = 0.02


class PatchTST(nn.Module):
    """Patches of a window become tokens, a Transformer encoder mixes them, a linear head reads one logit.

    Args:
        architecture: Shape of the model.
        dropout: Probability of dropping a value of a token after the position encoding, inside the feed-forward
            network, and before each residual sum.
        attention_dropout: Probability of dropping an attention weight.
        head_dropout: Probability of dropping a value that the head reads.
        checkpoint_activations: Recompute each layer in the backward pass, keeping only its input in memory.

    Raises:
        ValueError: Activation checkpointing with BatchNorm, whose running statistics would be updated twice a step.

    Example:
        >>> from runtime.model.architecture import solve_d_ff
        >>> architecture = solve_d_ff(
        ...     2_000_000, num_channels=28, context_length=60, patch_length=10, stride=10, d_model=128, num_heads=8,
        ...     num_layers=8, channels="mixing", norm="layer", norm_first=True, positions="learned",
        ...     residual_attention=False, pooling="flatten", instance_norm=False, last_row=False)
        >>> PatchTST(architecture)(torch.zeros(4, 60, 28)).shape
        torch.Size([4])
    """

    positions: Tensor

    def __init__(
        self,
        architecture: Architecture,
        *,
        dropout: float = 0.0,
        attention_dropout: float = 0.0,
        head_dropout: float = 0.0,
        checkpoint_activations: bool = False,
    ) -> None:
        super().__init__()
        if checkpoint_activations and architecture.norm == "batch":
            raise ValueError("checkpoint_activations: True was given with norm='batch'; allowed with norm='layer'")
        self.architecture = architecture
        self.checkpoint_activations = checkpoint_activations
        self.embedding = nn.Linear(architecture.patch_size, architecture.d_model)
        positions = torch.empty(architecture.num_patches, architecture.d_model)
        if architecture.positions == "learned":
            self.positions = nn.Parameter(positions)
        else:
            self.register_buffer("positions", positions)
        self.dropout = Dropout(dropout, inplace=True)
        self.layers = nn.ModuleList(
            EncoderLayer(architecture, dropout=dropout, attention_dropout=attention_dropout)
            for _ in range(architecture.num_layers)
        )
        self.head_dropout = Dropout(head_dropout)
        self.head = nn.Linear(architecture.head_size, 1)
        if architecture.last_row:
            self.last_row = nn.Parameter(torch.empty(architecture.num_channels))
        self.init_weights()

    @torch.no_grad()
    def init_weights(self) -> None:
        """Draw every weight from a normal distribution of standard deviation 0.02; biases are 0, norms the identity.

        The two layers that write to the residual stream are narrowed by sqrt(2 * num_layers), so that its variance
        does not grow with depth (Radford et al., 2019, section 2.3). Call this again after giving storage
        (``to_empty``) to a model that was built on the meta device.
        """
        for module in self.modules():
            if isinstance(module, nn.Linear):
                nn.init.normal_(module.weight, std=INIT_STD)
                nn.init.zeros_(module.bias)
            elif isinstance(module, nn.LayerNorm | nn.BatchNorm1d):
                module.reset_parameters()
        for name, parameter in self.named_parameters():
            if name.endswith(".output.weight"):  # of Attention and FeedForward
                nn.init.normal_(parameter, std=INIT_STD / math.sqrt(2 * len(self.layers)))
        if self.architecture.positions == "learned":
            nn.init.normal_(self.positions, std=INIT_STD)
        else:
            self.positions.copy_(sincos_positions(*self.positions.shape))
        if self.architecture.last_row:
            nn.init.zeros_(self.last_row)

    @torch.no_grad()
    def start_from(self, bias: float, last_row: Tensor | None = None) -> None:
        """Let a fresh model begin at a forecast that is known without it: the head's weights become 0.

        Args:
            bias: Logit of that forecast or, with ``last_row``, its intercept.
            last_row: Weight of each channel of the newest row, shape (num_channels,); only for an architecture with
                ``last_row``.
        """
        nn.init.zeros_(self.head.weight)
        nn.init.constant_(self.head.bias, bias)
        if last_row is not None:
            self.last_row.copy_(last_row)

    def forward(self, windows: Tensor) -> Tensor:
        """Return the logits, shape (batch,), of windows of shape (batch, context_length, num_channels).

        Raises:
            ValueError: The windows have another shape.
        """
        expected = (self.architecture.context_length, self.architecture.num_channels)
        if windows.ndim != 3 or windows.shape[1:] != expected:
            raise ValueError(
                f"windows: shape {tuple(windows.shape)} was given; allowed is (batch, {expected[0]}, {expected[1]})"
            )
        newest = windows[:, -1]
        if self.architecture.instance_norm:
            windows = standardise(windows)
        tokens = self.dropout(self.embedding(self.patches(windows)) + self.positions.unsqueeze(1))
        scores = None
        for layer in self.layers:
            if self.checkpoint_activations:
                tokens, scores = checkpoint(layer, tokens, scores, use_reentrant=False)
            else:
                tokens, scores = layer(tokens, scores)
        pooled = self.pool(tokens).reshape(len(windows), -1)
        # Rounded to bfloat16, logits would hold eight bits: forecasts would tie, and lose what the last row tells.
        with full_precision(windows.device):
            logits: Tensor = self.head(self.head_dropout(pooled).to(self.head.weight.dtype)).squeeze(-1)
            if self.architecture.last_row:
                logits = logits + newest @ self.last_row
        return logits

    def patches(self, windows: Tensor) -> Tensor:
        """Cut windows into patches that end at the newest row: (num_patches, sequences, patch_size).

        Mixing channels, a window is one sequence and a patch its rows one after the other. Independent, it is one
        sequence a channel, and sequence ``window * num_channels + channel`` holds that channel.
        """
        a = self.architecture
        rows = a.patch_length + a.stride * (a.num_patches - 1)
        newest = windows[:, a.context_length - rows :]
        if a.channels == "mixing":
            return newest.flatten(1).unfold(1, a.patch_size, a.stride * a.num_channels).transpose(0, 1)
        return newest.mT.flatten(0, 1).unfold(1, a.patch_length, a.stride).transpose(0, 1)

    def pool(self, tokens: Tensor) -> Tensor:
        """Reduce tokens of shape (num_patches, sequences, d_model) to what the head reads, the sequences first."""
        if self.architecture.pooling == "mean":
            return tokens.mean(dim=0)
        if self.architecture.pooling == "max":
            return tokens.amax(dim=0)
        return tokens.transpose(0, 1)

    def parameter_count(self) -> int:
        """Count the trainable parameters of this very model."""
        return sum(parameter.numel() for parameter in self.parameters() if parameter.requires_grad)


def standardise(windows: Tensor) -> Tensor:
    """Give each channel of each window mean 0 and variance 1 (RevIN without affine, Kim et al., 2022).

    The variance is the biased one, with 1e-5 added so that a constant channel becomes 0.
    """
    variance, mean = torch.var_mean(windows, dim=1, correction=0, keepdim=True)
    return (windows - mean) * (variance + 1e-5).rsqrt()
