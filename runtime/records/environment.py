"""The machine and the versions a result was made with, for its record."""

from __future__ import annotations

import os
import platform
import resource
import sys
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pandas as pd
import sklearn
import torch

from runtime.model.precision import precision_of

_CONTAINER_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def versions() -> dict[str, str]:
    """Of what computes a training: to the last bit it is the same only under the same ones."""
    return {module.__name__: str(module.__version__) for module in (torch, np)}


def environment(device: torch.device) -> dict[str, Any]:
    """Versions, device, precision and threads; results are bit-identical only where these agree."""
    modules = (torch, np, pd, sklearn, optuna)
    return {
        "device": torch.cuda.get_device_name(device) if device.type == "cuda" else str(device),
        "precision": precision_of(device),
        "threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "cpu_count": os.cpu_count(),
        "versions": {module.__name__: module.__version__ for module in modules},
    }


def peak_memory_bytes() -> int:
    """Largest resident size of this process so far.

    Linux's ``getrusage`` counts what the process that started this one held at that time, so the kernel's own mark of
    this program is read there.
    """
    if sys.platform == "linux":
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024


def memory_bytes(device: torch.device) -> int | None:
    """All the memory a device has for this process, whoever uses it at the moment; None where that is not told.

    A processor's is the machine's, or what a container (Linux control groups, both versions) or ``ulimit -v`` leaves.
    """
    if device.type == "cuda":
        return int(torch.cuda.get_device_properties(device).total_memory)
    if device.type != "cpu":
        return None
    limits = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    address_space, _ = resource.getrlimit(resource.RLIMIT_AS)
    if address_space != resource.RLIM_INFINITY:
        limits.append(address_space)
    for path in _CONTAINER_LIMITS:
        text = path.read_text(encoding="utf-8").strip() if path.is_file() else "max"
        limits += [int(text)] if text.isdigit() else []
    return min(limits)
