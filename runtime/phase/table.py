"""Shows a walk: a live table on a terminal, a line for each change elsewhere."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from rich.console import Console
from rich.live import Live
from rich.table import Table

from runtime.phase.graph import Node
from runtime.phase.progress import LogProgress
from runtime.phase.walk import State, Status, Statuses

_STYLES = {State.FINISHED: "green", State.FAILED: "red", State.RUNNING: "bold", State.INTERRUPTED: "yellow"}


class Display(Protocol):
    """What a walk tells its changes to."""

    def show(self, statuses: Statuses) -> None:
        """Show where every node stands."""

    def close(self) -> None:
        """Show nothing more."""


def make_display(nodes: Sequence[Node]) -> Display:
    """The table on a terminal, else lines."""
    return LiveTable(nodes) if sys.stdout.isatty() else Lines()


class Lines:
    """Prints a line whenever a node changes its state."""

    def __init__(self) -> None:
        self._told: dict[str, tuple[State, int]] = {}

    def show(self, statuses: Statuses) -> None:
        """Print what is new."""
        for name, status in statuses.items():
            now = status.state, status.restarts
            if status.state is not State.WAITING and self._told.get(name) != now:
                self._told[name] = now
                print(f"{name}: {told(status)}", flush=True)

    def close(self) -> None:
        """Everything is printed."""


class LiveTable:
    """A row for each search and training that has begun: state, trials or epochs so far, time left."""

    def __init__(self, nodes: Sequence[Node]) -> None:
        self._logs = {node.name: LogProgress(node.log) for node in nodes if node.kind != "generate"}
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False)
        self._live.start()

    def show(self, statuses: Statuses) -> None:
        """Draw the table anew; where the screen is too low for all rows, those that ended first give way."""
        table = Table(box=None, title=summary(statuses), title_justify="left")
        table.add_column("node", no_wrap=True, min_width=max(map(len, self._logs)))
        for heading in ("state", "so far", "left"):
            table.add_column(heading, no_wrap=True)
        begun = {name: statuses[name] for name in self._logs if statuses[name].state is not State.WAITING}
        for name in rows_that_fit(begun, self._console.height - 4):
            table.add_row(*self._row(name, begun[name]), style=_STYLES.get(begun[name].state))
        self._live.update(table, refresh=True)

    def _row(self, name: str, status: Status) -> tuple[str, ...]:
        log, left = self._logs[name], ""
        if status.state is State.RUNNING:
            log.look()
            left = "" if log.seconds_left is None else duration(log.seconds_left)
        return name, told(replace(status, reason="")), log.words, left

    def close(self) -> None:
        """Leave the last table on the screen."""
        self._live.stop()


def summary(statuses: Statuses) -> str:
    """``2 running, 1 failed, 5 finished, 12 waiting``: of all nodes."""
    states = [status.state for status in statuses.values()]
    return ", ".join(f"{states.count(state)} {state}" for state in State if state in states)


def rows_that_fit(begun: Statuses, height: int) -> list[str]:
    """Names for at most ``height`` rows, in their order: what runs, then what ended last."""
    running = [name for name, status in begun.items() if status.state is State.RUNNING]
    ended = sorted(begun.keys() - {*running}, key=lambda name: begun[name].ended or 0.0, reverse=True)
    kept = {*[*running, *ended][: max(height, 1)]}
    return [name for name in begun if name in kept]


def told(status: Status) -> str:
    """State, how long it took, why."""
    took = ""
    if status.began is not None:
        took = f" after {duration((status.ended or time.monotonic()) - status.began)}"
    if status.state is State.RUNNING:
        return f"running, started again ({status.restarts})" if status.restarts else "running"
    return f"{status.state}{took}" + (f": {status.reason}" if status.reason else "")


def duration(seconds: float) -> str:
    """``42 s``, ``12 min``, ``3.4 h``."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"
