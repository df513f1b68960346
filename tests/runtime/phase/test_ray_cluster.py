"""Nodes as tasks of a Ray cluster of one machine: they end, fail, are lost, stopped and refused as anywhere."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from runtime.errors import UserError
from runtime.phase.checkout import checkout_sha256
from runtime.phase.graph import Node
from runtime.phase.walk import Ending
from tests.helpers.small_project import SOURCE
from tests.runtime.phase.test_local import SCRIPT, make_node, until

ray = pytest.importorskip("ray", reason="Ray is not installed: no node ran on a cluster")
pytestmark = pytest.mark.filterwarnings("ignore")  # Ray's own


@pytest.fixture(scope="module")
def cluster(project_copy: Path) -> Iterator[Any]:
    from runtime.phase.ray_cluster import RayCluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        ray.init(num_cpus=2, num_gpus=0, log_to_driver=False, include_dashboard=False)
        engine = RayCluster(project_copy, 2, "cpu", [])
        before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
        yield engine
        engine.close()
        for number, handler in before.items():
            signal.signal(number, handler)


def ending(cluster: Any, node: Node) -> Ending:
    for _ in range(60):
        for ended, how in cluster.wait(1.0):
            assert ended == node
            return how
    raise AssertionError(f"{node.name} goes on and on")


def test_a_node_ends_with_its_exit_code_and_last_words(cluster: Any, tmp_path: Path) -> None:
    node = make_node(tmp_path, "a", "import sys; print('one', flush=True); print('failed: two'); sys.exit(1)")
    cluster.start(node)
    assert ending(cluster, node) == Ending(1, "two")
    assert node.log.read_text() == "one\nfailed: two\n"


def test_a_node_whose_worker_is_lost_ends_as_if_killed_and_its_script_with_it(cluster: Any, tmp_path: Path) -> None:
    node = make_node(tmp_path, "b", "import os; print(os.getppid(), os.getpid(), flush=True)\n" + SCRIPT)
    cluster.start(node)
    worker, script = map(int, until("ready", node.log).split()[:2])
    os.kill(worker, signal.SIGKILL)
    assert ending(cluster, node).code == -9
    for _ in range(100):
        if not is_alive(script):
            return
        time.sleep(0.1)
    raise AssertionError("the script outlives its worker")


def is_alive(process: int) -> bool:
    shown = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
    return bool(shown.stdout.strip()) and not shown.stdout.startswith("Z")


def test_stopping_lets_scripts_save_and_end(cluster: Any, tmp_path: Path) -> None:
    node = make_node(tmp_path, "c", SCRIPT)
    cluster.start(node)
    until("ready", node.log)
    cluster.stop()
    assert cluster.is_idle()
    until("interrupted; continue with", node.log)


def test_a_machine_that_sees_other_files_is_refused(cluster: Any, project_copy: Path, tmp_path: Path) -> None:
    from runtime.phase import ray_cluster

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ray_cluster, "checkout_sha256", lambda project, scripts: "0" * 64)
        with pytest.raises(UserError, match=r"sees other files in .*: all machines of the cluster need the same"):
            ray_cluster._require_same_checkout(project_copy, [])
    with pytest.raises(UserError, match="no machine of the Ray cluster has a GPU; it has 2 processors"):
        ray_cluster.RayCluster(project_copy, 1, "cuda", [])


def test_the_checkout_is_known_by_code_scripts_and_data(tmp_path: Path) -> None:
    for name in ("runtime/a.py", "data/b.py", "data/manifest.json", "data/processed/c.parquet", "experiments/d.py"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(name)
    script, seen = tmp_path / "experiments/d.py", set()
    for name in ("nothing", "runtime/a.py", "data/b.py", "data/processed/c.parquet", "experiments/d.py"):
        (tmp_path / name).write_text("changed")
        seen.add(checkout_sha256(tmp_path, [script]))
    assert len(seen) == 5
    with pytest.raises(OSError, match="manifest"):
        checkout_sha256(SOURCE / "tests", [])
