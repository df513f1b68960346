"""Sealed scripts that belong to nothing are found; a user's own scripts are the user's own business."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from codegen.files.extras import find_extras
from codegen.files.planning import Planned
from codegen.seal import BLANK_SEAL, apply_seal, seal_of
from tests.helpers.on_disk import OnDisk, make_on_disk
from tests.helpers.small_project import run

DEFAULT_RECIPE = ("phase6a", "2M", "threshold_1pct", "--hyperparameters", "default")
OTHER_HORIZON = ("phase6a", "2M", "threshold_3pct", "--horizon", "5")


@pytest.fixture(scope="module")
def made(project_copy: Path) -> OnDisk:
    return make_on_disk(project_copy)


@pytest.fixture
def written(made: OnDisk, project: Path, monkeypatch: pytest.MonkeyPatch) -> OnDisk:
    made.act()
    return made


def resealed(text: str, old: str, new: str) -> str:
    assert old in text
    return apply_seal(text.replace(f"# Seal: sha256:{seal_of(text)}", BLANK_SEAL).replace(old, new))


@pytest.mark.parametrize("command", [DEFAULT_RECIPE, OTHER_HORIZON])
def test_what_its_own_command_writes_is_no_extra(project: Path, command: tuple[str, ...]) -> None:
    assert run(project, "-m", "codegen", *command).returncode == 0
    assert find_extras(project / "experiments" / "phase6a", []) == []


def test_a_copy_under_another_name_is_extra(
    written: OnDisk, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    shutil.copy(written.targets[0].path, written.folder / "train_9M.py")
    rendered = {target.path: target for target in written.targets}
    monkeypatch.setattr(Planned, "render", lambda script: rendered[script.path])
    before = written.stamps()
    assert written.check(whole_phase=False) == 0
    assert written.check(whole_phase=True) == 1
    assert capsys.readouterr().err == (
        "extra: experiments/phase6a/train_9M.py (its own command writes another file: "
        "python -m codegen phase6a 2M threshold_1pct)\nfix: remove extra files, or run their own commands\n"
    )
    assert written.stamps() == before


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("# Command: python -m codegen", "# Made by: me", "it does not say which command made it"),
        ("phase6a 2M thr", "phase6a 3M thr", "its own command cannot be run: phase6a does not hold 3M; allowed: 2M, "),
        ("phase6a 2M thr", "phase6a 2M --x thr", "its own command cannot be run: error: unrecognized arguments: --x"),
        ("phase6a 2M thr", 'phase6a "2M thr', "its own command cannot be run: No closing quotation"),
        ("EMBARGO = 0", "EMBARGO = 1", "stale against its own command: python -m codegen phase6a 2M threshold_1pct"),
    ],
)
def test_an_extra_says_why(written: OnDisk, old: str, new: str, reason: str) -> None:
    target = written.targets[0]
    target.path.write_text(resealed(target.text, old, new))
    (extra,) = find_extras(written.folder, [written.targets[1].path])
    assert extra.path == target.path
    assert extra.reason.startswith(reason)
    assert "\n" not in extra.reason


def test_a_script_without_a_seal_is_the_users_own(written: OnDisk) -> None:
    (written.folder / "mine.py").write_text("print(1)\n")
    (written.folder / "bytes.py").write_bytes(b"\xff\x00")
    (written.folder / "hpo_2M_threshold_1pct.best.json").write_text("{}")
    assert find_extras(written.folder, [target.path for target in written.targets]) == []


def test_a_whole_phase_is_fresh_after_it_was_written(project: Path) -> None:
    written = run(project, "-m", "codegen", "phase6a")
    assert written.returncode == 0, written.stderr
    assert written.stdout.endswith("28 written, 0 unchanged, 0 refused\n")
    assert run(project, "-m", "codegen", *DEFAULT_RECIPE).returncode == 0
    check = run(project, "-m", "codegen", "phase6a", "--check", "--no-cache")
    assert (check.returncode, check.stdout) == (0, "28 scripts and the manifest are fresh\n"), check.stderr
    shutil.copy(project / "experiments/phase6a/hpo_2M_threshold_1pct.py", project / "experiments/phase6a/hpo_9M.py")
    check = run(project, "-m", "codegen", "phase6a", "--check")
    assert check.returncode == 1
    assert check.stderr.startswith("extra: experiments/phase6a/hpo_9M.py (its own command writes another file: ")
    assert run(project, "-m", "codegen", "phase6a", "2M", "--check").returncode == 0, "a part of a phase has no extras"
