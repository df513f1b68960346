"""Merging: edits by hand and a new generation in one file, conflicts marked, nothing lost."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codegen.files import merge
from codegen.files.actions import Action
from codegen.files.merge import find_base, three_way
from codegen.files.planning import Planned
from codegen.files.writer import Target
from codegen.request.choices import UsageError
from codegen.seal import BLANK_SEAL, apply_seal, seal_of
from tests.helpers.on_disk import OnDisk, make_on_disk


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "core.autocrlf=false")
    subprocess.run(["git", *identity, *arguments], cwd=folder, check=True, capture_output=True)


def commit(folder: Path) -> None:
    git(folder, "add", "--all", "experiments")
    git(folder, "commit", "--quiet", "--message", "a state")


def regenerated(text: str, old: str, new: str) -> str:
    """The text as a generator with another idea would seal it."""
    assert old in text
    return apply_seal(text.replace(f"# Seal: sha256:{seal_of(text)}", BLANK_SEAL).replace(old, new))


@pytest.fixture(scope="module")
def made(project_copy: Path) -> OnDisk:
    return make_on_disk(project_copy)


@pytest.fixture
def committed(made: OnDisk, project: Path, monkeypatch: pytest.MonkeyPatch) -> OnDisk:
    """The experiment, written and committed; what it renders to from now on clips otherwise."""
    rendered = {target.path: target for target in made.targets}
    monkeypatch.setattr(Planned, "render", lambda script: rendered[script.path])
    made.act()
    git(project, "init", "--quiet", "--initial-branch=main")
    commit(project)
    for path, target in rendered.items():
        rendered[path] = Target(path, regenerated(target.text, "GRADIENT_CLIP = 1.0", "GRADIENT_CLIP = 2.0"))
    return made


@pytest.fixture(autouse=True)
def no_repository_outlives_its_test(project_copy: Path) -> None:
    subprocess.run(["rm", "-rf", str(project_copy / ".git")], check=True)


def edit(target: Target, old: str, new: str) -> None:
    text = target.path.read_bytes().decode()
    assert old in text
    target.path.write_bytes(text.replace(old, new).encode())


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_an_edit_elsewhere_survives_and_the_new_generation_arrives(
    committed: OnDisk, newline: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = committed.targets[-1]
    edit(target, "EMBARGO = 0", "EMBARGO = 5  # why")
    edit(target, "\n", newline)
    capsys.readouterr()
    assert committed.act(Action.MERGE) == 0
    name = f"experiments/phase6a/{target.path.name}"
    assert f"merged: {name}, with the edits by hand\n" in capsys.readouterr().out
    new = Planned.render(committed.experiment.scripts[-1]).text
    assert target.path.read_bytes().decode() == new.replace("EMBARGO = 0", "EMBARGO = 5  # why").replace("\n", newline)


def test_the_other_script_is_simply_written(committed: OnDisk) -> None:
    edit(committed.targets[-1], "EMBARGO = 0", "EMBARGO = 5")
    committed.act(Action.MERGE)
    assert committed.targets[0].path.read_text() == Planned.render(committed.experiment.scripts[0]).text


def test_a_merged_file_is_an_edited_one_and_merging_again_changes_nothing(committed: OnDisk) -> None:
    edit(committed.targets[-1], "EMBARGO = 0", "EMBARGO = 5")
    committed.act(Action.MERGE)
    before = committed.stamps()
    assert committed.act(Action.MERGE) == 0
    assert committed.stamps() == before
    assert committed.act() == 1


def test_changes_to_the_same_line_are_marked(committed: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    target = committed.targets[-1]
    edit(target, "GRADIENT_CLIP = 1.0", "GRADIENT_CLIP = 3.0")
    assert committed.act(Action.MERGE) == 1
    assert f"conflict: experiments/phase6a/{target.path.name}: 1 marked" in capsys.readouterr().err
    assert (
        "<<<<<<< edited by hand\nGRADIENT_CLIP = 3.0\n=======\nGRADIENT_CLIP = 2.0\n>>>>>>> generated now\n"
        in target.path.read_text()
    )


def test_a_file_with_conflict_markers_is_not_merged_again(
    committed: OnDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    edit(committed.targets[-1], "GRADIENT_CLIP = 1.0", "GRADIENT_CLIP = 3.0")
    committed.act(Action.MERGE)
    before = committed.stamps()
    assert committed.act(Action.MERGE) == 1
    assert "still holds conflict markers; resolve them first; it is left as it is" in capsys.readouterr().err
    assert committed.stamps() == before


def test_the_base_is_the_version_that_was_edited_not_just_the_newest(committed: OnDisk, project: Path) -> None:
    target = committed.targets[-1]
    first = target.path.read_text()
    second = regenerated(first, "MAX_EPOCHS = 1\n", "MAX_EPOCHS = 3\n")
    target.path.write_text(second)
    commit(project)
    assert find_base(target.path, seal_of(first)) == first
    assert find_base(target.path, seal_of(second)) == second
    assert find_base(target.path, "0" * 64) == second


def test_an_edited_version_in_the_history_is_no_base(committed: OnDisk, project: Path) -> None:
    target = committed.targets[-1]
    first = target.path.read_text()
    edit(target, "EMBARGO = 0", "EMBARGO = 5")
    commit(project)
    target.path.unlink()
    commit(project)
    assert find_base(target.path, seal_of(first)) == first


def test_a_history_without_an_intact_version_is_refused(
    made: OnDisk, committed: OnDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    target = committed.targets[-1]
    subprocess.run(["rm", "-rf", str(committed.project / ".git")], check=True)
    git(committed.project, "init", "--quiet", "--initial-branch=main")
    edit(target, "EMBARGO = 0", "EMBARGO = 5")
    commit(committed.project)
    before = target.path.read_bytes()
    assert committed.act(Action.MERGE) == 1
    assert "so there is no base to merge from; it is left as it is" in capsys.readouterr().err
    assert target.path.read_bytes() == before


@pytest.mark.parametrize("content", [b"print('mine')\n", b"\x80\x00"])
def test_a_foreign_file_is_not_merged(committed: OnDisk, content: bytes) -> None:
    committed.targets[-1].path.write_bytes(content)
    assert committed.act(Action.MERGE) == 1
    assert committed.targets[-1].path.read_bytes() == content


def test_no_repository_is_said(committed: OnDisk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(tmp_path))
    (tmp_path / "folder").mkdir()
    with pytest.raises(UsageError, match="--merge looks for the base in git history: .*not a git repository"):
        find_base(tmp_path / "folder" / "script.py", None)


def test_no_git_is_said(committed: OnDisk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="--merge looks for the base in git history: git is not installed; use --diff"):
        merge.three_way("a\n", "b\n", "c\n")


@pytest.mark.parametrize(
    ("edited", "generated", "merged", "conflicts"),
    [
        ("1\n2\n3\n4\n5\n", "1\n2\n3\n4\n5\n", "1\n2\n3\n4\n5\n", 0),
        ("0\n2\n3\n4\n5\n", "1\n2\n3\n4\n6\n", "0\n2\n3\n4\n6\n", 0),
        ("0\n2\n3\n4\n5\n", "0\n2\n3\n4\n5\n", "0\n2\n3\n4\n5\n", 0),
        ("2\n3\n4\n5\n", "1\n2\n3\n4\n5\n6\n", "2\n3\n4\n5\n6\n", 0),
        ("a\n2\n3\n4\n5\n", "b\n2\n3\n4\n5\n", None, 1),
    ],
)
def test_three_way(edited: str, generated: str, merged: str | None, conflicts: int) -> None:
    text, counted = three_way(edited, "1\n2\n3\n4\n5\n", generated)
    assert counted == conflicts
    assert merged is None or text == merged


def test_every_conflict_is_counted() -> None:
    middle = "".join(f"{line}\n" for line in range(20))
    assert three_way(f"a\n{middle}c\n", f"1\n{middle}5\n", f"b\n{middle}d\n")[1] == 2
