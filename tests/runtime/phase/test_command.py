"""``python -m runtime run`` on a small project: killed, continued, failing in part, kept from opening tests twice."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch

from runtime.phase.command import visible_gpus, worker_flags
from tests.helpers.ray_workers import workers_at
from tests.helpers.small_project import run

TASK = ("phase6a", "2M", "threshold_1pct")
SEARCH, TRAIN = (f"outputs/phase6a/{kind}_2M_threshold_1pct" for kind in ("hpo", "train"))
RUN = ("-m", "runtime", "run")
NO_REPORT = "def write_phase(phase, folder):\n    return folder / 'report.html'\n"


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory, project_copy: Path) -> Path:
    """A project in which one experiment was run without a disturbance."""
    project = copy(project_copy, tmp_path_factory.mktemp("finished"), report=True)
    answer = run(project, *RUN, *TASK)
    assert (answer.returncode, answer.stderr) == (0, ""), answer.stdout
    assert answer.stdout.splitlines()[-1] == f"written: {project}/outputs/phase6a/report.html"
    return project


def copy(source: Path, target: Path, *, report: bool = False) -> Path:
    """The project with scripts of three trials, and nothing run."""
    shutil.copytree(source, target, dirs_exist_ok=True, ignore=shutil.ignore_patterns("outputs", "experiments"))
    if not report:  # its pictures take as long as all the rest, and have tests of their own
        (target / "runtime/report/page.py").write_text(NO_REPORT)
    answer = run(target, "-m", "codegen", "phase6a", "2M", "--trials", "3")
    assert answer.returncode == 0, answer.stderr
    return target


def records(project: Path) -> dict[str, Any]:
    """What the search found and what the training measured, without seconds and dates."""
    found = json.loads((project / "experiments/phase6a/hpo_2M_threshold_1pct.best.json").read_text())
    result = json.loads((project / TRAIN / "result.json").read_text())
    weights = result["weights_sha256"], result["training"]["best_val_loss"], result["test"]["model"]["log_loss"]
    return {"best": found["best"], "trials": found["trials"], "weights": weights, "script": result["script_sha256"]}


def start(project: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, *RUN, *arguments]
    return subprocess.Popen(command, cwd=project, env=environment, text=True, stdout=subprocess.PIPE)


def wait_for(told: str, log: Path) -> None:
    until = time.monotonic() + 240
    while not (log.exists() and told in log.read_text()):
        assert time.monotonic() < until, f"{told!r} is not in {log}"
        time.sleep(0.05)


def test_killed_again_and_again_it_ends_with_the_same_records(
    finished: Path, project_copy: Path, tmp_path: Path
) -> None:
    project = copy(project_copy, tmp_path)
    log = project / SEARCH / "run.log"
    process = start(project, *TASK)
    wait_for("trial 1/3", log)
    os.kill(int((project / SEARCH / ".lock.holder").read_text().split()[1]), signal.SIGKILL)  # the search alone
    wait_for("trial 2/3", log)
    process.send_signal(signal.SIGKILL)
    told, _ = process.communicate()
    assert "search phase6a/2M_threshold_1pct: running, started again (1)" in told
    process = start(project, *TASK)
    wait_for("model: ", project / TRAIN / "run.log")
    process.send_signal(signal.SIGKILL)
    process.communicate()
    answer = run(project, *RUN, *TASK)
    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert records(project) == records(finished)
    assert len((project / "experiments/test_openings.jsonl").read_text().splitlines()) == 1


@pytest.mark.filterwarnings("ignore")  # Ray's own
def test_on_ray_it_loses_workers_and_drivers_and_ends_with_the_same_records(
    finished: Path, project_copy: Path, tmp_path: Path
) -> None:
    pytest.importorskip("ray", reason="Ray is not installed: nothing ran on a cluster")
    project = copy(project_copy, tmp_path)
    log = project / SEARCH / "run.log"
    process = start(project, *TASK, "--engine", "ray")
    wait_for("trial 1/3", log)
    os.kill(workers_at("search")[0], signal.SIGKILL)
    wait_for("trial 2/3", log)
    process.send_signal(signal.SIGKILL)
    told, _ = process.communicate()
    assert "search phase6a/2M_threshold_1pct: running, started again (1)" in told
    answer = run(project, *RUN, *TASK, "--engine", "ray")
    assert answer.returncode == 0, answer.stdout + answer.stderr + log.read_text()
    assert records(project) == records(finished)


def test_what_is_finished_is_not_run_again(finished: Path) -> None:
    before = records(finished)
    logs = [(finished / folder / "run.log").read_text().count("data: ") for folder in (SEARCH, TRAIN)]
    answer = run(finished, *RUN, *TASK)
    assert answer.returncode == 0
    assert answer.stdout.count("finished earlier") == 2
    assert records(finished) == before
    assert [(finished / folder / "run.log").read_text().count("data: ") for folder in (SEARCH, TRAIN)] == logs


def test_a_rival_without_history_is_added_to_what_is_finished(finished: Path, tmp_path: Path) -> None:
    project = tmp_path / "project"
    shutil.copytree(finished, project, symlinks=True)
    for finished_earlier in (1, 2):
        answer = run(project, *RUN, *TASK, "--newest-row-network")
        assert answer.returncode == 0, answer.stdout + answer.stderr
        assert answer.stdout.count("finished earlier") == finished_earlier
        assert records(project) == records(finished)
    assert json.loads((project / TRAIN / "result.json").read_text())["newest_row_network"]["test"]["log_loss"] > 0


def test_ctrl_c_saves_and_says_how_it_goes_on(project_copy: Path, tmp_path: Path) -> None:
    project = copy(project_copy, tmp_path)
    process = start(project, *TASK)
    wait_for("trial 1/3", project / SEARCH / "run.log")
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate()
    assert process.returncode == 75
    assert "search phase6a/2M_threshold_1pct: interrupted" in out
    assert "stopped after" in (project / SEARCH / "run.log").read_text()


def test_a_failure_leaves_the_rest_to_go_on(finished: Path, project_copy: Path, tmp_path: Path) -> None:
    project = copy(project_copy, tmp_path)
    shutil.copytree(finished / "experiments", project / "experiments", dirs_exist_ok=True)
    script = project / "experiments/phase6a/hpo_2M_threshold_3pct.py"
    script.write_text("raise SystemExit('failed: no luck')\n")
    answer = run(project, *RUN, "phase6a", "2M", "threshold_2pct", "--jobs", "2")
    assert answer.returncode == 1
    assert "search phase6a/2M_threshold_1pct: finished earlier" in answer.stdout
    assert "search phase6a/2M_threshold_3pct failed: no luck (" in answer.stderr
    assert "train phase6a/2M_threshold_2pct not run: search phase6a/2M_threshold_3pct failed" in answer.stderr


def test_a_test_split_opened_before_is_said_at_the_start(finished: Path) -> None:
    log = finished / "experiments/test_openings.jsonl"
    opened, result = log.read_text(), (finished / TRAIN / "result.json").read_text()
    try:
        log.write_text(opened.replace(json.loads(opened)["script_sha256"], "0" * 64))
        shutil.move(finished / TRAIN, finished / "elsewhere")
        dry = run(finished, *RUN, *TASK, "--dry-run")
        assert (dry.returncode, dry.stderr) == (0, "")
        assert "train phase6a/2M_threshold_1pct: judged on validation alone: the test split of this" in dry.stdout
        assert "; test split stays closed" in dry.stdout
        answer = run(finished, *RUN, *TASK)
        assert answer.returncode == 0, answer.stderr
        assert "--reopen-test opens" in answer.stdout
        assert json.loads((finished / TRAIN / "result.json").read_text())["test"] is None
        assert log.read_text().count("\n") == 1
    finally:
        shutil.rmtree(finished / TRAIN)
        shutil.move(finished / "elsewhere", finished / TRAIN)
        log.write_text(opened)
    assert (finished / TRAIN / "result.json").read_text() == result


def test_without_regeneration_it_says_what_comes_next(finished: Path, project_copy: Path, tmp_path: Path) -> None:
    project = copy(project_copy, tmp_path)
    finding = "experiments/phase6a/hpo_2M_threshold_1pct.best.json"
    shutil.copy(finished / finding, project / finding)
    script = project / "experiments/phase6a/train_2M_threshold_1pct.py"
    before = script.read_text()
    answer = run(project, *RUN, *TASK, "--no-regenerate")
    assert answer.returncode == 0
    following = "python -m codegen phase6a 2M threshold_1pct --trials 3"
    assert f"next: {following}, then python experiments/phase6a/train_2M_threshold_1pct.py" in answer.stdout
    assert script.read_text() == before


@pytest.mark.parametrize(
    ("engine", "workers", "flags"),
    [
        ("local", 1, []),
        ("local", 3, ["--workers", "3"]),
        ("ray", 1, []),
        ("ray", 3, ["--workers", "3", "--engine", "ray"]),
        ("slurm", 3, ["--workers", "3"]),
    ],
)
def test_searches_are_told_how_many_trials_train_at_once(engine: str, workers: int, flags: list[str]) -> None:
    assert worker_flags(engine, workers) == flags


def test_gpus_are_those_that_are_visible(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 3)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert visible_gpus(torch.device("cpu")) == []
    assert visible_gpus(torch.device("cuda")) == ["0", "1", "2"]
    assert visible_gpus(torch.device("cuda", 1)) == ["1"]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,6")
    assert visible_gpus(torch.device("cuda")) == ["4", "6"]
