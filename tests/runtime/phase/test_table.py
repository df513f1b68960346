"""What a walk shows: lines where nobody watches, a table that fits the screen where somebody does."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from rich.console import Console

from runtime.phase import table as showing
from runtime.phase.graph import Node
from runtime.phase.table import Lines, LiveTable, duration, rows_that_fit, summary
from runtime.phase.walk import State, Status

STATUSES = {
    "search phase0/a": Status(State.FINISHED, "", 0.0, 130.0),
    "generate phase0/a": Status(State.FINISHED, "", None, 131.0),
    "train phase0/a": Status(State.RUNNING, "", 10.0),
    "train phase0/b": Status(State.FAILED, "training loss is nan", 20.0, 25.0),
    "train phase0/c": Status(),
}


def test_lines_tell_each_change_once(capsys: pytest.CaptureFixture[str]) -> None:
    lines = Lines()
    lines.show(STATUSES)
    assert capsys.readouterr().out.splitlines() == [
        "search phase0/a: finished after 2 min",
        "generate phase0/a: finished",
        "train phase0/a: running",
        "train phase0/b: failed after 5 s: training loss is nan",
    ]
    lines.show(STATUSES | {"train phase0/a": Status(State.RUNNING, "", 10.0, restarts=1)})
    assert capsys.readouterr().out == "train phase0/a: running, started again (1)\n"


def test_the_table_shows_what_has_begun_and_how_far_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    screen = io.StringIO()
    console = Console(file=screen, width=100, height=30, force_terminal=True, color_system=None)
    monkeypatch.setattr(showing, "Console", lambda: console)
    nodes = [
        Node(name.split()[0], tmp_path / f"experiments/phase0/train_{name[-1]}.py", (), tmp_path)  # type: ignore[arg-type]
        for name in STATUSES
        if not name.startswith("search")
    ]
    nodes.insert(0, Node("search", tmp_path / "experiments/phase0/hpo_a.py", (), tmp_path / "search"))
    shown = LiveTable(nodes)
    shown.show(STATUSES)
    (tmp_path / "run.log").write_text("epoch 2/4  train 0.5\n")
    shown.show(STATUSES)
    shown.close()
    last = screen.getvalue().rpartition("1 running")[2]
    assert "2 finished, 1 failed, 1 waiting" in last
    rows = [line.split() for line in last.splitlines() if "phase0" in line]
    assert rows[0] == ["search", "phase0/a", "finished", "after", "2", "min"]
    assert rows[1] == ["train", "phase0/a", "running", "epoch", "2/4"]
    assert [row[:2] for row in rows] == [["search", "phase0/a"], ["train", "phase0/a"], ["train", "phase0/b"]]


def test_of_too_many_rows_those_that_ended_first_give_way() -> None:
    begun = {name: status for name, status in STATUSES.items() if status.state is not State.WAITING}
    assert rows_that_fit(begun, 9) == list(begun)
    assert rows_that_fit(begun, 2) == ["generate phase0/a", "train phase0/a"]
    assert rows_that_fit(begun, 0) == ["train phase0/a"]


def test_sums_and_durations() -> None:
    assert summary(STATUSES) == "1 running, 2 finished, 1 failed, 1 waiting"
    assert [duration(each) for each in (0.4, 99, 101, 5999, 9000)] == ["0 s", "99 s", "2 min", "100 min", "2.5 h"]
