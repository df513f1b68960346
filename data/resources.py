"""What a machine lacked, where that ended the work: its fault, or its limits', and neither the user's nor ours."""

from __future__ import annotations

import errno
import sys
from types import TracebackType

_MEMORY_WORDS = (
    "can't allocate memory",  # torch's allocator of a processor, in a bare RuntimeError
    "CUDA out of memory",
    "CUDA error: out of memory",
    "STATUS_ALLOC_FAILED",
    "failed to map segment from shared object",  # a library that is loaded, in an ImportError
    "cannot allocate memory",
)
_THREAD_WORDS = ("can't start new thread",)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory or address space ran out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    if isinstance(error, OSError):
        return error.errno == errno.ENOMEM
    return isinstance(error, RuntimeError | ImportError) and any(words in str(error) for words in _MEMORY_WORDS)


def is_out_of_threads(error: BaseException) -> bool:
    """Whether the system starts no further thread or process."""
    if isinstance(error, OSError):
        return error.errno == errno.EAGAIN
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _THREAD_WORDS)


def missing_resource(error: BaseException) -> str | None:
    """What was missing, in one sentence with what to look at; None if the error is about something else."""
    said = (str(error).splitlines() or [""])[0]
    if is_out_of_memory(error):
        return f"out of memory: {said}" if said else "out of memory"
    if is_out_of_threads(error):
        limits = "`ulimit -u`, `ulimit -v` and a container's limit of processes"
        return f"no further thread or process can be started: {said}; look at {limits}, or set OMP_NUM_THREADS=1"
    return None


def say_missing_resources() -> None:
    """From now on, an uncaught error of a missing resource is one line instead of a traceback; the exit code stays 1.

    A script's imports fail so, before anything of ours can catch it.
    """
    before = sys.excepthook

    def hook(kind: type[BaseException], error: BaseException, traceback: TracebackType | None) -> None:
        if sentence := missing_resource(error):
            print(f"failed: {sentence}", file=sys.stderr)
        else:
            before(kind, error, traceback)

    sys.excepthook = hook
