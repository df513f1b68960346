"""The two ways a run can end badly, told apart so that each gets its own exit code."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager


class UserError(ValueError):
    """What the user gave cannot be used; the message says what is allowed and what to do. Exit code 2."""


class RunError(RuntimeError):
    """The run itself failed (NaN, divergence, out of memory); it is recorded as failed. Exit code 1."""


class OutOfMemory(RunError):  # noqa: N818 - named as the condition is
    """The machine has too little memory for this micro-batch."""


_ALLOCATORS_WORDS = ("can't allocate memory", "CUDA out of memory", "CUDA error: out of memory", "STATUS_ALLOC_FAILED")


@contextmanager
def memory_failures() -> Iterator[None]:
    """Turn every way of running out of memory into `OutOfMemory`; torch's allocators raise a bare RuntimeError."""
    try:
        yield
    except MemoryError as error:
        raise OutOfMemory(f"out of memory: {error}") from error
    except OSError as error:
        if error.errno == errno.ENOMEM:
            raise OutOfMemory(f"out of memory: {error}") from error
        raise
    except RuntimeError as error:
        if type(error).__name__ == "OutOfMemoryError" or any(words in str(error) for words in _ALLOCATORS_WORDS):
            raise OutOfMemory(f"out of memory: {str(error).splitlines()[0]}") from error
        raise
