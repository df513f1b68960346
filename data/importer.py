"""Making a dataset from a user's own price file."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

from data.dataset import assemble, publish
from data.errors import DataError
from data.manifest import PROJECT, source_name
from data.prices import read_prices
from data.schema import DEFAULT_DATASET


def import_prices(source: Path, name: str, vix: Path | None = None, root: Path = PROJECT) -> tuple[Path, list[str]]:
    """Make ``data/processed/{name}_dataset_c.parquet`` from ``source`` and record it in the manifest.

    Returns:
        path: The dataset.
        notes: What the user should know about the prices that were used.

    Raises:
        DataError: ``name`` is not allowed or a file is unusable; nothing is then written.
    """
    path = _dataset_path(name, root)
    prices, notes = read_prices(source, vix)
    frame = assemble(prices, source.name)
    sources = (source, vix) if vix else (source,)
    publish(frame, path, sources, _command(source, name, vix, root), root)
    return path, notes


def _dataset_path(name: str, root: Path) -> Path:
    """Return where the dataset ``name`` lies, refusing names that could leave the folder."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}", name):
        raise DataError(f"name {name!r} is not allowed: use up to 64 letters, digits, - and _, such as SPY")
    default = root / DEFAULT_DATASET
    path = default.with_name(f"{name}_dataset_c.parquet")
    if path.name.lower() == default.name.lower():  # the same file where case is not told apart
        raise DataError(f"name {name!r} belongs to the embedded dataset: choose another")
    return path


def _command(source: Path, name: str, vix: Path | None, root: Path) -> str:
    """Return the command that makes the dataset again, naming files as the manifest does."""
    words = ["python", "-m", "data", "import", source_name(source, root)]
    words += ["--vix", source_name(vix, root)] if vix else []
    return shlex.join([*words, "--name", name])
