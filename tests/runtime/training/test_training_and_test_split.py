"""A training script opens the test split once, last, and lets it decide nothing."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.errors import UserError
from runtime.judging import judge
from runtime.judging.alarms import few_positives
from runtime.judging.baselines import BASELINES
from runtime.judging.evaluation import evaluate
from runtime.training.finished import is_finished
from tests.helpers.tiny import FIXED, make_arguments, with_labels
from tests.helpers.tiny_run import EXPERIMENT, openings, read, train

SPLITS = EXPERIMENT.splits


def test_killed_run_gives_the_same_record_and_finishes_the_same_opening(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    first = train(arguments)
    (arguments.output / "result.json").unlink()
    second = train(arguments)
    assert {name for name in first if first[name] != second[name]} == {"training"}  # the seconds
    assert len(openings(arguments)) == 1
    assert len((arguments.output / "metrics.jsonl").read_text().splitlines()) == FIXED["max_epochs"]


def test_shorter_look_never_opens_the_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = make_arguments(tmp_path, shorter_look=2)
    record = train(arguments, max_epochs=2)
    assert (record["status"], record["shortened_to_epochs"]) == ("finished", 2)
    assert (record["test"], record["test_opening"]) == (None, None)
    assert record["validation"]["model"]["log_loss"] > 0
    assert openings(arguments) == []
    assert "test: not opened (shorter look)" in capsys.readouterr().out


def test_a_training_without_test_is_finished_and_may_open_it_later(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    closed = make_arguments(tmp_path, no_test=True)
    first = train(closed)
    assert (first["status"], first["test"], first["test_opening"]) == ("finished", None, None)
    assert openings(closed) == []
    assert "test: not opened (as asked)" in capsys.readouterr().out
    assert is_finished(closed.script, closed.output, seeds=1, opens_test=False)
    assert not is_finished(closed.script, closed.output, seeds=1, opens_test=True)
    assert train(closed) == first
    assert "finished already" in capsys.readouterr().out
    second = train(make_arguments(tmp_path))
    assert second["weights_sha256"] == first["weights_sha256"], "it is not trained again"
    assert second["test_opening"]["opening"] == 1
    assert is_finished(closed.script, closed.output, seeds=1, opens_test=True)
    assert not is_finished(closed.script, closed.output, seeds=2, opens_test=True)
    closed.script.write_text("TRAINING_SEED = 7  # edited\n")
    assert not is_finished(closed.script, closed.output, seeds=1, opens_test=False)


def test_opening_is_recorded_before_anything_is_read_from_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, recorded = make_arguments(tmp_path, newest_row_network=True), []

    def watch(*args: Any, **kwargs: Any) -> dict[str, Any]:
        recorded.append(len(openings(arguments)))
        return evaluate(*args, **kwargs)

    monkeypatch.setattr(judge, "evaluate", watch)
    train(arguments)
    forecasts = 1 + len(BASELINES)
    assert recorded == [0] * forecasts + [1] * (forecasts + 4), "of the rival without history both splits come last"


def test_other_weights_need_permission_to_open_the_test_again(tmp_path: Path) -> None:
    first = train(make_arguments(tmp_path))
    arguments = make_arguments(tmp_path, seed=8)
    with pytest.raises(UserError, match="--reopen-test"):
        train(arguments, seed=8)
    assert read(arguments.output / "result.json") == first, "a refused run must leave the finished one alone"
    assert train(make_arguments(tmp_path, seed=8, reopen_test=True), seed=8)["test_opening"]["opening"] == 2
    assert read(arguments.output / f"result-{first['weights_sha256'][:12]}.json") == first


def test_same_script_on_another_machine_repeats_its_opening(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    train(arguments)
    (arguments.output / "result.json").unlink()
    opening = train(arguments, seed=8)["test_opening"]  # the seed stands for another machine's rounding
    assert (opening["opening"], opening["repeats"]) == (1, True)
    assert [entry["repeats"] for entry in openings(arguments)] == [False, True]
    other = make_arguments(tmp_path, seed=9)
    with pytest.raises(UserError, match="this is opening 2"):
        train(other, seed=9)


def test_test_labels_decide_neither_threshold_nor_validation_report(tmp_path: Path) -> None:
    test = SPLITS.test_indices
    shuffled = np.random.default_rng(0).permutation(EXPERIMENT.labels_of(test))
    records = [
        train(make_arguments(tmp_path / name), experiment)
        for name, experiment in (("one", EXPERIMENT), ("other", with_labels(EXPERIMENT, test, shuffled)))
    ]
    for name in ("weights_sha256", "decision_threshold", "validation"):
        assert records[0][name] == records[1][name]
    assert records[0]["test"] != records[1]["test"]


def test_one_class_in_test_is_evaluated_and_rank_metrics_say_why_they_are_missing(tmp_path: Path) -> None:
    one_class = with_labels(EXPERIMENT, SPLITS.test_indices, 0.0)
    record = train(make_arguments(tmp_path), one_class)
    assert record["test"]["model"]["roc_auc"] is None
    assert record["test"]["model"]["undefined"]["roc_auc"] == "all 64 labels are 0: ranking is undefined"
    assert few_positives(one_class) == [alarm for alarm in record["alarms"] if alarm["name"] == "few_positives"] != []
