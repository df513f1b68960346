"""Freed memory is kept where glibc can be asked to, and nothing happens elsewhere."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys

import pytest

from runtime.training.allocator import keep_pages

COUNT_FAULTS = """
import resource, sys
import torch
from runtime.training.allocator import keep_pages
if sys.argv[1] == "keep":
    keep_pages()
torch.zeros(2**23)
before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
for _ in range(20):
    torch.zeros(2**23).add_(1)
print(resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before)
"""


def faults(how: str) -> int:
    """Page faults of asking twenty times for the same 32 MiB."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    counted = subprocess.run(
        [sys.executable, "-c", COUNT_FAULTS, how], env=environment, capture_output=True, text=True, check=True
    )
    return int(counted.stdout)


def test_memory_that_is_asked_for_again_faults_no_more() -> None:
    if not hasattr(ctypes.CDLL(None), "mallopt"):
        return  # another C library, where there is nothing to ask
    assert faults("keep") * 3 < faults("leave")


def test_another_c_library_is_left_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: object())
    keep_pages()
