"""How long a history the protocol would take: on the real data, and held against a history that is as long."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.samples.experiment import Experiment
from runtime.samples.few_positives import FEW_POSITIVES
from runtime.samples.history import missing_history, years_of
from runtime.script.plan import print_experiment
from tests.helpers.market import make_daily, make_experiment, make_series, real_series

GENERATED = {"context_length": 60, "chunk_length": 201}


def real(timescale: str, threshold: float) -> Experiment:
    series = real_series(timescale)
    experiment = make_experiment(series, timescale=timescale, **GENERATED)
    return replace(experiment, labels=series.labels(threshold=threshold, horizon=1, price="high"))


@pytest.mark.parametrize(
    ("timescale", "threshold", "sentences"),
    [
        ("daily", 0.01, []),
        (
            "daily",
            0.05,
            [
                "15 of 7247 labelled bars in 29 years are positive; at this rate 10 in every split take about "
                "200 years, give or take 26%, and more where positives cluster"
            ],
        ),
        (
            "weekly",
            0.01,
            [
                "with fewer than 3 chunks in validation or test, intervals over chunks are undefined; these data are "
                "1500 bars in 29 years, it takes 3417 bars, about 66 years, or chunks of at most 88 bars"
            ],
        ),
    ],
)
def test_what_the_real_data_lack(timescale: str, threshold: float, sentences: list[str]) -> None:
    assert missing_history(real(timescale, threshold)) == sentences


def one_positive_a_chunk(days: int) -> Experiment:
    """A positive in every 30 days, always a decision day of a chunk."""
    experiment = make_experiment(make_series(make_daily(days)), chunk_length=30)
    return replace(experiment, labels=(np.arange(days) % 30 == 10).astype(np.float64))


def fewest_positives(experiment: Experiment) -> int:
    return min(int(labels.sum()) for _, labels in experiment.split_labels())


@pytest.mark.parametrize("days", [400, 700, 1000])
def test_a_history_as_long_as_it_takes_holds_enough_positives(days: int) -> None:
    short = one_positive_a_chunk(days)
    assert fewest_positives(short) < FEW_POSITIVES
    (sentence,) = [each for each in missing_history(short) if "positive" in each]
    years = float(sentence.split("take about ")[1].split()[0])
    long = one_positive_a_chunk(round(days * years / years_of(short)))
    assert FEW_POSITIVES <= fewest_positives(long) <= 1.5 * FEW_POSITIVES


def test_shorter_chunks_that_are_suggested_suffice() -> None:
    series = real_series("weekly")
    (sentence,) = missing_history(make_experiment(series, timescale="weekly", **GENERATED))
    longest = int(sentence.split("chunks of at most ")[1].split()[0])
    for chunk_length, enough in ((longest, True), (longest + 1, False)):
        experiment = make_experiment(series, timescale="weekly", context_length=60, chunk_length=chunk_length)
        assert (missing_history(experiment) == []) == enough


def test_without_any_positive_no_history_is_named() -> None:
    experiment = one_positive_a_chunk(1000)
    (sentence,) = missing_history(replace(experiment, labels=np.zeros(1000)))
    assert sentence.startswith("0 of 1000 labelled bars in 4 years are positive, which gives no rate")


def test_the_plan_says_what_is_missing(capsys: pytest.CaptureFixture[str]) -> None:
    experiment = real("daily", 0.05)
    print_experiment(experiment)
    printed = capsys.readouterr().out
    for sentence in (*experiment.thin_splits(), *missing_history(experiment)):
        assert f"  warning: {sentence}\n" in printed


def test_a_plan_of_one_class_in_training_ends_with_the_refusal(capsys: pytest.CaptureFixture[str]) -> None:
    experiment = replace(one_positive_a_chunk(1000), labels=np.zeros(1000))
    with pytest.raises(UserError, match="every training label is 0"):
        print_experiment(experiment)
    assert "warning: training holds 0 of " in capsys.readouterr().out
