"""Training on a part of the days: nested, isolated, the same for every seed, as long, and apart from real results."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from runtime.errors import UserError
from runtime.judging.baselines import fit_baselines
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.normaliser import Normaliser
from runtime.samples.splits import touched_rows
from runtime.script.arguments import Arguments
from runtime.training.training_part import recipe_for, train_on_part
from tests.helpers.tiny import CONTEXT_LENGTH, make_arguments, make_experiment, make_recipe, make_trainer
from tests.helpers.tiny_run import EXPERIMENT, openings, read, train

SPLITTERS = st.builds(
    ChunkSplitter,
    total_days=st.integers(400, 900),
    context_length=st.integers(2, 20),
    horizon=st.integers(1, 5),
    seed=st.integers(0, 99),
    chunk_length=st.one_of(st.none(), st.integers(25, 40)),
    mode=st.sampled_from(["scattered", "contiguous"]),
    embargo=st.integers(0, 5),
)
FRACTIONS = st.floats(0.01, 1.0)


@settings(max_examples=60, deadline=None)
@given(SPLITTERS, FRACTIONS, FRACTIONS)
def test_smaller_parts_lie_inside_larger_ones(splitter: ChunkSplitter, one: float, other: float) -> None:
    splits = splitter.split()
    small, large = (splitter.get_training_part(splits, fraction) for fraction in sorted((one, other)))
    assert set(small) <= set(large) <= set(splits.train_indices)
    np.testing.assert_array_equal(small, splitter.get_training_part(splits, min(one, other)))


@settings(max_examples=60, deadline=None)
@given(SPLITTERS, FRACTIONS)
def test_a_part_holds_whole_blocks_of_days_and_hardly_more_samples_than_asked(
    splitter: ChunkSplitter, fraction: float
) -> None:
    splits, rows = splitter.split(), splitter.chunk_rows
    part = splitter.get_training_part(splits, fraction)
    wanted = fraction * splits.train_indices.size
    # One more block adds its own samples and those that cross into both of its neighbours.
    assert wanted - 0.5 <= part.size <= max(1, wanted) + 2 * rows
    kept = touched_rows(part, part + splitter.span, splitter.total_days)
    blocks = {
        block for block in range(-(-splitter.total_days // rows)) if kept[block * rows : (block + 1) * rows].any()
    }
    touched = [{start // rows, (start + splitter.span - 1) // rows} for start in splits.train_indices.tolist()]
    inside = [start for start, each in zip(splits.train_indices.tolist(), touched, strict=True) if each <= blocks]
    assert part.tolist() == inside, "every training sample whose blocks are all kept is kept"
    splits.with_train(part)  # proves the isolation


def test_a_part_leaves_days_out_where_random_windows_touch_nearly_all() -> None:
    splitter = ChunkSplitter(7000, 60, 1, chunk_length=201)
    splits = splitter.split()
    shares = []
    for part in (splitter.get_training_part(splits, 0.25), splitter.get_hpo_subset(splits, 0.25)):
        rows = touched_rows(part, part + splitter.span, 7000)
        shares.append(rows.sum() / touched_rows(splits.train_indices, splits.train_indices + 61, 7000).sum())
    assert shares[0] < 0.35
    assert shares[1] > 0.9


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.1, float("nan")])
def test_impossible_fraction_is_refused(fraction: float) -> None:
    with pytest.raises(UserError, match="allowed is more than 0 and at most 1"):
        EXPERIMENT.splitter.get_training_part(EXPERIMENT.splits, fraction)


def test_no_fraction_changes_nothing() -> None:
    assert train_on_part(EXPERIMENT, None) is EXPERIMENT
    assert recipe_for(EXPERIMENT, make_recipe(), None) == make_recipe()


@pytest.mark.parametrize("fraction", [0.1, 0.25, 0.5, 0.9])
def test_a_part_takes_as_many_optimiser_steps(fraction: float) -> None:
    part = train_on_part(EXPERIMENT, fraction)
    recipe = recipe_for(part, make_recipe(), None)
    whole, few = make_trainer(EXPERIMENT), make_trainer(part)
    steps = few.steps_per_epoch * recipe.max_epochs
    assert abs(steps - whole.steps_per_epoch * whole.recipe.max_epochs) <= few.steps_per_epoch / 2
    assert recipe.patience >= make_recipe().patience


def test_statistics_and_baselines_see_the_kept_days_only() -> None:
    part = train_on_part(EXPERIMENT, 0.3)
    kept = part.splits.train_indices
    rows = touched_rows(kept, kept + CONTEXT_LENGTH, len(part.series))
    assert isinstance(part.normaliser, Normaliser)
    np.testing.assert_allclose(part.normaliser.mean, part.series.features[rows].mean(axis=0, dtype=np.float64))
    rate = fit_baselines(part)["base_rate"](kept[:1])
    assert 1 / (1 + np.exp(-rate[0])) == pytest.approx(part.labels_of(kept).mean())
    assert part.splits.val_indices is EXPERIMENT.splits.val_indices


@pytest.fixture(scope="module")
def part_run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Arguments, dict[str, Any]]:
    arguments = make_arguments(tmp_path_factory.mktemp("part"), train_fraction=0.5, seeds=2)
    return arguments, train(arguments, make_experiment(), max_epochs=2)


def test_record_says_which_part_and_counts_its_samples(part_run: tuple[Arguments, dict[str, Any]]) -> None:
    _, record = part_run
    assert (record["status"], record["train_fraction"], record["shortened_to_epochs"]) == ("finished", 0.5, None)
    assert 108 <= record["splits"]["training"]["samples"] < 216


def test_a_part_never_opens_the_test_and_leaves_no_model(part_run: tuple[Arguments, dict[str, Any]]) -> None:
    arguments, record = part_run
    assert (record["test"], record["test_opening"], openings(arguments)) == (None, None, [])
    assert read(arguments.output / "seed_8" / "result.json")["test"] is None
    assert not list(arguments.output.rglob("model.*"))


def test_finished_part_is_not_trained_again(
    part_run: tuple[Arguments, dict[str, Any]], capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, record = part_run
    assert train(arguments, max_epochs=2) == record
    assert "\nfinished already: " in capsys.readouterr().out


def test_a_part_of_another_fraction_is_another_training(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path, train_fraction=0.5)
    counts = []
    for fraction in (0.5, 0.25):  # in one folder, where only the record tells them apart
        asked = replace(arguments, train_fraction=fraction)
        record = train(asked, max_epochs=1)
        counts.append(record["splits"]["training"]["samples"])
    assert counts[0] > counts[1]
