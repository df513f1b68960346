"""A phase as jobs of Slurm: one ``sbatch`` script a node, and one script that submits them behind each other."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from data.files import write_atomically
from runtime.errors import UserError
from runtime.phase.graph import Node
from runtime.script.place import EXPERIMENTS

SECONDS_TO_SAVE = 120
"""How long before the time limit a script is told to save and end."""


def write_jobs(nodes: Sequence[Node], project: Path, outputs: Path, phase: str, *, gpu: bool) -> Path:
    """Write the jobs of all nodes, and of the report behind them.

    A job that fails keeps those away that need it; submitted again, all of them continue. The same node is never run
    twice at a time: a second job of its name waits for the first.

    Args:
        nodes: what is not finished, each behind what it needs.
        project: the checkout, at the same path on every machine.
        outputs: where results lie.
        phase: whose report is written at the end.
        gpu: ask for a GPU for each search and training.

    Returns:
        The script that submits them.
    """
    folder = outputs / phase / "slurm"
    script = project / EXPERIMENTS / phase / "report"
    report = Node("train", script, ("-m", "runtime", "report", phase), outputs / phase)
    names: dict[str, str] = {}
    lines = ["#!/bin/bash", "set -euo pipefail", 'cd "$(dirname "$0")"']
    for number, node in enumerate([*nodes, report], start=1):
        name = f"report_{phase}" if node is report else node.name.replace(" ", "_").replace("/", "_")
        file, variable = f"{number:02d}_{name}.sh", f"job{number:02d}"
        needs_gpu = gpu and node.kind != "generate" and node is not report
        job_name = "generate" if node.kind == "generate" else name  # they share a file, and must wait for each other
        write_atomically(folder / file, _job(job_name, node, project, gpu=needs_gpu).encode())
        node.output.mkdir(parents=True, exist_ok=True)  # before the log is opened there
        waits = _waits([names[each.name] for each in nodes], "afterany") if node is report else ""
        waits = waits or _waits([names[need] for need in node.needs if need in names], "afterok")
        lines.append(
            f'{variable}=$(sbatch --parsable --kill-on-invalid-dep=yes --dependency="singleton{waits}" {file})'
        )
        lines.append(f'echo "${variable} {name}"')
        names[node.name] = variable
    submit = folder / "submit.sh"
    write_atomically(submit, ("\n".join(lines) + "\n").encode())
    return submit


def _waits(variables: Sequence[str], when: str) -> str:
    return f",{when}:" + ":".join(f"${each}" for each in variables) if variables else ""


def _job(name: str, node: Node, project: Path, *, gpu: bool) -> str:
    """The job as text; ``exec`` lets the script itself hear the signal that comes before the time limit."""
    lines = [
        "#!/bin/bash",
        f"#SBATCH --job-name={name}",
        f"#SBATCH --output={_quoted(node.log)}",
        "#SBATCH --open-mode=append",
        f"#SBATCH --signal=B:TERM@{SECONDS_TO_SAVE}",
        *(["#SBATCH --gres=gpu:1"] if gpu else []),
        f"cd {shlex.quote(str(project))} || exit 2",
        'export PYTHONUNBUFFERED=1 OMP_NUM_THREADS="${SLURM_CPUS_ON_NODE:-1}"',
        f"exec {shlex.join([sys.executable, *node.command])}",
    ]
    return "\n".join(lines) + "\n"


def _quoted(path: Path) -> str:
    """As Slurm reads it in a directive, where a percent sign begins a pattern."""
    text = str(path).replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%")
    return f'"{text}"'


def submit_jobs(submit: Path) -> None:
    """Hand the jobs to Slurm.

    Raises:
        UserError: if there is no Slurm here, or it refuses a job.
    """
    try:
        subprocess.run(["sbatch", "--version"], capture_output=True, check=False)
    except FileNotFoundError as error:
        raise UserError(f"--submit: there is no sbatch here; on a machine of the cluster run: bash {submit}") from error
    if subprocess.run(["bash", str(submit)], check=False).returncode:
        raise UserError("Slurm refused a job; see above")
