"""Gathered samples against naive slices, and training samples that no held-out day can reach."""

from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from data.schema import PRICE_COLUMNS
from runtime.samples.experiment import Experiment
from runtime.samples.normaliser import Normaliser
from runtime.samples.windows import NORMALISERS, WindowDataset, make_windows
from tests.helpers.market import FEATURES, make_daily, make_experiment, make_series

SPLITS = ("train_indices", "val_indices", "test_indices")
CONTEXT = 5


def make(timescale: str = "daily", daily: pd.DataFrame | None = None, **protocol: Any) -> Experiment:
    market = make_daily(1500) if daily is None else daily
    return make_experiment(make_series(market, timescale), timescale=timescale, horizon=3, **protocol)


@pytest.mark.parametrize("timescale", ["daily", "weekly"])
@pytest.mark.parametrize("name", SPLITS)
def test_inputs_and_targets_are_naive_slices(name: str, timescale: str) -> None:
    experiment = make(timescale, context_length=CONTEXT)
    indices = getattr(experiment.splits, name)
    windows, normaliser = make_windows(experiment.series, experiment.labels, experiment.splits, CONTEXT)
    standardised = normaliser.apply(experiment.series.features)
    starts = windows.starts(indices)
    expected = np.stack([standardised[start : start + CONTEXT] for start in indices])
    assert starts.tolist() == indices.tolist()
    assert windows.inputs(starts).shape == (len(indices), CONTEXT, len(FEATURES))
    np.testing.assert_array_equal(windows.inputs(starts).numpy(), expected)
    np.testing.assert_array_equal(windows.targets(starts).numpy(), experiment.labels[indices + CONTEXT - 1])


def test_samples_come_in_the_order_that_was_asked_for() -> None:
    windows = make(context_length=CONTEXT).windows
    starts = torch.tensor([40, 3, 40, 0])
    one_by_one = torch.cat([windows.inputs(starts[i : i + 1]) for i in range(4)])
    assert torch.equal(windows.inputs(starts), one_by_one)


def test_inputs_and_targets_are_single_precision_and_known() -> None:
    experiment = make()
    starts = experiment.windows.starts(experiment.splits.test_indices)
    targets = experiment.windows.targets(starts)
    assert targets.dtype == experiment.windows.inputs(starts).dtype == torch.float32
    assert set(targets.tolist()) == {0.0, 1.0}


def test_overlapping_windows_are_never_stored() -> None:
    features = np.arange(3000, dtype=np.float32).reshape(1000, 3)
    windows = WindowDataset(features, np.zeros(1000), context_length=100)
    assert windows._windows.shape == (901, 100, 3)
    assert windows._windows.untyped_storage().data_ptr() == windows.values.untyped_storage().data_ptr()
    assert windows.values.untyped_storage().nbytes() == features.nbytes


def test_a_copy_for_another_device_holds_the_same_samples() -> None:
    windows = make().windows
    copy, starts = windows.to("cpu"), torch.tensor([0, 7])
    assert torch.equal(copy.inputs(starts), windows.inputs(starts))
    assert torch.equal(copy.targets(starts), windows.targets(starts))
    assert copy.device == windows.device == torch.device("cpu")
    assert copy.num_channels == windows.num_channels == len(FEATURES)


@pytest.mark.parametrize("name", SPLITS)
def test_a_sample_without_a_label_is_refused(name: str) -> None:
    experiment = make(context_length=CONTEXT)
    labels = experiment.labels.copy()
    labels[getattr(experiment.splits, name)[-1] + CONTEXT - 1] = np.nan
    with pytest.raises(ValueError, match=f"{name} holds samples without a label; split with the horizon"):
        make_windows(experiment.series, labels, experiment.splits, CONTEXT)


def statistics_of(experiment: Experiment) -> dict[str, bytes]:
    return {name: values.tobytes() for name, values in asdict(experiment.normaliser).items()}


def test_a_search_subset_is_standardised_by_all_training_rows() -> None:
    experiment = make(context_length=CONTEXT)
    everything = Normaliser.fit(
        experiment.series.features, experiment.splits, context_length=CONTEXT, feature_columns=FEATURES
    )
    assert statistics_of(experiment) == {"mean": everything.mean.tobytes(), "std": everything.std.tobytes()}


def overwrite_held_out_days(experiment: Experiment) -> pd.DataFrame:
    """Return the daily frame with garbage in every price and feature of every held-out chunk's days."""
    daily, bars = experiment.series.daily.copy(), experiment.series.bars
    for first, stop in experiment.splits.val_chunks + experiment.splits.test_chunks:
        days = slice(bars.first_day[first], bars.last_day[stop - 1])
        daily.loc[days, [*PRICE_COLUMNS, *FEATURES]] = 1e30
    return daily


@pytest.mark.parametrize("normalisation", NORMALISERS)
@pytest.mark.parametrize("timescale", ["daily", "2d", "5d", "weekly"])
@pytest.mark.parametrize("mode", ["scattered", "contiguous"])
def test_garbage_in_every_held_out_day_leaves_training_bit_identical(
    timescale: str, mode: str, normalisation: str
) -> None:
    experiment = make(timescale, context_length=CONTEXT, chunk_length=12, mode=mode)
    spoilt = make(timescale, overwrite_held_out_days(experiment), context_length=CONTEXT, chunk_length=12, mode=mode)
    experiment, spoilt = (replace(each, normalisation=normalisation) for each in (experiment, spoilt))
    starts = experiment.windows.starts(experiment.splits.train_indices)
    for part in (WindowDataset.inputs, WindowDataset.targets):
        clean, found = part(experiment.windows, starts), part(spoilt.windows, starts)
        assert clean.numpy().tobytes() == found.numpy().tobytes()
    assert statistics_of(spoilt) == statistics_of(experiment)
    held_out = experiment.windows.starts(experiment.splits.val_indices)
    assert not torch.equal(spoilt.windows.inputs(held_out), experiment.windows.inputs(held_out))


def test_windows_are_standardised_once() -> None:
    experiment = make()
    assert experiment.windows is experiment.windows
    assert replace(experiment).windows is not experiment.windows


def test_masked_windows_keep_their_newest_row_alone() -> None:
    experiment = make(context_length=CONTEXT)
    plain, masked = experiment.windows, replace(experiment, newest_row_only=True).windows
    starts = plain.starts(experiment.splits.test_indices[:9])
    windows = masked.inputs(starts)
    assert torch.equal(windows[:, -1], plain.inputs(starts)[:, -1])
    assert (windows[:, :-1] == 0).all()
    assert masked.to("meta").newest_row_only
    assert not plain.newest_row_only
    assert torch.equal(masked.values, plain.values), "masking one sample's rows leaves its neighbours' alone"
    assert torch.equal(masked.targets(starts), plain.targets(starts))
