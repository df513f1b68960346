"""What baselines read of a sample: its newest row, and summaries of its own last bars, never of a bar outside."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.judging.inputs import BARS, recent_history, summarised_bars
from runtime.samples.experiment import Experiment
from runtime.samples.windows import WindowDataset
from tests.helpers import market
from tests.helpers.panel import make_panel_experiment
from tests.helpers.tiny import make_experiment

EXPERIMENT = make_experiment()
CHANNELS = EXPERIMENT.windows.num_channels


def long_experiment(context_length: int, seed: int = 0) -> Experiment:
    """Windows that are longer than the longest summary, or not."""
    series = market.make_series(market.make_daily(1500, seed=seed))
    return market.make_experiment(series, context_length=context_length, chunk_length=2 * context_length)


def by_hand(window: np.ndarray[tuple[int, int], np.dtype[np.float64]], bars: list[int]) -> list[float]:
    """The newest row, then mean, spread and slope over the newest bars, by numpy."""
    found = list(window[-1])
    for count in bars:
        part = window[-count:]
        found += [*part.mean(axis=0), *part.std(axis=0), *np.polyfit(np.arange(count), part, 1)[0]]
    return found


@pytest.mark.parametrize("context_length", [1, 2, 4, 5, 8, 33, 60, 75])
def test_summaries_are_those_of_numpy_over_the_newest_bars(context_length: int) -> None:
    experiment = long_experiment(context_length)
    starts = experiment.splits.test_indices[:7]
    windows = experiment.windows.inputs(experiment.windows.starts(starts)).double().numpy()
    bars = summarised_bars(context_length)
    expected = [by_hand(window, bars) for window in windows]
    np.testing.assert_allclose(recent_history(experiment)(starts), expected, atol=1e-10)


def test_the_longest_summary_is_the_window_where_that_is_shorter() -> None:
    assert [summarised_bars(length) for length in (1, 2, 5, 8, 20, 40, 60, 200)] == [
        [],
        [2],
        [5],
        [5, 8],
        [5, 20],
        [5, 20, 40],
        [5, 20, 60],
        list(BARS),
    ]


def with_noise_outside(experiment: Experiment, start: int, seed: int) -> Experiment:
    """The same window in another world: every other row is another, and enormous or no number."""
    values = experiment.windows.values.numpy()
    random = np.random.default_rng(seed)
    other = random.choice(np.array([np.nan, np.inf, -1e30, 1e9], dtype=np.float32), size=values.shape)
    own = slice(start, start + experiment.splitter.context_length)
    other[own] = values[own]
    changed = replace(experiment)
    vars(changed)["_normalised"] = (
        WindowDataset(other, experiment.labels, experiment.splitter.context_length),
        experiment.normaliser,
    )
    return changed


@given(st.sampled_from([EXPERIMENT, make_panel_experiment(), long_experiment(60)]), st.data())
@settings(max_examples=60, deadline=None)
def test_nothing_outside_the_window_is_read(experiment: Experiment, data: st.DataObject) -> None:
    splits = experiment.splits
    starts = np.concatenate([splits.train_indices, splits.val_indices, splits.test_indices])
    chosen = starts[[data.draw(st.integers(0, starts.size - 1))]]
    other = with_noise_outside(experiment, int(chosen[0]), data.draw(st.integers(0, 99)))
    np.testing.assert_array_equal(recent_history(other)(chosen), recent_history(experiment)(chosen))


def test_feature_that_stands_still_has_no_spread_and_no_slope() -> None:
    still = replace(EXPERIMENT)
    values = np.full_like(EXPERIMENT.windows.values.numpy(), 0.1)
    vars(still)["_normalised"] = (WindowDataset(values, EXPERIMENT.labels, 8), EXPERIMENT.normaliser)
    summaries = recent_history(still)(EXPERIMENT.splits.test_indices)[:, CHANNELS:].reshape(-1, 2, 3, CHANNELS)
    np.testing.assert_array_equal(summaries[:, :, 0], np.float32(0.1))
    assert (summaries[:, :, 1:] == 0).all()


def test_many_samples_are_those_of_each(monkeypatch: pytest.MonkeyPatch) -> None:
    starts = EXPERIMENT.splits.train_indices
    whole = recent_history(EXPERIMENT)(starts)
    monkeypatch.setattr("runtime.judging.inputs._AT_ONCE", 50)
    np.testing.assert_array_equal(recent_history(EXPERIMENT)(starts), whole)
    assert whole.shape == (starts.size, CHANNELS * 7)
