"""The flags of a generated script, and that a shorter look is kept apart."""

import hashlib
from pathlib import Path

import pytest
import torch

from runtime.arguments import Arguments, find_device, parse_arguments
from runtime.errors import UserError


@pytest.fixture
def script(tmp_path: Path) -> Path:
    path = tmp_path / "experiments" / "phase6a" / "train_2M.py"
    path.parent.mkdir(parents=True)
    path.write_text("print('script')\n")
    return path


def parse(script: Path, *flags: str, shorten: str = "epochs") -> Arguments:
    return parse_arguments(str(script), "What the script does.", shorten=shorten, arguments=flags)


def pretend_cuda(monkeypatch: pytest.MonkeyPatch, devices: int) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: devices > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: devices)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)


def test_no_flags_run_the_whole_script(script: Path, tmp_path: Path) -> None:
    arguments = parse(script)
    assert (arguments.dry_run, arguments.shortened, arguments.reopen_test) == (False, None, False)
    assert arguments.script == script
    assert arguments.project == tmp_path
    assert arguments.output == tmp_path / "outputs" / "phase6a" / "train_2M"
    assert arguments.script_sha256 == hashlib.sha256(script.read_bytes()).hexdigest()


def test_flags_say_what_they_say(script: Path) -> None:
    arguments = parse(script, "--dry-run", "--device", "cpu", "--reopen-test")
    assert (arguments.dry_run, arguments.device, arguments.reopen_test) == (True, torch.device("cpu"), True)


def test_storage_of_a_search_is_a_journal_unless_a_database_is_given(script: Path) -> None:
    assert parse(script, shorten="trials").storage is None
    assert parse(script, "--storage", "sqlite:///trials.db", shorten="trials").storage == "sqlite:///trials.db"


@pytest.mark.parametrize("shorten", ["epochs", "trials"])
def test_shorter_look_writes_apart_from_the_real_results(shorten: str, script: Path, tmp_path: Path) -> None:
    arguments = parse(script, f"--{shorten}", "3", shorten=shorten)
    assert arguments.shortened == 3
    assert arguments.output == tmp_path / "outputs" / "phase6a" / "train_2M_short"


def test_output_moves_results_elsewhere_and_keeps_scripts_apart(script: Path, tmp_path: Path) -> None:
    other = str(tmp_path / "other")
    assert parse(script, "--output", other).output == tmp_path / "other" / "phase6a" / "train_2M"
    assert parse(script, "--output", other, "--epochs", "1").output.name == "train_2M_short"


def test_script_is_found_from_any_working_folder(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(script.parent)
    assert parse(Path(script.name)) == parse(script)


@pytest.mark.parametrize(
    ("shorten", "flags"),
    [
        ("epochs", ["--epochs", "0"]),
        ("epochs", ["--epochs", "-1"]),
        ("epochs", ["--epochs", "two"]),
        ("epochs", ["--trials", "3"]),
        ("trials", ["--epochs", "3"]),
        ("trials", ["--reopen-test"]),
        ("epochs", ["--storage", "sqlite:///trials.db"]),
        ("epochs", ["--learning-rate", "0.1"]),
    ],
)
def test_flag_that_makes_no_sense_is_bad_usage(
    shorten: str, flags: list[str], script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        parse(script, *flags, shorten=shorten)
    assert ending.value.code == 2
    assert flags[0] in capsys.readouterr().err


def test_help_shows_what_the_script_does(script: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ending:
        parse(script, "--help")
    assert ending.value.code == 0
    assert "What the script does." in capsys.readouterr().out


@pytest.mark.parametrize(("wanted", "devices"), [("cuda", 0), ("cuda:2", 2), ("mps", 0), ("gpu", 1), ("CPU", 0)])
def test_device_that_is_not_here_is_refused_with_those_that_are(
    wanted: str, devices: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pretend_cuda(monkeypatch, devices)
    present = ", ".join(["cpu", *(["cuda"] if devices else []), *(f"cuda:{index}" for index in range(devices))])
    with pytest.raises(UserError, match=f"--device {wanted}: this machine has {present}$"):
        find_device(wanted)


@pytest.mark.parametrize(
    ("wanted", "devices", "found"),
    [("auto", 0, "cpu"), ("auto", 2, "cuda"), ("cpu", 2, "cpu"), ("cuda:1", 2, "cuda:1")],
)
def test_device_that_is_here_is_taken(wanted: str, devices: int, found: str, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_cuda(monkeypatch, devices)
    assert find_device(wanted) == torch.device(found)


def test_script_refuses_a_missing_device_before_anything_else(script: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pretend_cuda(monkeypatch, devices=0)
    with pytest.raises(UserError, match="--device cuda: this machine has cpu"):
        parse(script, "--device", "cuda")
