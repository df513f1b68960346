"""Two implementations side by side, each in a process of its own: one round of the one, then one of the other."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from types import TracebackType
from typing import Any

Round = dict[str, Any]


class WorkerEnded(Exception):  # noqa: N818 - named as what happened
    """A worker's process has ended before its work; the message names it and says why."""


class Worker:
    """A process that answers each line with a round's figures; it ends with the block.

    Args:
        name: of the implementation.
        form: of the channels.
        module: that serves it.
    """

    def __init__(self, name: str, form: str, module: str = "tests.benchmarks.peers") -> None:
        self.name = name
        command = [sys.executable, "-m", module, "--worker", name, form]
        self._process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()

    def round(self) -> Round:
        """Have it do a round.

        Raises:
            WorkerEnded: if it has ended.
        """
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        try:
            stdin.write("round\n")
            stdin.flush()
        except BrokenPipeError:
            line = ""
        else:
            line = stdout.readline()
        if not line:
            raise WorkerEnded(f"{self.name}: {how_it_ended(self._process.wait())}")
        answer: Round = json.loads(line)
        return answer


def how_it_ended(code: int) -> str:
    """What the exit code of a process says, in words."""
    if code >= 0:
        return f"its process ended with exit code {code}; the reason stands above"
    name = signal.Signals(-code).name
    memory = ", as the kernel does where memory runs out" if name == "SIGKILL" else ""
    return f"its process was ended by {name}{memory}"


def paired_rounds(one: str, other: str, form: str, rounds: int) -> Iterator[tuple[Round, Round]]:
    """Rounds of both, in turn; the first of each warms up and does not count. No third process is alive.

    Raises:
        WorkerEnded: if either has ended.
    """
    with Worker(one, form) as first, Worker(other, form) as second:
        for number in range(rounds + 1):
            pair = first.round(), second.round()
            if number:
                yield pair
