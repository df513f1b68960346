"""One driver a project; what a killed one left is waited for."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.phase import hold as holding
from runtime.phase.hold import hold

PROJECT = Path(__file__).resolve().parents[3]

HOLDER = """
import subprocess, sys, time
from pathlib import Path
from runtime.phase.hold import hold
with hold(Path(sys.argv[1])) as lock:
    if sys.argv[2] == "with a script":
        sleep = [sys.executable, "-c", "import time; time.sleep(1.5)"]
        subprocess.Popen(sleep, pass_fds=[lock], stdout=subprocess.DEVNULL)
    print("held", flush=True)
    time.sleep(60)
"""


def start(outputs: Path, how: str) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(outputs), how],
        env=os.environ | {"PYTHONPATH": str(PROJECT)},
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert process.stdout is not None
    process.stdout.close()


def test_a_second_driver_is_refused_at_once_and_told_who_is_there(tmp_path: Path) -> None:
    process = start(tmp_path, "alone")
    try:
        with pytest.raises(UserError, match=rf"another run is at work in .*process {process.pid} on"), hold(tmp_path):
            pass
    finally:
        kill(process)
    with hold(tmp_path):
        pass


def test_scripts_that_a_killed_driver_left_are_waited_for(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    process = start(tmp_path, "with a script")
    kill(process)
    began = time.monotonic()
    with hold(tmp_path):
        assert 0.5 < time.monotonic() - began < 30
    assert "waiting until the scripts" in capsys.readouterr().out


def test_it_does_not_wait_forever(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holding, "PATIENCE_SECONDS", 0.3)
    process = start(tmp_path, "with a script")
    kill(process)
    with pytest.raises(UserError, match="another run is at work"), hold(tmp_path):
        pass
