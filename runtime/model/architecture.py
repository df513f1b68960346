"""What a PatchTST is made of, how many parameters that takes, and the feed-forward width that meets a budget.

Standard library only: the script generator imports this file, and it must not need torch for that.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

"""Trainable parameters that each budget stands for."""

BUDGET_TOLERANCE = 0.05
"""Largest allowed distance from a budget, as a fraction of it."""

D_FF_MULTIPLE = 32
"""Feed-forward widths are multiples of this, which keeps matrix products aligned."""

_COUNTS = (
    "num_channels",
    "context_length",
    "patch_length",
    "stride",
    "d_model",
    "num_heads",
    "num_layers",
    "d_ff",
)
_FLAGS = ("norm_first", "residual_attention", "instance_norm", "last_row")
_CHOICES = {
    "channels": ("mixing", "independent"),
    "norm": ("layer", "batch"),
    "positions": ("learned", "sincos"),
    "pooling": ("flatten", "mean", "max"),
}


@dataclass(frozen=True, kw_only=True)
class Architecture:
    """The shape of a PatchTST (Nie et al., 2023, "A Time Series is Worth 64 Words", arXiv:2211.14730).

    Attributes:
        num_channels: Columns of the input window.
        context_length: Rows of the input window.
        patch_length: Rows of a patch, at most ``context_length``.
        stride: Rows between the starts of two patches, at most ``patch_length``, so that no row is skipped.
        d_model: Width of a token; a multiple of ``num_heads``, even when ``positions`` is "sincos".
        num_heads: Attention heads of a layer.
        num_layers: Encoder layers.
        d_ff: Hidden width of the feed-forward network.
        channels: "mixing": a patch holds every channel, one token sequence a window. "independent" (as
            published): each channel is a sequence of its own, all share the weights.
        norm: "layer" or "batch" normalisation (BatchNorm as published).
        norm_first: Normalise the input of each sub-layer, instead of each sum with the residual (as published).
        positions: "learned" or the fixed "sincos" position encoding.
        residual_attention: Add the attention scores of the previous layer (RealFormer, He et al., 2021,
            arXiv:2012.11747; ``res_attention`` of the published implementation).
        pooling: What of the last layer the head sees: all tokens ("flatten"), their "mean" or their "max".
        instance_norm: Standardise each channel of each window by its own mean and deviation.
        last_row: Add to the logit a linear function of the newest row as it was given, which no layer stands before:
            with it the model contains a logistic regression on that row (the wide part of Cheng et al., 2016, "Wide &
            Deep Learning", arXiv:1606.07792). Not part of the published PatchTST.

    Raises:
        ValueError: A value is not allowed; the message says what was given and what is allowed.
    """

    num_channels: int
    context_length: int
    patch_length: int
    stride: int
    d_model: int
    num_heads: int
    num_layers: int
    d_ff: int
    channels: str
    norm: str
    norm_first: bool
    positions: str
    residual_attention: bool
    pooling: str
    instance_norm: bool
    last_row: bool

    def __post_init__(self) -> None:
        for name in _COUNTS:
            value = getattr(self, name)
            _require(type(value) is int and value >= 1, name, value, "an integer of at least 1")
        for name in _FLAGS:
            value = getattr(self, name)
            _require(type(value) is bool, name, value, "true or false")
        for name, allowed in _CHOICES.items():
            value = getattr(self, name)
            _require(value in allowed, name, value, " or ".join(map(repr, allowed)))
        most_rows = f"at most context_length={self.context_length}"
        _require(self.patch_length <= self.context_length, "patch_length", self.patch_length, most_rows)
        _require(
            self.stride <= self.patch_length,
            "stride",
            self.stride,
            f"at most patch_length={self.patch_length}",
        )
        _require(
            self.d_model % self.num_heads == 0,
            "d_model",
            self.d_model,
            f"a multiple of num_heads={self.num_heads}",
        )
        _require(
            self.positions == "learned" or self.d_model % 2 == 0,
            "d_model",
            self.d_model,
            "an even number, because sincos positions come in pairs",
        )

    @property
    def num_patches(self) -> int:
        """Tokens of a sequence; the oldest rows that fill no patch are left out."""
        return (self.context_length - self.patch_length) // self.stride + 1

    @property
    def patch_size(self) -> int:
        """Values of a patch, which the embedding maps to one token."""
        return self.patch_length * (self.num_channels if self.channels == "mixing" else 1)

    @property
    def head_size(self) -> int:
        """Values that the head sees: d_model a token, of all tokens or one pooled, of all sequences of a window."""
        tokens = self.num_patches if self.pooling == "flatten" else 1
        sequences = 1 if self.channels == "mixing" else self.num_channels
        return self.d_model * tokens * sequences

    def parameter_count(self) -> int:
        """Trainable parameters of the model, in closed form.

        Sincos positions are no parameters, and instance normalisation has none. The running statistics of
        BatchNorm are not trained; its scale and shift are as large as those of LayerNorm.
        """
        d = self.d_model
        embedding = self.patch_size * d + d  # weight, bias
        positions = self.num_patches * d if self.positions == "learned" else 0
        attention = 4 * (d * d + d)  # queries, keys, values, output: weight, bias
        feed_forward = (d * self.d_ff + self.d_ff) + (self.d_ff * d + d)  # up, down: weight, bias
        norms = 2 * (d + d)  # one for each sub-layer: scale, shift
        head = self.head_size + 1  # weight, bias of the single logit
        last_row = self.num_channels if self.last_row else 0
        return embedding + positions + self.num_layers * (attention + feed_forward + norms) + head + last_row

    def training_operations(self, samples: int) -> float:
        """Floating-point operations of training on so many samples, forward and backward.

        Six a weight and token (Kaplan et al., 2020, arXiv:2001.08361, section 2.1).
        """
        sequences = self.num_channels if self.channels == "independent" else 1
        return 6.0 * self.parameter_count() * self.num_patches * sequences * samples


def solve_d_ff(budget: int, **fields: Any) -> Architecture:
    """Return the architecture whose ``d_ff`` is the multiple of 32 that comes nearest to the budget.

    Args:
        budget: Wanted number of trainable parameters.
        **fields: Every field of `Architecture` but ``d_ff``.

    Raises:
        ValueError: A field is not allowed, or no multiple of 32 lands within ``BUDGET_TOLERANCE``.
    """
    narrowest = Architecture(**fields, d_ff=D_FF_MULTIPLE)
    least = narrowest.parameter_count()
    step = Architecture(**fields, d_ff=2 * D_FF_MULTIPLE).parameter_count() - least
    steps = max(0, round((budget - least) / step))  # the count grows linearly with d_ff
    solved = Architecture(**fields, d_ff=D_FF_MULTIPLE * (1 + steps))
    count = solved.parameter_count()
    if abs(count - budget) > BUDGET_TOLERANCE * budget:
        raise ValueError(
            f"d_model={solved.d_model}, num_layers={solved.num_layers} cannot meet a budget of {budget:,} "
            f"parameters within {BUDGET_TOLERANCE:.0%}: the nearest feed-forward width, d_ff={solved.d_ff}, gives "
            f"{count:,}. The least possible is {least:,} at d_ff={D_FF_MULTIPLE}, and a step of d_ff adds {step:,}; "
            "choose a smaller d_model or fewer layers."
        )
    return solved


def _require(allowed: bool, name: str, given: object, rule: str) -> None:
    if not allowed:
        raise ValueError(f"{name}: {given!r} was given; allowed is {rule}")
