"""The two ways a run can end badly, told apart so that each gets its own exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from data.resources import is_out_of_memory, missing_resource


class UserError(ValueError):
    """What the user gave cannot be used; the message says what is allowed and what to do. Exit code 2."""


class RunError(RuntimeError):
    """The run itself failed (NaN, divergence, out of memory); it is recorded as failed. Exit code 1."""


class OutOfMemory(RunError):  # noqa: N818 - named as the condition is
    """The machine has too little memory for this micro-batch."""


@contextmanager
def resource_failures() -> Iterator[None]:
    """Turn every way of running out of memory into `OutOfMemory`, and of threads and processes into `RunError`."""
    try:
        yield
    except RunError:
        raise
    except Exception as error:
        if (sentence := missing_resource(error)) is None:
            raise
        raise (OutOfMemory if is_out_of_memory(error) else RunError)(sentence) from error
