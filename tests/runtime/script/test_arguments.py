"""The flags of a generated script, and that a shorter look is kept apart."""

import hashlib
from pathlib import Path

import pytest
import torch

from runtime.errors import UserError
from runtime.script.arguments import Arguments, find_device, parse_arguments


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
    assert (arguments.dry_run, arguments.shorter_look, arguments.reopen_test) == (False, None, False)
    assert arguments.script == script
    assert arguments.project == tmp_path
    assert arguments.output == tmp_path / "outputs" / "phase6a" / "train_2M"
    assert arguments.script_sha256 == hashlib.sha256(script.read_bytes()).hexdigest()


def test_flags_say_what_they_say(script: Path) -> None:
    arguments = parse(script, "--dry-run", "--device", "cpu", "--reopen-test")
    assert (arguments.dry_run, arguments.device, arguments.reopen_test) == (True, torch.device("cpu"), True)


def test_seeds_and_a_part_of_the_days_stand_in_their_own_folder(script: Path) -> None:
    assert (parse(script).seeds, parse(script).train_fraction, parse(script).opens_test) == (1, None, True)
    several, part = parse(script, "--seeds", "5"), parse(script, "--train-fraction", "0.25", "--seeds", "2")
    assert (several.seeds, several.output, several.opens_test) == (5, parse(script).output, True)
    assert (part.seeds, part.train_fraction, part.opens_test) == (2, 0.25, False)
    assert part.output == parse(script).output.with_name("train_2M_fraction_0.25")
    assert not parse(script, "--epochs", "1").opens_test
    assert part.outputs == parse(script).outputs == script.parents[2] / "outputs"


def test_the_rival_without_history_is_asked_for_and_needs_a_model_that_is_kept(
    script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not parse(script).newest_row_network
    assert not parse(script, shorten="trials").newest_row_network
    assert parse(script, "--newest-row-network", "--seeds", "2", "--no-test").newest_row_network
    assert parse(script, "--newest-row-network", "--epochs", "1").newest_row_network
    with pytest.raises(SystemExit) as ending:
        parse(script, "--newest-row-network", "--train-fraction", "0.5")
    assert ending.value.code == 2
    assert "--newest-row-network does not go with --train-fraction" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["--seeds", "--train-fraction"])
def test_a_shorter_look_is_neither_repeated_nor_part_of_a_curve(
    flag: str, script: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ending:
        parse(script, "--epochs", "1", flag, "0.5" if flag == "--train-fraction" else "2")
    assert ending.value.code == 2
    assert f"{flag} does not go with --epochs" in capsys.readouterr().err


@pytest.mark.parametrize("shorten", ["epochs", "trials"])
def test_tracker_whose_package_is_missing_is_refused_with_the_command_that_installs_it(
    shorten: str, script: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("runtime.records.tracking.find_spec", lambda _: None)
    with pytest.raises(UserError, match=r'^--track wandb: its package is not installed; pip install -e "\.\[wandb\]"$'):
        parse(script, "--track", "wandb", shorten=shorten)
    monkeypatch.setattr("runtime.records.tracking.find_spec", lambda name: name)
    assert parse(script, "--track", "wandb", shorten=shorten).track == "wandb"
    assert parse(script, shorten=shorten).track is None


def test_a_search_has_one_worker_unless_more_are_given(script: Path) -> None:
    assert parse(script, shorten="trials").workers == 1
    assert parse(script, "--workers", "4", shorten="trials").workers == 4


def test_storage_of_a_search_is_a_journal_unless_a_database_is_given(script: Path) -> None:
    assert parse(script, shorten="trials").storage is None
    assert parse(script, "--storage", "sqlite:///trials.db", shorten="trials").storage == "sqlite:///trials.db"


@pytest.mark.parametrize("shorten", ["epochs", "trials"])
def test_shorter_look_writes_apart_from_the_real_results(shorten: str, script: Path, tmp_path: Path) -> None:
    arguments = parse(script, f"--{shorten}", "3", shorten=shorten)
    assert arguments.shorter_look == 3
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
        ("epochs", ["--seeds", "0"]),
        ("trials", ["--seeds", "2"]),
        ("trials", ["--train-fraction", "0.5"]),
        ("epochs", ["--train-fraction", "0"]),
        ("epochs", ["--train-fraction", "1"]),
        ("epochs", ["--train-fraction", "nan"]),
        ("epochs", ["--track", "aim"]),
        ("epochs", ["--workers", "2"]),
        ("trials", ["--workers", "0"]),
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
