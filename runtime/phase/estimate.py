"""How long a phase's scripts take, estimated from their sizes and this device's matrix products."""

from __future__ import annotations

import time
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import torch

from runtime.model.architecture import Architecture
from runtime.model.precision import supports_bfloat16
from runtime.samples.experiment import Experiment

REACHED = 0.35
"""Share of a device's matrix products that training steps of usual sizes reach (`tests/benchmarks/README.md`)."""

_SIZE, _SECONDS = 1024, 0.2


def operations_per_second(device: torch.device) -> float:
    """What training steps may reach on a device: `REACHED` of its matrix products, measured now."""
    dtype = torch.bfloat16 if supports_bfloat16(device) else torch.float32
    one, other = (torch.randn(_SIZE, _SIZE, device=device, dtype=dtype) for _ in range(2))
    float((one @ other)[0, 0])
    count, began = 0, time.perf_counter()
    while (seconds := time.perf_counter() - began) < _SECONDS:
        float((one @ other)[0, 0])  # waits for it
        count += 1
    return REACHED * 2 * _SIZE**3 * count / seconds


def training_hours(script: ModuleType, experiment: Experiment, speed: float, networks: int = 1) -> float:
    """Hours of a training script's steps, if it does not stop early."""
    epoch = sum(_epoch_operations(script, experiment, fields) for fields in script.ARCHITECTURES.values())
    return float(epoch * script.MAX_EPOCHS * networks / speed / 3600)


def search_hours(script: ModuleType, experiment: Experiment, speed: float) -> float:
    """Hours of a search script's trials if none is pruned, but no more than its time limit."""
    operations = [_epoch_operations(script, experiment, fields) for fields in script.ARCHITECTURES.values()]
    mean = script.HPO_TRAIN_FRACTION * sum(operations) / len(operations)
    return float(min(script.TIMEOUT_HOURS, mean * script.MAX_EPOCHS * script.N_TRIALS / speed / 3600))


def _epoch_operations(script: ModuleType, experiment: Experiment, fields: Mapping[str, Any]) -> float:
    channels, context = len(script.FEATURE_COLUMNS), script.CONTEXT_LENGTH
    shape = Architecture(num_channels=channels, context_length=context, **script.MODEL, **fields)
    return shape.training_operations(experiment.splits.train_indices.size)
