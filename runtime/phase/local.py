"""Run nodes as processes of this machine."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runtime.phase.graph import Node
from runtime.phase.walk import Ending
from runtime.script.stopping import DRIVER_PIPE

_POLL_SECONDS = 0.1


@dataclass(frozen=True)
class _Running:
    node: Node
    process: subprocess.Popen[bytes]
    gpu: str | None


class LocalProcesses:
    """Up to ``jobs`` scripts at a time, each in a process group of its own; on GPUs each has one for itself.

    A driver that is killed leaves nothing running: its scripts notice that the pipe it held is closed, save and end.

    Args:
        project: the folder to run in.
        jobs: how many at once.
        gpus: names of the devices to hand out, as ``CUDA_VISIBLE_DEVICES`` takes them; none leaves them alone.
        inherited: file descriptors that scripts keep open for as long as they live.
    """

    def __init__(self, project: Path, jobs: int, gpus: Sequence[str] = (), inherited: Sequence[int] = ()) -> None:
        self._project, self._jobs, self._free_gpus = project, jobs, list(gpus)
        self._uses_gpus = bool(gpus)
        self._running: list[_Running] = []
        self._pipe, self._held_open = os.pipe()
        self._inherited = (self._pipe, *inherited)

    def has_room(self) -> bool:
        """Whether fewer than ``jobs`` run and, where GPUs are handed out, one is free."""
        return len(self._running) < self._jobs and (bool(self._free_gpus) or not self._uses_gpus)

    def is_idle(self) -> bool:
        """Whether nothing runs."""
        return not self._running

    def start(self, node: Node) -> None:
        """Run a node's command, its output appended to its log."""
        gpu = self._free_gpus.pop(0) if self._uses_gpus else None
        node.output.mkdir(parents=True, exist_ok=True)
        with node.log.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *node.command],
                cwd=self._project,
                env=os.environ | self._environment(gpu),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl+C reaches the driver alone, which passes it on
                pass_fds=self._inherited,
            )
        self._running.append(_Running(node, process, gpu))

    def _environment(self, gpu: str | None) -> dict[str, str]:
        changes = {"PYTHONUNBUFFERED": "1", DRIVER_PIPE: str(self._pipe)}
        if gpu is not None:
            changes["CUDA_VISIBLE_DEVICES"] = gpu
        if self._jobs > 1 and "OMP_NUM_THREADS" not in os.environ:
            changes["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // self._jobs))
        return changes

    def wait(self, seconds: float) -> Sequence[tuple[Node, Ending]]:
        """Wait until a node ends, but not for longer; those that did."""
        until = time.monotonic() + seconds
        while not (ended := self._ended()) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        return ended

    def _ended(self) -> list[tuple[Node, Ending]]:
        over = [each for each in self._running if each.process.poll() is not None]
        self._running = [each for each in self._running if each not in over]
        self._free_gpus += [each.gpu for each in over if each.gpu is not None]
        return [(each.node, Ending(each.process.returncode, last_words(each.node.log))) for each in over]

    def stop(self) -> None:
        """Ask all to save and end; a second Ctrl+C kills them: whatever they saved stays."""
        self._signal(signal.SIGTERM)
        try:
            for each in self._running:
                each.process.wait()
        except KeyboardInterrupt:
            self._signal(signal.SIGKILL)
            raise
        finally:
            self._running = [each for each in self._running if each.process.poll() is None]

    def _signal(self, number: signal.Signals) -> None:
        for each in self._running:
            if each.process.poll() is None:
                os.killpg(each.process.pid, number) if number is signal.SIGKILL else each.process.send_signal(number)

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._held_open)
        os.close(self._pipe)


def last_words(log: Path) -> str:
    """The last line of a log that says what went wrong, without its ``error:`` or ``failed:``; else the last line."""
    lines = [line.strip() for line in log.read_bytes()[-20_000:].decode(errors="replace").splitlines() if line.strip()]
    for line in reversed(lines):
        for mark in ("error: ", "failed: "):
            if line.startswith(mark):
                return line.removeprefix(mark)
    return lines[-1] if lines else ""
