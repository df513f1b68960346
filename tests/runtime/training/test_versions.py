"""What was begun under one torch is not continued under another, unless asked; then it says what that costs."""

from __future__ import annotations

from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.search.study import Search
from runtime.training.checkpoint import Checkpoints, check_versions
from tests.helpers.in_this_process import InThisProcess
from tests.helpers.search_driver import EXPERIMENT, OBJECTIVE, SETTINGS
from tests.helpers.tiny import make_trainer

OLD = {"torch": "2.9.0+cpu", "numpy": "2.1.0"}


def begin_under(versions: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("training.checkpoint", "search.study"):
        monkeypatch.setattr(f"runtime.{module}.versions", lambda: versions)


def test_a_training_is_refused_with_both_versions_and_the_ways_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with monkeypatch.context() as before:
        begin_under(OLD, before)
        Checkpoints(tmp_path, {}).save(make_trainer(EXPERIMENT))
    refusal = (
        r"begun under torch 2.9.0\+cpu, this is .* and numpy 2.1.0, .*pip install torch==2.9.0 numpy==2.1.0, or add"
    )
    with pytest.raises(UserError, match=refusal):
        Checkpoints(tmp_path, {}).restore(make_trainer(EXPERIMENT))
    assert Checkpoints(tmp_path, {}, allow_other_versions=True).restore(make_trainer(EXPERIMENT))
    assert "the result is not that of an uninterrupted run to the last bit" in capsys.readouterr().err


def test_a_search_is_refused_likewise(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def search(*, allow: bool) -> Search:
        processes = InThisProcess(OBJECTIVE)
        return Search(EXPERIMENT, OBJECTIVE, SETTINGS, tmp_path, processes, allow_other_versions=allow)

    with monkeypatch.context() as before:
        begin_under(OLD, before)
        search(allow=False)
    with pytest.raises(UserError, match="begun under torch 2.9.0"):
        search(allow=False)
    search(allow=True)
    assert "warning: " in capsys.readouterr().err


def test_what_was_saved_without_versions_is_continued() -> None:
    check_versions("a training", None, allow=False)
