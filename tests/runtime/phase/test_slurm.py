"""Jobs for Slurm: clean shell, in the right order, and run by a real Slurm where there is one."""

from __future__ import annotations

import shutil
import subprocess
import time
from argparse import Namespace
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.phase.flags import check_flags
from runtime.phase.graph import Node
from runtime.phase.slurm import submit_jobs, write_jobs
from tests.helpers.slurm import NoSlurm, slurm


def nodes(project: Path, failing: bool = False) -> list[Node]:
    """Two searches, a generation behind both, and a training; each notes that it ran."""
    folder = project / "experiments/phase0"

    def command(word: str, code: int = 0) -> tuple[str, ...]:
        note = f"import sys; print({word!r}, file=open('ran', 'a')); print('said {word}'); sys.exit({code})"
        return "-c", note

    one, other = (Node("search", folder / f"hpo_{name}.py", command(name), project / f"out {name}") for name in "ab")
    if failing:
        other = Node("search", other.script, command("b", code=1), other.output)
    script = folder / "train_c.py"
    generate = Node("generate", script, command("generate"), project / "out 50% c", (one.name, other.name))
    return [one, other, generate, Node("train", script, command("train"), project / "out 50% c", (generate.name,))]


def test_jobs_wait_for_what_they_need(tmp_path: Path) -> None:
    project = tmp_path / "with space"
    submit = write_jobs(nodes(project), project, project / "outputs", "phase0", gpu=True)
    lines = [line for line in submit.read_text().splitlines() if "sbatch" in line]
    waits = [line.split('--dependency="')[1].split('"')[0] for line in lines]
    assert waits == [
        "singleton",
        "singleton",
        "singleton,afterok:$job01:$job02",
        "singleton,afterok:$job03",
        "singleton,afterany:$job01:$job02:$job03:$job04",
    ]
    jobs = sorted(submit.parent.glob("0*.sh"))
    assert [job.name for job in jobs] == [
        "01_search_phase0_a.sh",
        "02_search_phase0_b.sh",
        "03_generate_phase0_c.sh",
        "04_train_phase0_c.sh",
        "05_report_phase0.sh",
    ]
    assert ["--gres=gpu:1" in job.read_text() for job in jobs] == [True, True, False, True, False]
    assert "#SBATCH --job-name=generate\n" in jobs[2].read_text()


def test_what_is_finished_is_not_waited_for(tmp_path: Path) -> None:
    left = nodes(tmp_path)[2:]
    lines = write_jobs(left, tmp_path, tmp_path, "phase0", gpu=False).read_text().splitlines()
    assert '--dependency="singleton" 01_generate_phase0_c.sh' in lines[3]


def test_the_shell_is_clean(tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed: the jobs' shell was not checked")
    project = tmp_path / "with space"
    submit = write_jobs(nodes(project), project, project / "outputs", "phase0", gpu=True)
    files = [str(file) for file in sorted(submit.parent.glob("*.sh"))]
    checked = subprocess.run(["shellcheck", *files], capture_output=True, text=True, check=False)
    assert (checked.returncode, checked.stdout) == (0, "")


@pytest.mark.parametrize("failing", [False, True])
def test_a_real_slurm_runs_them_in_order(failing: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project, server = tmp_path / "project", tmp_path / "slurm"
    project.mkdir()
    server.mkdir()
    submit = write_jobs(nodes(project, failing), project, project / "outputs", "phase0", gpu=False)
    report = submit.parent / "05_report_phase0.sh"
    report.write_text(
        report.read_text().replace("-m runtime report phase0", "-c \"print('report', file=open('ran', 'a'))\"")
    )
    try:
        with slurm(server) as environment:
            for name in ("PATH", "SLURM_CONF"):
                monkeypatch.setenv(name, environment[name])
            submit_jobs(submit)
            until = time.monotonic() + 90
            while subprocess.run(["squeue", "-h"], capture_output=True, check=True).stdout:
                assert time.monotonic() < until
                time.sleep(0.3)
    except NoSlurm as reason:
        pytest.skip(f"no job ran on a real Slurm: {reason}")
    ran = (project / "ran").read_text().split()
    assert sorted(ran[:2]) == ["a", "b"]
    assert ran[2:] == (["report"] if failing else ["generate", "train", "report"])
    assert (project / "out a/run.log").read_text() == "said a\n"


def test_submitting_says_what_is_missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    submit = tmp_path / "submit.sh"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(UserError, match=r"there is no sbatch here; .* run: bash .*submit\.sh"):
        submit_jobs(submit)
    monkeypatch.undo()
    (tmp_path / "sbatch").write_text("#!/bin/sh\nexit 0\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    submit.write_text("exit 1\n")
    with pytest.raises(UserError, match="refused a job"):
        submit_jobs(submit)


def test_flags_that_do_not_go_together_are_refused() -> None:
    usual = {"engine": "local", "submit": False, "no_regenerate": False, "fail_fast": False}
    check_flags(Namespace(**usual))
    for changes, flag in (
        ({"submit": True}, "--submit"),
        ({"engine": "slurm", "no_regenerate": True}, "--no-regenerate"),
        ({"engine": "slurm", "fail_fast": True}, "--fail-fast"),
    ):
        with pytest.raises(UserError, match=f"{flag} does not go with --engine"):
            check_flags(Namespace(**(usual | changes)))
