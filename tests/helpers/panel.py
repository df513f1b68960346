"""Panels for tests: assets that begin, end and pause when they like."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from hypothesis import strategies as st

from runtime.samples.bars import make_bars
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.experiment import Experiment
from runtime.samples.series import Series
from tests.helpers.tiny import CONTEXT_LENGTH, make_experiment


@dataclass(frozen=True)
class Asset:
    """One asset of a made panel: on which days after the first it trades, whether it trains, or else is held out."""

    days: tuple[int, ...]
    trains: bool
    apart: bool = False


@st.composite
def asset_lists(draw: st.DrawFn) -> list[Asset]:
    """One to four assets over 120 days, at least one of which trains, with short and long holes."""
    assets = []
    for number in range(draw(st.integers(1, 4))):
        first, last = draw(st.integers(0, 40)), draw(st.integers(80, 119))
        holes = draw(st.lists(st.tuples(st.integers(first, last), st.integers(1, 25)), max_size=3))
        missing = {day for begin, length in holes for day in range(begin, begin + length)}
        days = tuple(day for day in range(first, last + 1) if day not in missing)
        trains = number == 0 or draw(st.booleans())
        assets.append(Asset(days or (first,), trains, not trains and draw(st.booleans())))
    return assets


def make_panel(assets: list[Asset], rows: int | None = None) -> Series:
    """A panel of one feature: the tiny market's prices, on each asset's own days."""
    names = [f"A{number}" for number in range(len(assets))]
    random, frames = np.random.default_rng(0), []
    for name, asset in zip(names, assets, strict=True):
        prices = 100 * np.exp(np.cumsum(random.normal(0, 0.01, len(asset.days))))
        frames.append(
            pd.DataFrame(
                {
                    "Asset": name,
                    "Date": pd.Timestamp("2020-01-01") + pd.to_timedelta(asset.days, unit="D"),
                    "Open": prices,
                    "High": prices * 1.01,
                    "Low": prices * 0.99,
                    "Close": prices,
                }
            )
        )
    daily = pd.concat(frames, ignore_index=True)
    daily["Asset"] = pd.Categorical(daily["Asset"], categories=names)
    features = random.normal(size=(len(daily), 1)).astype(np.float32)
    trains = tuple(name for name, asset in zip(names, assets, strict=True) if asset.trains)
    apart = tuple(name for name, asset in zip(names, assets, strict=True) if asset.apart)
    return Series(daily, make_bars(daily, "daily"), features, ("signal",), "0" * 64, tuple(names), trains, apart)


def make_panel_experiment(count: int = 3, unseen: int = 1) -> Experiment:
    """The tiny question asked of several assets of 400 days, the last of which never train."""
    assets = [
        Asset(tuple(range(20 * number, 400)), trains=number < count - unseen, apart=number >= count - unseen)
        for number in range(count)
    ]
    series = make_panel(assets)
    splitter = ChunkSplitter(series.calendar.size, CONTEXT_LENGTH, 1, 0.2, 0.2, seed=1, chunk_length=40)
    return replace(
        make_experiment(),
        series=series,
        labels=series.labels(threshold=0.01, horizon=1, price="high"),
        splitter=splitter,
        splits=splitter.split(series.timeline),
    )
