"""Reading a dataset: only the one a script was written for, and nothing in it that cannot be used."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from pandas.api.types import is_datetime64_any_dtype, is_numeric_dtype

from runtime.errors import UserError
from runtime.samples.bars import make_bars
from runtime.samples.series import Series

PRICE_COLUMNS = ("Open", "High", "Low", "Close")


def load_series(
    path: Path,
    *,
    content_sha256: str,
    feature_columns: Sequence[str],
    timescale: str = "daily",
    assets: Sequence[str] = (),
    holdout_assets: Sequence[str] = (),
    training_assets: Sequence[str] = (),
) -> Series:
    """Read a dataset, refuse any other data than the expected one, and group it into bars.

    Args:
        path: parquet file; the default dataset is built when it is missing.
        content_sha256: hash that the file's names and values must have.
        feature_columns: channels of the model, in this order.
        timescale: ``daily``, ``2d``, ``3d``, ``5d`` or ``weekly``; of a panel ``daily``.
        assets: of a panel, which to read, in this order.
        holdout_assets: those among them that neither train nor validate.
        training_assets: those among the others that train; none named: all of them.

    Raises:
        UserError: if the file is missing, holds other data, lacks a column, or a value cannot be used.
    """
    from data.build import ensure
    from data.content import content_sha256 as hash_content
    from data.errors import DataError

    try:
        ensure(path)
    except DataError as error:
        raise UserError(str(error)) from error
    try:
        daily = pd.read_parquet(path)
        found = hash_content(daily)
    except (OSError, ValueError) as error:
        raise UserError(f"{path}: {error}") from error
    panel = ("Asset",) if assets else ()
    check_columns(path, daily, (*panel, "Date", *PRICE_COLUMNS, *feature_columns))
    if found != content_sha256:
        raise UserError(
            f"{path} holds other data (content sha256 {found[:12]}…) than this script was written for "
            f"({content_sha256[:12]}…); restore the file (python -m data build), or regenerate the script"
        )
    volume = [name for name in ("Volume",) if name in daily]  # some markets report none
    check_values(path, daily, (*PRICE_COLUMNS, *volume, *feature_columns))
    if assets:
        if timescale != "daily":
            raise UserError(f"timescale {timescale!r}: a panel of assets has daily bars only")
        daily = select_assets(path, daily, assets)
    elif "Asset" in daily:
        raise UserError(f"{path} is a panel of several assets; name those to read")
    bars = make_bars(daily, timescale)
    features = bars.frame[list(feature_columns)].to_numpy(np.float32)
    if assets:  # there may be hundreds of them: what the model reads is held once
        daily = daily[["Asset", "Date", *PRICE_COLUMNS]]
        bars = make_bars(daily, timescale)
    known = tuple(each for each in assets if each not in holdout_assets)
    trained = tuple(each for each in known if each in training_assets) if training_assets else known
    return Series(daily, bars, features, tuple(feature_columns), found, tuple(assets), trained, tuple(holdout_assets))


def check_columns(source: object, daily: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse a frame that lacks a column, or has one twice.

    Raises:
        UserError: naming the columns and ``source``.
    """
    missing = [name for name in columns if name not in daily.columns]
    if missing:
        raise UserError(f"{source} lacks the columns {missing}; it has {list(daily.columns)}")
    if not daily.columns.is_unique:
        raise UserError(f"{source} has the columns {list(daily.columns[daily.columns.duplicated()])} twice")


def select_assets(source: object, panel: pd.DataFrame, assets: Sequence[str]) -> pd.DataFrame:
    """The rows of some assets of a panel, one asset below the other in the order in which they are named.

    Raises:
        UserError: if one is not in it, or is named twice.
    """
    there = list(panel["Asset"].unique())
    missing = [name for name in assets if name not in there]
    if missing or len(set(assets)) < len(assets):
        raise UserError(f"{source}: assets {missing or list(assets)}: it has {', '.join(there)}, each once")
    chosen = panel[panel["Asset"].isin(assets)]
    chosen = chosen.assign(Asset=pd.Categorical(chosen["Asset"].astype(str), categories=list(assets)))
    return chosen.sort_values("Asset", kind="stable").reset_index(drop=True)


def check_values(source: object, daily: pd.DataFrame, columns: Sequence[str]) -> None:
    """Refuse dates that are not unique and increasing within an asset, and values that are not finite numbers.

    Raises:
        UserError: naming ``source``, the column and the day.
    """
    dates = daily["Date"]
    if not (is_datetime64_any_dtype(dates) and _increases(daily)):
        raise UserError(f"{source}: dates must be unique and increasing; import the file with python -m data import")
    for name in columns:
        if not is_numeric_dtype(daily[name]):
            raise UserError(f"{source}: column {name!r} holds {daily[name].dtype}, not numbers")
        values = daily[name].to_numpy(np.float64)
        bad = np.flatnonzero(~np.isfinite(values))
        if bad.size:
            raise UserError(f"{source}: column {name!r} is not finite at {dates.iloc[bad[0]]:%Y-%m-%d}")


def _increases(daily: pd.DataFrame) -> bool:
    days = daily["Date"].to_numpy()
    later = np.diff(days) > np.timedelta64(0)
    if "Asset" not in daily:
        return bool(later.all()) and not daily["Date"].isna().any()
    assets = pd.factorize(daily["Asset"])[0]
    changes = np.diff(assets) != 0
    return bool((later | changes).all()) and int(changes.sum()) + 1 == len(np.unique(assets))
