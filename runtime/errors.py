"""The two ways a run can end badly, told apart so that each gets its own exit code."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """What the user gave cannot be used; the message says what is allowed and what to do. Exit code 2."""


class RunError(RuntimeError):
    """The run itself failed (NaN, divergence, out of memory); it is recorded as failed. Exit code 1."""


@contextmanager
def memory_failures() -> Iterator[None]:
    """Turn every way of running out of memory into a `RunError`; torch's CPU allocator raises a bare RuntimeError."""
    try:
        yield
    except MemoryError as error:
        raise RunError(f"out of memory: {error}") from error
    except RuntimeError as error:
        if type(error).__name__ == "OutOfMemoryError" or "can't allocate memory" in str(error):
            raise RunError(f"out of memory: {str(error).splitlines()[0]}") from error
        raise
