"""The command line: cheap to ask, clear when it refuses, and harmless then."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from codegen import cli
from codegen.request.choices import DEFAULT_DATASET
from tests.helpers.small_project import make_small_project, run

EXPERIMENT = ("phase6a", "2M", "threshold_1pct")
HEAVY = ("libcst", "black", "pandas", "numpy", "torch", "yaml", "msgspec", "pyarrow")
BROKEN = "experiments/phase6a/hpo_20M_threshold_1pct.best.json"

LIGHT = {
    "": "the following arguments are required: PHASE; see python -m codegen --help",
    "phase6": "phase 'phase6' is not known; allowed: phase6a, phase6b, phase6c, phase6d. Did you mean phase6",
    "../phases/phase6a": "is not known; allowed: phase6a",
    "/etc/passwd": "is not known; allowed: phase6a",
    "phase6a 2m": "budget '2m' is not known; allowed: 200K, 2M, 20M, 200M, 2B. Did you mean 2M?",
    "phase6a 2M threshold_1": "task 'threshold_1' is not known; allowed: threshold_1pct, threshold_2pct",
    "phase6a 2M threshold_1pct more": "unrecognized arguments: more",
    "phase6a 2M threshold_1pct =more": "unrecognized arguments: =more",
    "phase6a --horizon 4": "horizon 4 is not known; allowed: 1, 2, 3, 5, 7",
    "phase6a --horizon 1d": "argument --horizon: invalid int value: '1d'",
    "phase6a --timescale week": "timescale 'week' is not known; allowed: daily, 2d, 3d, 5d, weekly. Did",
    "phase6a --hyperparameters xyz": "--hyperparameters 'xyz' is not known; allowed: search, default",
    "phase6a --trails 3": "unrecognized arguments: --trails 3. Did you mean --trials?",
    "phase6a --trails=3": "Did you mean --trials?",
    "phase6a --trial 3": "Did you mean --trials?",
    "phase6a --check --diff": "argument --diff: not allowed with argument --check",
    "phase6a --summary": "--summary and --format go with --diff",
    "phase6a --check --format markdown": "--summary and --format go with --diff",
    "phase6a --diff --format html": "argument --format: invalid choice: 'html'",
}
"""What is refused without any library, and how."""

NUMBERS = {
    "--context-length 0": "context_length 0: allowed is an integer of at least 1",
    "--chunk-length 60": "chunk_length 60: allowed is an integer of at least 61",
    "--val-ratio 0": "val_ratio 0.0, test_ratio 0.15: both must be positive and sum to less than 1",
    "--val-ratio 0.6 --test-ratio 0.4": "both must be positive and sum to less than 1",
    "--test-ratio nan": "both must be positive",
    "--hpo-train-fraction 0": "hpo_train_fraction 0.0: allowed is more than 0, at most 1",
    "--hpo-train-fraction 1.01": "hpo_train_fraction 1.01: allowed is more than 0, at most 1",
    "--trials 0": "n_trials 0: allowed is an integer of at least 1",
    "--timeout-hours 0": "timeout_hours 0.0: allowed is a positive number of hours",
    "--timeout-hours inf": "timeout_hours inf: allowed is a positive number of hours",
    "--seed -1": "seed -1: allowed is an integer of at least 0",
    "--embargo -1": "embargo -1: allowed is an integer of at least 0",
    "--split-mode scatter": "split mode 'scatter' is not known; allowed: scattered, contiguous. Did you",
    "--label-price low": "label price 'low' is not known; allowed: high, close",
}
"""Parameters of the scripts that are refused as early, and how."""

LATER = {
    "--data-path data/nowhere.parquet": "data/nowhere.parquet does not exist: make it with `python -m data import FILE",
    "--data-path ../outside.parquet": "does not exist",
    "--data-path configs/phases/phase6a.yaml": "has no entry in data/manifest.json",
    f"--data-path ./{DEFAULT_DATASET}": f"write it as it stands in the manifest: {DEFAULT_DATASET}",
    "--feature-column rsi41": "lacks the columns ['rsi41']; it has ['Date'",
    "--feature-column rsi14 --feature-column rsi14": "needs feature columns, each once",
    "--feature-column Date": "each once and never Date",
    "--context-length 5": "configs/model/patchtst_2M.yaml, architecture d128_h8_l8_p10: patch_length: 10 was given",
}
"""What is refused once configurations and data are read, and how."""

LIGHT |= {" ".join([*EXPERIMENT, flags]): message for flags, message in NUMBERS.items()}
REFUSED = LIGHT | {" ".join([*EXPERIMENT, flags]): message for flags, message in LATER.items()}
REFUSED["phase6a 20M threshold_1pct"] = f"{BROKEN}: Input data was truncated; restore it, or run python experiments"

DRIVER = f"""
import contextlib, io, json, sys
from codegen.cli import main
answers = []
for arguments in json.load(sys.stdin):
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            code = main(arguments)
        except SystemExit as ended:
            code = ended.code
    heavy = [name for name in {HEAVY} if name in sys.modules]
    answers.append((code, out.getvalue(), err.getvalue(), heavy))
