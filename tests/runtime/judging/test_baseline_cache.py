"""The cache gives the same numbers, or none: never those of another question, and never damaged ones."""

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.arrays import Floats
from runtime.judging import baseline_cache
from runtime.judging.baseline_cache import baseline_logits, boosting_choice
from runtime.judging.baselines import BASELINES, fit_baselines
from runtime.judging.boosting import SIZES, Size
from runtime.samples.experiment import Experiment
from tests.helpers.tiny import make_experiment, with_labels

EXPERIMENT = make_experiment()
VALIDATION, TEST = EXPERIMENT.splits.val_indices, EXPERIMENT.splits.test_indices


@pytest.fixture
def fits(monkeypatch: pytest.MonkeyPatch) -> list[Experiment]:
    """The experiments that the baselines were fitted for."""
    fitted: list[Experiment] = []

    def fit(experiment: Experiment) -> dict[str, Callable[..., Floats]]:
        fitted.append(experiment)
        return fit_baselines(experiment)

    monkeypatch.setattr(baseline_cache, "fit_baselines", fit)
    return fitted


def assert_same(one: dict[str, Floats], other: dict[str, Floats]) -> None:
    assert list(one) == list(other)
    for name, values in one.items():
        np.testing.assert_array_equal(values, other[name])


def test_hit_gives_identical_numbers_without_fitting(tmp_path: Path, fits: list[Experiment]) -> None:
    first = baseline_logits(EXPERIMENT, VALIDATION, tmp_path)
    assert_same(baseline_logits(make_experiment(), VALIDATION, tmp_path), first)
    assert_same(first, {name: forecast(VALIDATION) for name, forecast in fit_baselines(EXPERIMENT).items()})
    assert len(fits) == 1


def test_budget_and_phase_share_their_baselines(tmp_path: Path, fits: list[Experiment]) -> None:
    baseline_logits(EXPERIMENT, VALIDATION, tmp_path)
    baseline_logits(replace(EXPERIMENT, name="other", phase="phase9", budget="2B"), VALIDATION, tmp_path)
    assert len(fits) == 1


OTHERS: dict[str, Callable[[], Experiment]] = {
    "another split": lambda: make_experiment(split_seed=2),
    "the same samples by another protocol": lambda: replace(EXPERIMENT, splitter=replace(EXPERIMENT.splitter, seed=2)),
    "other data": lambda: replace(EXPERIMENT, series=replace(EXPERIMENT.series, content_sha256="1" * 64)),
    "features on another scale": lambda: replace(EXPERIMENT, normalisation="quantiles"),
    "other features": lambda: replace(EXPERIMENT, series=replace(EXPERIMENT.series, feature_columns=("a", "b", "c"))),
    "another task": lambda: replace(EXPERIMENT, task="threshold_2pct"),
    "another threshold": lambda: replace(EXPERIMENT, threshold=0.02),
    "another label price": lambda: replace(EXPERIMENT, label_price="close"),
    "another horizon": lambda: replace(EXPERIMENT, horizon=2),
    "another timescale": lambda: replace(EXPERIMENT, timescale="weekly"),
    "fewer training samples": lambda: replace(
        EXPERIMENT, splits=EXPERIMENT.splits.with_train(EXPERIMENT.splits.train_indices[:200])
    ),
    "another training label": lambda: (
        with_labels(EXPERIMENT, EXPERIMENT.splits.train_indices[:1], 1.0)
        if EXPERIMENT.labels_of(EXPERIMENT.splits.train_indices[:1]) == 0
        else with_labels(EXPERIMENT, EXPERIMENT.splits.train_indices[:1], 0.0)
    ),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_another_question_misses(other: Callable[[], Experiment], tmp_path: Path, fits: list[Experiment]) -> None:
    baseline_logits(EXPERIMENT, VALIDATION, tmp_path)
    baseline_logits(other(), VALIDATION, tmp_path)
    assert len(fits) == len(list(tmp_path.iterdir())) == 2


def test_another_split_another_version_and_other_settings_miss(
    tmp_path: Path, fits: list[Experiment], monkeypatch: pytest.MonkeyPatch
) -> None:
    baseline_logits(EXPERIMENT, VALIDATION, tmp_path)
    baseline_logits(EXPERIMENT, TEST, tmp_path)
    monkeypatch.setattr("sklearn.__version__", "0.0")
    baseline_logits(EXPERIMENT, VALIDATION, tmp_path)
    monkeypatch.setattr(baseline_cache, "BASELINES", [replace(BASELINES[1], settings={"decay": 0.5})])
    baseline_logits(EXPERIMENT, VALIDATION, tmp_path)
    assert len(fits) == 4


def test_the_size_of_boosting_is_kept_with_its_losses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chosen: list[Experiment] = []

    def losses(experiment: Experiment) -> dict[Size, float]:
        chosen.append(experiment)
        return dict(zip(SIZES, (0.5, 0.4, 0.3, 0.2, 0.3, 0.4), strict=True))

    monkeypatch.setattr(baseline_cache, "size_losses", losses)
    told = [boosting_choice(replace(EXPERIMENT, budget=budget), tmp_path) for budget in ("2M", "2B")]
    assert told[0] == told[1]
    assert (told[0]["max_leaf_nodes"], told[0]["max_iter"], len(told[0]["losses"])) == (15, 50, 6)
    assert len(chosen) == len(list(tmp_path.iterdir())) == 1
    boosting_choice(OTHERS["another training label"](), tmp_path)
    assert len(chosen) == 2


def test_that_no_size_could_be_chosen_is_kept_too(tmp_path: Path) -> None:
    told = [boosting_choice(make_experiment(), tmp_path) for _ in range(2)]
    assert told[0] == told[1]
    assert told[0]["losses"] is None
    assert len(list(tmp_path.iterdir())) == 1


def test_no_held_out_label_reaches_the_key(tmp_path: Path, fits: list[Experiment]) -> None:
    baseline_logits(EXPERIMENT, TEST, tmp_path)
    baseline_logits(with_labels(EXPERIMENT, TEST, 0.0), TEST, tmp_path)
    assert len(fits) == 1


def change_a_number(content: dict[str, Any]) -> None:
    content["logits"]["gradient_boosting"][3] += 1e-9


def change_the_question(content: dict[str, Any]) -> None:
    content["key"]["horizon"] = 5


@pytest.mark.parametrize("damage", [change_a_number, change_the_question, dict.clear])
def test_changed_cache_is_not_trusted(
    damage: Callable[[dict[str, Any]], None], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    first = baseline_logits(EXPERIMENT, VALIDATION, tmp_path)
    (path,) = tmp_path.iterdir()
    content = json.loads(path.read_text())
    damage(content)
    path.write_text(json.dumps(content))
    assert_same(baseline_logits(EXPERIMENT, VALIDATION, tmp_path), first)
    assert f"warning: {path} is damaged (" in capsys.readouterr().err
    assert_same(baseline_logits(EXPERIMENT, VALIDATION, tmp_path), first)
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"null", b"\xff\xfe"])
def test_corrupt_cache_is_computed_again(content: bytes, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = baseline_logits(EXPERIMENT, VALIDATION, tmp_path)
    (path,) = tmp_path.iterdir()
    path.write_bytes(content)
    assert_same(baseline_logits(EXPERIMENT, VALIDATION, tmp_path), first)
    assert "is damaged" in capsys.readouterr().err
