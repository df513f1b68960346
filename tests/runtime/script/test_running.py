"""How a script ends: one clear line and an exit code that a shell can act on."""

import shlex
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest
import torch

from runtime.errors import OutOfMemory, RunError, UserError, resource_failures
from runtime.script.running import exit_code, require_hyperparameters, run_script
from runtime.script.stopping import command_with, how_to_continue, runs_a_script


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """A script owns its process and its signals; pytest gets its own back."""
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def run(error: BaseException) -> int:
    def main() -> None:
        raise error

    return run_script(main)


def test_script_that_returns_exits_with_0_and_prints_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_script(lambda: None) == 0
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("error", "code", "line"),
    [
        (UserError("no such task"), 2, "error: no such task\n"),
        (RunError("training diverged"), 1, "failed: training diverged\n"),
        (torch.OutOfMemoryError("CUDA out of memory"), 1, "failed: out of memory: CUDA out of memory\n"),
        (RuntimeError("compiled: CUDA out of memory"), 1, "failed: out of memory: compiled: CUDA out of memory\n"),
        (MemoryError("no room"), 1, "failed: out of memory: no room\n"),
        (
            RuntimeError("can't start new thread"),
            1,
            "failed: no further thread or process can be started: can't start new thread; look at `ulimit -u`, "
            "`ulimit -v` and a container's limit of processes, or set OMP_NUM_THREADS=1\n",
        ),
        (
            RuntimeError("DefaultCPUAllocator: can't allocate memory: 9 bytes"),
            1,
            "failed: out of memory: DefaultCPUAllocator: can't allocate memory: 9 bytes\n",
        ),
        (OSError(28, "No space left on device"), 1, "failed: [Errno 28] No space left on device\n"),
        (KeyboardInterrupt(), 75, f"interrupted; continue with: {shlex.join(sys.orig_argv)}\n"),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, BaseException) else None,
)
def test_ending_that_is_not_our_fault_is_one_line(
    error: BaseException, code: int, line: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(error) == code
    assert capsys.readouterr() == ("", line)


def test_notes_of_a_refusal_stand_below_it_a_line_each(capsys: pytest.CaptureFixture[str]) -> None:
    error = UserError("holds another\nsearch")
    error.add_note("embargo is 0 there\nand 20 in this script")
    error.add_note("postgresql://me:sesame@host/trials")
    assert run(error) == 2
    assert capsys.readouterr().err == (
        "error: holds another search\n  embargo is 0 there and 20 in this script\n  postgresql://me:***@host/trials\n"
    )


def test_ending_is_known_to_others_before_the_script_has_ended(capsys: pytest.CaptureFixture[str]) -> None:
    ends = (UserError("1"), RunError("2"), OSError(28, "full"), KeyboardInterrupt(), BrokenPipeError(), KeyError("3"))
    assert [exit_code(error) for error in ends] == [run(error) for error in ends] == [2, 1, 1, 75, 75, 123]
    capsys.readouterr()


@pytest.mark.parametrize("error", [ValueError("odd"), RuntimeError("odd"), KeyError("odd"), AssertionError("odd")])
def test_fault_of_ours_exits_with_123_and_a_traceback(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(error) == 123
    printed = capsys.readouterr().err
    assert printed.startswith("Traceback")
    assert type(error).__name__ in printed
    assert printed.endswith("This is a bug of ours, not of your input. Please report it with the lines above.\n")


def test_bad_usage_keeps_the_exit_code_of_the_command_line_parser() -> None:
    with pytest.raises(SystemExit) as ending:
        run(SystemExit(2))
    assert ending.value.code == 2


def test_training_without_a_search_names_the_command_to_run_first() -> None:
    with pytest.raises(UserError, match=r"HYPERPARAMETERS is empty.*run first: python hpo_2M\.py$"):
        require_hyperparameters({}, search_first=["python hpo_2M.py"])


def test_training_with_hyperparameters_may_go_on() -> None:
    require_hyperparameters({"dropout": 0.1}, search_first=["python hpo_2M.py"])


def test_script_whose_reader_went_away_was_interrupted() -> None:
    command = "from runtime.script.running import run_script; raise SystemExit(run_script(lambda: print('x' * 10**6)))"
    with subprocess.Popen([sys.executable, "-c", command], stdout=subprocess.PIPE, stderr=subprocess.PIPE) as script:
        assert script.stdout is not None
        assert script.stderr is not None
        script.stdout.close()
        assert (script.stderr.read(), script.wait()) == (b"", 75)


@pytest.mark.parametrize(
    "error", [ValueError("not a valid buffer"), FileNotFoundError("journal.log.lock.rename"), RunError("storage")]
)
def test_error_that_others_code_made_of_an_interruption_is_an_interruption(
    error: Exception, capsys: pytest.CaptureFixture[str]
) -> None:
    def main() -> None:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise error from None

    assert run_script(main) == 75
    assert capsys.readouterr().err.startswith("interrupted; continue with: ")


def test_command_that_continues_is_shown_without_its_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "x.py", "--storage", "postgresql://me:sesame@host/trials"])
    said = how_to_continue()
    assert said.startswith("interrupted; continue with: python x.py --storage 'postgresql://me:***@host/trials' (***")


def test_command_that_continues_names_torchrun_where_it_was_started_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCHELASTIC_RUN_ID", "none")
    monkeypatch.setenv("LOCAL_WORLD_SIZE", "8")
    monkeypatch.setattr(sys, "argv", ["experiments/x.py", "--seeds", "3"])
    assert how_to_continue() == "interrupted; continue with: torchrun --nproc-per-node 8 experiments/x.py --seeds 3"


@pytest.mark.parametrize(
    ("started", "is_script"),
    [("/x.py", False), ("/a/b/x.py", False), ("/a/experiments/phase6a/x.py", True), (None, False)],
)
def test_only_a_generated_script_leaves_at_once_while_it_imports(
    started: str | None, is_script: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["__main__"], "__file__", started, raising=False)
    assert runs_a_script() is is_script


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        (["hpo.py"], "hpo.py --workers 2"),
        (["hpo.py", "--workers", "3", "--output", "a b"], "hpo.py --output 'a b' --workers 2"),
        (["hpo.py", "--workers=3", "--device", "cpu"], "hpo.py --device cpu --workers 2"),
    ],
)
def test_command_with_another_value_of_a_flag(given: list[str], shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", *given])
    assert command_with("--workers", 2) == f"python {shown}"


def test_command_with_another_value_of_a_flag_hides_the_password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "x.py", "--storage", "postgresql://me:sesame@host/trials"])
    assert "sesame" not in command_with("--workers", 2)


def test_missing_threads_are_no_missing_memory_which_smaller_micro_batches_would_help() -> None:
    with pytest.raises(RunError, match="no further thread") as caught, resource_failures():
        raise RuntimeError("can't start new thread")
    assert not isinstance(caught.value, OutOfMemory)
