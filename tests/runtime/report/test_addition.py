"""What a model adds is said first, in three sentences, and wherever runs stand side by side; a record may lack it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from runtime.records.results import Result
from runtime.report.addition import LACKS_IT, headline
from runtime.report.addition_tables import addition_table
from runtime.report.figures.addition import addition_to_rival
from runtime.report.overview import overview_tables
from runtime.report.phase import read_phase
from runtime.report.runs import ReportedRun, Unknown
from runtime.report.seeds import seeds_table
from runtime.report.tables import runs_table
from runtime.report.verdict import judge
from tests.helpers.scaling_records import difference, record, report, simulate, unopened, write

RIVAL = "logistic regression"
NOISE = np.array([-0.001, 0.001, 0.0, -0.0005, 0.0005])


def run_of(**changes: Any) -> ReportedRun:
    result = msgspec.convert(record() | changes, Result)
    return ReportedRun("train_2M_threshold_1pct", Path("result.json"), result, "", "finished")


def made(gain: float, alone: float, weight: float = 0.4) -> ReportedRun:
    """A run whose combination and whose model alone differ from the rival's loss by so much."""
    whole = record()
    whole["addition"]["weight"] = weight
    gains = whole["addition"]["test"]["minus_rival"]
    gains["combination"] = difference(gain + NOISE if weight else np.zeros(5))
    gains["second_fit"] = difference(-0.0008 + NOISE)
    whole["test"]["logistic_regression"]["model_minus_this"]["log_loss"] = difference(alone + NOISE)
    return run_of(**whole)


@pytest.mark.parametrize(
    ("gain", "alone", "line", "tone", "beginnings"),
    [
        (
            -0.0024,
            0.005,
            "Adds to its best rival, logistic regression, on test; by itself it is worse than it.",
            "good",
            ("It adds to", "By itself it is worse than"),
        ),
        (
            -0.0001,
            0.0001,
            "Not shown to add to its best rival, logistic regression, on test; "
            "by itself it is not shown to differ from it.",
            "open",
            ("It is not shown to add to", "By itself it cannot be told apart from"),
        ),
        (
            0.004,
            0.005,
            "Takes from its best rival, logistic regression, on test; by itself it is worse than it.",
            "bad",
            ("It takes from", "By itself it is worse than"),
        ),
        (
            -0.004,
            -0.004,
            "Adds to its best rival, logistic regression, on test; by itself it is better than it.",
            "good",
            ("It adds to", "By itself it is better than"),
        ),
    ],
)
def test_verdict_begins_with_three_sentences_in_the_order_of_their_use(
    gain: float, alone: float, line: str, tone: str, beginnings: tuple[str, str]
) -> None:
    verdict = judge(made(gain, alone))
    assert (verdict.headline, verdict.tone) == (line, tone)
    adds, is_better, gains = verdict.sentences[:3]
    assert (adds.startswith(f"{beginnings[0]} {RIVAL}: "), is_better.startswith(f"{beginnings[1]} {RIVAL}: ")) == (
        True,
        True,
    )
    assert "with a weight of 40%, which validation chose, it lowers the log loss in" in adds
    assert "(test of forecast encompassing: one-sided p = 0.04)" in adds
    assert f"the combination changes the log loss by {gain:+.4f} (".replace("-", "−") in gains
    assert "averaging logistic regression with a second fit of itself by −0.0008 (" in gains
    assert "PatchTST with" in verdict.sentences[3]


def test_weight_of_zero_is_said_to_be_one() -> None:
    verdict = judge(made(0.0, 0.002, weight=0))
    assert verdict.headline.startswith("Not shown to add to its best rival")
    assert verdict.sentences[0].startswith(f"It adds nothing to {RIVAL}: validation gives it no weight")


def test_weight_that_was_fitted_on_the_shown_split_is_said_to_be() -> None:
    (closed,) = unopened([record()])
    assert "fitted on these very samples" in judge(run_of(**closed)).sentences[0]


@pytest.mark.parametrize("combined", ["better", "undefined"])
def test_without_intervals_nothing_is_claimed(combined: Any) -> None:
    assert headline(RIVAL, "test", combined, "undefined") == (
        "Cannot be compared with its best rival, logistic regression, on test.",
        "open",
    )


def test_table_and_picture_show_the_same_numbers_and_why_one_is_missing() -> None:
    run = made(-0.0024, 0.005)
    assert run.result is not None
    table = addition_table(run.result, "test")
    titles = [row[0].text for row in table.rows]
    assert titles == [
        "combination, 40% PatchTST",
        "plain mean of both",
        "PatchTST by itself",
        "logistic regression, mean of two fits",
        "logistic regression, rescaled",
        "test of forecast encompassing",
    ]
    assert [row[1].text for row in table.rows[:3]] == ["−0.0024", table.rows[1][1].text, "+0.0050"]
    assert table.rows[0][2].text == "5 of 5"
    assert (table.rows[4][1].text, table.notes) == ("undefined", ["on validation no temperature is best"])
    assert table.rows[5][1].text == "p = 0.04"
    picture = addition_to_rival(run, "test")
    assert all(title in picture.light for title in titles[:4])
    assert titles[4] not in picture.light
    assert "combination, 40% PatchTST −0.0024 (" in picture.alt


def test_record_of_before_is_read_and_says_what_it_lacks() -> None:
    older = record()
    del older["addition"]
    run = run_of(**{name: None if name == "addition" else value for name, value in record().items()})
    assert msgspec.convert(older, Result) == run.result
    verdict = judge(run)
    assert verdict.headline.endswith("its best rival, logistic regression, on test.")
    assert verdict.sentences[0] == f"{LACKS_IT}."
    assert f"{RIVAL}: the log loss differs by +0.0100 (" in verdict.sentences[1]
    with pytest.raises(Unknown, match="train again"):
        addition_to_rival(run, "test")


def test_overview_runs_and_seeds_show_it_for_each_budget(tmp_path: Path) -> None:
    records = simulate(seeds=[42, 43, 44])
    del records[-1]["addition"], records[-3]["addition"]  # seeds 44 and 42 of 2B
    write(records, tmp_path / "outputs")
    phase = read_phase(tmp_path, "phase6a", tmp_path / "outputs")
    (_, table) = overview_tables(phase)
    assert table.caption == "What each model adds to its best rival"
    assert table.header == ["Task", "2M", "20M", "200M", "2B"]
    cells = table.rows[0][1:]
    gains = [each["addition"]["test"]["minus_rival"]["combination"]["difference"] for each in records[0:9:3]]
    assert [cell.text for cell in cells] == [*(f"{gain:+.4f}".replace("-", "−") for gain in gains), "undefined"]
    assert cells[0].detail.endswith("; logistic regression on test")
    assert table.notes == [LACKS_IT]
    trainings = runs_table(phase.runs, {})
    column = trainings.header.index("Combination − rival")
    assert [row[column].text for row in trainings.rows][:1] == [cells[0].text]
    assert [row[column].text for row in trainings.rows].count("–") == 2
    seeds = seeds_table(phase.experiments[0].seeds)
    assert seeds.header[-1] == "Combination − logistic regression"
    assert seeds.rows[0][-1].text == cells[0].text


def test_a_model_without_rivals_has_no_comparison() -> None:
    alone = {"model": report(0.45)}
    verdict = judge(run_of(validation=alone, test=alone, addition=None))
    assert verdict.headline == "On test there is no baseline to compare with."
