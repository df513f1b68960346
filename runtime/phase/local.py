"""Run nodes as processes of this machine."""

from __future__ import annotations

import os
import signal
import socket
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
    processes: tuple[subprocess.Popen[bytes], ...]
    gpus: tuple[str, ...]

    def has_ended(self) -> bool:
        return all(each.poll() is not None for each in self.processes)

    def exit_code(self) -> int:
        """The first process's; that of another where it was killed, which ends the first, too."""
        codes = [each.returncode for each in self.processes]
        return next((code for code in codes if code < 0), codes[0])


class LocalProcesses:
    """Up to ``jobs`` scripts at a time, each in a process group of its own; on GPUs each has one for itself.

    A node of several ranks is as many processes, which find each other as under ``torchrun``; they get all GPUs that
    are free, so it should run alone.

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
        wanted = node.ranks if self._uses_gpus else 0
        gpus, self._free_gpus = tuple(self._free_gpus[:wanted]), self._free_gpus[wanted:]
        node.output.mkdir(parents=True, exist_ok=True)
        environment = os.environ | self._environment(node, gpus)
        with node.log.open("ab") as log:
            processes = tuple(
                subprocess.Popen(
                    [sys.executable, *node.command],
                    cwd=self._project,
                    env=environment | rank,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # Ctrl+C reaches the driver alone, which passes it on
                    pass_fds=self._inherited,
                )
                for rank in _environments(node.ranks)
            )
        self._running.append(_Running(node, processes, gpus))

    def _environment(self, node: Node, gpus: Sequence[str]) -> dict[str, str]:
        changes = {"PYTHONUNBUFFERED": "1", DRIVER_PIPE: str(self._pipe)}
        if gpus:
            changes["CUDA_VISIBLE_DEVICES"] = ",".join(gpus)
        beside = max(self._jobs, node.ranks)
        if beside > 1 and "OMP_NUM_THREADS" not in os.environ:
            changes["OMP_NUM_THREADS"] = str(max(1, (os.cpu_count() or 1) // beside))
        return changes

    def wait(self, seconds: float) -> Sequence[tuple[Node, Ending]]:
        """Wait until a node ends, but not for longer; those that did."""
        until = time.monotonic() + seconds
        while not (ended := self._ended()) and time.monotonic() < until:
            time.sleep(_POLL_SECONDS)
        return ended

    def _ended(self) -> list[tuple[Node, Ending]]:
        over = [each for each in self._running if each.has_ended()]
        self._running = [each for each in self._running if each not in over]
        self._free_gpus += [gpu for each in over for gpu in each.gpus]
        return [(each.node, Ending(each.exit_code(), last_words(each.node.log))) for each in over]

    def stop(self) -> None:
        """Ask all to save and end; a second Ctrl+C kills them: whatever they saved stays."""
        self._signal(signal.SIGTERM)
        try:
            for process in self._processes():
                process.wait()
        except KeyboardInterrupt:
            self._signal(signal.SIGKILL)
            raise
        finally:
            self._running = [each for each in self._running if not each.has_ended()]

    def _processes(self) -> list[subprocess.Popen[bytes]]:
        return [process for each in self._running for process in each.processes]

    def _signal(self, number: signal.Signals) -> None:
        for process in self._processes():
            if process.poll() is None:
                os.killpg(process.pid, number) if number is signal.SIGKILL else process.send_signal(number)

    def close(self) -> None:
        """Let go of the pipe."""
        os.close(self._held_open)
        os.close(self._pipe)


def _environments(ranks: int) -> list[dict[str, str]]:
    """What each rank is told, as by torchrun; one that is alone is told nothing."""
    if ranks == 1:
        return [{}]
    shared = {"WORLD_SIZE": str(ranks), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(_free_port())}
    return [{"RANK": str(rank), "LOCAL_RANK": str(rank), **shared} for rank in range(ranks)]


def _free_port() -> int:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        return int(unused.getsockname()[1])


def last_words(log: Path) -> str:
    """The last line of a log that says what went wrong, without its ``error:`` or ``failed:``; else the last line."""
    lines = [line.strip() for line in log.read_bytes()[-20_000:].decode(errors="replace").splitlines() if line.strip()]
    for line in reversed(lines):
        for mark in ("error: ", "failed: "):
            if line.startswith(mark):
                return line.removeprefix(mark)
    return lines[-1] if lines else ""
