"""Run nodes as tasks of a Ray cluster: a laptop, a machine of many GPUs, Kubernetes, an allocation of Slurm."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runtime.errors import UserError
from runtime.phase.checkout import checkout_sha256
from runtime.phase.graph import Node
from runtime.phase.local import LocalProcesses
from runtime.phase.walk import Ending
from runtime.records.files import is_held
from runtime.search.ray_session import connect, ray

WORKER_LOST = -9
"""Exit code of a node whose worker or machine is gone: as if it had been killed, it is given back and started again."""

_PATIENCE_SECONDS = 120.0
"""How long what a lost worker left may take to save and end."""


@dataclass(frozen=True)
class Resources:
    """What a node asks the cluster for."""

    num_cpus: int
    num_gpus: int


class RayCluster:
    """Up to ``jobs`` nodes at a time, where the cluster has room for them.

    Connects to the cluster that ``RAY_ADDRESS`` names, else to one on this machine, else starts one here. Project and
    data lie on a file system that all machines share; each is asked for what it sees there before anything runs.

    Args:
        project: the folder to run in, the same path on every machine.
        jobs: how many nodes at once.
        device: what scripts were asked to train on: ``auto``, ``cpu``, ``cuda`` or ``mps``.
        scripts: those that will run; part of what machines must agree on.

    Raises:
        UserError: if there is no GPU where one is asked for, or a machine sees another project.
    """

    def __init__(self, project: Path, jobs: int, device: str, scripts: Sequence[Path]) -> None:
        self._project, self._jobs = project, jobs
        self._running: dict[Any, Node] = {}
        connect()
        self._resources = _resources(device, jobs)
        _require_same_checkout(project, scripts)

    def has_room(self) -> bool:
        """Whether fewer than ``jobs`` were handed to the cluster."""
        return len(self._running) < self._jobs

    def is_idle(self) -> bool:
        """Whether nothing was handed to the cluster."""
        return not self._running

    def start(self, node: Node) -> None:
        """Hand a node to the cluster, which runs it where there is room."""
        drives = "--engine" in node.command  # a search whose trials are tasks themselves, and ask for what they need
        cpus, gpus = (0, 0) if drives else (self._resources.num_cpus, self._resources.num_gpus)
        task = _run_node.options(num_cpus=cpus, num_gpus=gpus, max_retries=0, name=node.name)
        self._running[task.remote(self._project, node)] = node

    def wait(self, seconds: float) -> Sequence[tuple[Node, Ending]]:
        """Wait until a node ends, but not for longer; those that did."""
        over, _ = ray.wait(list(self._running), num_returns=1, timeout=seconds)
        return [(self._running.pop(task), _ending(task)) for task in over]

    def stop(self) -> None:
        """Ask all to save and end, and wait until they did."""
        for task in self._running:
            ray.cancel(task, force=False)
        ray.wait(list(self._running), num_returns=len(self._running) or 1, timeout=_PATIENCE_SECONDS)
        self._running = {}

    def close(self) -> None:
        """Leave the cluster; one that was started here ends."""
        ray.shutdown()


def _machines() -> list[dict[str, Any]]:
    return [each for each in ray.nodes() if each["Alive"]]  # type: ignore[no-untyped-call]


def _resources(device: str, jobs: int) -> Resources:
    machines = [each["Resources"] for each in _machines()]
    gpus = sum(each.get("GPU", 0) for each in machines)
    if device.startswith("cuda") and not gpus:
        raise UserError(f"--device {device}: no machine of the Ray cluster has a GPU; it has {_described(machines)}")
    cpus = int(max(each.get("CPU", 1) for each in machines))
    return Resources(max(1, cpus // jobs), int(bool(gpus) and device in ("auto", "cuda")))


def _described(machines: Sequence[dict[str, float]]) -> str:
    return ", ".join(f"{each.get('CPU', 0):.0f} processors" for each in machines)


def _require_same_checkout(project: Path, scripts: Sequence[Path]) -> None:
    """Refuse a machine that sees another project, or none, at the project's path."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    expected = checkout_sha256(project, scripts)
    alive = _machines()
    pinned = [NodeAffinitySchedulingStrategy(each["NodeID"], soft=False) for each in alive]
    look = [_look.options(scheduling_strategy=each, num_cpus=0).remote(project, scripts) for each in pinned]
    for machine, seen in zip(alive, ray.get(look), strict=True):
        if seen != expected:
            what = "does not see" if seen is None else "sees other files in"
            raise UserError(
                f"{machine['NodeManagerHostname']} ({machine['NodeManagerAddress']}) {what} {project}: all machines of "
                "the cluster need the same checkout and data at the same path, on a file system that they share"
            )


@ray.remote
def _look(project: Path, scripts: Sequence[Path]) -> str | None:
    """What a machine sees at the project's path; None where nothing is."""
    try:
        return checkout_sha256(project, scripts)
    except OSError:
        return None


@ray.remote
def _run_node(project: Path, node: Node) -> Ending:
    """Run a node as a process of the machine that this task came to.

    The process ends with the task: the worker holds the pipe that it watches. What an earlier worker left, which was
    lost, is waited for.
    """
    until = time.monotonic() + _PATIENCE_SECONDS
    while is_held(node.output) and time.monotonic() < until:
        time.sleep(0.2)
    os.environ["RAY_ADDRESS"] = ray.get_runtime_context().gcs_address  # for a script that is a driver itself
    processes = LocalProcesses(project, 1)
    processes.start(node)
    try:
        while not (ended := processes.wait(1.0)):
            pass
    except KeyboardInterrupt:  # the driver cancelled the task
        processes.stop()
        raise
    return ended[0][1]


def _ending(task: Any) -> Ending:
    try:
        ended: Ending = ray.get(task)
    except ray.exceptions.TaskCancelledError:
        return Ending(75)
    except ray.exceptions.RayError as error:
        return Ending(WORKER_LOST, str(error).splitlines()[0])
    return ended
