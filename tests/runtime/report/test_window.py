"""The page says how much of the lead over the regression is history, or that nobody asked."""

from __future__ import annotations

from dataclasses import replace

import pytest
from msgspec import structs

from runtime.records.differences import Difference
from runtime.records.results import Result
from runtime.records.rivals import NewestRowRecord, NewestRowReport
from runtime.report.runs import ReportedRun, read_runs
from runtime.report.sections import run_section
from runtime.report.window import NOT_ASKED, window_table, window_words
from tests.helpers.tiny import make_arguments
from tests.helpers.tiny_run import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ReportedRun:
    """A finished training and its rival without history."""
    arguments = make_arguments(tmp_path_factory.mktemp("window"), newest_row_network=True)
    train(arguments, max_epochs=2)
    (found,) = read_runs(arguments.output)
    return replace(found, script="script")


def result_of(run: ReportedRun) -> Result:
    """What was recorded."""
    assert run.result is not None
    return run.result


def difference(value: float, low: float, high: float) -> dict[str, Difference]:
    """Of log loss, over three chunks."""
    per_chunk = [value - 0.01, value, value + 0.01]
    return {"log_loss": Difference(value, (low, high), 0.01, (low, high), per_chunk)}


def with_worth(result: Result, history: dict[str, Difference]) -> Result:
    """The same result with another lead: history's part, and -0.003 for the rest."""
    reading = difference(-0.003, -0.004, -0.002)
    lead = difference(history["log_loss"].difference or 0.0 - 0.003, -0.02, 0.02)
    rival = NewestRowRecord(test=NewestRowReport(0.4, 0.1, history, reading))
    test = dict(result.test or {})
    test["logistic_regression"] = structs.replace(test["logistic_regression"], model_minus_this=lead)
    return structs.replace(result, newest_row_network=rival, test=test)


def test_words_and_tables_of_a_real_run_stand_on_its_page(run: ReportedRun) -> None:
    section, result = run_section(run), result_of(run)
    (words,) = window_words(result)
    assert words in section.words
    assert words.startswith("On test the network's log loss less the regression's is ")
    captions = [table.caption for table in section.tables]
    for split in ("test", "validation"):
        table = window_table(result, split)
        assert table is not None
        assert table.caption in captions
        lead, history, reading = (float(row[1].text.replace("−", "-")) for row in table.rows)
        assert lead == pytest.approx(history + reading, abs=2e-4)
    assert captions.index("What the window is worth on test") < captions.index("What the window is worth on validation")


@pytest.mark.parametrize(
    ("history", "said"),
    [
        (difference(-0.002, -0.004, -0.001), "The history is worth something."),
        (difference(0.002, 0.001, 0.004), "The history does harm."),
        (difference(-0.002, -0.004, 0.001), "No worth of the history is shown."),
    ],
)
def test_the_interval_decides_what_is_said(history: dict[str, Difference], said: str, run: ReportedRun) -> None:
    (words,) = window_words(with_worth(result_of(run), history))
    assert words.endswith(said)


def test_numbers_signs_and_chunks_are_those_of_the_record(run: ReportedRun) -> None:
    result = with_worth(result_of(run), difference(-0.002, -0.004, -0.001))
    (words,) = window_words(result)
    assert "−0.0020 from its history" in words
    assert "−0.0030 from reading that row" in words
    table = window_table(result, "test")
    assert table is not None
    history = table.rows[1]
    assert (history[1].text, history[1].detail, history[2].text) == ("−0.0020", "−0.0040 to −0.0010", "2 of 3")
    assert history[3].text == "0.0100"


def test_what_was_not_asked_or_failed_or_is_not_judged_yet_is_said(run: ReportedRun) -> None:
    result = result_of(run)
    assert window_words(structs.replace(result, newest_row_network=None)) == [NOT_ASKED]
    assert "--newest-row-network" in NOT_ASKED
    failed = structs.replace(result, newest_row_network=NewestRowRecord(failure="RunError: training diverged"))
    assert window_words(failed) == [
        "The rival without history failed (RunError: training diverged): what the history is worth is not known."
    ]
    pending = structs.replace(result.newest_row_network or NewestRowRecord(), test=None)
    (words,) = window_words(structs.replace(result, newest_row_network=pending))
    assert words == "The rival without history is not judged on test yet; the same command goes on."
    for each in (failed, structs.replace(result, newest_row_network=None)):
        assert window_table(each, "test") is None
