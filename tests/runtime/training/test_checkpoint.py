"""A checkpoint is used only if it is whole and ours; if it is not, the one before it is, said aloud."""

import hashlib
import io
import os
import pickle
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from data import files
from runtime.training.checkpoint import Checkpoints, warn_of_others
from runtime.training.trainer import Trainer
from tests.helpers.tiny import make_experiment, make_trainer, weights_of

EXPERIMENT = make_experiment()
CONFIG = {"script": "sha", "data": "sha"}


def make_checkpoints(root: Path, **changes: Any) -> Checkpoints:
    return Checkpoints(root, CONFIG | changes, share=1)


def fit_and_save(checkpoints: Checkpoints) -> Trainer:
    """Seven steps an epoch, two epochs, a checkpoint after each step and at the end."""
    trainer = make_trainer(EXPERIMENT, max_epochs=2)
    trainer.fit(after_step=lambda: checkpoints.save(trainer))
    checkpoints.save(trainer)
    return trainer


def where(trainer: Trainer) -> tuple[int, int]:
    return len(trainer.progress.epochs), trainer.progress.steps


def newest(checkpoints: Checkpoints) -> Path:
    return max(checkpoints.folder.glob("*.pt"))


def store(checkpoints: Checkpoints, content: bytes) -> None:
    """Put content where the newest checkpoint is, under its right hash."""
    newest(checkpoints).unlink()
    name = f"epochs-000009-steps-000000000-{hashlib.sha256(content).hexdigest()}.pt"
    (checkpoints.folder / name).write_bytes(content)


@pytest.fixture(scope="module")
def saved(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    checkpoints = make_checkpoints(tmp_path_factory.mktemp("saved"))
    fit_and_save(checkpoints)
    return {path.name: path.read_bytes() for path in checkpoints.folder.iterdir()}


@pytest.fixture
def checkpoints(saved: dict[str, bytes], tmp_path: Path) -> Checkpoints:
    checkpoints = make_checkpoints(tmp_path)
    checkpoints.folder.mkdir(parents=True)
    for name, content in saved.items():
        (checkpoints.folder / name).write_bytes(content)
    return checkpoints


def test_newest_two_are_kept_and_the_newest_is_restored(checkpoints: Checkpoints) -> None:
    names = sorted(path.name[:29] for path in checkpoints.folder.iterdir())
    assert names == ["epochs-000001-steps-000000007", "epochs-000002-steps-000000000"]
    trainer = make_trainer(EXPERIMENT, max_epochs=2)
    assert checkpoints.restore(trainer)
    assert where(trainer) == (2, 0)


def test_best_weights_are_in_every_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    trainer, losses = make_trainer(EXPERIMENT, max_epochs=4), iter([0.5, 0.4, 0.6, 0.7])
    monkeypatch.setattr(trainer, "loss", lambda *_: next(losses))
    after_epoch: list[torch.Tensor] = []
    trainer.fit(lambda _record: after_epoch.append(weights_of(trainer)))
    checkpoints = make_checkpoints(tmp_path)
    checkpoints.save(trainer)
    restored = make_trainer(EXPERIMENT, max_epochs=4)
    checkpoints.restore(restored)
    restored.fit()
    assert torch.equal(weights_of(restored), after_epoch[1])


@settings(deadline=None, max_examples=60)
@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7), cut=st.booleans())
def test_damage_anywhere_falls_back_to_the_checkpoint_before(
    place: float, bit: int, cut: bool, saved: dict[str, bytes], tmp_path_factory: pytest.TempPathFactory
) -> None:
    checkpoints = make_checkpoints(tmp_path_factory.mktemp("damaged"))
    checkpoints.folder.mkdir(parents=True)
    older, newer = sorted(saved)
    content = bytearray(saved[newer])
    at = int(place * len(content))
    if cut:
        del content[at:]
    else:
        content[at] ^= 1 << bit
    (checkpoints.folder / older).write_bytes(saved[older])
    (checkpoints.folder / newer).write_bytes(content)
    trainer = make_trainer(EXPERIMENT, max_epochs=2)
    assert checkpoints.restore(trainer)
    assert where(trainer) == (1, 7)


