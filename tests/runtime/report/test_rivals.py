"""The page says of the rivals how strong they were allowed to be."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest

from runtime.records.results import Result
from runtime.records.rivals import BoostingRecord
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
