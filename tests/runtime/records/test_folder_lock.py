"""One process a folder: the lock decides, whatever a file says about it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.records.files import sole_process

HOLD = """
import sys, time
from pathlib import Path
from runtime.records.files import sole_process
with sole_process(Path(sys.argv[1])):
    print("held", flush=True)
    time.sleep(60)
"""


def test_holder_is_named_and_a_dead_one_holds_nothing(tmp_path: Path) -> None:
    holder = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    expected = (
        rf"another process is running in .* \(process {holder.pid} on \S+ since [-\d]+ [:\d]+ [+-]\d+\); wait for it"
    )
    with pytest.raises(UserError, match=expected), sole_process(tmp_path):
        pass
    holder.kill()
    holder.communicate()
    with sole_process(tmp_path):
        assert f"process {os.getpid()} " in (tmp_path / ".lock.holder").read_text()


@pytest.mark.parametrize("text", [b"", b"process 1 on nowhere", b"\xff\x00", b"two\nlines", None])
def test_what_stands_in_the_holders_file_decides_nothing(text: bytes | None, tmp_path: Path) -> None:
    holder = tmp_path / ".lock.holder"
    if text is not None:
        holder.write_bytes(text)
    with sole_process(tmp_path):
        holder.unlink()
        if text is not None:
            holder.write_bytes(text)
        with pytest.raises(UserError, match="another process is running") as refused, sole_process(tmp_path):
            pass
        assert "\n" not in str(refused.value)
    with sole_process(tmp_path):
        pass


def test_error_inside_is_not_taken_for_a_second_process(tmp_path: Path) -> None:
    with pytest.raises(BlockingIOError), sole_process(tmp_path):
        raise BlockingIOError
