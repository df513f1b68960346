"""Training on a disk that is full or cannot be written: one clear line, and nothing that was there is touched."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.tiny_process import finish, start
from tests.helpers.tiny_run import read


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Path]:
    """A project whose outputs lie on a disk of 80 KiB where this user may mount one, on any other disk elsewhere."""
    outputs = tmp_path / "outputs"
    outputs.mkdir()
    mount = shutil.which("mount") or "false"
    mounted = subprocess.run(
        [mount, "-t", "tmpfs", "-o", "size=80k", "tmpfs", outputs], capture_output=True, check=False
    )
    yield tmp_path
    if mounted.returncode == 0:
        subprocess.run(["umount", outputs], check=True)


def files_of(project: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in (project / "outputs").rglob("*") if path.is_file()}


def remount(project: Path, options: str) -> None:
    subprocess.run(["mount", "-o", f"remount,{options}", project / "outputs"], check=True)


def test_full_disk_fails_in_one_line_and_the_run_goes_on_when_there_is_room(project: Path) -> None:
    on_small_disk = (project / "outputs").is_mount()
    # Where nothing can be mounted, the kernel refuses files that are larger than what fits a record.
    assert finish(start(project, file_bytes=-1 if on_small_disk else 8_000)) == 1
    failed = (project / "printed").read_text().splitlines()[-1]
    reason = "[Errno 28] No space left on device" if on_small_disk else "[Errno 27] File too large"
    assert failed.startswith(f"failed: {reason}: '{project}/outputs/phase0/script/checkpoints/")
    assert not [name for name in files_of(project) if name.endswith(".tmp")]
    if on_small_disk:
        remount(project, "size=10m")
    assert finish(start(project)) == 0
    assert ("continuing after" in (project / "printed").read_text()) == on_small_disk
    assert read(project / "outputs/phase0/script/result.json")["status"] == "finished"


def test_folder_that_cannot_be_written_fails_in_one_line(project: Path) -> None:
    output = project / "outputs" / "phase0" / "script"
    output.mkdir(parents=True)
    (output / "result.json").write_text('{"status": "interrupted"}')
    before = files_of(project)
    if (project / "outputs").is_mount():
        remount(project, "ro")
    elif os.geteuid() != 0:
        output.chmod(0o555)
    else:  # a superuser who may not mount: the folder is immutable to nobody, so a file takes its place
        (output / "result.json").unlink()
        output.rmdir()
        output.write_text("")
        before = files_of(project)
    assert finish(start(project)) == 1
    printed = (project / "printed").read_text().splitlines()[-1:]  # behind the plan
    assert printed[0].startswith("failed: [Errno ")
    assert str(output) in printed[0]
    assert files_of(project) == before
