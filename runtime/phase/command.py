"""``python -m runtime run``: from its flags to a walk, and from how that ended to an exit code."""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch

from data.command_line import EXIT_INTERRUPTED, EXIT_OK
from runtime.phase.flags import check_flags
from runtime.phase.graph import Node, make_nodes, read_graph
from runtime.phase.hold import hold
from runtime.phase.local import LocalProcesses
from runtime.phase.openings import TestSplits, open_together, plan_openings
from runtime.phase.outlook import print_outlook
from runtime.phase.slurm import submit_jobs, write_jobs
from runtime.phase.table import make_display
from runtime.phase.walk import DONE, Engine, State, Statuses, Walk
from runtime.script.arguments import find_device
from runtime.script.stopping import raise_on_signals
from runtime.training.finished import is_finished

EXIT_FAILED = 1


def run_phase(options: argparse.Namespace, project: Path) -> int:
    """Run a phase, or show what would run.

    Args:
        options: what `runtime.phase.flags` reads.
        project: where scripts, configurations and outputs lie.

    Returns:
        0: everything is finished, or left to the user as asked. 1: something failed. 75: something was interrupted.

    Raises:
        UserError: if the phase, a finding, a script or the device cannot be used, or another run is at work.
        KeyboardInterrupt: after all scripts have saved and stopped.
    """
    check_flags(options)
    raise_on_signals()
    return _PhaseRun(options, project).run()