def test_damaged_checkpoint_is_set_aside_aloud(checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]) -> None:
    damaged = newest(checkpoints)
    damaged.write_bytes(b"")
    assert checkpoints.restore(make_trainer(EXPERIMENT, max_epochs=2))
    warning, resumed = capsys.readouterr().err.splitlines()
    assert warning.startswith(f"warning: {damaged} is not used: its content is not what its name says")
    assert resumed == "continuing after 1 epochs and 7 of 7 steps"
    assert damaged.with_suffix(".damaged").exists()


def test_without_a_usable_checkpoint_training_starts_afresh_aloud(
    checkpoints: Checkpoints, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in checkpoints.folder.iterdir():
        path.write_bytes(path.read_bytes()[:-1])
    trainer = make_trainer(EXPERIMENT, max_epochs=2)
    assert not checkpoints.restore(trainer)
    assert torch.equal(weights_of(trainer), weights_of(make_trainer(EXPERIMENT)))
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.endswith("can be used: training starts from the beginning")


def test_first_start_says_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not make_checkpoints(tmp_path).restore(make_trainer(EXPERIMENT))
    assert capsys.readouterr() == ("", "")


class Hostile:
    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.victim),)


@pytest.mark.parametrize("protocol", [2, 4, None])
def test_hostile_pickle_is_refused_in_one_line_and_never_run(
    protocol: int | None, checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    victim, content = tmp_path / "victim", io.BytesIO()
    if protocol is None:
        torch.save({"trainer": Hostile(victim)}, content)
    else:
        pickle.dump({"trainer": Hostile(victim)}, content, protocol=protocol)
    store(checkpoints, content.getvalue())
    trainer = make_trainer(EXPERIMENT, max_epochs=2)
    assert checkpoints.restore(trainer)
    assert where(trainer) == (1, 7)
    warning = capsys.readouterr().err.splitlines()[0]
    assert warning.endswith("is not used: it holds more than tensors and numbers, or is no checkpoint at all")
    assert not victim.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"\x80\x02.", b"garbage" * 99])
def test_file_that_is_no_checkpoint_is_not_used(content: bytes, checkpoints: Checkpoints) -> None:
    store(checkpoints, content)
    trainer = make_trainer(EXPERIMENT, max_epochs=2)
    assert checkpoints.restore(trainer)
    assert where(trainer) == (1, 7)


def test_checkpoint_of_another_script_is_not_used_and_not_removed(
    checkpoints: Checkpoints, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = make_checkpoints(tmp_path, script="other sha")
    assert not other.restore(make_trainer(EXPERIMENT))
    warn_of_others(tmp_path, [checkpoints])
    assert capsys.readouterr().err == ""
    warn_of_others(tmp_path, [other])
    assert f"{checkpoints.folder} holds checkpoints of another script" in capsys.readouterr().err
    other.folder.mkdir()
    moved = newest(checkpoints)
    moved.rename(other.folder / moved.name)
    assert not other.restore(make_trainer(EXPERIMENT))
    assert "it belongs to another script or configuration" in capsys.readouterr().err


def test_full_disk_leaves_the_checkpoints_there_are(checkpoints: Checkpoints, monkeypatch: pytest.MonkeyPatch) -> None:
    before = sorted(checkpoints.folder.iterdir())

    def fail(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(files.os, "fsync", fail)
    with pytest.raises(OSError, match=f"No space left on device: '{checkpoints.folder}"):
        checkpoints.save(make_trainer(EXPERIMENT))
    assert sorted(checkpoints.folder.iterdir()) == before


def test_saving_stays_within_its_share_of_the_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    checkpoints = Checkpoints(tmp_path, CONFIG, share=0.01)
    assert checkpoints.due(), "the first one shows what one costs, and that the disk can be written"
    checkpoints._saving_seconds, saved = 2.0, 0
    for now in range(1, 10_001):
        saved += checkpoints.due()
        if checkpoints.due():
            checkpoints._saved_at = now
    assert saved == 10_000 // 198
