"""Every state a generated file can be in, under every action: what is fresh stays, what is edited is never lost."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.files.actions import Action
from codegen.files.planning import Planned
from codegen.files.writer import State, Target
from codegen.seal import is_intact
from tests.helpers.on_disk import COMMAND, WAYS, OnDisk, contents, make_on_disk

BY_HAND = (State.EDITED, State.REFORMATTED)


@pytest.fixture(scope="session")
def made(project_copy: Path) -> OnDisk:
    return make_on_disk(project_copy)


@pytest.fixture
def written(made: OnDisk, project: Path, monkeypatch: pytest.MonkeyPatch) -> OnDisk:
    """The experiment, written; rendering it again takes no time."""
    rendered = {target.path: target for target in made.targets}
    monkeypatch.setattr(Planned, "render", lambda script: rendered[script.path])
    assert made.act() == 0
    assert made.project == project
    return made


def put(way: str, target: Target) -> State:
    """Bring the file of a target into a state."""
    state, content = contents(target.text)[way]
    target.path.write_bytes(content)
    assert target.state() is state
    return state


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("action", [Action.WRITE, Action.FORCE])
def test_writing_replaces_what_is_ours_and_force_everything(
    written: OnDisk, way: str, action: Action, capsys: pytest.CaptureFixture[str]
) -> None:
    target = written.targets[-1]
    state, before = put(way, target), target.path.read_bytes()
    capsys.readouterr()
    code = written.act(action)
    out, err = capsys.readouterr()
    refused = action is Action.WRITE and not state.may_overwrite
    assert code == int(refused)
    assert (f"refused: experiments/phase6a/{target.path.name} was " in err) == refused
    assert (f"see the difference: {COMMAND} --diff; keep the edits: {COMMAND} --merge; " in out) == refused
    if refused or state is State.FRESH:
        assert target.path.read_bytes() == before
    else:
        newline = "\r\n" if b"\r\n" in before else "\n"
        assert target.path.read_bytes() == target.text.replace("\n", newline).encode()


@pytest.mark.parametrize("way", WAYS)
def test_a_check_names_the_state_and_the_command_that_mends_it(
    written: OnDisk, way: str, capsys: pytest.CaptureFixture[str]
) -> None:
    target = written.targets[-1]
    state, before = put(way, target), written.stamps()
    capsys.readouterr()
    assert written.check() == (0 if state is State.FRESH else 1)
    err = capsys.readouterr().err
    assert (f"{state.value}: experiments/phase6a/{target.path.name}\n" in err) == (state is not State.FRESH)
    assert (f"fix: {COMMAND}\n" in err) == (state is State.STALE or "README" in err)
    assert (f"fix: {COMMAND} --merge keeps what was edited by hand, --force over" in err) == (state in BY_HAND)
    assert (f"fix: move foreign files away, or overwrite them: {COMMAND} --force\n" in err) == (state is State.FOREIGN)
    assert written.stamps() == before


def test_missing_files_are_found_and_written(written: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    target = written.targets[-1]
    target.path.unlink()
    assert target.state() is State.MISSING
    assert written.check() == 1
    assert f"missing: experiments/phase6a/{target.path.name}\n" in capsys.readouterr().err
    assert written.act() == written.check() == 0


@pytest.mark.parametrize("way", WAYS)
def test_diff_and_stdout_show_and_write_nothing(written: OnDisk, way: str, capsys: pytest.CaptureFixture[str]) -> None:
    target = written.targets[-1]
    state, before = put(way, target), written.stamps()
    capsys.readouterr()
    assert written.act(Action.STDOUT) == 0
    assert capsys.readouterr().out == "".join(each.text for each in written.targets)
    assert written.diff() == int(state is not State.FRESH)
    name, shown = f"experiments/phase6a/{target.path.name}", capsys.readouterr().out
    assert (f"\n--- a/{name}\n+++ b/{name}\n" in shown) if state is not State.FRESH else shown == ""
    assert written.stamps() == before


def test_a_diff_shows_the_manifest_too(written: OnDisk, capsys: pytest.CaptureFixture[str]) -> None:
    (written.folder / "README.md").write_text("# phase6a\n")
    capsys.readouterr()
    assert written.diff() == 1
    assert "+++ b/experiments/phase6a/README.md\n" in capsys.readouterr().out


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("stream", "environment", "coloured"),
    [
        (Terminal, {}, True),
        (Terminal, {"NO_COLOR": "1"}, False),
        (Terminal, {"NO_COLOR": ""}, True),
        (Terminal, {"TERM": "dumb"}, False),
        (io.StringIO, {}, False),
    ],
)
def test_a_diff_is_coloured_on_a_terminal_that_does_not_refuse_it(
    written: OnDisk,
    monkeypatch: pytest.MonkeyPatch,
    stream: type[io.StringIO],
    environment: dict[str, str],
    coloured: bool,
) -> None:
    put("stale", written.targets[-1])
    out = stream()
    monkeypatch.setattr("sys.stdout", out)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    written.diff()
    assert ("\x1b[31m-HORIZON = 2\x1b[m\n" in out.getvalue()) == coloured
    assert ("\x1b[32m+HORIZON = 1\x1b[m\n" in out.getvalue()) == coloured
    assert ("-HORIZON = 2\n" in out.getvalue()) != coloured


@settings(max_examples=100, deadline=None)
@given(content=st.binary(max_size=80))
def test_no_content_is_ever_lost_or_a_crash(
    made: OnDisk, tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    text = made.targets[-1].text
    middle = len(text) // 2
    for whole in (content, text[:middle].encode() + content + text[middle:].encode()):
        target = Target(tmp_path_factory.getbasetemp() / "script.py", text)
        target.path.write_bytes(whole)
        state = target.write(force=False)
        assert state.may_overwrite == is_intact(whole.decode(errors="replace"))
        assert target.path.read_bytes() == whole
        target.diff(target.path.parent)
