"""What generated scripts import: series, labels, splits, windows, model, trainer, search, evaluation.

The names below are loaded on first use, so that ``import runtime`` stays cheap.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from data.supported import require_supported

if TYPE_CHECKING:
    from runtime.chunk_splitter import ChunkSplitter as ChunkSplitter
    from runtime.objective import create_objective as create_objective
    from runtime.patchtst import PatchTST as PatchTST
    from runtime.predictor import load_predictor as load_predictor
    from runtime.splits import SplitIndices as SplitIndices
    from runtime.trainer import Trainer as Trainer

_HOMES = {
    "ChunkSplitter": "runtime.chunk_splitter",
    "PatchTST": "runtime.patchtst",
    "SplitIndices": "runtime.splits",
    "Trainer": "runtime.trainer",
    "create_objective": "runtime.objective",
    "load_predictor": "runtime.predictor",
}

__all__ = ["ChunkSplitter", "PatchTST", "SplitIndices", "Trainer", "create_objective", "load_predictor"]

require_supported()


def __getattr__(name: str) -> Any:
    """Import the module that defines ``name`` when it is first asked for (PEP 562)."""
    if name not in _HOMES:
        raise AttributeError(f"module 'runtime' has no attribute {name!r}")
    return getattr(import_module(_HOMES[name]), name)
