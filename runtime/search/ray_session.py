"""The Ray cluster that this process is a driver of."""

from __future__ import annotations

import logging
from pathlib import Path

from runtime.errors import UserError
from runtime.script.stopping import raise_on_signals

try:
    import ray
except ImportError as error:
    raise UserError('--engine ray needs Ray: pip install -e ".[ray]"') from error

__all__ = ["connect", "ray"]


def connect() -> None:
    """Join the cluster that ``RAY_ADDRESS`` names, else one on this machine, else start one here.

    Workers import the project from where this process did.
    """
    if ray.is_initialized():
        return
    imports = {"env_vars": {"PYTHONPATH": str(Path(__file__).resolve().parents[2])}}
    ray.init(log_to_driver=False, include_dashboard=False, logging_level=logging.ERROR, runtime_env=imports)
    raise_on_signals()  # Ray has put a handler of its own in the place of ours
