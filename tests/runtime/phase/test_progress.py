"""How far a script is, from its log."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.phase import progress
from runtime.phase.progress import LogProgress


def test_a_log_is_followed_from_where_it_stood(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([100.0, 110.0, 200.0, 230.0])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(clock))
    log = tmp_path / "run.log"
    log.write_text("trial 50/50: of an earlier run\n")
    seen = LogProgress(log)
    seen.look()
    assert seen.words == ""
    with log.open("a") as file:
        steps = [
            ("trial 3/50: val_loss 0.3\ntrial 5", "trial 3/50", None),
            ("/50: val_loss 0.2\nnote: trial 7/50\n", "trial 5/50", 5.0 * 45),
            ("seed 43, 2 of 5\nepoch 1/4  train\n", "seed 43, 2 of 5, epoch 1/4", None),
            ("epoch 2/4  train\n", "seed 43, 2 of 5, epoch 2/4", 60.0),
            ("", "seed 43, 2 of 5, epoch 2/4", 60.0),
        ]
        for text, words, left in steps:
            file.write(text)
            file.flush()
            seen.look()
            assert (seen.words, seen.seconds_left) == (words, left)


def test_a_log_that_does_not_exist_yet_is_read_from_its_beginning(tmp_path: Path) -> None:
    seen = LogProgress(tmp_path / "run.log")
    seen.look()
    (tmp_path / "run.log").write_text("epoch 1/4  train 0.5\n")
    seen.look()
    assert seen.words == "epoch 1/4"
