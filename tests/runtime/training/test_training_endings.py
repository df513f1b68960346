"""How a training ends: finished, failed, interrupted or refused, and what it leaves behind."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from torch import Tensor

from runtime.errors import RunError, UserError
from runtime.records.files import sole_process
from runtime.training.trainer import Trainer
from tests.helpers import tiny
from tests.helpers.tiny import make_arguments, with_labels
from tests.helpers.tiny_run import EXPERIMENT, openings, read, train

SPLITS = EXPERIMENT.splits


def test_finished_run_is_not_run_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = make_arguments(tmp_path)
    first = train(arguments)
    capsys.readouterr()
    assert train(arguments) == first
    assert "\nfinished already: " in capsys.readouterr().out


def test_two_processes_never_train_in_one_folder(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    with sole_process(arguments.output), pytest.raises(UserError, match="another process is running"):
        train(arguments)


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (RunError("diverged"), "RunError: diverged"),
        (MemoryError("no room"), "OutOfMemory: out of memory: no room"),
        (OSError(28, "No space left on device", "model"), "OSError: [Errno 28] No space left on device: 'model'"),
    ],
)
def test_failed_run_leaves_a_record_that_says_so(
    error: Exception, failure: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_trainer: Trainer, *_callbacks: Callable[..., None]) -> None:
        raise error

    monkeypatch.setattr(Trainer, "fit", fail)
    arguments = make_arguments(tmp_path)
    with pytest.raises((RunError, OSError)):
        train(arguments)
    record = read(arguments.output / "result.json")
    assert (record["status"], record["failure"]) == ("failed", failure)
    assert record.items() >= EXPERIMENT.identity().items()


@pytest.mark.parametrize("error", [KeyboardInterrupt, BrokenPipeError])
def test_interrupted_run_says_so(error: type[BaseException], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(_trainer: Trainer, *_callbacks: Callable[..., None]) -> None:
        raise error

    monkeypatch.setattr(Trainer, "fit", interrupt)
    arguments = make_arguments(tmp_path)
    with pytest.raises(error):
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


def test_one_class_in_training_is_refused_before_anything_is_written(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    one_class = with_labels(EXPERIMENT, SPLITS.train_indices, 0.0)
    with pytest.raises(UserError, match="every training label is 0"):
        train(arguments, one_class)
    assert not arguments.output.exists()


@pytest.mark.parametrize("content", ["", "{", "[]", "\x00" * 9])
def test_damaged_record_is_refused_and_left_alone(content: str, tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    arguments.output.mkdir(parents=True)
    (arguments.output / "result.json").write_text(content)
    with pytest.raises(UserError, match=r"result.json is damaged .*; move it away$"):
        train(arguments)
    assert (arguments.output / "result.json").read_text() == content


def fail_with_more_than(samples: int, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Trainer._train_step

    def limited(trainer: Trainer, starts: Tensor, number: int) -> Tensor:
        if trainer.micro_batch_size > samples and number >= 9:
            trainer.model.head.weight.data.zero_()  # what was half done when memory ran out must not stay
            raise MemoryError("no room")
        return step(trainer, starts, number)

    monkeypatch.setattr(Trainer, "_train_step", limited)


def test_out_of_memory_goes_on_from_the_checkpoint_with_smaller_micro_batches(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    whole = train(make_arguments(tmp_path / "whole"), dropout=0.0, max_epochs=3)
    fail_with_more_than(8, monkeypatch)
    record = train(make_arguments(tmp_path / "parts"), dropout=0.0, max_epochs=3, checkpoint_share=1)
    assert (whole["micro_batch_size"], record["micro_batch_size"], record["recipe"]["batch_size"]) == (32, 8, 32)
    for one, other in zip(whole["training"]["epochs"], record["training"]["epochs"], strict=True):
        assert one["val_loss"] == pytest.approx(other["val_loss"], abs=1e-4)
    printed = capsys.readouterr().err
    assert printed.count("warning: out of memory: no room; going on with micro-batches of") == 2
    assert printed.count("continuing after 1 epochs and 2 of 7 steps") == 2


def test_one_sample_that_does_not_fit_fails_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with_more_than(0, monkeypatch)
    arguments = make_arguments(tmp_path)
    with pytest.raises(RunError, match="out of memory: no room"):
        train(arguments)
    assert read(arguments.output / "result.json")["status"] == "failed"


def test_batch_norm_is_never_given_a_part_of_a_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fail_with_more_than(8, monkeypatch)
    monkeypatch.setitem(tiny.ARCHITECTURE, "norm", "batch")
    with pytest.raises(RunError, match="out of memory: no room"):
        train(make_arguments(tmp_path), max_epochs=3)


def test_an_alarm_is_raised_while_training_goes_on_once_a_kind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Trainer, "predict", lambda trainer, indices: np.zeros(indices.size))
    train(make_arguments(tmp_path), max_epochs=3)
    lines = capsys.readouterr().out.splitlines()
    alarms = [line for line in lines if line.startswith("alarm after epoch")]
    assert [line.split(":")[:2] for line in alarms] == [
        ["alarm after epoch 1", " collapse"],
        ["alarm after epoch 1", " no_skill"],
    ]
    assert lines.index(alarms[0]) < next(index for index, line in enumerate(lines) if line.startswith("epoch 2/3"))
