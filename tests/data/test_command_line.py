"""What all command lines do alike: one line for a mistake, their exit codes, and output that nobody takes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from data import command_line
from data.command_line import Parser, hide_passwords
from data.errors import DataError

PROJECT = Path(__file__).resolve().parents[2]
MODULES = ("codegen", "data", "runtime")


def command(*arguments: str) -> str:
    return " ".join([sys.executable, "-m", *arguments])


def shell(line: str, **environment: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONUNBUFFERED": "", **environment}
    return subprocess.run(
        ["bash", "-o", "pipefail", "-c", line],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("reader", [">&-", "<&- >&- 2>&-", "| true"])
def test_help_that_nobody_reads_is_no_error(module: str, reader: str) -> None:
    ended = shell(f"(sleep 0; {command(module, '--help')}) {reader}")
    assert (ended.returncode, ended.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
@pytest.mark.parametrize("module", MODULES)
def test_output_to_a_full_disk_is_one_line(module: str) -> None:
    ended = shell(f"{command(module, '--help')} > /dev/full")
    assert (ended.returncode, ended.stderr) == (2, "error: [Errno 28] No space left on device\n")


@pytest.mark.parametrize(
    "arguments", [("data",), ("data", "bild"), ("data", "import", "x"), ("runtime", "report", "-x")]
)
def test_bad_usage_is_one_line_that_names_the_help(arguments: tuple[str, ...]) -> None:
    ended = shell(command(*arguments))
    assert (ended.returncode, ended.stdout, ended.stderr.count("\n")) == (2, "", 1)
    assert ended.stderr.startswith("error: ")
    assert f"see python -m {arguments[0]}" in ended.stderr


def test_narrow_encoding_loses_no_line() -> None:
    ended = shell(f"{command('codegen')} pháse", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert ended.returncode == 2
    assert r"phase 'ph\xe1se' is not known" in ended.stderr


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (DataError("two\nlines of \x1b[31m"), 2, r"error: two lines of \x1b[31m"),
        (OSError(28, "No space left"), 2, "error: [Errno 28] No space left"),
        (KeyboardInterrupt(), 75, "interrupted; every file is whole: run the same command again"),
        (ZeroDivisionError(), 123, "internal error: a bug of ours"),
        (BrokenPipeError(), 0, ""),
    ],
)
def test_every_ending_has_its_exit_code_and_line(
    error: BaseException, code: int, message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def work() -> int:
        raise error

    assert command_line.run(work, DataError) == code
    last = capsys.readouterr().err.splitlines()[-1:]
    assert (last == [message] or last[0].startswith(message)) if message else not last


def test_interrupted_command_says_so_in_one_line(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "begun")
    waiting = f"open({str(tmp_path / 'begun')!r}, 'w').close(); time.sleep(60)"
    code = f"import sys, time; from data import cli; cli._run = lambda *_: exec({waiting!r}); sys.exit(cli.main(['build']))"  # noqa: E501
    environment = {**os.environ, "PYTHONPATH": str(PROJECT)}
    process = subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True, env=environment)
    (tmp_path / "begun").open().close()
    time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=30)
    assert (process.returncode, errors) == (75, "interrupted; every file is whole: run the same command again\n")


@given(password=st.text(st.characters(categories=["L", "N", "P"]), min_size=8), before=st.text(), after=st.text("ab "))
def test_password_of_an_address_is_never_shown(password: str, before: str, after: str) -> None:
    """Not even one that should have been quoted: with slashes, colons or an @ of its own."""
    assume(password not in before + after)
    hidden = hide_passwords(f"{before} postgresql://me:{password}@host/trials {after}")
    assert password not in hidden
    assert hidden.endswith(f"@host/trials {after}")


def test_password_among_the_options_of_an_address_is_hidden_and_nothing_else() -> None:
    address = "postgresql://me@host/trials?connect_timeout=3&{}={}&x=1"
    assert hide_passwords(address.format("password", "sesame")) == address.format("password", "***")
    for plain in ("a@b.c", "sqlite:////a:b/c.db", "http://host:80/path", address.format("sslmode", "require")):
        assert hide_passwords(plain) == plain


def test_unknown_option_is_refused_without_the_password_it_holds(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        Parser(prog="x").parse_args(["--storge", "postgresql://me:sesame@host/trials"])
    assert "sesame" not in (said := capsys.readouterr().err)
    assert "--storge postgresql://me:***@host/trials" in said
