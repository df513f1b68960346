"""What memory a training cannot do without, told before anything is built."""

from __future__ import annotations

import math
from collections.abc import Collection

import torch

from runtime.model.architecture import Architecture
from runtime.records.environment import memory_bytes
from runtime.script.ranks import Ranks

BYTES_PER_PARAMETER = 5 * 4
"""Weight, gradient, AdamW's two moments and the best epoch's weight, float32 each."""


def least_memory(architecture: Architecture, ranks: Ranks) -> int:
    """Bytes that each rank needs before the first activation; with ``fsdp`` it holds a share of all."""
    whole = BYTES_PER_PARAMETER * architecture.parameter_count()
    return math.ceil(whole / ranks.count) if ranks.sharding == "fsdp" else whole


def short_of_memory(
    architectures: Collection[Architecture], device: torch.device, ranks: Ranks
) -> tuple[int, int] | None:
    """What the largest of some trainings needs, and what the device has, in bytes, where that is less.

    Args:
        architectures: of the trainings, one after the other.
        device: where they would run.
        ranks: that would share each.
    """
    need, present = max(least_memory(each, ranks) for each in architectures), memory_bytes(device)
    return None if present is None or need <= present else (need, present)
