"""A training script from fit to record, on a market small enough to train in a moment."""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.torch import load_file
from torch import Tensor

from runtime import judge
from runtime.alarms import few_positives
from runtime.arguments import Arguments
from runtime.errors import RunError, UserError
from runtime.evaluation import Tuned, evaluate
from runtime.experiment import Experiment
from runtime.files import append_json_line, sole_process, write_json
from runtime.recipe import Recipe
from runtime.sealed_test import read_openings, weights_sha256
from runtime.trainer import Trainer
from runtime.training_run import run_training
from tests.tiny import ARCHITECTURE, FIXED, make_arguments, make_experiment, make_trainer, with_labels

EXPERIMENT = make_experiment()
SPLITS = EXPERIMENT.splits
BASELINES = ["base_rate", "ewma_volatility", "logistic_regression", "gradient_boosting"]
PROVENANCE = {"search": "hpo_tiny_threshold_1pct.best.json", "trial": 3}


def refuse_constant(text: str) -> None:
    raise AssertionError(f"{text} is not JSON")


def read(path: Path) -> Any:
    return json.loads(path.read_text(), parse_constant=refuse_constant)


def train(arguments: Arguments, experiment: Experiment = EXPERIMENT, **changes: Any) -> dict[str, Any]:
    def make(asked: Experiment, _arguments: Arguments, _fields: Mapping[str, Any]) -> Trainer:
        return make_trainer(asked, **changes)

    run_training(experiment, arguments, {"tiny": ARCHITECTURE}, make, provenance=PROVENANCE)
    record: dict[str, Any] = read(arguments.output / "result.json")
    return record


def openings(arguments: Arguments) -> list[dict[str, Any]]:
    return read_openings(arguments.project / "experiments" / "test_openings.jsonl")


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> tuple[Arguments, dict[str, Any]]:
    arguments = make_arguments(tmp_path_factory.mktemp("finished"))
    return arguments, train(arguments)


def test_record_says_what_was_trained_on_what(finished: tuple[Arguments, dict[str, Any]]) -> None:
    arguments, record = finished
    assert record["status"] == "finished"
    assert record.items() >= EXPERIMENT.identity().items()
    assert Recipe(**record["recipe"]) == make_trainer(EXPERIMENT).recipe
    assert record["architecture"] == asdict(make_trainer(EXPERIMENT).model.architecture)
    assert (record["parameter_count"], record["training_seed"]) == (601, 7)
    assert record["hyperparameters_from"] == PROVENANCE
    assert record["script_sha256"] == arguments.script_sha256
    assert record["shortened_to_epochs"] is None
    assert record["splits"]["training"] == {"samples": 216, "positives": 93}
    assert list(record["splits"]) == ["training", "validation", "test"]
    assert record["environment"]["device"] == "cpu"
    assert (arguments.output / "script.py").read_bytes() == arguments.script.read_bytes()


def test_record_holds_every_epoch_and_so_do_the_metrics(finished: tuple[Arguments, dict[str, Any]]) -> None:
    arguments, record = finished
    epochs = record["training"]["epochs"]
    lines = (arguments.output / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line, parse_constant=refuse_constant) for line in lines] == [
        {"architecture": "tiny", **epoch} for epoch in epochs
    ]
    assert [epoch["epoch"] for epoch in epochs] == list(range(1, FIXED["max_epochs"] + 1))
    best = min(epochs, key=lambda epoch: epoch["val_loss"])
    assert (record["training"]["best_epoch"], record["training"]["best_val_loss"]) == (best["epoch"], best["val_loss"])
    assert record["training"]["best_val_loss"] == pytest.approx(record["validation"]["model"]["log_loss"], rel=1e-12)


def test_stored_weights_reproduce_every_reported_number(finished: tuple[Arguments, dict[str, Any]]) -> None:
    arguments, record = finished
    state: dict[str, Tensor] = load_file(arguments.output / "model.safetensors")
    assert weights_sha256(state) == record["weights_sha256"]
    trainer = make_trainer(EXPERIMENT)
    trainer.model.load_state_dict(state)
    base_rate = EXPERIMENT.labels_of(SPLITS.train_indices).mean()
    tuned = Tuned.on(EXPERIMENT.labels_of(SPLITS.val_indices), trainer.predict(SPLITS.val_indices))
    assert record["decision_threshold"] == tuned.threshold
    for name, indices in (("validation", SPLITS.val_indices), ("test", SPLITS.test_indices)):
        labels, logits = EXPERIMENT.labels_of(indices), trainer.predict(indices)
        report = evaluate(labels, logits, train_base_rate=base_rate, tuned=tuned)
        assert record[name]["model"].items() >= report.items()
        assert list(record[name]) == ["model", *BASELINES]
        assert record[name]["base_rate"]["roc_auc"] == 0.5
        assert record[name]["base_rate"]["log_loss_skill"] == pytest.approx(0, abs=1e-12)


def test_model_learns_the_signal(finished: tuple[Arguments, dict[str, Any]]) -> None:
    assert finished[1]["test"]["model"]["roc_auc"] > 0.8


def test_finished_run_has_opened_the_test_once(finished: tuple[Arguments, dict[str, Any]]) -> None:
    arguments, record = finished
    assert openings(arguments) == [record["test_opening"]]
    assert record["test_opening"]["weights_sha256"] == record["weights_sha256"]


