"""What a dataset may be called: its name stands in its file, in ``--data`` and in the folders of its experiments."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import PurePosixPath

from data.errors import DataError
from data.schema import DEFAULT_DATASET

PATTERN = r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}"
"""Of every name."""

_BEHIND = r"default|daily|weekly|[0-9]d|h[0-9]|[0-9]+assets?|from"
RESERVED = re.compile(rf"(hpo|train)_.*|report|slurm|({_BEHIND})(_.*)?|.*_default|.*_from_.*", re.IGNORECASE)
"""Names that scripts and their results have, or that could be read as what stands behind an experiment's name."""

_FILE = re.compile(r"(.+)_(dataset|panel)_c\.parquet")

KINDS = ("dataset", "panel")
"""Of one asset, of several."""


def check_name(name: str) -> None:
    """Refuse a name that could leave its folder, or be taken for something else in it.

    Raises:
        DataError: saying what is allowed.
    """
    if not re.fullmatch(PATTERN, name, re.ASCII):
        raise DataError(f"name {name!r} is not allowed: use up to 64 letters, digits, - and _, such as SPY")
    if RESERVED.fullmatch(name):
        raise DataError(f"name {name!r} is not allowed: scripts and their results have such names; choose another")


def file_of(name: str, kind: str) -> str:
    """Where a dataset lies, relative to the project; ``kind`` is one of `KINDS`."""
    return str(PurePosixPath(DEFAULT_DATASET).with_name(f"{name}_{kind}_c.parquet"))


def name_of(key: str) -> str:
    """The name of the dataset in a file, as far as that has one: `file_of` read backwards."""
    found = _FILE.fullmatch(PurePosixPath(key).name)
    return found[1] if found else PurePosixPath(key).stem


DEFAULT_NAME = name_of(DEFAULT_DATASET)
"""Of the embedded dataset."""


def require_own_name(key: str, others: Iterable[str]) -> None:
    """Refuse a dataset whose name is not allowed, or is another's where case is not told apart.

    Args:
        key: its file, relative to the project.
        others: files of all datasets, this one may be among them.

    Raises:
        DataError: naming the other.
    """
    name = name_of(key)
    check_name(name)
    for other in sorted(others):
        if other != key and name_of(other).lower() == name.lower():
            raise DataError(
                f"name {name!r} belongs to {other}, too, and experiments are told apart by the names of their data: "
                "import one of them again with another --name"
            )
