"""Encoder layers compiled for a GPU, where a training is long enough to pay for it."""

from __future__ import annotations

import os
import shutil
from importlib.util import find_spec

import torch

from runtime.model.architecture import Architecture
from runtime.model.patchtst import PatchTST

LEAST_OPERATIONS = 5e16
"""Of a training: some three minutes of a large card, of which compiling, half a minute, saves a minute."""


def compiling_pays(architecture: Architecture, samples: int, device: torch.device) -> bool:
    """Whether a training's layers are to be compiled.

    Args:
        architecture: of the model.
        samples: that pass through it, each epoch anew.
        device: where it trains; compilers for others than CUDA's gained nothing.
    """
    if device.type != "cuda" or find_spec("triton") is None:
        return False
    has_compiler = any(shutil.which(name) for name in (os.environ.get("CC"), "gcc", "cc", "clang") if name)
    operations = 6 * architecture.parameter_count() * architecture.num_patches * samples
    return has_compiler and operations >= LEAST_OPERATIONS


def compile_layers(model: PatchTST) -> None:
    """Compile a layer at its next call; all layers of a model share what is compiled, and keep their weights."""
    torch.compiler.reset()  # what an earlier model left counts against the limit of versions
    for layer in model.layers:
        layer.compile()
