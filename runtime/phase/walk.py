"""Walk a phase's graph: start what is ready, tell what ended, say of the rest why it was not run."""

from __future__ import annotations

import signal
import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from graphlib import TopologicalSorter
from typing import Protocol

from runtime.phase.graph import Node
from runtime.script.stopping import EXIT_INTERRUPTED

MOST_RESTARTS = 3
"""How often a node is started again whose process was killed: the same command continues where it was."""


class State(StrEnum):
    """Where a node stands."""

    RUNNING = "running"
    FINISHED = "finished"
    EARLIER = "finished earlier"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    LEFT = "left to you"
    NOT_RUN = "not run"
    WAITING = "waiting"


DONE = (State.FINISHED, State.EARLIER)

_SAID = {State.INTERRUPTED: "was interrupted", State.LEFT: "is left to you"}


@dataclass
class Status:
    """State of one node, why, and when it began and ended (`time.monotonic`)."""

    state: State = State.WAITING
    reason: str = ""
    began: float | None = None
    ended: float | None = None
    restarts: int = 0


@dataclass(frozen=True)
class Ending:
    """How a node's process ended: exit code, negative for the signal that killed it, and its last words."""

    code: int
    words: str = ""


class Engine(Protocol):
    """Runs nodes, several at a time."""

    def has_room(self) -> bool:
        """Whether another node can be started now."""

    def is_idle(self) -> bool:
        """Whether no node is running."""

    def start(self, node: Node) -> None:
        """Begin to run a node."""

    def wait(self, seconds: float) -> Sequence[tuple[Node, Ending]]:
        """Wait until a node ends, but not for longer; those that did."""

    def stop(self) -> None:
        """Ask all nodes to save and end, and wait until they did."""

    def close(self) -> None:
        """Let go of what was held for running nodes."""


Statuses = Mapping[str, Status]


class Walk:
    """One walk over a graph.

    Args:
        nodes: each behind what it needs.
        engine: runs searches and trainings.
        generate: writes a finding into a script, here and now; `State.LEFT` with the reason leaves it to the user.
        is_finished: whether a node has nothing to do, asked when all that it needs is finished.
        fail_fast: start nothing more after a failure, and stop what runs.
        watch: told of every change, and every second.
    """

    def __init__(
        self,
        nodes: Sequence[Node],
        engine: Engine,
        *,
        generate: Callable[[Node], tuple[State, str]],
        is_finished: Callable[[Node], bool],
        fail_fast: bool = False,
        watch: Callable[[Statuses], None] = lambda statuses: None,
    ) -> None:
        self.nodes = {node.name: node for node in nodes}
        self.statuses = {name: Status() for name in self.nodes}
        self._engine, self._generate, self._is_finished = engine, generate, is_finished
        self._fail_fast, self._watch = fail_fast, watch
        self._sorter = TopologicalSorter({node.name: node.needs for node in nodes})
        self._ready: deque[str] = deque()
        self._halted = False

    def run(self) -> Statuses:
        """Walk to the end.

        Raises:
            KeyboardInterrupt: after all running nodes have saved and stopped.
        """
        self._sorter.prepare()
        try:
            while True:
                self._start_what_is_ready()
                self._watch(self.statuses)
                if self._engine.is_idle():
                    break
                for node, ending in self._engine.wait(1.0):
                    self._end(node, ending)
        except BaseException:
            self._stop()
            raise
        finally:
            self._explain_the_rest()
            self._watch(self.statuses)
        return self.statuses

    def _start_what_is_ready(self) -> None:
        self._ready.extend(self._sorter.get_ready())
        waiting: list[str] = []
        while self._ready and not self._halted:
            node = self.nodes[name := self._ready.popleft()]
            if self._is_finished(node):
                self._done(name, State.EARLIER)
            elif node.kind == "generate":
                self._run_here(node)
            elif self._engine.has_room():
                self._begin(node)
            else:
                waiting.append(name)
            self._ready.extend(self._sorter.get_ready())
        self._ready.extendleft(reversed(waiting))

    def _run_here(self, node: Node) -> None:
        state, reason = self._generate(node)
        if state in DONE:
            self._done(node.name, state)
        else:
            self._settle(node.name, state, reason)

    def _begin(self, node: Node) -> None:
        status = self.statuses[node.name]
        status.state, status.began = State.RUNNING, status.began or time.monotonic()
        self._watch(self.statuses)
        self._engine.start(node)

    def _end(self, node: Node, ending: Ending) -> None:
        status = self.statuses[node.name]
        if ending.code == 0:
            self._done(node.name, State.FINISHED)
        elif ending.code == EXIT_INTERRUPTED:
            self._settle(node.name, State.INTERRUPTED, "the same command continues")
        elif ending.code < 0 and status.restarts < MOST_RESTARTS and not self._halted:
            status.restarts += 1
            self._begin(node)
        else:
            self._settle(node.name, State.FAILED, ending.words or _killed(ending.code))

    def _done(self, name: str, state: State) -> None:
        self._settle(name, state, "")
        self._sorter.done(name)

    def _settle(self, name: str, state: State, reason: str) -> None:
        status = self.statuses[name]
        status.state, status.reason, status.ended = state, reason, time.monotonic()
        if state is State.FAILED and self._fail_fast and not self._halted:
            self._stop()

    def _stop(self) -> None:
        self._halted = True
        self._engine.stop()
        for status in self.statuses.values():
            if status.state is State.RUNNING:
                status.state, status.reason = State.INTERRUPTED, "the same command continues"

    def _explain_the_rest(self) -> None:
        for name, status in self.statuses.items():
            if status.state is State.WAITING:
                status.state, status.reason = State.NOT_RUN, self._why_not(name)

    def _why_not(self, name: str) -> str:
        for need in self.nodes[name].needs:
            state = self.statuses[need].state
            if state is State.NOT_RUN:
                return self.statuses[need].reason
            if state not in DONE and state is not State.WAITING:
                return f"{need} {_SAID.get(state, state)}"
        return "stopped before its turn"


def _killed(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
