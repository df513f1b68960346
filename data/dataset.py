"""From checked prices to a dataset file and its manifest entry."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from data import manifest
from data.content import content_sha256, file_sha256
from data.errors import DataError
from data.features import compute_features, look_back
from data.files import write_atomically
from data.schema import PRICE_COLUMNS

MIN_ROWS = 252
"""Complete rows that a dataset must hold: one trading year."""

TOLERANCE = 1e-6
"""Relative difference allowed to a rebuild: indicator libraries differ in the last bits between platforms."""


def assemble(prices: pd.DataFrame, file: str) -> pd.DataFrame:
    """Return ``Date``, prices and features, from the first row on which every feature is known.

    Raises:
        DataError: too few rows, a feature that is not finite after the warm-up, or a column that never changes.
    """
    warm_up = max(look_back().values())
    if len(prices) < warm_up + MIN_ROWS:
        raise DataError(
            f"{file} has {len(prices)} rows; at least {warm_up + MIN_ROWS} are needed: "
            f"{warm_up} fill the longest window of a feature, {MIN_ROWS} remain"
        )
    features = compute_features(prices)
    finite = np.isfinite(features.to_numpy())
    never = list(features.columns[~finite.any(axis=0)])
    if never:
        raise DataError(f"{file}: the features {never} are finite on no row")
    begin = int(finite.all(axis=1).argmax())
    raw = [name for name in PRICE_COLUMNS if name in prices]
    frame = pd.concat([prices[["Date", *raw]], features], axis=1)[begin:].reset_index(drop=True)
    _check_features(frame, file)
    return frame


def _check_features(frame: pd.DataFrame, file: str) -> None:
    """Check what remains after the warm-up: every value finite, no column constant, enough rows."""
    values = frame.drop(columns="Date")
    broken = ~np.isfinite(values.to_numpy())
    if broken.any():
        row, column = np.argwhere(broken)[0]
        raise DataError(f"{file}: {frame['Date'][row]:%Y-%m-%d}: {values.columns[column]} is not finite")
    if len(frame) < MIN_ROWS:
        raise DataError(
            f"{file}: only {len(frame)} rows, from {frame['Date'][0]:%Y-%m-%d} on, have every feature; "
            f"{MIN_ROWS} are needed: supply longer prices or a VIX that begins earlier"
        )
    spread, size = values.max() - values.min(), values.abs().max()
    constant = list(values.columns[spread <= 1e-12 * size])
    if constant:
        raise DataError(f"{file}: {constant} never change: nothing can be learned from them")


def publish(
    frame: pd.DataFrame,
    path: Path,
    sources: tuple[Path, ...],
    command: str,
    root: Path = manifest.PROJECT,
    changes: tuple[str, ...] = (),
) -> None:
    """Write ``frame`` to ``path`` and record it; leave a file alone that holds the same already.

    "The same" is what `difference` says: a rebuild on another platform must not replace a dataset, whose
    content hash scripts carry, for the sake of last bits.

    Args:
        sources: the files that ``frame`` was made from.
        command: the command that makes it again.
        changes: what that command changed or accepted because the user allowed it.
    """
    stored = _stored(path, root)
    if stored is None or difference(stored, frame):
        stored = frame
        write_atomically(path, _as_parquet(frame))
    recorded = tuple(
        manifest.SourceFile(path=manifest.source_name(file, root), sha256=file_sha256(file)) for file in sources
    )
    manifest.record(path, describe(stored, file_sha256(path), recorded, command, changes), root)


def _as_parquet(frame: pd.DataFrame) -> bytes:
    """The frame as a parquet file; of a panel each asset as a row group, so that none is copied beside all others."""
    buffer = io.BytesIO()
    # Dictionaries cost a fifth more: hardly any value of a price series comes twice.
    how: dict[str, Any] = {"compression": "zstd", "use_dictionary": False}
    if "Asset" not in frame:
        frame.to_parquet(buffer, engine="pyarrow", index=False, **how)
        return buffer.getvalue()
    schema = pa.Schema.from_pandas(frame, preserve_index=False)
    with pq.ParquetWriter(buffer, schema, **how) as writer:
        for _, rows in frame.groupby("Asset", sort=False):
            writer.write_table(pa.Table.from_pandas(rows, schema=schema, preserve_index=False))
    return buffer.getvalue()


def _stored(path: Path, root: Path) -> pd.DataFrame | None:
    """Return the dataset at ``path`` if it is there as the manifest describes it."""
    entry = manifest.load_or_empty(root).get(manifest.key_of(path, root))
    if entry is None or not path.is_file() or file_sha256(path) != entry.file_sha256:
        return None
    return pd.read_parquet(path)


def difference(stored: pd.DataFrame, rebuilt: pd.DataFrame) -> str | None:
    """Say where two datasets first differ: prices in any way, features by more than `TOLERANCE`; else None."""
    names = [name for name in ("Asset", "Date") if name in stored]
    if list(stored) != list(rebuilt) or not all(stored[name].equals(rebuilt[name]) for name in names):
        return "other columns, assets or dates"
    columns = stored.columns.drop(names)
    before, after = (frame[columns].to_numpy() for frame in (stored, rebuilt))
    # An oscillator that crosses zero has no relative precision there, hence the tiny absolute term.
    differs = ~np.isclose(after, before, rtol=TOLERANCE, atol=TOLERANCE**2)
    exact = columns.isin(PRICE_COLUMNS)
    differs[:, exact] = (before != after)[:, exact]
    if not differs.any():
        return None
    row, column = np.argwhere(differs)[0]
    place = f"{columns[column]} on {stored['Date'][row]:%Y-%m-%d}"
    return f"{place}: {before[row, column]:.17g} stored, {after[row, column]:.17g} rebuilt"


def describe(
    frame: pd.DataFrame,
    file_hash: str,
    sources: tuple[manifest.SourceFile, ...],
    command: str,
    changes: tuple[str, ...] = (),
) -> manifest.DatasetEntry:
    """Return the manifest entry of ``frame``, stored in a file with ``file_hash``."""
    dates = frame["Date"]
    assets = list(frame.groupby("Asset", sort=False)["Date"]) if "Asset" in frame else []
    return manifest.DatasetEntry(
        rows=len(frame),
        first_date=f"{dates.min():%Y-%m-%d}",
        last_date=f"{dates.max():%Y-%m-%d}",
        columns=tuple(frame.columns),
        file_sha256=file_hash,
        content_sha256=content_sha256(frame),
        sources=sources,
        command=command,
        changes=changes,
        assets={
            str(name): manifest.AssetEntry(
                rows=len(days), first_date=f"{days.iloc[0]:%Y-%m-%d}", last_date=f"{days.iloc[-1]:%Y-%m-%d}"
            )
            for name, days in assets
        },
    )
