"""The same question asked of several datasets: side by side, never pooled."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from runtime.records.results import Result
from runtime.report.figures.markets import markets_forest
from runtime.report.markets import Answer, answers, markets_table, markets_words
from runtime.report.phase import ReportedExperiment, ReportedPhase
from runtime.report.runs import ReportedRun
from tests.helpers.scaling_records import difference, record

TITLE = "2M_threshold_1pct"
NOISE = np.array([-0.001, 0.001, 0.0, -0.0005, 0.0005])


def run(budget: str = "2M", seed: int = 42, alone: float = 0.0, state: str = "finished", **changes: Any) -> ReportedRun:
    whole = record(budget, seed, **changes)
    whole["test"]["logistic_regression"]["model_minus_this"]["log_loss"] = difference(alone + NOISE)
    return ReportedRun(f"train_{TITLE}", Path(f"train_{TITLE}/result.json"), msgspec.convert(whole, Result), "", state)


def phase(name: str, *runs: ReportedRun, title: str = TITLE) -> ReportedPhase:
    experiment = ReportedExperiment(title, "2M", "threshold_1pct", runs=list(runs))
    return ReportedPhase(name, Path(), [experiment], [], [])


def test_an_answer_needs_the_same_question_of_two_datasets() -> None:
    spx, aapl = phase("phase6a", run()), phase("phase6a/AAPL", run())
    found = answers([spx, aapl])
    assert [(each.phase, each.question, each.dataset) for each in found] == [
        ("phase6a", TITLE, "SPX"),
        ("phase6a", TITLE, "AAPL"),
    ]
    assert answers([spx]) == []
    assert answers([spx, phase("phase6b/AAPL", run())]) == []
    assert answers([spx, phase("phase6a/AAPL", run(), title="2M_threshold_3pct")]) == []
    assert answers([spx, phase("phase6a/AAPL", run(state="failed"))]) == []


def both(alone: float) -> list[Answer]:
    return answers([phase("phase6a", run(alone=0.0)), phase("phase6a/AAPL", run(alone=alone))])


def test_the_table_holds_each_difference_with_its_own_interval() -> None:
    table = markets_table(both(-0.01))
    assert [row[1].text for row in table.rows] == ["SPX", "AAPL"]
    assert [row[2].text for row in table.rows] == ["test", "test"]
    assert [row[5].text for row in table.rows] == ["logistic regression"] * 2
    assert [row[6].text for row in table.rows] == ["+0.0000", "−0.0100"]


@pytest.mark.parametrize(
    ("alone", "told"),
    [
        (-0.01, "The model is better than its best rival on AAPL (2M threshold 1pct)."),
        (0.01, "The model is worse than its best rival on AAPL (2M threshold 1pct)."),
        (0.0, "The model cannot be told apart from its best rival on SPX (2M threshold 1pct) and AAPL (2M "),
    ],
)
def test_the_words_say_where_the_model_is_better(alone: float, told: str) -> None:
    words = markets_words([phase("phase6a", run()), phase("phase6a/AAPL", run())], both(alone))
    assert told in " ".join(words)
    assert words[-1].startswith("Datasets that share days are not independent evidence")


def sizes(name: str, slope: float) -> ReportedPhase:
    """Three sizes of five seeds each; the loss changes by so much from one to the next."""
    runs = [
        run(budget, seed, loss=0.45 + slope * step + 1e-4 * seed)
        for step, budget in enumerate(("2M", "20M", "200M"))
        for seed in range(42, 47)
    ]
    return phase(name, *runs)


@pytest.mark.parametrize(("slope", "same"), [(0.0, "the same on every dataset"), (-0.02, "not the same on every")])
def test_whether_size_helps_is_said_of_every_dataset(slope: float, same: str) -> None:
    words = markets_words([sizes("phase6a", 0.0), sizes("phase6a/AAPL", slope)], both(0.0))
    (told,) = [each for each in words if each.startswith("Does size help? The answer of phase6a is ")]
    assert same in told
    assert "SPX: not shown to" in told
    assert ("AAPL: a larger model helps in 1 of 1 questions" in told) is (slope < 0)


def test_where_nothing_of_several_sizes_was_trained_that_is_said_once() -> None:
    words = markets_words([phase("phase6a", run()), phase("phase6a/AAPL", run())], both(0.0))
    assert "Does size help? phase6a cannot say it on any dataset: too few sizes or seeds were trained." in words


def test_the_forest_names_every_row() -> None:
    picture = markets_forest(both(-0.01))
    assert "SPX · 2M threshold 1pct, logistic regression, test +0.0000" in picture.alt
    assert "AAPL · 2M threshold 1pct, logistic regression, test −0.0100" in picture.alt
