"""Making the embedded dataset, on request or when it is missing. Cheap to import."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from data.errors import DataError
from data.manifest import PROJECT
from data.schema import DEFAULT_DATASET, PRICE_COLUMNS, RAW_FILE

__all__ = ["BUILD_COMMAND", "DEFAULT_DATASET", "PRICE_COLUMNS", "build_default", "ensure"]

BUILD_COMMAND = "python -m data build"


def build_default(root: Path = PROJECT) -> Path:
    """Make `DEFAULT_DATASET` from `RAW_FILE`, record it in the manifest and return its path.

    Raises:
        DataError: the raw file is missing or its prices are impossible; nothing is then written.
    """
    from data.dataset import assemble, publish
    from data.prices import read_prices

    source, path = root / RAW_FILE, root / DEFAULT_DATASET
    prices = read_prices(source).frame  # its notes (no Adj Close, the closure of September 2001) are known facts
    publish(assemble(prices, source.name), path, (source,), BUILD_COMMAND, root)
    return path


def ensure(path: Path, root: Path = PROJECT) -> Path:
    """Return the dataset at ``path`` (absolute, or relative to ``root``), building the embedded one if missing.

    Safe to call from several processes at once: each replaces the file by the same whole one.

    Raises:
        DataError: ``path`` does not exist and is not the embedded dataset, or that cannot be built.
    """
    wanted = root / path
    if wanted.is_file():
        return wanted
    if os.path.realpath(wanted) != os.path.realpath(root / DEFAULT_DATASET):  # takes a link to itself, too
        raise DataError(
            f"{path} does not exist: make it with `python -m data import FILE --name NAME`, "
            f"or use {DEFAULT_DATASET}, which `{BUILD_COMMAND}` makes"
        )
    print(f"{DEFAULT_DATASET} is missing: building it (`{BUILD_COMMAND}`)", file=sys.stderr)
    return build_default(root)
