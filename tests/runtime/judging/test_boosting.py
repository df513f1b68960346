"""Boosting is as large as blocks of training days say: never random rows, never a held-out day."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from runtime.arrays import Floats
from runtime.judging import boosting
from runtime.judging.baselines import fit_baselines
from runtime.judging.boosting import (
    BLOCKS,
    LEAST_SAMPLES,
    USUAL,
    Size,
    block_numbers,
    chosen_size,
    describe_choice,
    make_boosting,
    size_losses,
    thinned,
)
from runtime.judging.evaluation import log_loss
from runtime.judging.inputs import last_rows, recent_history
from runtime.samples.experiment import Experiment
from tests.helpers import market
from tests.helpers.panel import make_panel_experiment
from tests.helpers.tiny import make_experiment


def question(rows: int = 6000, *, interaction: bool = False) -> Experiment:
    """Labels by the sign of the first feature or, which takes deeper trees, of a product of three; one in ten wrong."""
    series = market.make_series(market.make_daily(rows))
    values, random = series.features - series.features.mean(axis=0), np.random.default_rng(0)
    signal = values.prod(axis=1) if interaction else values[:, 0]
    labels = ((signal > 0) ^ (random.random(rows) < 0.1)).astype(np.float64)
    experiment = market.make_experiment(series, context_length=8, chunk_length=100)
    return replace(experiment, labels=labels)


SIMPLE, DEEP = question(), question(interaction=True)


def test_more_leaves_are_chosen_where_they_are_needed_and_fewer_where_not() -> None:
    assert chosen_size(size_losses(SIMPLE)).leaves == 4
    assert chosen_size(size_losses(DEEP)).leaves == 15
    assert chosen_size({Size(4, 100): 0.5, Size(15, 50): 0.5}) == Size(4, 100), "the smaller one on a tie"
    assert USUAL in size_losses(DEEP)
    assert (USUAL.leaves, USUAL.rounds) == (4, 100)


def test_losses_are_those_of_fits_on_the_other_blocks() -> None:
    train = SIMPLE.splits.train_indices
    block, inputs, labels = block_numbers(SIMPLE.splits, train), last_rows(SIMPLE)(train), SIMPLE.labels_of(train)
    parts: list[Floats] = []
    for number in range(BLOCKS):
        others = (block >= 0) & (block != number)
        fitted = make_boosting(Size(15, 50)).fit(inputs[others], labels[others])
        parts.append(fitted.decision_function(inputs[block == number]))
    judged = np.concatenate([labels[block == number] for number in range(BLOCKS)])
    expected = log_loss(judged, np.concatenate(parts))
    assert size_losses(SIMPLE)[Size(15, 50)] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("experiment", [SIMPLE, make_experiment(), make_panel_experiment(5, 1)])
def test_blocks_share_no_day_and_are_stretches_of_the_calendar(experiment: Experiment) -> None:
    train = experiment.splits.train_indices
    block = block_numbers(experiment.splits, train)
    first, stop = experiment.splits.days(train)
    for number in range(BLOCKS - 1):
        assert stop[block == number].max() <= first[block == number + 1].min()
    sizes = np.bincount(block[block >= 0], minlength=BLOCKS)
    assert sizes.min() > 0.7 * sizes.max()
    assert 0 < (block < 0).sum() < 0.2 * train.size


def test_nothing_held_out_reaches_the_choice() -> None:
    held_out = np.concatenate([SIMPLE.splits.val_indices, SIMPLE.splits.test_indices])
    labels, features = SIMPLE.labels.copy(), SIMPLE.series.features.copy()
    labels[SIMPLE.decision_rows(held_out)] = 1 - labels[SIMPLE.decision_rows(held_out)]
    features[SIMPLE.decision_rows(held_out)] = 1e6
    other = replace(SIMPLE, labels=labels, series=replace(SIMPLE.series, features=features))
    assert size_losses(other) == size_losses(SIMPLE)


def test_the_choice_is_the_same_again() -> None:
    assert size_losses(question()) == size_losses(SIMPLE)


def test_too_few_training_samples_choose_nothing_and_say_so() -> None:
    for few in (make_experiment(), replace(SIMPLE, labels=np.where(np.arange(6000) % 1000, 0.0, 1.0))):
        losses = size_losses(few)
        assert losses == {}
        told = describe_choice(losses)
        assert (told["max_leaf_nodes"], told["max_iter"], told["losses"]) == (4, 100, None)
        assert told["undefined"]["losses"].startswith(f"a block of training days holds fewer than {LEAST_SAMPLES}")
    told = describe_choice(size_losses(DEEP))
    assert told["losses"]["15 leaves, 200 rounds"] == size_losses(DEEP)[Size(15, 200)]
    assert "undefined" not in told


def test_both_boostings_have_the_chosen_size_and_differ_in_what_they_read() -> None:
    train, test = DEEP.splits.train_indices, DEEP.splits.test_indices
    size, fitted = chosen_size(size_losses(DEEP)), fit_baselines(DEEP)
    for name, inputs in (("gradient_boosting", last_rows(DEEP)), ("boosting_history", recent_history(DEEP))):
        direct = make_boosting(size).fit(inputs(train), DEEP.labels_of(train))
        np.testing.assert_array_equal(fitted[name](test), direct.decision_function(inputs(test)))


def test_boosting_with_history_finds_what_only_history_tells() -> None:
    """Labels by the mean of the first feature over the last five bars."""
    values = SIMPLE.series.features[:, 0]
    mean = pd.Series(values).rolling(5).mean().to_numpy()
    remembering = replace(SIMPLE, labels=np.where(np.isnan(mean), np.nan, (mean > np.nanmedian(mean)).astype(float)))
    test = remembering.splits.test_indices
    fitted, labels = fit_baselines(remembering), remembering.labels_of(test)
    assert log_loss(labels, fitted["boosting_history"](test)) < 0.2
    assert log_loss(labels, fitted["gradient_boosting"](test)) > 0.5


def test_many_samples_are_thinned_evenly(monkeypatch: pytest.MonkeyPatch) -> None:
    for count, most, left in ((10, 10, 10), (10, 9, 5), (100, 30, 25), (1, 100, 1)):
        kept = thinned(np.arange(count), most)
        assert (kept.size, kept[0], set(np.diff(kept))) == (left, 0, {-(-count // most)} if left > 1 else set())
    monkeypatch.setattr(boosting, "MOST_SAMPLES", 2000)
    assert size_losses(replace(DEEP)) != size_losses(DEEP)
