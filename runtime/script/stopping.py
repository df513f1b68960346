"""What Ctrl+C (SIGINT) and SIGTERM do: both raise KeyboardInterrupt, except where a step must be finished first."""

from __future__ import annotations

import os
import shlex
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from data.command_line import hide_passwords
from runtime.script.place import EXPERIMENTS

EXIT_INTERRUPTED = 75

DRIVER_PIPE = "PATCHTST_DRIVER_PIPE"
"""Environment variable: the file descriptor of a pipe whose other end the driver holds."""

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Stop:
    """Whether someone asked for an end; whoever works in small steps looks at it after each one."""

    requested: bool = False

    def check(self) -> None:
        """Stop here if someone asked for it.

        Raises:
            KeyboardInterrupt: if so.
        """
        if self.requested:
            raise KeyboardInterrupt


def raise_on_signals() -> Stop:
    """From now on either signal raises KeyboardInterrupt in the main thread, whatever it is doing.

    Returns:
        Whether one has come, for compiled code may turn the exception into another one.
    """
    stop = Stop()

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        stop.requested = True
        raise KeyboardInterrupt

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:  # as a shell's background job ignores SIGINT
            signal.signal(number, interrupt)
    return stop


def ignore_signals() -> None:
    """From now on neither signal does anything: what is left to do takes a moment and must not be torn."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def end_with_driver() -> None:
    """Where a driver that runs a whole phase started this process: be interrupted when that driver is gone."""
    if (pipe := os.environ.get(DRIVER_PIPE)) is None:
        return

    def wait() -> None:
        os.read(int(pipe), 1)  # nothing is ever written: it returns when the last holder of the other end has ended
        os.kill(os.getpid(), signal.SIGTERM)

    threading.Thread(target=wait, daemon=True).start()


def leave_on_signals() -> None:
    """From now on either signal ends the process at once, in one line: for the seconds in which a script imports."""

    def leave(_number: int, _frame: FrameType | None) -> None:
        _tell(how_to_continue())
        os._exit(EXIT_INTERRUPTED)

    for number in _SIGNALS:
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, leave)


def runs_a_script() -> bool:
    """Whether this process was started on a generated script."""
    started = getattr(sys.modules.get("__main__"), "__file__", None)
    return started is not None and EXPERIMENTS in (each.name for each in Path(started).resolve().parents[1:3])


@contextmanager
def finish_step_first(*, quiet: bool = False) -> Iterator[Stop]:
    """Inside the block, the first signal only asks for a stop; a second one ends the process where it stands.

    For work that is saved again and again, whole or not at all: nothing needs to be tidied up when it ends at once.

    Args:
        quiet: say nothing, where another process does.
    """
    stop, tell = Stop(), (lambda _: None) if quiet else _tell
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def ask(_number: int, _frame: FrameType | None) -> None:
        if stop.requested:
            tell(how_to_continue())
            os._exit(EXIT_INTERRUPTED)
        stop.requested = True
        tell("\nstopping as soon as this step is saved; the same again leaves at once")

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ask)
    try:
        yield stop
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def how_to_continue() -> str:
    """The line that an interrupted process leaves."""
    return f"interrupted; continue with: {_shown(_launched() or sys.orig_argv)}"


def command_with(flag: str, value: int) -> str:
    """The command that started this process, with another value of a flag."""
    kept, given = [], iter(sys.orig_argv)
    for argument in given:
        if argument == flag:
            next(given, None)
        elif not argument.startswith(f"{flag}="):
            kept.append(argument)
    return _shown([*kept, flag, str(value)])


def _shown(command: Sequence[str]) -> str:
    shown = [hide_passwords(argument) for argument in command]
    password = "" if shown == list(command) else " (*** is the password; PGPASSWORD or ~/.pgpass spare you giving it)"
    return f"{shlex.join(shown)}{password}"


def _launched() -> list[str]:
    """The command that starts all processes of a script, where ``torchrun`` started this one."""
    if "TORCHELASTIC_RUN_ID" not in os.environ:
        return []
    return ["torchrun", "--nproc-per-node", os.environ.get("LOCAL_WORLD_SIZE", "1"), *sys.argv]


def _tell(line: str) -> None:
    os.write(2, f"{line}\n".encode())  # not print: the signal may have come in the middle of one
