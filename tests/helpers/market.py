"""Small synthetic markets, the real one, and split protocols: what several tests build on."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from data.content import content_sha256
from data.manifest import PROJECT, entry_for
from data.schema import DEFAULT_DATASET, PRICE_COLUMNS
from runtime.samples.bars import make_bars
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.experiment import Experiment
from runtime.samples.loading import load_series
from runtime.samples.series import Series

FEATURES = ("momentum", "volatility", "volume_shock")


def make_daily(days: int, *, seed: int = 0, start: str = "2000-01-03", holidays: float = 0.05) -> pd.DataFrame:
    """Return a random walk of business days from ``start`` on, a share of them missing as holidays are."""
    random = np.random.default_rng(seed)
    calendar = pd.bdate_range(start, periods=3 * days + 1)
    dates = calendar[random.random(len(calendar)) >= holidays][:days]
    close = 100 * np.exp(np.cumsum(random.normal(0, 0.01, days)))
    open_ = close * np.exp(random.normal(0, 0.004, days))
    prices = {
        "Open": open_,
        "High": np.maximum(open_, close) * (1 + random.exponential(0.004, days)),
        "Low": np.minimum(open_, close) * (1 - random.exponential(0.004, days)),
        "Close": close,
        "Volume": random.integers(1_000, 9_000, days).astype(np.float64),
    }
    features = {name: random.normal(3, 2, days) for name in FEATURES}
    return pd.DataFrame({"Date": dates, **prices, **features})


def make_series(daily: pd.DataFrame, timescale: str = "daily") -> Series:
    """Group a daily frame into a series without a file."""
    bars = make_bars(daily, timescale)
    features = bars.frame[list(FEATURES)].to_numpy(np.float32)
    return Series(daily, bars, features, FEATURES, content_sha256(daily))


@cache
def real_series(timescale: str = "daily") -> Series:
    """Load the embedded dataset with all its features."""
    entry = entry_for(Path(DEFAULT_DATASET))
    features = [name for name in entry.columns if name not in ("Date", *PRICE_COLUMNS)]
    return load_series(
        PROJECT / DEFAULT_DATASET,
        content_sha256=entry.content_sha256,
        feature_columns=features,
        timescale=timescale,
    )


def make_experiment(series: Series, *, timescale: str = "daily", horizon: int = 1, **protocol: Any) -> Experiment:
    """Ask a series whether it rises by 1 % within ``horizon`` days, split as a generated script does.

    ``protocol`` holds arguments of `ChunkSplitter`; its horizon, in bars, is ``horizon_in_bars`` if given.
    """
    bars = protocol.pop("horizon_in_bars", series.horizon_in_bars(horizon))
    splitter = ChunkSplitter(total_days=len(series), horizon=bars, **{"context_length": 5, **protocol})
    return Experiment(
        name="phase_2M_threshold_1pct",
        phase="phase",
        budget="2M",
        task="threshold_1pct",
        threshold=0.01,
        label_price="high",
        horizon=horizon,
        timescale=timescale,
        series=series,
        labels=series.labels(threshold=0.01, horizon=horizon, price="high"),
        splitter=splitter,
        splits=splitter.split(),
    )


@st.composite
def splitters(draw: st.DrawFn, /, embargo: int = 0, **fixed: Any) -> ChunkSplitter:
    """Draw protocols small enough to check by brute force; without an embargo, each leaves training samples."""
    context_length, horizon = draw(st.integers(1, 9)), draw(st.integers(1, 5))
    span = context_length + horizon
    chunk_length = fixed.pop("chunk_length", draw(st.none() | st.integers(span, 3 * span)))
    chunk_rows = chunk_length or span
    drawn = {
        "total_days": chunk_rows * draw(st.integers(10, 25)) + draw(st.integers(0, chunk_rows - 1)),
        "context_length": context_length,
        "horizon": horizon,
        "val_ratio": draw(st.sampled_from([0.1, 0.15, 0.3])),
        "test_ratio": draw(st.sampled_from([0.1, 0.15, 0.3])),
        "seed": draw(st.integers(0, 10_000)),
        "chunk_length": chunk_length,
        "mode": draw(st.sampled_from(["scattered", "contiguous"])),
        "embargo": draw(st.integers(0, embargo)),
    }
    return ChunkSplitter(**{**drawn, **fixed})
