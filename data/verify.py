"""Checking every dataset against the manifest, and the embedded one against its raw prices."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pandas as pd
import pyarrow as pa

from data import manifest
from data.build import BUILD_COMMAND
from data.content import content_sha256, file_sha256
from data.dataset import assemble, describe, difference
from data.errors import DataError
from data.prices import read_prices
from data.schema import DEFAULT_DATASET, RAW_FILE


@dataclass(frozen=True)
class Outcome:
    """The outcome of one check."""

    level: Literal["ok", "warning", "failure"]
    message: str


def verify(root: Path = manifest.PROJECT) -> list[Outcome]:
    """Check each manifest entry, its file and its sources, and rebuild the embedded dataset to compare."""
    try:
        entries = manifest.load(root)
    except DataError as error:
        return [Outcome("failure", str(error))]
    findings = [check for key, entry in entries.items() for check in _check_entry(key, entry, root)]
    if DEFAULT_DATASET not in entries:
        missing = f"{DEFAULT_DATASET} has no entry in {manifest.MANIFEST_PATH}: run `{BUILD_COMMAND}`"
        return [*findings, Outcome("failure", missing)]
    if any(finding.level == "failure" for finding in findings):
        return findings  # what fails already need not be compared with a rebuild
    return [*findings, _check_rebuild(root)]


def _check_entry(key: str, entry: manifest.DatasetEntry, root: Path) -> list[Outcome]:
    """Check the dataset ``key`` and those of its sources that lie inside the project."""
    inside = [source for source in entry.sources if "/" in source.path]
    sources = [_check_source(key, source, entry.command, root) for source in inside]
    return [check_file(key, entry, root), *(finding for finding in sources if finding)]


def check_file(key: str, entry: manifest.DatasetEntry, root: Path) -> Outcome:
    """Compare the file ``key`` with what the manifest says about it."""
    path, remedy = root / key, f"run `{entry.command}`"
    if not os.path.isfile(path):  # which takes any name
        return Outcome("failure", f"{key} is missing: {remedy}")
    file_hash = file_sha256(path)
    hashes = f"manifest {entry.file_sha256}, file {file_hash}"
    try:
        frame = pd.read_parquet(path)
        content_hash = content_sha256(frame)
    except (pa.ArrowException, OSError, ValueError):
        return Outcome("failure", f"{key} is not a readable dataset ({hashes}): {remedy}")
    if content_hash != entry.content_sha256:
        hashes = f"manifest {entry.content_sha256}, file {content_hash}"
        return Outcome("failure", f"{key} holds other content ({hashes}): {remedy}")
    actual = describe(frame, entry.file_sha256, entry.sources, entry.command, entry.changes)
    wrong = [field for field in entry.__struct_fields__ if getattr(actual, field) != getattr(entry, field)]
    if wrong:
        return Outcome("failure", f"{manifest.MANIFEST_PATH} misstates {wrong} of {key}: {remedy}")
    if file_hash != entry.file_sha256:
        return Outcome("warning", f"{key}: file bytes differ, content same ({hashes}); {remedy} to rewrite it")
    return Outcome("ok", f"{key}: {entry.rows:,} rows, {entry.first_date} to {entry.last_date}")


def _check_source(key: str, source: manifest.SourceFile, command: str, root: Path) -> Outcome | None:
    """Compare a source of ``key`` with its recorded hash; None where they agree."""
    path = root / source.path
    if not os.path.isfile(path):
        return Outcome("failure", f"{source.path}, the source of {key}, is missing: restore it")
    actual = file_sha256(path)
    if actual == source.sha256:
        return None
    hashes = f"manifest {source.sha256}, file {actual}"
    return Outcome(
        "failure", f"{source.path}, the source of {key}, has changed ({hashes}): restore it or run `{command}`"
    )


def _check_rebuild(root: Path) -> Outcome:
    """Rebuild the embedded dataset in memory and compare it with the stored one."""
    stored = pd.read_parquet(root / DEFAULT_DATASET)
    try:
        rebuilt = assemble(read_prices(root / RAW_FILE).frame, RAW_FILE)
    except DataError as error:
        return Outcome("failure", f"{DEFAULT_DATASET} cannot be rebuilt: {error}")
    problem = difference(stored, rebuilt)
    if problem:
        message = f"{DEFAULT_DATASET} differs from its rebuild ({problem}): run `{BUILD_COMMAND}`"
        return Outcome("failure", message)
    return Outcome("ok", f"{DEFAULT_DATASET} agrees with its rebuild from {RAW_FILE}")
