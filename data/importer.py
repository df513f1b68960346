"""Making a dataset from a user's own price file."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path

from data.dataset import assemble, publish
from data.errors import DataError
from data.features import look_back
from data.manifest import PROJECT, load_or_empty, source_name
from data.names import DEFAULT_NAME, check_name, file_of, require_own_name
from data.options import ImportOptions
from data.prices import read_prices
from data.schema import PROTOCOL_ROWS


def import_prices(
    source: Path,
    name: str,
    vix: Path | None = None,
    root: Path = PROJECT,
    options: ImportOptions | None = None,
) -> tuple[Path, list[str]]:
    """Make ``data/processed/{name}_dataset_c.parquet`` from ``source`` and record it in the manifest.

    Returns:
        path: The dataset.
        notes: What the user should know about the prices that were used.

    Raises:
        DataError: ``name`` is not allowed or a file is unusable; nothing is then written.
    """
    options = options or ImportOptions()
    path = dataset_path(name, root)
    prices = read_prices(source, vix, options)
    frame = assemble(prices.frame, source.name)
    sources = (source, vix) if vix else (source,)
    publish(frame, path, sources, command_of((source,), name, vix, root, options), root, prices.changes)
    return path, [*prices.notes, *prices.changes, *too_short(len(frame))]


def too_short(rows: int) -> list[str]:
    """A warning where scripts could be written for these rows, but not run."""
    if rows >= PROTOCOL_ROWS:
        return []
    before = max(look_back().values())
    return [
        f"warning: {rows:,} rows are fewer than the {PROTOCOL_ROWS:,} that scripts need by default (4 chunks of 201 "
        f"rows): supply {PROTOCOL_ROWS + before:,} days or more ({before} fill the longest window of a feature), or "
        "generate with a smaller --chunk-length"
    ]


def dataset_path(name: str, root: Path, kind: str = "dataset") -> Path:
    """Return where the dataset ``name`` lies, refusing names that are another's or could leave the folder."""
    check_name(name)
    if name.lower() == DEFAULT_NAME.lower():
        raise DataError(f"name {name!r} belongs to the embedded dataset: choose another")
    key = file_of(name, kind)
    require_own_name(key, load_or_empty(root))
    return root / key


def command_of(sources: Sequence[Path], name: str, vix: Path | None, root: Path, options: ImportOptions) -> str:
    """Return the command that makes the dataset again, naming files as the manifest does."""
    words = ["python", "-m", "data", "import", *(source_name(source, root) for source in sources)]
    words += ["--vix", source_name(vix, root)] if vix else []
    return shlex.join([*words, "--name", name, *options.words()])
