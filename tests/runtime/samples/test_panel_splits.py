"""Splits of several assets, against a brute force that knows nothing of stacked rows."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.series import Series
from runtime.samples.splits import SplitIndices
from runtime.samples.timeline import Timeline
from tests.helpers.panel import Asset, asset_lists, make_panel

Sample = tuple[str, int]
"""An asset and the first day it reads."""

CONTEXT, HORIZON = 4, 2
FIRST = date(2020, 1, 1)


@st.composite
def panels(draw: st.DrawFn) -> tuple[list[Asset], Series, ChunkSplitter]:
    assets = draw(asset_lists())
    assume(len({day for asset in assets for day in asset.days}) >= 36)
    series = make_panel(assets)
    splitter = ChunkSplitter(
        total_days=series.calendar.size,
        context_length=CONTEXT,
        horizon=HORIZON,
        val_ratio=0.2,
        test_ratio=0.2,
        seed=draw(st.integers(0, 5)),
        chunk_length=draw(st.integers(6, 12)),
        mode=draw(st.sampled_from(["scattered", "contiguous"])),
        embargo=draw(st.sampled_from([0, 3])),
        max_gap_days=draw(st.sampled_from([1, 3, 10, 30])),
    )
    return assets, series, splitter


def split_or_reject(series: Series, splitter: ChunkSplitter) -> SplitIndices:
    try:
        return splitter.split(series.timeline)
    except UserError as error:
        assume("leave no" not in str(error))
        raise


def day_numbers(series: Series) -> np.ndarray:
    return np.array([(day - FIRST).days for day in series.dates.tolist()])


def samples_of(series: Series, starts: np.ndarray) -> set[Sample]:
    names, days = np.asarray(series.assets)[series.asset_of], day_numbers(series)
    return {(str(names[start]), int(days[start])) for start in starts}


def expected(assets: list[Asset], series: Series, splitter: ChunkSplitter) -> tuple[set[Sample], ...]:
    """Training, validation and test, sample by sample and day by day."""
    calendar = sorted({day for asset in assets for day in asset.days})
    whole = splitter.split(Timeline.unbroken(len(calendar)))
    held = {"val": whole.val_chunks, "test": whole.test_chunks}
    blocked = {
        day
        for chunks in held.values()
        for start, stop in chunks
        for day in range(start - splitter.embargo, stop + splitter.embargo)
    }
    found: dict[str, set[Sample]] = {"train": set(), "val": set(), "test": set()}
    for number, asset in enumerate(assets):
        for place in range(len(asset.days) - CONTEXT - HORIZON + 1):
            days = asset.days[place : place + CONTEXT + HORIZON]
            if any(later - earlier > splitter.max_gap_days for earlier, later in pairwise(days)):
                continue
            touched = set(range(calendar.index(days[0]), calendar.index(days[-1]) + 1))
            sample = (f"A{number}", days[0])
            for name, chunks in held.items():
                inside = any(touched <= set(range(start, stop)) for start, stop in chunks)
                if inside and (not asset.apart or name == "test"):
                    found[name].add(sample)
            if not touched & blocked and asset.trains:
                found["train"].add(sample)
    return found["train"], found["val"], found["test"]


@settings(max_examples=150, deadline=None)
@given(panels())
def test_the_samples_are_those_of_brute_force(drawn: tuple[list[Asset], Series, ChunkSplitter]) -> None:
    assets, series, splitter = drawn
    splits = split_or_reject(series, splitter)
    indices = (splits.train_indices, splits.val_indices, splits.test_indices)
    assert tuple(samples_of(series, each) for each in indices) == expected(assets, series, splitter)


@settings(max_examples=150, deadline=None)
@given(panels())
def test_no_day_of_any_asset_is_shared_between_splits(drawn: tuple[list[Asset], Series, ChunkSplitter]) -> None:
    _, series, splitter = drawn
    splits = split_or_reject(series, splitter)
    days, span = day_numbers(series), splitter.span
    touched = [
        {int(day) for start in each for day in days[start : start + span]}
        for each in (splits.train_indices, splits.val_indices, splits.test_indices)
    ]
    assert not touched[0] & touched[1]
    assert not touched[0] & touched[2]
    assert not touched[1] & touched[2]


@settings(max_examples=50, deadline=None)
@given(panels())
def test_a_part_of_the_training_is_whole_blocks_of_the_calendar(
    drawn: tuple[list[Asset], Series, ChunkSplitter],
) -> None:
    _, series, splitter = drawn
    splits = split_or_reject(series, splitter)
    parts = [set(splitter.get_training_part(splits, share).tolist()) for share in (0.3, 0.6, 1.0)]
    assert parts[0] <= parts[1] <= parts[2] == set(splits.train_indices.tolist())
    assert len(parts[0]) >= 0.3 * splits.train_indices.size - 1
    first, stop = splits.days(splits.train_indices)
    blocks = [
        set(range(begin // splitter.chunk_rows, (end - 1) // splitter.chunk_rows + 1))
        for begin, end in zip(first.tolist(), stop.tolist(), strict=True)
    ]
    chosen = [blocks[place] for place, start in enumerate(splits.train_indices.tolist()) if start in parts[0]]
    inside = set().union(*chosen)
    assert all(
        start in parts[0]
        for start, touched in zip(splits.train_indices.tolist(), blocks, strict=True)
        if touched <= inside
    )


def test_one_asset_without_a_hole_is_split_as_ever() -> None:
    series = make_panel([Asset(tuple(range(120)), trains=True)])
    splitter = ChunkSplitter(120, CONTEXT, HORIZON, 0.2, 0.2, seed=3, chunk_length=10)
    one, other = splitter.split(), splitter.split(series.timeline)
    assert one.train_indices.tolist() == other.train_indices.tolist()
    assert one.val_indices.tolist() == other.val_indices.tolist()
    assert one.test_indices.tolist() == other.test_indices.tolist()


def test_two_assets_on_one_day_are_not_independent() -> None:
    day = np.array([*range(10), *range(10)], dtype=np.int64)  # two assets, one below the other
    with pytest.raises(ValueError, match="training and validation samples share 2 days, the first is row 4"):
        SplitIndices(
            np.array([0, 2], dtype=np.int64),  # of the first asset: days 0 to 3 and 2 to 5
            np.array([14], dtype=np.int64),  # of the second: days 4 to 7
            np.array([8], dtype=np.int64),
            4,
            ((4, 8),),
            ((8, 12),),
            day=np.concatenate([day, [10, 11]]),
        )


def test_a_hole_in_one_series_is_crossed_by_no_sample() -> None:
    days = tuple(day for day in range(120) if not 53 <= day < 68)
    series = make_panel([Asset(days, trains=True)])
    splitter = ChunkSplitter(len(days), CONTEXT, HORIZON, 0.2, 0.2, chunk_length=10)
    splits = splitter.split(series.timeline)
    everything = np.concatenate([splits.train_indices, splits.val_indices, splits.test_indices])
    numbers = day_numbers(series)
    assert all(np.diff(numbers[start : start + splitter.span]).max() <= 10 for start in everything)
    assert everything.size < sum(
        each.size
        for each in (splitter.split().train_indices, splitter.split().val_indices, splitter.split().test_indices)
    )


def test_assets_that_leave_nothing_are_refused_in_words() -> None:
    series = make_panel([Asset(tuple(range(0, 120, 2)), trains=True)])
    splitter = ChunkSplitter(60, CONTEXT, HORIZON, 0.2, 0.2, chunk_length=10, max_gap_days=1)
    with pytest.raises(UserError, match="leave no training sample .* no hole of more than 1 days"):
        splitter.split(series.timeline)
    with pytest.raises(ValueError, match="a calendar of 60 days is not the 61"):
        ChunkSplitter(61, CONTEXT, HORIZON, 0.2, 0.2, chunk_length=10).split(series.timeline)


def test_the_calendar_is_every_assets() -> None:
    series = make_panel([Asset((0, 1, 5), trains=True), Asset((1, 2), trains=False)])
    timeline = series.timeline
    assert timeline.total_days == 4
    assert timeline.day.tolist() == [0, 1, 3, 1, 2]
    assert timeline.asset.tolist() == [0, 0, 0, 1, 1]
    assert timeline.gap.tolist()[1:3] == [1, 4]
    assert timeline.trains.tolist() == [True, True, True, False, False]
    assert series.calendar.tolist() == [FIRST + timedelta(days=day) for day in (0, 1, 2, 5)]
