"""In which precision a model computes: bfloat16 where the hardware multiplies it faster, float32 everywhere else.

Weights, gradients, optimiser state and normalisations are float32 everywhere (mixed precision, Micikevicius et al.,
2018, arXiv:1710.03740); bfloat16 has float32's range and needs no loss scaling.
"""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext

import torch


def supports_bfloat16(device: torch.device) -> bool:
    """Whether a device has matrix units for bfloat16: CUDA cards from Ampere on.

    Processors count as having none: without AVX512 or AMX bfloat16 is 60 times slower there.
    """
    if device.type != "cuda":
        return False
    with torch.cuda.device(device):
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))


def precision_of(device: torch.device) -> str:
    """What models on this device compute in, for the record of a run."""
    return "bfloat16 autocast" if supports_bfloat16(device) else "float32"


def mixed_precision(device: torch.device) -> AbstractContextManager[object]:
    """Within, a forward pass computes in what `precision_of` says; leave it before the backward pass."""
    return torch.autocast(device.type, torch.bfloat16) if supports_bfloat16(device) else nullcontext()


def full_precision(device: torch.device) -> AbstractContextManager[object]:
    """Within, no tensor is rounded to less than it was given in, whatever `mixed_precision` surrounds it."""
    if device.type == "meta":  # where nothing is computed, autocast is refused
        return nullcontext()
    return torch.autocast(device.type, enabled=False)
