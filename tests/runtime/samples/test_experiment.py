"""What a script establishes before any training: isolation in trading days, two classes, an identity."""

import json
from dataclasses import asdict, replace
from typing import Any

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.samples.bars import TIMESCALES
from runtime.samples.experiment import SPLITS, Experiment
from runtime.samples.few_positives import FEW_POSITIVES
from runtime.samples.normaliser import Normaliser
from runtime.samples.quantile_normaliser import QuantileNormaliser
from tests.helpers.market import make_daily, make_experiment, make_series, real_series

HORIZONS = (1, 2, 3, 5, 7)
GENERATED = {"context_length": 60, "chunk_length": 201}


def touched_days(experiment: Experiment, starts: Any) -> set[int]:
    """Trading days that samples read as input or label, one sample at a time."""
    bars = experiment.series.bars
    days: set[int] = set()
    for start in starts.tolist():
        decision_day = bars.last_day[start + experiment.splitter.context_length - 1]
        days.update(range(bars.first_day[start], decision_day + experiment.horizon + 1))
    return days


@pytest.mark.parametrize("timescale", TIMESCALES)
@pytest.mark.parametrize(
    ("horizon", "protocol"),
    [
        *((horizon, GENERATED) for horizon in HORIZONS),
        (7, {**GENERATED, "mode": "contiguous", "embargo": 5}),
        (7, {"context_length": 60, "chunk_length": None}),
    ],
)
def test_no_trading_day_of_the_real_series_is_shared(timescale: str, horizon: int, protocol: dict[str, Any]) -> None:
    experiment = make_experiment(real_series(timescale), timescale=timescale, horizon=horizon, **protocol)
    splits = experiment.splits
    train, val, test = (
        touched_days(experiment, starts) for starts in (splits.train_indices, splits.val_indices, splits.test_indices)
    )
    assert len(train | val | test) == len(train) + len(val) + len(test)
    assert experiment.day_isolation() == (
        f"trading days touched: training {len(train)}, validation {len(val)}, test {len(test)}; "
        "shared between splits: 0"
    )


@pytest.mark.parametrize("mode", ["scattered", "contiguous"])
@pytest.mark.parametrize(("timescale", "too_few"), [("daily", 6), ("2d", 3), ("3d", 2), ("5d", 1), ("weekly", 1)])
def test_a_split_with_too_small_a_horizon_shares_days_and_is_refused(timescale: str, too_few: int, mode: str) -> None:
    broken = make_experiment(
        real_series(timescale), timescale=timescale, horizon=7, horizon_in_bars=too_few, mode=mode, **GENERATED
    )
    with pytest.raises(ValueError, match=r"(training|validation) and (validation|test) samples share \d+ trading days"):
        broken.day_isolation()


def small(**changes: Any) -> Experiment:
    return replace(make_experiment(make_series(make_daily(1000)), chunk_length=30), **changes)


def with_positives(experiment: Experiment, **positives: int) -> Experiment:
    """Relabel: the named splits keep so many positives, the others alternate."""
    labels = np.arange(len(experiment.labels), dtype=np.float64) % 2
    splits = experiment.splits
    indices = dict(zip(SPLITS, (splits.train_indices, splits.val_indices, splits.test_indices), strict=True))
    for name, count in positives.items():
        decisions = indices[name] + experiment.splitter.context_length - 1
        labels[decisions] = 0
        labels[decisions[:count]] = 1
    return replace(experiment, labels=labels)


def test_split_labels_are_those_of_the_decision_rows() -> None:
    experiment = small()
    found = dict(experiment.split_labels())
    assert list(found) == ["training", "validation", "test"]
    for name, indices in (("training", "train_indices"), ("validation", "val_indices"), ("test", "test_indices")):
        decisions = [start + 4 for start in getattr(experiment.splits, indices)]
        assert found[name].tolist() == experiment.labels[decisions].tolist()


