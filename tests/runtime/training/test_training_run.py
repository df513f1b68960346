"""What a training script records, on a market small enough to train in a moment."""

import hashlib
import json
import subprocess
import sys
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from safetensors.torch import load_file
from torch import Tensor

from runtime.judging.evaluation import Tuned, evaluate
from runtime.judging.sealed_test import weights_sha256
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.training.recipe import Recipe
from runtime.training.trainer import Trainer
from tests.helpers.tiny import FIXED, make_arguments, make_trainer
from tests.helpers.tiny_run import EXPERIMENT, PROVENANCE, make, openings, read, refuse_constant, run_tiny, train

SPLITS = EXPERIMENT.splits
BASELINES = ["base_rate", "ewma_volatility", "logistic_regression", "gradient_boosting", "boosting_history"]


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


def test_lower_validation_loss_chooses_the_candidate(tmp_path: Path) -> None:
    made: list[Trainer] = []

    def make(asked: Experiment, fields: dict[str, Any], recipe: Recipe, seed: int, _: Arguments) -> Trainer:
        for earlier in made:
            assert not earlier.optimizer.state
            assert all(each.grad is None for each in earlier.model.parameters()), "one candidate's memory at a time"
        own = replace(recipe, learning_rate=rates[fields["d_ff"]])
        made.append(Trainer(asked.windows, split_indices=asked.splits, architecture=fields, recipe=own, seed=seed))
        return made[-1]

    rates = {8: 1e-5, 16: 0.02, 24: 1e-6}
    candidates = {name: {"d_ff": width} for name, width in zip(("slow", "quick", "slower"), rates, strict=True)}
    arguments = make_arguments(tmp_path)
    run_tiny(arguments, make_trainer=make, architectures=candidates)
    record = read(arguments.output / "result.json")
    losses = record["candidate_val_losses"]
    assert record["architecture_name"] == min(losses, key=losses.__getitem__) == "quick"
    assert losses["quick"] == pytest.approx(record["validation"]["model"]["log_loss"], rel=1e-12)
    assert list(losses) == list(candidates)
    assert record["test"]["model"]["log_loss"] > 0, "the test split is judged with the chosen architecture"


def test_model_file_says_what_the_weights_need_to_forecast(finished: tuple[Arguments, dict[str, Any]]) -> None:
    arguments, record = finished
    model = read(arguments.output / "model.json")
    assert model["weights_sha256"] == record["weights_sha256"]
    assert model["feature_columns"] == list(EXPERIMENT.series.feature_columns)
    for name in ("mean", "std"):
        assert model["normaliser"][name] == getattr(EXPERIMENT.normaliser, name).tolist()


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere the kernel keeps one mark for both")
def test_peak_memory_is_that_of_this_program_not_of_the_one_that_started_it() -> None:
    child = "from runtime.records.environment import peak_memory_bytes; print(peak_memory_bytes())"
    # Another process holds the ballast, or this one's memory would never shrink again.
    parent = f"import subprocess, sys; ballast = b'1' * 2**30; subprocess.run([sys.executable, '-c', {child!r}])"
    peak = int(subprocess.run([sys.executable, "-c", parent], capture_output=True, check=True).stdout)
    assert 2**25 < peak < 2**30


def test_a_script_that_is_generated_again_while_it_runs_is_recorded_as_it_began(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path, seeds=2)
    before = arguments.script.read_bytes()

    def make_and_edit(*given: Any) -> Trainer:
        arguments.script.write_text("TRAINING_SEED = 8\n")
        return make(*given)

    run_tiny(arguments, make_trainer=make_and_edit)
    for folder in (arguments.output, arguments.output / "seed_8"):
        record = read(folder / "result.json")
        assert record["status"] == "finished"
        assert record["script_sha256"] == hashlib.sha256(before).hexdigest()
        assert (folder / "script.py").read_bytes() == before
