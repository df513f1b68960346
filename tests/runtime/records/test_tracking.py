"""Trackers repeat what the records say, offline, and can fail without harm."""

import os
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import RunError
from runtime.records.files import read_json_lines
from runtime.records.tracking import TRACKERS, Tracking, scalars
from runtime.training.trainer import Trainer
from tests.helpers import fake_trackers
from tests.helpers.tiny import make_arguments
from tests.helpers.tiny_run import metrics_of, read, train

NAMES = ("train_loss", "val_loss", "learning_rate")


def logged(told: fake_trackers.Told) -> list[dict[str, float]]:
    return [{name: each[2][name] for name in NAMES} for each in told if each[0] == "log"]


def rows_of(output: Path) -> list[dict[str, float]]:
    return [{name: row[name] for name in NAMES} for row in metrics_of(output)]


@pytest.mark.parametrize("name", TRACKERS)
def test_each_tracker_shows_the_run_from_its_start_to_its_end(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = fake_trackers.install(name, monkeypatch)
    tracking = Tracking(name, tmp_path / "outputs")
    tracking.start("phase6a/train_2M", {"task": "threshold_1pct", "dropout": 0.1, "train_fraction": None})
    tracking.log(1, {"val_loss": 0.5})
    tracking.log(2, {"val_loss": 0.4})
    tracking.finish({"status": "trained", "log_loss": 0.4})
    steps = [each[1:] for each in told if each[0] == "log" and each[1] is not None]
    assert steps == [(1, "val_loss", 0.5), (2, "val_loss", 0.4)]
    (started,) = [each for each in told if each[0] == "start"]
    assert "phase6a/train_2M" in started[1]
    assert len([each for each in told if each[0] == "finish"]) == 1


@pytest.mark.parametrize("name", TRACKERS)
def test_no_tracker_leaves_the_machine_unless_the_users_environment_says_so(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = fake_trackers.install(name, monkeypatch)
    Tracking(name, tmp_path / "outputs").start("run", {})
    if name == "wandb":
        assert (os.environ["WANDB_MODE"], os.environ["WANDB_ERROR_REPORTING"]) == ("offline", "false")
    if name == "mlflow":
        assert told[0] == ("store", f"sqlite:///{tmp_path}/outputs/mlflow.db")
        assert os.environ["MLFLOW_DISABLE_TELEMETRY"] == "true"
    if name == "tensorboard":
        assert told[0] == ("start", f"{tmp_path}/outputs/run/tensorboard")
    monkeypatch.setenv("WANDB_MODE", "online")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://theirs")
    Tracking(name, tmp_path / "outputs").start("run", {})
    assert os.environ["WANDB_MODE"] == "online"
    assert (name != "mlflow") or ("store", "https://theirs") in told


def test_training_shows_what_its_metrics_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = fake_trackers.note(monkeypatch)
    arguments = make_arguments(tmp_path, track="noting", seeds=2)
    record = train(arguments, max_epochs=2)
    assert [each[:2] for each in told if each[0] == "start"] == [
        ("start", "phase0/script"),
        ("start", "phase0/script/seed_8"),
    ]
    assert told[0][2].items() >= {"training_seed": 7, "task": "threshold_1pct", "learning_rate": 0.02}.items()
    assert logged(told) == rows_of(arguments.output) + rows_of(arguments.output / "seed_8")
    assert [each[1]["status"] for each in told if each[0] == "finish"] == ["trained", "trained"]
    assert told[3][1]["log_loss"] == record["validation"]["model"]["log_loss"]


@pytest.mark.parametrize("share", [0.0, 1.0])
def test_resumed_training_begins_a_run_without_the_rows_after_its_checkpoint(
    share: float, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told, step = fake_trackers.note(monkeypatch), Trainer._train_step
    arguments = make_arguments(tmp_path, track="noting")

    def stop_in_epoch_4(trainer: Trainer, starts: Any, number: int) -> Any:
        if number == 23:
            raise KeyboardInterrupt
        return step(trainer, starts, number)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_train_step", stop_in_epoch_4)
        with pytest.raises(KeyboardInterrupt):
            train(arguments, max_epochs=5, checkpoint_share=share)
    assert told[-1] == ("finish", {"status": "interrupted"})
    assert len(logged(told)) == 3
    told.clear()
    train(arguments, max_epochs=5)
    assert logged(told) == rows_of(arguments.output)
    assert [each[1] for each in told if each[0] == "log"] == [1, 2, 3, 4, 5]


@pytest.mark.parametrize("fails", ["start", "log", "finish"])
def test_tracker_that_fails_is_said_once_and_the_training_goes_on(
    fails: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    told = fake_trackers.note(monkeypatch, fails)
    arguments = make_arguments(tmp_path, track="noting")
    assert train(arguments, max_epochs=3)["status"] == "finished"
    printed = capsys.readouterr().err
    assert printed.count("WARNING: --track noting failed and is switched off (ConnectionError: nobody there)") == 1
    assert [each[0] for each in told].count(fails) == 1
    assert told[-1][0] == fails, "it is asked for nothing more"
    assert len(read_json_lines(arguments.output / "metrics.jsonl")) == 3


def test_failed_training_is_shown_as_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told = fake_trackers.note(monkeypatch)
    arguments = make_arguments(tmp_path, track="noting")
    with pytest.raises(RunError):
        train(arguments, learning_rate=1e30, warmup_fraction=0.0)
    assert told[-1] == ("finish", {"status": "failed"})
    assert read(arguments.output / "result.json")["status"] == "failed"


def test_only_plain_values_are_parameters() -> None:
    assert scalars({"a": 1, "b": None, "c": "x", "d": [1], "e": {"f": 2}, "g": 0.5}) == {
        "a": 1,
        "b": None,
        "c": "x",
        "g": 0.5,
    }
