"""Writing: whole files, a whole manifest, and the old ones when it fails."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codegen.files.actions import Action
from codegen.files.planning import Planned, plan_all
from codegen.request.choices import UsageError
from codegen.request.command_line import make_parser
from codegen.seal import is_intact
from tests.helpers.on_disk import COMMAND, OnDisk, contents, make_on_disk
from tests.helpers.small_project import make_small_project, run


@pytest.fixture(scope="module")
def made(project_copy: Path) -> OnDisk:
    return make_on_disk(project_copy)


@pytest.fixture
def stale(made: OnDisk, project: Path, monkeypatch: pytest.MonkeyPatch) -> OnDisk:
    """The experiment, written by an older generator."""
    rendered = {target.path: target for target in made.targets}
    monkeypatch.setattr(Planned, "render", lambda script: rendered[script.path])
    made.act()
    for target in made.targets:
        target.path.write_bytes(contents(target.text)["stale"][1])
    return made


@pytest.mark.parametrize("action", [Action.WRITE, Action.FORCE, Action.MERGE])
def test_what_is_fresh_is_left_untouched(stale: OnDisk, action: Action) -> None:
    stale.act()
    before = stale.stamps()
    assert {path.name for path in before} == {target.path.name for target in stale.targets} | {"README.md"}
    assert stale.act(action) == 0
    assert stale.stamps() == before


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.open"])
def test_a_disk_that_refuses_leaves_the_old_files_and_says_so(
    stale: OnDisk, call: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    before = stale.stamps()

    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", "somewhere")

    with monkeypatch.context() as patch:
        patch.setattr(call, fail)
        assert stale.act() == 1
    message = "failed: [Errno 28] No space left on device: 'somewhere'; that file and all after it are as they were; "
    assert capsys.readouterr().err == f"{message}mend this and run again: {COMMAND}\n"
    assert stale.stamps() == before
    assert list(stale.folder.glob(".*")) == []


FULL = """
mount -t tmpfs -o size={size} none experiments
mkdir -p experiments/phase6a
cp -r {kept}/. experiments/phase6a
{python} -m codegen phase6a 2M threshold_1pct
code=$?
cp -r experiments/phase6a/. {after}
exit $code
"""
MOUNT = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


def test_a_really_full_disk(tmp_path: Path) -> None:
    """On Linux with user namespaces; elsewhere the refusing disk above is all there is to try."""
    if sys.platform != "linux" or subprocess.run([*MOUNT, "mount -t tmpfs none /mnt"], check=False).returncode:
        return
    root = make_small_project(tmp_path / "project")
    kept, after = tmp_path / "kept", tmp_path / "after"
    kept.mkdir()
    after.mkdir()
    (root / "experiments").mkdir()
    (kept / "README.md").write_text("# phase6a\n")
    script = FULL.format(size="12k", kept=kept, after=after, python=sys.executable)
    environment = {**os.environ, "PYTHONPATH": str(root)}
    ended = subprocess.run([*MOUNT, script], cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert ended.returncode == 1, ended.stderr
    assert ended.stderr.startswith("failed: [Errno 28] No space left on device")
    assert (after / "README.md").read_text() == "# phase6a\n"
    assert all(is_intact(path.read_text()) for path in after.glob("*.py"))
    assert {path.name for path in after.iterdir()} <= {"README.md", "hpo_2M_threshold_1pct.py"}


def test_a_folder_that_cannot_be_made_is_said_in_one_line(project: Path) -> None:
    (project / "experiments").write_text("a file where a folder should be")
    try:
        ended = run(project, "-m", "codegen", "phase6a", "2M", "threshold_1pct")
    finally:
        (project / "experiments").unlink()
    assert ended.returncode == 1
    assert ended.stderr.count("\n") == 1
    assert "failed: [Errno 20] Not a directory" in ended.stderr


def test_an_unreadable_manifest_stops_before_anything_is_written(stale: OnDisk) -> None:
    (stale.folder / "README.md").write_bytes(b"\xff")
    before = stale.stamps()
    for act in (stale.act, stale.check):
        with pytest.raises(UsageError, match="experiments/phase6a/README.md is no text"):
            act()
    assert stale.stamps() == before


def test_a_manifest_keeps_its_newlines(stale: OnDisk) -> None:
    manifest = stale.folder / "README.md"
    manifest.write_bytes(manifest.read_bytes().replace(b"\n", b"\r\n").replace(b"Seals:** ", b"Seals:** 0"))
    stale.act()
    assert manifest.read_bytes().count(b"\n") == manifest.read_bytes().count(b"\r\n") > 0


def test_an_entry_whose_script_is_gone_goes(stale: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    stale.act()
    manifest = stale.folder / "README.md"
    entry = manifest.read_text().partition("## ")[2].replace("threshold_1pct", "threshold_3pct")
    manifest.write_text(manifest.read_text() + "\n## Notes\n\nBy hand.\n\n## " + entry)
    assert stale.check() == 1
    assert "stale: experiments/phase6a/README.md\n" in capsys.readouterr().err
    assert stale.act() == stale.check() == 0
    assert "By hand." in manifest.read_text()
    assert "threshold_3pct" not in manifest.read_text()


def test_two_processes_at_once_leave_whole_files_and_a_whole_manifest(project: Path) -> None:
    commands = [["phase6a", "2M"], ["phase6a", "20M"], ["phase6a", "2M", "threshold_1pct"]]
    environment = {**os.environ, "PYTHONPATH": str(project)}
    running = [
        subprocess.Popen([sys.executable, "-m", "codegen", *each], cwd=project, env=environment, stdout=subprocess.PIPE)
        for each in commands
    ]
    assert [process.wait() for process in running] == [0, 0, 0]
    for process in running:
        process.communicate()
    for command in commands:
        check = run(project, "-m", "codegen", *command, "--check", "--no-cache")
        assert check.returncode == 0, check.stderr
    assert (project / "experiments/phase6a/README.md").read_text().count("\n## ") == 8


def test_many_scripts_are_rendered_in_parallel_to_the_same_bytes(project: Path) -> None:
    options = make_parser().parse_args(["phase6a", "20M"])
    scripts = [script for each in plan_all(options, project) for script in each.scripts]
    assert len(scripts) > 6
    from codegen.files.planning import render_all

    assert render_all(scripts) == [script.render() for script in scripts]


def test_the_cache_lies_outside_the_project_and_no_cache_means_none(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    cache = tmp_path / "patchtst-experiments" / "seals.json"
    run(project, "-m", "codegen", "phase6a", "2M", "threshold_1pct")
    run(project, "-m", "codegen", "phase6a", "2M", "threshold_1pct", "--check", "--no-cache")
    assert not cache.exists()
    run(project, "-m", "codegen", "phase6a", "2M", "threshold_1pct", "--check")
    assert [path.name for path in project.rglob("seals.json")] == []
    assert len(json.loads(cache.read_text())["seals"]) >= 2
