"""Windows, an installed copy, unreadable paths and a nonsensical number of threads are refused in one line."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
WITHOUT_LOCKS = "import sys; sys.modules['fcntl'] = None; sys.platform = 'win32'; import "


def start(project: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-B", *arguments],
        env={**os.environ, "PYTHONPATH": str(project), **environment},
        cwd=project,
        capture_output=True,
        text=True,
        check=False,
    )


def assert_refused(ended: subprocess.CompletedProcess[str], message: str) -> None:
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr.startswith("error: ")
    assert message in ended.stderr
    assert ended.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "module", ["codegen.__main__", "data.__main__", "runtime.script.arguments", "runtime.__main__"]
)
def test_system_without_posix_locks_is_refused(module: str) -> None:
    assert_refused(start(PROJECT, "-c", WITHOUT_LOCKS + module), "win32 has no POSIX file locks: run this on Linux or")


@pytest.mark.parametrize("module", ["codegen", "data", "runtime"])
def test_copy_of_the_packages_alone_is_refused(module: str, tmp_path: Path) -> None:
    for package in ("codegen", "data", "runtime"):
        shutil.copytree(PROJECT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__", "raw"))
    refused = f"{tmp_path} holds a copy of the packages alone: run `pip install -e .` in a clone"
    assert_refused(start(tmp_path, "-m", module, "--help"), refused)


@pytest.mark.parametrize("threads", ["", "0", "-1", "two", "1e9", "1.5", "1,", "١"])
def test_number_of_threads_that_is_none_is_refused(threads: str) -> None:
    ended = start(PROJECT, "-m", "runtime", "report", OMP_NUM_THREADS=threads)
    assert_refused(ended, f"OMP_NUM_THREADS is {threads!a}: allowed is a whole number of at least 1")


@pytest.mark.parametrize("threads", ["1", "016", "2,4"])
def test_number_of_threads_is_taken(threads: str) -> None:
    assert start(PROJECT, "-m", "data", "--help", OMP_NUM_THREADS=threads).returncode == 0


def copy_in(folder: Path | str) -> Path:
    for package in ("codegen", "data", "runtime"):
        ignore = shutil.ignore_patterns("__pycache__", "raw", "processed")
        shutil.copytree(PROJECT / package, Path(folder) / package, ignore=ignore)
    (Path(folder) / "configs" / "phases").mkdir(parents=True)
    return Path(folder)


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


@pytest.mark.parametrize("module", ["codegen", "data", "runtime"])
def test_a_clone_whose_path_the_locale_cannot_read_says_what_to_set(module: str, tmp_path: Path) -> None:
    project = copy_in(tmp_path / "größe")
    ended = start(project, "-m", module, "--help", **ASCII)
    if sys.platform == "darwin" and ended.returncode == 0:
        return  # paths are UTF-8 there, whatever the locale
    assert_refused(ended, "/gr\\udcc3\\udcb6\\udcc3\\udc9fe' cannot be read as ascii, which this locale stands for")
    assert "set PYTHONUTF8=1 or LC_ALL=C.UTF-8" in ended.stderr
    for remedy in ({"PYTHONUTF8": "1"}, {"LC_ALL": "C.UTF-8"}):
        assert start(project, "-m", module, "--help", **ASCII | remedy).returncode == 0


@pytest.mark.skipif(sys.platform != "linux", reason="other systems allow no such file name")
def test_a_path_that_is_not_utf_8_is_to_be_renamed() -> None:
    ended = start(PROJECT, "-m", "data", "import", os.fsdecode(b"Kurse_f\xfcr_SPY.csv"), PYTHONUTF8="1")
    assert_refused(ended, "'Kurse_f\\udcfcr_SPY.csv' is not UTF-8: rename it")
