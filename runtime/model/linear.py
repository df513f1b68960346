"""Linear layers for tokens of either order in memory: features last, as usual, or features first.

Tokens are (num_patches, sequences, features) throughout. Features first, each feature's values lie beside each other:
so attention among few tokens wants them, and so the products of long, narrow layers are a quarter faster.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

LEAST_TOKENS = 2048


def features_first_is_faster(tokens: Tensor) -> bool:
    """Whether products are faster with features first, for tokens that `few_tokens.suits`.

    On two cores of an AMD EPYC with AVX512 a layer's products and their gradients took 0.8 of the usual time for 10,752
    tokens, as much for 2,000, 1.2 for 400; held to AVX2, as much for 10,752 and 1.4 for 3,000. No other processor was
    measured.
    """
    return (
        tokens.dtype == torch.float32
        and tokens.shape[:2].numel() >= LEAST_TOKENS
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and torch.backends.cpu.get_cpu_capability() == "AVX512"
    )


def is_features_first(tokens: Tensor) -> bool:
    """Whether each feature's values lie beside each other in memory, and the features one after the other."""
    return tokens.stride(-1) != 1 and tokens.permute(2, 0, 1).is_contiguous()


def flatten_features_first(tokens: Tensor) -> Tensor:
    """(num_patches, sequences, features) as (features, num_patches * sequences)."""
    return tokens.permute(2, 0, 1).flatten(1)


def unflatten_features_first(values: Tensor, like: Tensor) -> Tensor:
    """(features, num_patches * sequences) as tokens of as many patches and sequences as these."""
    return values.view(len(values), *like.shape[:2]).permute(1, 2, 0)


class Linear(nn.Linear):
    """``nn.Linear`` whose output lies in memory as its input does, or as asked."""

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (num_patches, sequences, out_features)."""
        return self.features_first(tokens) if is_features_first(tokens) else self.features_last(tokens)

    def features_last(self, tokens: Tensor) -> Tensor:
        """The same, features last in memory."""
        return super().forward(tokens)

    def features_first(self, tokens: Tensor) -> Tensor:
        """The same, features first in memory.

        Raises:
            RuntimeError: when a second derivative is asked for (``create_graph``) of tokens with features first.
        """
        values = flatten_features_first(tokens)
        if is_features_first(tokens):
            output = _FeaturesFirst.apply(values, self.weight, self.bias)  # type: ignore[no-untyped-call]
        else:
            output = torch.addmm(self.bias.unsqueeze(1), self.weight, values)
        return unflatten_features_first(output, like=tokens)


class _FeaturesFirst(torch.autograd.Function):
    """weight @ values + bias, for values (in_features, tokens)."""

    @staticmethod
    def forward(ctx: Any, values: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
        ctx.save_for_backward(values, weight)
        return onednn_product(weight, values.mT).add_(bias.unsqueeze(1))

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        values, weight = ctx.saved_tensors
        gradient = gradient.contiguous()  # one value repeated by strides of 0 took oneDNN a thousand times as long
        return onednn_product(weight.mT.contiguous(), gradient.mT), onednn_product(gradient, values), gradient.sum(1)


def onednn_product(rows: Tensor, columns: Tensor) -> Tensor:
    """rows @ columns.mT by oneDNN, where ``torch.mm`` takes MKL, which is slower for long, narrow matrices."""
    product: Tensor = torch.ops.mkldnn._linear_pointwise(rows, columns, None, "none", [], "")
    return product
