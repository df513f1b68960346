"""Nodes as processes: their logs, their GPUs, how they are stopped, and that none outlives a killed driver."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runtime.phase.graph import Node
from runtime.phase.local import LocalProcesses, last_words
from runtime.phase.walk import Ending
from runtime.script.stopping import DRIVER_PIPE

PROJECT = Path(__file__).resolve().parents[3]

SCRIPT = """
import os, sys, time
from runtime.script.running import run_script
def main():
    print("ready", os.environ.get("CUDA_VISIBLE_DEVICES"), os.environ.get("OMP_NUM_THREADS"), flush=True)
    time.sleep(60)
sys.exit(run_script(main))
"""


def make_node(folder: Path, name: str, code: str) -> Node:
    script = folder / f"experiments/phase0/train_{name}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(textwrap.dedent(code))
    return Node("train", script, (str(script),), folder / name)


@pytest.fixture
def engine(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalProcesses]:
    monkeypatch.setenv("PYTHONPATH", str(PROJECT))
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    engine = LocalProcesses(PROJECT, **getattr(request, "param", {"jobs": 2}))
    yield engine
    engine.stop()
    engine.close()


def until(told: str, log: Path) -> str:
    for _ in range(600):
        if log.exists() and told in (text := log.read_text()):
            return text
        time.sleep(0.05)
    raise AssertionError(f"{told!r} not in {log.read_text()!r}")


def endings(engine: LocalProcesses) -> list[Ending]:
    found = []
    while not engine.is_idle():
        found += [ending for _, ending in engine.wait(20)]
    return found


RANK = """
import os, sys, time
told = [os.environ.get(name) for name in ("RANK", "LOCAL_RANK", "WORLD_SIZE", "MASTER_PORT", "CUDA_VISIBLE_DEVICES")]
print("rank", *told, flush=True)
time.sleep(60 if "wait" in sys.argv else 0)
"""


@pytest.mark.parametrize("engine", [{"jobs": 1, "gpus": ["4", "6"]}], indirect=True)
def test_ranks_are_processes_that_share_all_gpus_and_know_each_other(engine: LocalProcesses, tmp_path: Path) -> None:
    node = replace(make_node(tmp_path, "ranks", RANK), ranks=2)
    engine.start(node)
    assert endings(engine) == [Ending(0, node.log.read_text().splitlines()[-1])]
    told = sorted(line.split() for line in node.log.read_text().splitlines())
    port = told[0][4]
    assert told == [["rank", "0", "0", "2", port, "4,6"], ["rank", "1", "1", "2", port, "4,6"]]
    engine.start(make_node(tmp_path, "alone", RANK))
    assert "rank None None None None 4\n" in until("rank", tmp_path / "alone/run.log")


def test_a_node_one_of_whose_ranks_is_killed_ends_as_killed(engine: LocalProcesses, tmp_path: Path) -> None:
    node = replace(make_node(tmp_path, "ranks", RANK.replace("60", "1")), ranks=2)
    engine.start(replace(node, command=(*node.command, "wait")))
    until("rank 1", node.log)
    engine._running[0].processes[1].kill()
    assert [ending.code for ending in endings(engine)] == [-9]


def test_everything_a_script_prints_is_appended_to_its_log(engine: LocalProcesses, tmp_path: Path) -> None:
    code = "import sys; print('one'); print('error: no such device', file=sys.stderr); sys.exit(2)"
    node = make_node(tmp_path, "a", code)
    for _ in range(2):
        engine.start(node)
        assert endings(engine) == [Ending(2, "no such device")]
    assert node.log.read_text() == "one\nerror: no such device\n" * 2


def test_the_last_words_are_what_went_wrong(tmp_path: Path) -> None:
    log = tmp_path / "log"
    for text, words in (("failed: diverged\nalarm: x\n", "diverged"), ("all\nwell\n\n", "well"), ("", "")):
        log.write_text(text)
        assert last_words(log) == words


@pytest.mark.parametrize("engine", [{"jobs": 3, "gpus": ["2", "5"]}], indirect=True)
def test_each_script_has_a_gpu_for_itself(engine: LocalProcesses, tmp_path: Path) -> None:
    nodes = [make_node(tmp_path, name, "import os; print(os.environ['CUDA_VISIBLE_DEVICES'])") for name in "abc"]
    for node in nodes[:2]:
        assert engine.has_room()
        engine.start(node)
    assert not engine.has_room(), "three jobs were allowed, but there are two GPUs"
    endings(engine)
    engine.start(nodes[2])
    endings(engine)
    assert sorted(node.log.read_text() for node in nodes[:2]) == ["2\n", "5\n"]
    assert nodes[2].log.read_text() in ("2\n", "5\n")


def test_jobs_share_the_cores(engine: LocalProcesses, tmp_path: Path) -> None:
    node = make_node(tmp_path, "a", "import os; print(os.environ['OMP_NUM_THREADS'])")
    engine.start(node)
    endings(engine)
    assert int(node.log.read_text()) == max(1, (os.cpu_count() or 1) // 2)


def test_stopping_lets_scripts_save_and_end(engine: LocalProcesses, tmp_path: Path) -> None:
    node = make_node(tmp_path, "a", SCRIPT)
    engine.start(node)
    until("ready", node.log)
    engine.stop()
    assert engine.is_idle()
    assert "interrupted; continue with" in node.log.read_text()


def test_a_killed_driver_leaves_nothing_running(tmp_path: Path) -> None:
    node = make_node(tmp_path, "a", "import os; print(os.getpid(), flush=True)" + SCRIPT)
    driver = f"""
        import pathlib, time
        from runtime.phase.graph import Node
        from runtime.phase.local import LocalProcesses
        script = pathlib.Path({str(node.script)!r})
        engine = LocalProcesses(pathlib.Path({str(PROJECT)!r}), 1)
        engine.start(Node("train", script, (str(script),), pathlib.Path({str(node.output)!r})))
        time.sleep(60)
    """
    environment = os.environ | {"PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen([sys.executable, "-c", textwrap.dedent(driver)], env=environment)
    script = int(until("ready", node.log).split()[0])
    process.send_signal(signal.SIGKILL)
    process.wait()
    until("interrupted; continue with", node.log)
    for _ in range(200):
        try:
            os.kill(script, 0)
        except ProcessLookupError:
            return
        if Path(f"/proc/{script}/status").exists() and "zombie" in Path(f"/proc/{script}/status").read_text():
            return
        time.sleep(0.05)
    raise AssertionError("the script lives on")


def test_a_script_that_no_driver_started_minds_no_pipe() -> None:
    assert DRIVER_PIPE not in os.environ
