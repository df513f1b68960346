"""``--diff``: what would change first in words, edits by hand apart, as plain text and as a pull request's comment."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from codegen.files.markdown import MOST_CHARACTERS, as_comment
from codegen.files.planning import Planned
from codegen.files.writer import Target
from tests.codegen.files.test_merge import commit, edit, git, regenerated
from tests.helpers.on_disk import COMMAND, WAYS, OnDisk, contents, make_on_disk
from tests.helpers.small_project import SOURCE

NAMES = tuple(f"experiments/phase6a/{kind}_2M_threshold_1pct.py" for kind in ("hpo", "train"))


@pytest.fixture(scope="module")
def made(project_copy: Path) -> OnDisk:
    return make_on_disk(project_copy)


@pytest.fixture
def written(made: OnDisk, project: Path, monkeypatch: pytest.MonkeyPatch) -> OnDisk:
    """The experiment, written; what it renders to can be replaced."""
    subprocess.run(["rm", "-rf", str(project / ".git")], check=True)
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(project.parent))
    rendered = {target.path: target for target in made.targets}
    monkeypatch.setattr(Planned, "render", lambda script: rendered[script.path])
    made.act()
    return made


@pytest.fixture
def committed(written: OnDisk, project: Path, monkeypatch: pytest.MonkeyPatch) -> OnDisk:
    """The experiment, committed; what it renders to from now on clips otherwise."""
    git(project, "init", "--quiet", "--initial-branch=main")
    commit(project)
    newer = {
        each.path: Target(each.path, regenerated(each.text, "GRADIENT_CLIP = 1.0", "GRADIENT_CLIP = 2.0"))
        for each in written.targets
    }
    monkeypatch.setattr(Planned, "render", lambda script: newer[script.path])
    return written


@pytest.fixture(autouse=True)
def no_repository_outlives_its_test(project_copy: Path) -> None:
    subprocess.run(["rm", "-rf", str(project_copy / ".git")], check=True)


def shown(on_disk: OnDisk, capsys: pytest.CaptureFixture[str], *, markdown: bool = False, summary: bool = True) -> str:
    """What the difference says; that it writes nothing and ends as a check does is seen on the way."""
    before = on_disk.stamps()
    checked = on_disk.check()
    capsys.readouterr()
    assert on_disk.diff(markdown=markdown, summary=summary) == checked
    assert on_disk.stamps() == before
    return capsys.readouterr().out


@pytest.mark.parametrize("markdown", [False, True])
@pytest.mark.parametrize("summary", [False, True])
@pytest.mark.parametrize("way", WAYS)
def test_in_every_state_it_ends_as_a_check_does_and_writes_nothing(
    written: OnDisk, way: str, summary: bool, markdown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    target = written.targets[-1]
    state, content = contents(target.text)[way]
    target.path.write_bytes(content)
    said = shown(written, capsys, markdown=markdown, summary=summary)
    assert (NAMES[1] in said) == (state.value != "fresh")
    assert ("--- a/" in said) == (state.value != "fresh" and not summary)


def test_the_same_is_said_once_of_all_files(committed: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    said = f"stale: {NAMES[0]}\nstale: {NAMES[1]}\n  gradient_clip 1.0 -> 2.0\n"
    manifest = "stale: experiments/phase6a/README.md\n  entries: 2M - threshold_1pct\n"
    assert shown(committed, capsys) == said + manifest
    whole = shown(committed, capsys, summary=False)
    assert whole.startswith(f"{said}{manifest}\n--- a/{NAMES[0]}\n+++ b/{NAMES[0]}\n")


def test_the_line_by_line_difference_is_a_patch(committed: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    patch = shown(committed, capsys, summary=False)
    subprocess.run(["git", "apply", "-"], input=patch.encode(), cwd=committed.project, check=True)
    assert committed.check() == 0


def test_edits_by_hand_stand_in_a_section_of_their_own(committed: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    edit(committed.targets[-1], "EMBARGO = 0", "EMBARGO = 5  # why")
    said = shown(committed, capsys)
    assert f"stale: {NAMES[1]}\n  gradient_clip 1.0 -> 2.0\n" in said
    assert f"edited by hand: {NAMES[1]}\n  embargo 0 -> 5\n  comments +'# why'\n" in said


def test_an_edit_of_what_would_be_written_needs_no_history(written: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    edit(written.targets[-1], "EMBARGO = 0", "EMBARGO = 5")
    assert shown(written, capsys) == f"edited by hand: {NAMES[1]}\n  embargo 0 -> 5\n"


def test_where_no_base_is_found_it_says_so_and_shows_both_together(
    committed: OnDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    subprocess.run(["rm", "-rf", str(committed.project / ".git")], check=True)
    edit(committed.targets[-1], "EMBARGO = 0", "EMBARGO = 5")
    said = shown(committed, capsys)
    reason, *together = said[said.index("edited by hand: ") :].splitlines()[1:-2]
    assert reason.startswith("  no generated version is found in git history (fatal: not a git repository")
    assert reason.endswith("): edits by hand and what is new stand together")
    assert together == ["  embargo 5 -> 0", "  gradient_clip 1.0 -> 2.0"]


def test_a_history_without_an_intact_version_is_said(committed: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    subprocess.run(["rm", "-rf", str(committed.project / ".git")], check=True)
    edit(committed.targets[-1], "EMBARGO = 0", "EMBARGO = 5")
    git(committed.project, "init", "--quiet", "--initial-branch=main")
    commit(committed.project)
    assert "is found in git history (none carries an intact seal): edits" in shown(committed, capsys)


def test_a_base_of_another_seal_is_said(committed: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    text = committed.targets[-1].path.read_text()
    other = regenerated(text, "MAX_EPOCHS = 1\n", "MAX_EPOCHS = 3\n")
    committed.targets[-1].path.write_text(other.replace("EMBARGO = 0", "EMBARGO = 5"))
    said = shown(committed, capsys)
    assert "  none in git history has its seal; against the newest generated one:\n  embargo 0 -> 5\n" in said


def test_an_edit_that_is_no_python_is_said(committed: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    edit(committed.targets[-1], "EMBARGO = 0", "EMBARGO = = 0")
    assert "  cannot be read as Python (invalid syntax" in shown(committed, capsys)


def test_new_foreign_reformatted_and_extra_files_are_named(written: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    written.targets[0].path.unlink()
    written.targets[1].path.write_text("print('mine')\n")
    (written.folder / "train_9M.py").write_text(written.targets[1].text)
    capsys.readouterr()
    assert written.diff(summary=True, whole_phase=True) == 1
    said = capsys.readouterr().out
    assert f"missing: {NAMES[0]}\n  new script\n" in said
    assert f"foreign: {NAMES[1]}\n  not written by codegen: only --force would write over it\n" in said
    assert "extra: experiments/phase6a/train_9M.py\n  its own command writes another file: " in said


def test_a_comment_lists_the_same_and_folds_the_rest_away(
    committed: OnDisk, capsys: pytest.CaptureFixture[str]
) -> None:
    head = f"What differs from what `{COMMAND}` writes:\n"
    scripts = f"\n**stale** `{NAMES[0]}`  \n**stale** `{NAMES[1]}`\n\n- `gradient_clip 1.0 -> 2.0`\n"
    manifest = "\n**stale** `experiments/phase6a/README.md`\n\n- `entries: 2M - threshold_1pct`\n"
    assert shown(committed, capsys, markdown=True) == head + scripts + manifest
    whole = shown(committed, capsys, markdown=True, summary=False)
    patch = shown(committed, capsys, summary=False).partition("\n\n")[2]
    assert whole == (
        f"{head}{scripts}{manifest}\n<details><summary>line by line</summary>\n\n```diff\n{patch}```\n\n</details>\n"
    )


def test_a_comment_of_fresh_files_says_so(written: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    assert shown(written, capsys, markdown=True) == f"Everything is what `{COMMAND}` writes.\n"
    assert shown(written, capsys) == ""


@pytest.mark.parametrize(("sections", "lines"), [(1, 70_000), (3000, 10), (3000, 70_000), (1, 10)])
def test_a_comment_is_never_longer_than_one_may_be(sections: int, lines: int) -> None:
    parts = [("stale", [f"experiments/{number}.py"], ["embargo 0 -> 20"]) for number in range(sections)]
    command = f"{COMMAND} {'--feature-column=x ' * 500}"
    comment = as_comment(parts, ["+1\n"] * lines, command)
    assert len(comment) <= MOST_CHARACTERS
    assert (f"`{command} --diff --summary`" in comment) == (sections > 1)
    assert (f"`{command} --diff`\n" in comment) == (lines > 10)
    assert ("</details>" in comment) == (lines == 10)


def test_nothing_that_a_script_holds_ends_a_code_span_or_a_fence() -> None:
    comment = as_comment([("stale", ["a.py"], ["a `b` ``c", "two\nlines", "`"])], ["+```\n", "+x"], "cmd")
    assert "- ```a `b` ``c```\n- `two lines`\n- `` ` ``\n" in comment
    assert "\n````diff\n+```\n+x\n````\n" in comment


def test_the_committed_scripts_differ_in_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    from codegen import cli

    assert (SOURCE / "experiments/phase6a").is_dir()
    assert cli.main(["phase6a", "2M", "threshold_1pct", "--diff"]) == 0
    assert capsys.readouterr().out == ""
