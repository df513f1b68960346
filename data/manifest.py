"""The manifest of datasets: what each file holds, where it comes from and which command makes it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import msgspec

from data.errors import DataError
from data.files import locked, write_atomically

PROJECT = Path(__file__).resolve().parents[1]
MANIFEST_PATH = "data/manifest.json"
"""Where the manifest lies, relative to the project."""

Sha256 = Annotated[str, msgspec.Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Line = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00-\x1f\x7f]+\Z")]
InsidePath = Annotated[str, msgspec.Meta(pattern=r"\A(?!/)(?!(.*/)?\.\.(/|\Z))[^\x00-\x1f\x7f]{1,1000}\Z")]
"""Relative to the project, and never out of it by ``..``."""

Day = Annotated[str, msgspec.Meta(pattern=r"\A[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")]


class SourceFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file that a dataset was made from.

    ``path`` is relative to the project and holds a slash (``./prices.csv``). A file outside it is recorded by its
    bare name, without a folder, and cannot be checked later.
    """

    path: InsidePath
    sha256: Sha256


class AssetEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the manifest says about one asset of a panel."""

    rows: Annotated[int, msgspec.Meta(ge=1)]
    first_date: Day
    last_date: Day


class DatasetEntry(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True):
    """What the manifest says about one dataset.

    ``changes`` are what an import changed or accepted because the user allowed it; ``assets`` those of a panel.
    """

    rows: Annotated[int, msgspec.Meta(ge=1)]
    first_date: Day
    last_date: Day
    columns: tuple[str, ...]
    file_sha256: Sha256
    content_sha256: Sha256
    sources: tuple[SourceFile, ...]
    command: Line
    changes: tuple[Line, ...] = ()
    assets: dict[Line, AssetEntry] = {}


def load(root: Path = PROJECT) -> dict[str, DatasetEntry]:
    """Read and validate the manifest of the project at ``root``: dataset path -> entry.

    Raises:
        DataError: the manifest is missing or invalid.
    """
    path = root / MANIFEST_PATH
    if not path.is_file():
        raise DataError(f"{MANIFEST_PATH} is missing: run `python -m data build`")
    try:
        return msgspec.json.decode(path.read_bytes(), type=dict[InsidePath, DatasetEntry])
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise DataError(
            f"{MANIFEST_PATH} is invalid ({error}): delete it, run `python -m data build` "
            "and import your own files again"
        ) from error


def load_or_empty(root: Path = PROJECT) -> dict[str, DatasetEntry]:
    """Read the manifest as `load` does, but take a missing one for a project without datasets."""
    return load(root) if (root / MANIFEST_PATH).exists() else {}


def entry_for(path: Path, root: Path = PROJECT) -> DatasetEntry:
    """Return the entry of the dataset at ``path`` (absolute, or relative to ``root``).

    Raises:
        DataError: the manifest is missing or invalid, or has no entry for ``path``.
    """
    key = key_of(path, root)
    entry = load(root).get(key)
    if entry is None:
        raise DataError(
            f"{key} has no entry in {MANIFEST_PATH}: run `python -m data build` for the embedded dataset "
            "or `python -m data import FILE --name NAME` for your own"
        )
    return entry


def record(path: Path, entry: DatasetEntry, root: Path = PROJECT) -> None:
    """Set the entry of the dataset at ``path``, keeping all others; safe against concurrent writers.

    Raises:
        DataError: the manifest exists but is invalid, or ``path`` lies outside ``root``.
    """
    key = key_of(path, root)
    manifest = root / MANIFEST_PATH
    with locked(manifest.parent):
        entries = load_or_empty(root)
        entries[key] = entry
        encoded = msgspec.json.encode(dict(sorted(entries.items())))
        write_atomically(manifest, msgspec.json.format(encoded, indent=2) + b"\n")


def key_of(path: Path, root: Path = PROJECT) -> str:
    """Return ``path`` relative to ``root`` with forward slashes, as the manifest names files.

    Raises:
        DataError: ``path`` lies outside ``root``.
    """
    try:
        absolute = (root / path).resolve()
    except (OSError, RuntimeError, ValueError) as error:  # a link to itself, a name that no file may have
        raise DataError(f"{path} cannot be a dataset: {error}") from error
    if not absolute.is_relative_to(root.resolve()):
        raise DataError(
            f"{path} lies outside the project: run `python -m data import {path} --name NAME` to make a dataset of it"
        )
    return absolute.relative_to(root.resolve()).as_posix()


def source_name(path: Path, root: Path = PROJECT) -> str:
    """Return how the manifest names a source: by its path inside the project, by its bare name outside.

    Raises:
        DataError: the name does not fit into a line of text.
    """
    inside = path.resolve().is_relative_to(root.resolve())
    name = key_of(path.resolve(), root) if inside else path.name
    if not name.isprintable():
        raise DataError(f"{name!a} holds characters that no manifest can: rename the file")
    return f"./{name}" if inside and "/" not in name else name