@pytest.mark.parametrize("name", SPLITS)
@pytest.mark.parametrize("label", [0, 1])
def test_one_class_is_refused_with_the_positives_of_every_split(name: str, label: int) -> None:
    sizes = {split: labels.size for split, labels in small().split_labels()}
    experiment = with_positives(small(), **{name: label * sizes[name]})
    counts = ", ".join(f"{split} {int(labels.sum())} of {sizes[split]}" for split, labels in experiment.split_labels())
    with pytest.raises(UserError) as refusal:
        experiment.require_two_classes(*SPLITS)
    assert str(refusal.value) == (
        f"every {name} label is {label} (positives: {counts}): threshold_1pct at horizon 1 cannot be answered "
        "by this split; use a longer horizon or a longer history"
    )


def test_one_class_in_a_split_that_was_not_named_is_accepted() -> None:
    with_positives(small(), test=0).require_two_classes("training", "validation")
    small().require_two_classes(*SPLITS)


@pytest.mark.parametrize("name", SPLITS)
@pytest.mark.parametrize("positives", [1, FEW_POSITIVES - 1])
def test_a_split_with_few_positives_is_called_thin(name: str, positives: int) -> None:
    experiment = with_positives(small(), **{name: positives})
    samples = dict(experiment.split_labels())[name].size
    (sentence,) = experiment.thin_splits()
    assert sentence.startswith(f"{name} holds {positives} of {samples} samples positive: ")
    assert "AUC" in sentence


@pytest.mark.parametrize("name", SPLITS)
@pytest.mark.parametrize("label", [0, 1])
def test_a_split_of_one_class_is_called_thin(name: str, label: int) -> None:
    samples = dict(small().split_labels())[name].size
    (sentence,) = with_positives(small(), **{name: label * samples}).thin_splits()
    assert sentence.startswith(f"{name} holds {label * samples} of {samples} samples positive: one class only")
    assert sentence.endswith("rank metrics are undefined")


def test_enough_positives_are_not_called_thin() -> None:
    assert with_positives(small(), validation=FEW_POSITIVES).thin_splits() == []


def test_the_identity_is_json_and_names_question_data_and_split() -> None:
    experiment = make_experiment(make_series(make_daily(1500), "2d"), timescale="2d", horizon=3, chunk_length=30)
    identity = experiment.identity()
    assert json.loads(json.dumps(identity, allow_nan=False)) == identity
    split = asdict(experiment.splitter)
    assert identity["split"] | {"max_gap_days": split.pop("max_gap_days")} == asdict(experiment.splitter)
    assert identity["split"] == split, "as records say that were made before there was a limit"
    other = replace(experiment, splitter=replace(experiment.splitter, max_gap_days=3))
    assert other.identity()["split"] == split | {"max_gap_days": 3}
    assert "normalisation" not in identity, "as records say that were made before there was another"
    assert replace(experiment, normalisation="quantiles").identity() == identity | {"normalisation": "quantiles"}
    assert identity["data_sha256"] == experiment.series.content_sha256
    named = ("phase", "budget", "task", "threshold", "label_price", "horizon", "timescale")
    assert {name: identity[name] for name in named} == {name: getattr(experiment, name) for name in named}
    assert identity["experiment"] == experiment.name


def test_only_known_normalisations_are_taken_and_each_makes_its_own_windows() -> None:
    with pytest.raises(UserError, match="normalisation 'ranks': allowed is 'standard' or 'quantiles'"):
        replace(small(), normalisation="ranks")
    standard, quantiles = small(), replace(small(), normalisation="quantiles")
    for experiment, kind in ((standard, Normaliser), (quantiles, QuantileNormaliser)):
        assert type(experiment.normaliser) is kind
        expected = experiment.normaliser.apply(experiment.series.features)
        np.testing.assert_array_equal(experiment.windows.values.numpy(), expected)


@pytest.mark.parametrize(
    "changed", [{"horizon": 2}, {"threshold": 0.02}, {"timescale": "2d"}, {"label_price": "close"}]
)
def test_another_question_has_another_identity(changed: dict[str, Any]) -> None:
    assert small(**changed).identity() != small().identity()
