"""What a machine lacks is said in one line with exit code 1, and is never called a bug."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from data import command_line
from data.errors import DataError
from data.resources import is_out_of_memory, is_out_of_threads, missing_resource

SOURCE = Path(__file__).resolve().parents[2]
MEMORY = [
    MemoryError("Unable to allocate 3 GiB"),
    OSError(errno.ENOMEM, "Cannot allocate memory"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] DefaultCPUAllocator: can't allocate memory: 9 bytes"),
    ImportError("libtorch_cpu.so: failed to map segment from shared object"),
    ImportError("libgomp.so: cannot allocate memory in static TLS block"),
]
THREADS = [
    RuntimeError("can't start new thread"),
    BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable"),
]
OTHERS = [
    RuntimeError("odd"),
    ImportError("No module named 'torch'"),
    OSError(errno.ENOSPC, "No space left on device"),
    ValueError("can't start new thread"),  # a mistake that quotes it
    KeyError("x"),
]


@pytest.mark.parametrize("error", MEMORY, ids=repr)
def test_memory_that_is_missing_is_known_by_every_sign(error: Exception) -> None:
    assert is_out_of_memory(error)
    assert not is_out_of_threads(error)
    assert str(missing_resource(error)).startswith("out of memory: ")


@pytest.mark.parametrize("error", THREADS, ids=repr)
def test_threads_that_are_missing_are_told_with_the_limits_to_look_at(error: Exception) -> None:
    assert not is_out_of_memory(error)
    sentence = missing_resource(error)
    assert sentence is not None
    assert sentence.startswith(f"no further thread or process can be started: {error}; look at `ulimit -u`")
    assert sentence.endswith("or set OMP_NUM_THREADS=1")


@pytest.mark.parametrize("error", OTHERS, ids=repr)
def test_nothing_else_counts_as_missing(error: Exception) -> None:
    assert missing_resource(error) is None


@pytest.mark.parametrize("error", [*MEMORY, *THREADS, MemoryError()], ids=repr)
def test_a_command_line_ends_with_one_line_and_exit_code_1(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert command_line.run(work, DataError) == 1
    assert capsys.readouterr().err == f"failed: {missing_resource(error)}\n"


def run_in(address_space: int, *command: str) -> subprocess.CompletedProcess[str]:
    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))

    environment = os.environ | {"PYTHONPATH": str(SOURCE), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(command, preexec_fn=limit, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux enforces a limit of address space")
def test_a_script_whose_imports_find_no_room_says_so_in_one_line() -> None:
    script = SOURCE / "experiments/phase6a/hpo_2M_threshold_1pct.py"
    ended = run_in(250 * 2**20, sys.executable, str(script), "--dry-run")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.splitlines()[-1].startswith("failed: out of memory: ")
    assert "Traceback" not in ended.stderr
