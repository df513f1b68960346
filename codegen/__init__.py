"""Turns a validated experiment into Python source. Knows nothing of tensors.

The names below are loaded on first use, so that ``python -m codegen --help`` imports nothing heavy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from data.supported import require_supported

if TYPE_CHECKING:
    from codegen.scripts import generate_hpo_script as generate_hpo_script
    from codegen.scripts import generate_training_script as generate_training_script

__version__ = "0.1.0"
__all__ = ["generate_hpo_script", "generate_training_script"]

require_supported()


def __getattr__(name: str) -> Any:
    """Import the generator when one of its functions is first asked for (PEP 562)."""
    if name not in __all__:
        raise AttributeError(f"module 'codegen' has no attribute {name!r}")
    from codegen import scripts

    return getattr(scripts, name)
