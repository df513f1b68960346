"""What every implementation trains in the speed benchmark: architecture, data, batch, and the usual loop."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from runtime.model.architecture import solve_d_ff

BATCH, CONTEXT, CHANNELS, ROWS = 64, 60, 28, 4_000
STEPS = {"independent": 6, "mixing": 75}
"""Steps of a round, and of an epoch where a whole one is measured; 75 are an epoch of the default split."""
DROPOUT = 0.2
LEARNING_RATE = 1e-4

_SHARED = {
    "num_channels": CHANNELS,
    "context_length": CONTEXT,
    "positions": "learned",
    "residual_attention": False,
    "pooling": "flatten",
    "instance_norm": False,
    "last_row": False,
    "patch_length": 10,
    "stride": 10,
}
ARCHITECTURES = {
    "independent": solve_d_ff(  # the published form and widths, deep enough for the budget: d_ff comes out as 256
        2_000_000,
        d_model=128,
        num_heads=16,
        num_layers=15,
        channels="independent",
        norm="batch",
        norm_first=False,
        **_SHARED,
    ),
    "mixing": solve_d_ff(  # a candidate of the 2M budget, without the path that peers lack
        2_000_000, d_model=128, num_heads=8, num_layers=8, channels="mixing", norm="layer", norm_first=True, **_SHARED
    ),
}


@dataclass(frozen=True)
class Runner:
    """Takes training steps of ``BATCH`` samples; ``take_steps(n)`` returns when all n are done.

    All clip the gradient and use fused AdamW, and drop the same values: of the tokens, inside the feed-forward network,
    before each residual sum, and no attention weights.
    """

    parameters: int
    take_steps: Callable[[int], object]


def make_windows() -> tuple[Tensor, Tensor]:
    """Random windows (samples, context, channels) and labels (samples,); what they hold does not matter for speed."""
    generator = torch.Generator().manual_seed(0)
    values = torch.randn(ROWS, CHANNELS, generator=generator)
    windows = values.unfold(0, CONTEXT, 1).transpose(1, 2)
    return windows, torch.rand(len(windows), generator=generator).round()


def plain_runner(model: nn.Module, logits: Callable[[Tensor], Tensor], windows: Tensor, labels: Tensor) -> Runner:
    """The usual loop: a shuffling ``DataLoader``, cross-entropy, clipping, AdamW."""
    dataset = torch.utils.data.TensorDataset(windows, labels)
    loader = torch.utils.data.DataLoader(dataset, batch_size=BATCH, shuffle=True, drop_last=True)
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, fused=True)

    def take_steps(count: int) -> None:
        model.train()
        done = 0
        while done < count:
            for batch, targets in loader:
                loss = functional.binary_cross_entropy_with_logits(logits(batch), targets)
                optimizer.zero_grad()
                loss.backward()
                nn.utils.clip_grad_norm_(model.parameters(), 1.0)
                optimizer.step()
                done += 1
                if done == count:
                    break

    return Runner(sum(parameter.numel() for parameter in model.parameters()), take_steps)
