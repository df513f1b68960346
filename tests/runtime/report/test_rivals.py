"""The page says how strong the rivals were allowed to be, and how much of a forecast is the network's."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from runtime.records.differences import Difference
from runtime.records.results import Result
from runtime.records.rivals import BoostingRecord, ShareReport
from runtime.report.network_share import idle_words, share_table
from runtime.report.rivals import boosting_words
from runtime.report.runs import ReportedRun, read_runs
from runtime.report.sections import run_section
from tests.helpers.tiny import make_arguments
from tests.helpers.tiny_run import train


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ReportedRun:
    """A finished training."""
    arguments = make_arguments(tmp_path_factory.mktemp("rivals"))
    train(arguments, max_epochs=2)
    (found,) = read_runs(arguments.output)
    return replace(found, script="script")


def result_of(run: ReportedRun) -> Result:
    """What was recorded."""
    assert run.result is not None
    return run.result


def test_too_few_days_to_choose_the_size_of_boosting_is_said(run: ReportedRun) -> None:
    (words,) = boosting_words(result_of(run))
    assert words in run_section(run).words
    assert words == (
        "Both boostings have trees of 4 leaves and 100 rounds, as usual: a block of training days holds fewer than 500 "
        "samples or 10 of a class, too few to choose."
    )


def test_the_chosen_size_of_boosting_is_said(run: ReportedRun) -> None:
    chosen = BoostingRecord(15, 200, {"4 leaves, 50 rounds": 0.4, "15 leaves, 200 rounds": 0.3})
    assert boosting_words(msgspec.structs.replace(result_of(run), boosting=chosen)) == [
        "Both boostings have trees of 15 leaves and 200 rounds: of 2 sizes the best on blocks of training days that it "
        "did not learn from."
    ]


def test_a_record_of_before_says_nothing_of_it(run: ReportedRun) -> None:
    assert boosting_words(msgspec.structs.replace(result_of(run), boosting=None)) == []


def with_encoder(result: Result, moves: float, least: float | None) -> Result:
    """The same result with an encoder that moves the test's log loss so."""
    found = Difference(moves, None if least is None else (moves - 0.01, moves + 0.01), least)
    assert result.network_share is not None
    report = ShareReport({"model": 0.2, "linear_path": 0.19, "starting_point": 0.18}, 0.25, {"log_loss": found})
    return msgspec.structs.replace(result, network_share=msgspec.structs.replace(result.network_share, test=report))


def test_an_idle_encoder_is_said_in_a_sentence(run: ReportedRun) -> None:
    (words,) = idle_words(with_encoder(result_of(run), -0.001, 0.004))
    assert words.startswith("The encoder is idle on test: it adds 0.250 logits (root mean square) to the linear path")
    assert "by −0.0010, less than" in words
    assert words.endswith("a model that began as the base rate and is hardly more.")
    for moves, least in ((-0.01, 0.004), (0.01, 0.004), (-0.001, None)):
        assert idle_words(with_encoder(result_of(run), moves, least)) == []
    assert idle_words(msgspec.structs.replace(result_of(run), network_share=None)) == []


def test_the_share_of_the_network_is_a_table_by_split(run: ReportedRun) -> None:
    captions = [table.caption for table in run_section(run).tables]
    assert "How much of the forecast is the network's" in captions
    table = share_table(with_encoder(result_of(run), -0.001, 0.004))
    assert table is not None
    assert [row[0].text for row in table.rows] == ["validation", "test"]
    assert [cell.text for cell in table.rows[1][1:]] == ["20.0%", "19.0%", "18.0%", "0.250", "−0.0010"]
    assert table.header[3] == "of its starting point, base rate"
    assert share_table(msgspec.structs.replace(result_of(run), network_share=None)) is None
