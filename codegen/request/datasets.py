"""Which file a dataset's name stands for, and how many assets it holds."""

from __future__ import annotations

from pathlib import Path

from codegen.request.choices import DEFAULT_DATASET, UsageError, require_choice
from data.errors import DataError
from data.names import name_of


def dataset_of(data_path: str) -> str:
    """What experiments on a file are told apart by: its name, and nothing for the default dataset."""
    return "" if data_path == DEFAULT_DATASET else name_of(data_path)


def path_of(dataset: str, project: Path) -> str:
    """The file of a dataset that `dataset_of` names, relative to the project.

    Raises:
        UsageError: if ``data/manifest.json`` knows none of that name, naming those that it knows.
    """
    from data.manifest import load_or_empty

    if not dataset:
        return DEFAULT_DATASET
    try:
        known = {name_of(key): key for key in load_or_empty(project)}
    except DataError as error:
        raise UsageError(str(error)) from error
    try:
        require_choice("dataset", dataset, sorted({*known, name_of(DEFAULT_DATASET)}))
    except UsageError as error:
        raise UsageError(f"{error}; make it with: python -m data import FILE --name {dataset}") from error
    return known.get(dataset, DEFAULT_DATASET)


def assets_of(data_path: str, project: Path) -> int:
    """How many assets a panel holds; 0 for a single series, and where the manifest says nothing of the file yet.

    Raises:
        UsageError: if the manifest is invalid.
    """
    from data.manifest import load_or_empty

    try:
        entry = load_or_empty(project).get(data_path)
    except DataError as error:
        raise UsageError(str(error)) from error
    return len(entry.assets) if entry else 0