json.dump(answers, sys.stdout)
"""

Answer = tuple[int, str, str, list[str]]


def drive(project: Path, commands: list[list[str]]) -> list[Answer]:
    """Give one process of a project several command lines, one after the other."""
    environment = {**os.environ, "PYTHONPATH": str(project)}
    driven = subprocess.run(
        [sys.executable, "-c", DRIVER],
        input=json.dumps(commands),
        cwd=project,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return [(code, out, err, heavy) for code, out, err, heavy in json.loads(driven.stdout)]


def snapshot(project: Path) -> dict[Path, tuple[int, bytes]]:
    """Every file with its time and bytes."""
    files = (path for path in project.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path: (path.stat().st_mtime_ns, path.read_bytes()) for path in files}


@pytest.fixture(scope="module")
def refusing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = make_small_project(tmp_path_factory.mktemp("refusing"))
    (root / BROKEN).parent.mkdir(parents=True)
    (root / BROKEN).write_text("{")
    return root


@pytest.fixture(scope="module")
def answers(refusing: Path) -> dict[str, Answer]:
    """What every command of the table was answered; nothing may have been written."""
    before = snapshot(refusing)
    answered = drive(refusing, [["--help"], *(command.split() for command in REFUSED)])
    assert snapshot(refusing) == before
    return dict(zip(["--help", *REFUSED], answered, strict=True))


@pytest.mark.parametrize("command", REFUSED)
def test_bad_input_is_refused_in_one_line(answers: dict[str, Answer], command: str) -> None:
    code, out, err, _ = answers[command]
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert err.startswith("error: ")
    assert REFUSED[command] in err


@pytest.mark.parametrize("command", ["--help", *LIGHT])
def test_help_and_wrong_words_import_nothing_heavy(answers: dict[str, Answer], command: str) -> None:
    assert answers[command][3] == []


def test_help_names_every_choice(answers: dict[str, Answer]) -> None:
    code, out, err, _ = answers["--help"]
    assert (code, err) == (0, "")
    for word in ("phase6a", "200M", "threshold_5pct", "weekly", "scattered", *cli.MODES):
        assert word in out


def test_an_experiment_is_written_once_and_then_fresh(project: Path) -> None:
    asked = [[*EXPERIMENT, *flags.split()] for flags in ("--check", "", "", "--check", "--diff", "--stdout", "--force")]
    missing, written, again, check, diff, stdout, force = drive(project, asked)
    scripts = [f"experiments/phase6a/{kind}_2M_threshold_1pct.py" for kind in ("hpo", "train")]
    absent = "".join(f"missing: {name}\n" for name in (*scripts, "experiments/phase6a/README.md"))
    assert missing[:3] == (1, "", f"{absent}fix: python -m codegen phase6a 2M threshold_1pct\n")
    assert written[:3] == (
        0,
        "".join(f"written: {name}\n" for name in scripts) + "2 written, 0 unchanged, 0 refused\n",
        "",
    )
    assert again[:3] == force[:3] == (0, "0 written, 2 unchanged, 0 refused\n", "")
    assert check[:3] == (0, "2 scripts and the manifest are fresh\n", "")
    assert diff[:3] == (0, "", "")
    assert stdout[:3] == (0, "".join((project / name).read_text() for name in scripts), "")


@pytest.mark.parametrize("form", [["--format", "markdown"], ["--format=markdown"]])
def test_a_comment_names_the_command_without_how_it_is_shown(project: Path, form: list[str]) -> None:
    ((code, out, err, _),) = drive(project, [[*EXPERIMENT, "--summary", *form, "--diff", "--seed", "7"]])
    assert (code, err) == (1, "")
    assert out.startswith("What differs from what `python -m codegen phase6a 2M threshold_1pct --seed 7` writes:\n")


def test_the_default_recipe_is_one_script_that_names_its_own_command(project: Path) -> None:
    command = [*EXPERIMENT, "--hyperparameters", "default"]
    written, check = drive(project, [command, [*command, "--check"]])
    assert (written[0], check[0]) == (0, 0)
    (script,) = (project / "experiments/phase6a").glob("*.py")
    assert script.name == "train_2M_threshold_1pct_default.py"
    assert f"# Command: python -m codegen {' '.join(command)}\n" in script.read_text()
    assert "default recipe, not searched" in script.read_text()


def test_a_reader_that_leaves_early_is_no_error(project: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    environment = {**os.environ, "PYTHONPATH": str(project), "PYTHONUNBUFFERED": ""}
    command = [sys.executable, "-m", "codegen", *EXPERIMENT, "--hyperparameters", "default"]
    ended = subprocess.run(command, cwd=project, env=environment, stdout=writing, stderr=subprocess.PIPE, check=False)
    os.close(writing)
    assert (ended.returncode, ended.stderr) == (0, b"")


def test_the_module_runs(project: Path) -> None:
    ended = run(project, "-m", "codegen", "phase6a", "3M")
    assert (ended.returncode, ended.stdout) == (2, "")
    assert ended.stderr == "error: budget '3M' is not known; allowed: 200K, 2M, 20M, 200M, 2B. Did you mean 2M?\n"


def test_a_refusal_of_several_lines_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        cli.main([*EXPERIMENT, "two\nlines"])
    assert capsys.readouterr().err == "error: unrecognized arguments: two lines; see python -m codegen --help\n"


def test_our_own_bugs_are_told_apart(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def fail(*_: object) -> int:
        raise RuntimeError("broken on purpose")

    monkeypatch.setattr(cli, "_run", fail)
    assert cli.main(EXPERIMENT) == 123
    err = capsys.readouterr().err
    assert "RuntimeError: broken on purpose" in err
    assert err.splitlines()[-1].startswith("internal error: a bug of ours")
