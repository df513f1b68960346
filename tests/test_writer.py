"""Files on disk: what is fresh stays untouched, what is edited is never lost, what fails leaves the old file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen import actions
from codegen.actions import Action
from codegen.generate import make_targets
from codegen.seal import BLANK_SEAL, apply_seal, is_intact, seal_of
from codegen.writer import State, Target
from tests.questions import ask

COMMAND = "python -m codegen phase6a 2M threshold_1pct"


@pytest.fixture(scope="session")
def made(project_copy: Path) -> list[Target]:
    return make_targets(*ask(project_copy), default_recipe=False)


@pytest.fixture
def targets(made: list[Target], project: Path, monkeypatch: pytest.MonkeyPatch) -> list[Target]:
    """The two scripts of one experiment, rendered once and written into a fresh folder."""
    monkeypatch.setattr(actions, "make_targets", lambda *_, **__: made)
    act(project)
    return made


def act(project: Path, action: Action = Action.WRITE) -> int:
    return actions.run([ask(project)], action, command=COMMAND, default_recipe=False)


def stale(text: str) -> str:
    """What an older generator might have written: other text, intact seal."""
    blank = text.replace(f"# Seal: sha256:{seal_of(text)}", BLANK_SEAL)
    return apply_seal(blank.replace("HORIZON = 1\n", "HORIZON = 2\n"))


def put(state: State, target: Target, *, binary: bool = False) -> None:
    """Bring the file of a target into a state."""
    contents = {
        State.FRESH: target.text.encode(),
        State.STALE: stale(target.text).encode(),
        State.EDITED: target.text.encode() + (b"# \xff\n" if binary else b"# by hand\n"),
        State.FOREIGN: b"\x80\x00\xff\r\n" if binary else b"print('mine')\n",
    }
    target.path.unlink()
    if state is not State.MISSING:
        target.path.write_bytes(contents[state])
    assert target.state() is state


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def stamps(project: Path) -> dict[Path, tuple[bytes, int]]:
    files = (project / "experiments").rglob("*.*")
    return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in files}


SEEN = [(state, False) for state in State] + [(State.EDITED, True), (State.FOREIGN, True)]
"""Every state, and those that a file of no text can be in."""


@pytest.mark.parametrize(("state", "binary"), SEEN)
@pytest.mark.parametrize("action", Action)
def test_every_state_under_every_action(
    targets: list[Target], project: Path, action: Action, state: State, binary: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    target = targets[-1]
    put(state, target, binary=binary)
    before = content(target.path)
    capsys.readouterr()
    code = act(project, action)
    out, err = capsys.readouterr()
    lost = state in (State.EDITED, State.FOREIGN)
    writes = action is Action.FORCE or (action is Action.WRITE and not lost)
    assert content(target.path) == (target.text.encode() if writes else before)
    name = target.path.relative_to(project).as_posix()
    if action is Action.STDOUT:
        assert (code, out, err) == (0, "".join(each.text for each in targets), "")
    elif action is Action.DIFF:
        assert (code, err) == (0, "")
        assert out.startswith(f"--- a/{name}\n+++ b/{name}\n") if state is not State.FRESH else out == ""
    elif action is Action.CHECK:
        assert code == (0 if state is State.FRESH else 1)
        assert (f"{state.value}: {name}\n" in err) == (state is not State.FRESH)
        assert (f"fix: {COMMAND} --force (see --diff first)\n" in err) == lost
    else:
        assert code == (1 if lost and action is Action.WRITE else 0)
        assert (f"refused: {name} was" in err) == bool(code)
        assert (f"see the difference: {COMMAND} --diff; overwrite it: {COMMAND} --force" in out) == bool(code)


@pytest.mark.parametrize("action", Action)
def test_what_is_fresh_is_left_untouched(targets: list[Target], project: Path, action: Action) -> None:
    before = stamps(project)
    assert {path.name for path in before} == {target.path.name for target in targets} | {"README.md"}
    assert act(project, action) == 0
    assert stamps(project) == before


def test_a_checkout_with_other_newlines_is_fresh(targets: list[Target], project: Path) -> None:
    for path in (project / "experiments").rglob("*.*"):
        path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    before = stamps(project)
    assert [act(project, action) for action in Action] == [0] * len(Action)
    assert [target.diff(project) for target in targets] == ["", ""]
    assert stamps(project) == before


def test_a_failing_write_leaves_the_old_file(
    targets: list[Target], project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    put(State.STALE, targets[0])
    before = stamps(project)

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        act(project)
    assert stamps(project) == before
    assert list(targets[0].path.parent.glob(".*")) == []


def test_an_unreadable_manifest_stops_before_anything_is_written(targets: list[Target], project: Path) -> None:
    put(State.STALE, targets[0])
    (targets[0].path.parent / "README.md").write_bytes(b"\xff")
    before = stamps(project)
    for action in (Action.WRITE, Action.CHECK):
        with pytest.raises(ValueError, match="experiments/phase6a/README.md is no text"):
            act(project, action)
    assert stamps(project) == before


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=80))
def test_no_content_is_ever_lost_or_a_crash(
    made: Sequence[Target], tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    text = made[-1].text
    middle = len(text) // 2
    for whole in (content, text[:middle].encode() + content + text[middle:].encode()):
        target = Target(tmp_path_factory.getbasetemp() / "script.py", text)
        target.path.write_bytes(whole)
        state = target.write(force=False)
        assert state.may_overwrite == is_intact(whole.decode(errors="replace"))
        assert target.path.read_bytes() == whole
        target.diff(target.path.parent)