class _PhaseRun:
    def __init__(self, options: argparse.Namespace, project: Path) -> None:
        self.options, self.project, self.outputs = options, project, project / "outputs"
        self.device = find_device(options.device if options.engine == "local" else "cpu")
        asked = [each for each in (options.phase, options.budget, options.task) if each]
        asked += ["--data", options.data] if options.data else []
        self.graph = read_graph(project, asked)
        device = [] if options.device == "auto" else ["--device", options.device]
        seeds = [] if options.seeds == 1 else ["--seeds", str(options.seeds)]
        reopen = ["--reopen-test"] if options.reopen_test else []
        newest_row = ["--newest-row-network"] if options.newest_row_network else []
        flags = {
            "search_flags": [*device, *worker_flags(options.engine, options.workers)],
            "train_flags": [*device, *seeds, *reopen, *newest_row],
        }
        self.gpus = visible_gpus(self.device)
        self.nodes = make_nodes(self.graph, project, self.outputs, **flags, gpus=len(self.gpus))
        self.generated: dict[str, tuple[State, str]] = {}
        self.tests = TestSplits()

    @property
    def _networks(self) -> int:
        """How many each training trains."""
        return int(self.options.seeds) * (2 if self.options.newest_row_network else 1)

    def run(self) -> int:
        """Walk, report, tell."""
        if self.options.dry_run:
            self._keep_tests_closed()
            unfinished = [node for node in self.nodes if node.kind != "generate" and not self.is_finished(node)]
            print_outlook(self.nodes, unfinished, self.tests.closed, self.device, self._networks)
            return EXIT_OK
        with hold(self.outputs) as lock:
            for node in self.nodes:
                if node.kind == "generate" and not self._searches_left(node):
                    self.generated[node.name] = self.generate(node)
            self._keep_tests_closed()
            self._open_tests()
            if self.options.engine == "slurm":
                return self._write_jobs()
            statuses = self._walk(self.nodes, lock)
            if judging := self._open_tests(statuses):
                statuses = {**statuses, **self._walk(judging, lock)}
        self._report()
        return _tell(self.nodes, statuses)

    def _walk(self, nodes: Sequence[Node], lock: int) -> Statuses:
        display = make_display(nodes)
        engine = self._make_engine(lock)
        try:
            return Walk(
                nodes,
                engine,
                generate=self.generate,
                is_finished=self.is_finished,
                fail_fast=self.options.fail_fast,
                watch=display.show,
            ).run()
        finally:
            display.close()
            engine.close()

    def _write_jobs(self) -> int:
        left = [node for node in self.nodes if not self.is_finished(node) and node.name not in self.generated]
        gpu = self.options.device.startswith("cuda")
        submit = write_jobs(left, self.project, self.outputs, self.options.phase, gpu=gpu)
        print(f"written: {len(left) + 1} jobs to {submit.parent}; submit them with: bash {submit}")
        if self.options.submit:
            submit_jobs(submit)
        return EXIT_OK

    def _make_engine(self, lock: int) -> Engine:
        if self.options.engine == "ray":
            from runtime.phase.ray_cluster import RayCluster

            scripts = [node.script for node in self.nodes]
            return RayCluster(self.project, self.options.jobs, self.options.device, scripts)
        alone = any(node.ranks > 1 for node in self.nodes)  # a model on all GPUs leaves none to others
        return LocalProcesses(self.project, 1 if alone else self.options.jobs, self.gpus, inherited=[lock])

    def is_finished(self, node: Node) -> bool:
        """Whether a node has nothing left to do."""
        if node.finding is not None:
            return node.finding.is_file()  # and a finished search's: the generator has looked
        if node.kind == "generate":
            return False
        return self._is_trained(node, opens_test=not self.tests.waits(node.name))

    def _is_trained(self, node: Node, *, opens_test: bool) -> bool:
        return is_finished(
            node.script,
            node.output,
            seeds=self.options.seeds,
            opens_test=opens_test,
            newest_row_network=self.options.newest_row_network,
        )

    def generate(self, node: Node) -> tuple[State, str]:
        """Write the findings into a training script, or see that they are there already."""
        if node.name in self.generated:
            return self.generated.pop(node.name)
        look = ["--check"] if self.options.no_regenerate else []
        command = [sys.executable, *node.command, *look]
        answer = subprocess.run(command, cwd=self.project, capture_output=True, text=True, check=False)
        node.output.mkdir(parents=True, exist_ok=True)
        with node.log.open("a") as log:
            log.write(answer.stdout + answer.stderr)
        if answer.returncode == 0:
            return State.FINISHED, ""
        if self.options.no_regenerate and answer.returncode == 1:
            return State.LEFT, f"next: {node.shown}, then python {node.script.relative_to(self.project)}"
        words = (answer.stderr or answer.stdout).strip().splitlines()
        return State.FAILED, words[-1].removeprefix("error: ") if words else f"exit code {answer.returncode}"

    def _searches_left(self, node: Node) -> list[Node]:
        return [each for each in self.nodes if each.name in node.needs and not self.is_finished(each)]

    def _keep_tests_closed(self) -> None:
        """Let trainings whose test split is another's be judged on validation, and say so."""
        if self.options.reopen_test:
            return
        trainings = [node for node in self.nodes if node.kind == "train" and not self.is_finished(node)]
        generates = [node for node in self.nodes if node.kind == "generate"]
        unwritten = {node.script for node in generates if self._searches_left(node)}
        self.tests = plan_openings(trainings, self.project, unwritten)
        self.nodes = [
            replace(node, command=(*node.command, "--no-test")) if self.tests.waits(node.name) else node
            for node in self.nodes
        ]
        for name, reason in self.tests.closed.items():
            print(f"{name}: judged on validation alone: {reason}")
        if self.tests.closed:
            print("--reopen-test opens these test splits all the same; every record and the report will say so")
        for group in self.tests.together:
            names = ", ".join(node.name.removeprefix("train ") for node in group)
            print(f"one test split for {len(group)} trainings, opened once when all are trained: {names}")

    def _open_tests(self, statuses: Statuses | None = None) -> list[Node]:
        """Open each test split that several trainings ask for, once all of them are trained or have failed.

        Args:
            statuses: of the walk in which they were trained; None before any.

        Returns:
            The trainings that have the judging left to do.
        """
        judging: list[Node] = []
        for group in list(self.tests.together):
            trained = [node for node in group if self._is_trained(node, opens_test=False)]
            failed = [node for node in group if statuses and statuses[node.name].state is State.FAILED]
            if trained and len(trained) + len(failed) == len(group):
                open_together(trained, self.project)
                self.tests.together.remove(group)
                judging += trained
        self.nodes = [next((each for each in judging if each.name == node.name), node) for node in self.nodes]
        return [replace(node, needs=()) for node in judging]

    def _report(self) -> None:
        if any((self.outputs / self.options.phase).rglob("result.json")):
            command = [sys.executable, "-m", "runtime", "report", self.options.phase]
            sys.stdout.flush()
            subprocess.run(command, cwd=self.project, check=False)


def worker_flags(engine: str, workers: int) -> list[str]:
    """Flags of a search that trains several trials at once: on Ray each of them is a task of its own."""
    if workers == 1:
        return []
    return ["--workers", str(workers), *(["--engine", "ray"] if engine == "ray" else [])]


def visible_gpus(device: torch.device) -> list[str]:
    """The GPUs to hand out, as ``CUDA_VISIBLE_DEVICES`` names them; none where scripts do not train on CUDA."""
    if device.type != "cuda":
        return []
    if device.index is not None:
        return [str(device.index)]
    given = os.environ.get("CUDA_VISIBLE_DEVICES")
    return given.split(",") if given else [str(index) for index in range(torch.cuda.device_count())]


def _tell(nodes: Sequence[Node], statuses: Statuses) -> int:
    """Say what is not finished; the exit code."""
    for node in nodes:
        status = statuses[node.name]
        if status.state is State.LEFT:
            print(status.reason)
        elif status.state not in DONE:
            where = f" ({node.log})" if status.state is State.FAILED else ""
            print(f"{node.name} {status.state}: {status.reason}{where}", file=sys.stderr)
    states = {status.state for status in statuses.values()}
    if State.FAILED in states:
        return EXIT_FAILED
    return EXIT_INTERRUPTED if State.INTERRUPTED in states else EXIT_OK
