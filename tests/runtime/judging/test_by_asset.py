"""A panel is judged by the calendar: chunks of unequal size, each asset, and the assets that never trained."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy import stats

from runtime.arrays import Floats, Indices
from runtime.judging.by_asset import asset_reports
from runtime.judging.evaluation import log_loss, log_losses
from runtime.judging.intervals import chunk_numbers, forecast_intervals, paired_difference, resampled_chunks
from runtime.judging.judge import Judge
from runtime.judging.judged_days import by_day, days_in_common, judged_test_days
from runtime.judging.predictions import prediction_table
from runtime.samples.experiment import Experiment
from tests.helpers.panel import Asset, make_panel, make_panel_experiment


def unequal(chunks: int) -> tuple[Floats, Floats, Floats, Indices]:
    """Labels, two forecasts and chunks of 5, 10, 15, ... samples, in no order."""
    random = np.random.default_rng(4)
    chunk_of = random.permutation(np.repeat(np.arange(chunks), 5 * np.arange(1, chunks + 1)))
    labels = (random.random(chunk_of.size) < 0.4).astype(float)
    return labels, random.normal(size=labels.size), random.normal(size=labels.size), chunk_of


def test_a_difference_over_unequal_chunks_is_that_of_all_samples_with_a_clustered_error() -> None:
    labels, model, rival, chunk_of = unequal(6)
    each = log_losses(labels, model) - log_losses(labels, rival)
    found = paired_difference(labels, model, rival, chunk_of)["log_loss"]
    assert found["difference"] == pytest.approx(each.mean())
    # The textbook's cluster-robust variance of a mean: squared sums of residuals by cluster.
    sums = np.bincount(chunk_of, each - each.mean())
    error = np.sqrt(6 / 5 * (sums**2).sum()) / each.size
    half = stats.t.ppf(0.975, 5) * error
    assert found["t"] == pytest.approx([each.mean() - half, each.mean() + half])
    draws = [np.average(each, weights=weights[chunk_of]) for weights in resampled_chunks(6) if weights[chunk_of].any()]
    ends = np.quantile(draws, 0.025, method="lower"), np.quantile(draws, 0.975, method="higher")
    assert found["bootstrap"] == pytest.approx(ends)


def test_a_loss_over_unequal_chunks_lies_in_the_middle_of_its_interval() -> None:
    labels, model, _, chunk_of = unequal(6)
    low, high = forecast_intervals(labels, model, chunk_of, train_base_rate=0.4)["log_loss"]["t"]
    assert (low + high) / 2 == pytest.approx(log_loss(labels, model))


def test_each_asset_is_judged_on_its_own_samples() -> None:
    labels, model, rival, chunk_of = unequal(5)
    series = make_panel([Asset((0, 1), trains=True), Asset((0, 1), trains=False), Asset((0,), trains=True)])
    asset_of = np.arange(labels.size) % 2
    found = asset_reports(series, asset_of, labels, {"model": model, "rival": rival}, chunk_of)
    assert list(found["assets"]) == ["A0", "A1"], "A2 has no sample"
    for number, name in enumerate(found["assets"]):
        mine = asset_of == number
        assert found["assets"][name] == {
            "samples": int(mine.sum()),
            "positives": int(labels[mine].sum()),
            "trains": name == "A0",
            "log_loss": {
                "model": pytest.approx(log_loss(labels[mine], model[mine])),
                "rival": pytest.approx(log_loss(labels[mine], rival[mine])),
            },
        }
    better = [each["log_loss"]["model"] < each["log_loss"]["rival"] for each in found["assets"].values()]
    told = found["better_than"]["rival"]
    assert (told["assets"], told["of"]) == (sum(better), 2)
    assert 0 <= told["bootstrap"][0] <= told["assets"] <= told["bootstrap"][1] <= 2


def test_a_model_that_is_better_everywhere_is_better_in_every_resample() -> None:
    labels, _, rival, chunk_of = unequal(5)
    series = make_panel([Asset((0, 1), trains=True)] * 2)
    right = rival + 3 * (2 * labels - 1)
    found = asset_reports(series, np.arange(labels.size) % 2, labels, {"model": right, "rival": rival}, chunk_of)
    assert found["better_than"]["rival"] == {"assets": 2, "of": 2, "bootstrap": [2.0, 2.0]}
    few = asset_reports(series, np.arange(2), labels[:2], {"model": right[:2], "rival": rival[:2]}, np.arange(2))
    assert few["better_than"]["rival"]["bootstrap"] is None
    assert few["better_than"]["rival"]["undefined"] == {"bootstrap": "2 chunks are fewer than 3"}


def noise(indices: Indices) -> Floats:
    return np.random.default_rng(indices).normal(size=indices.size)


def judged(experiment: Experiment, folder: Path) -> dict[str, Any]:
    judge = Judge(experiment, noise, folder, folder / "cache")
    return judge.validation() | judge.test({"opening": 1})


def test_assets_that_never_train_are_judged_apart_and_on_test_alone(tmp_path: Path) -> None:
    experiment = make_panel_experiment()
    splits, series = experiment.splits, experiment.series
    assert set(series.asset_of[splits.train_indices]) == set(series.asset_of[splits.val_indices]) == {0, 1}
    assert set(series.asset_of[splits.test_indices]) == {0, 1, 2}
    record = judged(experiment, tmp_path)
    unseen = splits.test_indices[series.asset_of[splits.test_indices] == 2]
    model = record["unseen"]["model"]
    assert (model["samples"], model["log_loss"]) == (
        unseen.size,
        pytest.approx(log_loss(experiment.labels_of(unseen), noise(splits.test_indices)[-unseen.size :])),
    )
    assert list(record["by_asset"]["validation"]["assets"]) == ["A0", "A1"]
    assert record["by_asset"]["test"]["assets"]["A2"]["log_loss"]["model"] == pytest.approx(model["log_loss"])
    assert record["test"]["model"]["samples"] == splits.test_indices.size
    everyone = make_panel_experiment(unseen=0)
    assert judged(everyone, tmp_path / "all")["unseen"] is None


def test_forecasts_of_a_panel_name_their_asset_and_chunk() -> None:
    experiment = make_panel_experiment()
    splits, series = experiment.splits, experiment.series
    indices = splits.test_indices
    table = prediction_table(experiment, "test", indices, splits.test_chunks, {"model": noise(indices)})
    rows = experiment.decision_rows(indices)
    assert table["asset"].tolist() == [series.assets[number] for number in series.asset_of[rows]]
    calendar = series.calendar
    for chunk, (start, stop) in enumerate(splits.test_chunks):
        dates = table.loc[table["chunk"] == chunk, "date"].to_numpy().astype("datetime64[D]")
        assert dates.min() >= calendar[start]
        assert dates.max() < calendar[stop - 1]


def test_a_chunk_without_a_sample_counts_for_nothing(tmp_path: Path) -> None:
    whole = make_panel_experiment(unseen=0)
    start, stop = whole.splits.test_chunks[0]
    inside = set(range(start, stop))
    sixths = {day for day in inside if day % 6 == 0}  # of the two assets no sample fits between these days
    series = make_panel(
        [
            Asset(tuple(day for day in range(400) if day not in inside - sixths), trains=True),
            Asset(tuple(sorted(inside - sixths)), trains=True),
        ]
    )
    splitter = replace(whole.splitter, max_gap_days=1)
    labels = series.labels(threshold=0.01, horizon=1, price="high")
    splits = splitter.split(series.timeline)
    experiment = replace(whole, series=series, labels=labels, splitter=splitter, splits=splits)
    numbers = chunk_numbers(splits.days(splits.test_indices)[0], splits.test_chunks)
    assert 0 not in numbers
    report = judged(experiment, tmp_path)["test"]["model"]
    assert report["chunks"] == len(splits.test_chunks) - 1 == np.unique(numbers).size


def test_the_days_of_a_panel_are_those_of_all_its_assets() -> None:
    experiment = make_panel_experiment()
    days = judged_test_days(experiment)
    assert len(days) == len(experiment.splits.test_chunks)
    assert all(each in by_day(days) for each in _decided(experiment))
    moved = experiment.series.daily.copy()
    moved.loc[experiment.series.asset_of == 2, ["Open", "High", "Low", "Close"]] *= 7
    scaled = replace(experiment, series=replace(experiment.series, daily=moved))
    assert judged_test_days(scaled) == days, "a scale is no other question"
    moved.loc[experiment.series.asset_of == 2, "High"] *= np.random.default_rng(1).uniform(1, 1.2, len(moved))[-360:]
    assert judged_test_days(scaled) != days, "the last asset is judged, too"
    random = np.random.default_rng(0)
    other = experiment.series.daily.copy()
    other["High"] *= random.uniform(1, 1.2, len(other))
    assert not days_in_common(
        judged_test_days(replace(experiment, series=replace(experiment.series, daily=other))), days
    )


def _decided(experiment: Experiment) -> list[Any]:
    rows = experiment.decision_rows(experiment.splits.test_indices)
    decided: list[Any] = experiment.series.dates[rows].tolist()
    return decided
