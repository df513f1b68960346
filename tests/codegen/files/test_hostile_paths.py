"""What lies where the generator reads or writes, and is not what it seems: refused in one line, at once, untouched."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from codegen.files.freshness import cache_file
from data.schema import DEFAULT_DATASET
from tests.helpers.questions import ask, refused
from tests.helpers.small_project import run

EXPERIMENT = ("phase6a", "2M", "threshold_1pct")
FOLDER = "experiments/phase6a"
SCRIPT = f"{FOLDER}/hpo_2M_threshold_1pct.py"
BEST = f"{FOLDER}/hpo_2M_threshold_1pct.best.json"


def link_to(target: str) -> Callable[[Path], None]:
    return lambda path: path.symlink_to(target)


TRAPS: dict[str, tuple[str, Callable[[Path], object], str]] = {
    "folder of the phase is a link": (FOLDER, link_to("../configs"), f"{FOLDER} lies behind a symbolic link"),
    "all experiments are a link": ("experiments", link_to("configs"), f"{FOLDER} lies behind a symbolic link"),
    "script is a pipe": (SCRIPT, os.mkfifo, "hpo_2M_threshold_1pct.py is no plain file; move it away"),
    "script is a folder": (SCRIPT, Path.mkdir, "hpo_2M_threshold_1pct.py is no plain file; move it away"),
    "script is a link": (SCRIPT, link_to("/nowhere"), "hpo_2M_threshold_1pct.py is no plain file; move it away"),
    "result is a pipe": (BEST, os.mkfifo, f"{BEST} is no file; restore it, or run python {SCRIPT}"),
    "result has no end": (BEST, link_to("/dev/zero"), f"{BEST} is a symbolic link; put the file itself there"),
    "result is too large": (
        BEST,
        lambda path: path.write_bytes(b" " * 20_001),
        f"{BEST} is larger than the 20,000 bytes",
    ),
}


@pytest.mark.parametrize("trap", TRAPS)
def test_trap_is_refused_and_left_alone(trap: str, project: Path) -> None:
    name, make, message = TRAPS[trap]
    (project / name).parent.mkdir(parents=True, exist_ok=True)
    make(project / name)
    try:
        before = sorted(project.rglob("experiments/**/*"))
        ended = run(project, "-m", "codegen", *EXPERIMENT)
        assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1), ended.stderr
        assert message in ended.stderr
        assert sorted(project.rglob("experiments/**/*")) == before
    finally:
        remove = Path.rmdir if stat.S_ISDIR((project / name).lstat().st_mode) else Path.unlink
        remove(project / name)


def test_dataset_that_links_to_itself_is_refused(project: Path) -> None:
    path = project / "data/processed/loop.parquet"
    path.symlink_to(path)
    ended = run(project, "-m", "codegen", *EXPERIMENT, "--data-path", "data/processed/loop.parquet")
    path.unlink()
    assert (ended.returncode, ended.stderr.count("\n")) == (2, 1)
    assert "data/processed/loop.parquet does not exist: make it with" in ended.stderr


def test_data_that_are_not_those_of_the_manifest_are_refused(project: Path) -> None:
    from codegen.request.resolve import resolve_hpo

    path = project / DEFAULT_DATASET
    content, frame = path.read_bytes(), pd.read_parquet(path)
    try:
        frame.to_parquet(path, compression="gzip")
        assert resolve_hpo(ask(project)[1]).data_path == DEFAULT_DATASET  # other bytes, same values
        frame.assign(rsi14=frame["rsi14"] * 2).to_parquet(path)
        with refused(f"{DEFAULT_DATASET} holds other content (manifest ", "run `python -m data build`"):
            resolve_hpo(ask(project)[1])
    finally:
        path.write_bytes(content)


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({"XDG_CACHE_HOME": "/cache"}, "/cache"),
        ({"XDG_CACHE_HOME": "relative", "HOME": "/home/me"}, "/home/me/.cache"),
        ({"XDG_CACHE_HOME": "~nobody-of-that-name", "HOME": "/home/me"}, "/home/me/.cache"),
        ({"XDG_CACHE_HOME": "", "HOME": "/home/me"}, "/home/me/.cache"),
    ],
)
def test_cache_is_never_inside_the_project(
    environment: dict[str, str], expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert cache_file() == Path(expected) / "patchtst-experiments/seals.json"


def test_without_a_home_nothing_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail() -> Path:
        raise RuntimeError("Could not determine home directory.")

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setattr(Path, "home", fail)
    assert cache_file() is None