def test_finished_run_is_not_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = make_arguments(tmp_path)
    first = train(arguments)
    capsys.readouterr()
    assert train(arguments) == first
    assert capsys.readouterr().out.startswith("finished already: ")


def test_killed_run_gives_the_same_record_and_finishes_the_same_opening(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    first = train(arguments)
    (arguments.output / "result.json").unlink()
    second = train(arguments)
    assert {name for name in first if first[name] != second[name]} == {"training"}  # the seconds
    assert len(openings(arguments)) == 1
    assert len((arguments.output / "metrics.jsonl").read_text().splitlines()) == FIXED["max_epochs"]


def test_lower_validation_loss_chooses_the_candidate(tmp_path: Path) -> None:
    def make(asked: Experiment, _arguments: Arguments, fields: Mapping[str, Any]) -> Trainer:
        return make_trainer(asked, **fields)

    candidates = {"slow": {"learning_rate": 1e-5}, "quick": {}, "slower": {"learning_rate": 1e-6}}
    arguments = make_arguments(tmp_path)
    run_training(EXPERIMENT, arguments, candidates, make, provenance=PROVENANCE)
    record = read(arguments.output / "result.json")
    losses = record["candidate_val_losses"]
    assert record["architecture_name"] == min(losses, key=losses.__getitem__) == "quick"
    assert losses["quick"] == pytest.approx(record["validation"]["model"]["log_loss"], rel=1e-12)
    assert list(losses) == list(candidates)


def test_shorter_look_never_opens_the_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = make_arguments(tmp_path, shortened=2)
    record = train(arguments, max_epochs=2)
    assert (record["status"], record["shortened_to_epochs"]) == ("finished", 2)
    assert (record["test"], record["test_opening"]) == (None, None)
    assert record["validation"]["model"]["log_loss"] > 0
    assert openings(arguments) == []
    assert "test: not opened (shorter look)" in capsys.readouterr().out


def test_opening_is_recorded_before_anything_is_read_from_the_test(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    arguments, recorded = make_arguments(tmp_path), []

    def watch(*args: Any, **kwargs: Any) -> dict[str, Any]:
        recorded.append(len(openings(arguments)))
        return evaluate(*args, **kwargs)

    monkeypatch.setattr(judge, "evaluate", watch)
    train(arguments)
    assert recorded == [0] * 5 + [1] * 5


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


def test_two_processes_never_train_in_one_folder(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    with sole_process(arguments.output), pytest.raises(UserError, match="another process is running"):
        train(arguments)


def test_model_file_says_what_the_weights_need_to_forecast(finished: tuple[Arguments, dict[str, Any]]) -> None:
    arguments, record = finished
    model = read(arguments.output / "model.json")
    assert model["weights_sha256"] == record["weights_sha256"]
    assert model["feature_columns"] == list(EXPERIMENT.series.feature_columns)
    for name in ("mean", "std"):
        assert model["normaliser"][name] == getattr(EXPERIMENT.normaliser, name).tolist()


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


@pytest.mark.parametrize(
    ("error", "failure"),
    [(RunError("diverged"), "RunError: diverged"), (MemoryError("no room"), "OutOfMemory: out of memory: no room")],
)
def test_failed_run_leaves_a_record_that_says_so(
    error: Exception, failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_trainer: Trainer, _on_epoch: Callable[..., None]) -> None:
        raise error

    monkeypatch.setattr(Trainer, "fit", fail)
    arguments = make_arguments(tmp_path)
    with pytest.raises(RunError):
        train(arguments)
    record = read(arguments.output / "result.json")
    assert (record["status"], record["failure"]) == ("failed", failure)
    assert record.items() >= EXPERIMENT.identity().items()


def test_interrupted_run_says_so(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_trainer: Trainer, _on_epoch: Callable[..., None]) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(Trainer, "fit", interrupt)
    arguments = make_arguments(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        train(arguments)
    assert read(arguments.output / "result.json")["status"] == "interrupted"


def test_diverging_run_has_failed_and_never_opens_the_test(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    with pytest.raises(RunError, match="training diverged"):
        train(arguments, learning_rate=1e30, warmup_fraction=0.0)
    record = read(arguments.output / "result.json")
    assert record["status"] == "failed"
    assert "training diverged" in record["failure"]
    assert openings(arguments) == []
    assert not (arguments.output / "model.safetensors").exists()


def test_one_class_in_test_is_evaluated_and_rank_metrics_say_why_they_are_missing(tmp_path: Path) -> None:
    one_class = with_labels(EXPERIMENT, SPLITS.test_indices, 0.0)
    record = train(make_arguments(tmp_path), one_class)
    assert record["test"]["model"]["roc_auc"] is None
    assert record["test"]["model"]["undefined"]["roc_auc"] == "all 64 labels are 0: ranking is undefined"
    assert few_positives(one_class) == [alarm for alarm in record["alarms"] if alarm["name"] == "few_positives"] != []


def test_one_class_in_training_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    one_class = with_labels(EXPERIMENT, SPLITS.train_indices, 0.0)
    with pytest.raises(UserError, match="every training label is 0"):
        train(arguments, one_class)
    assert not arguments.output.exists()


@pytest.mark.parametrize("value", [math.nan, math.inf])
@pytest.mark.parametrize("write", [write_json, append_json_line])
def test_number_that_is_not_finite_is_never_written(
    write: Callable[[Path, Any], None], value: float, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        write(tmp_path / "file.json", {"loss": value})
    assert list(tmp_path.iterdir()) == []
