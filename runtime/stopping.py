"""What Ctrl+C (SIGINT) and SIGTERM do: both raise KeyboardInterrupt, except where a step must be finished first."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@dataclass
class Stop:
    """Whether someone asked for an end; whoever works in small steps looks at it after each one."""

    requested: bool = False


def terminate_like_ctrl_c() -> None:
    """From now on SIGTERM raises KeyboardInterrupt in the main thread, as SIGINT does in any Python program."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def ignore_signals() -> None:
    """From now on neither signal does anything: what is left to do takes a moment and must not be torn."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


@contextmanager
def finish_step_first() -> Iterator[Stop]:
    """Inside the block, the first signal only asks for a stop; any further one acts as it does outside.

    A signal that the process ignores, as a background job of a shell does SIGINT, stays ignored.
    """
    stop = Stop()
    before = {number: signal.getsignal(number) for number in _SIGNALS}

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def ask(_number: int, _frame: FrameType | None) -> None:
        restore()
        stop.requested = True
        # Not print: the signal may have come in the middle of one.
        os.write(2, b"\nstopping after this step; the same again leaves at once\n")

    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ask)
    try:
        yield stop
    finally:
        restore()
