"""Ctrl+C while a script still imports: one line that says how to go on, and no traceback."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.helpers.small_project import run

SCRIPT = "experiments/phase6a/hpo_2M_threshold_1pct.py"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("seconds", [0.2, 0.5, 0.9])
def test_a_signal_while_it_imports_ends_in_one_line(project: Path, number: int, seconds: float) -> None:
    assert run(project, "-m", "codegen", "phase6a", "2M", "threshold_1pct").returncode == 0
    started = subprocess.Popen(
        [sys.executable, "-X", "importtime", SCRIPT, "--dry-run"],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(project), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert started.stderr is not None
    while "runtime.script.stopping" not in started.stderr.readline():  # its own import has ended
        pass
    time.sleep(seconds)
    started.send_signal(number)
    _, printed = started.communicate()
    said = [line for line in printed.splitlines() if not line.startswith("import time:")]
    assert started.returncode == 75
    assert said[-1].startswith("interrupted; continue with: ")
    assert "Traceback" not in printed
