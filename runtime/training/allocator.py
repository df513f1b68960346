"""Memory that is freed stays with the process, for the next step to use."""

from __future__ import annotations

import contextlib
import ctypes

_MMAP_THRESHOLD, _TRIM_THRESHOLD = -3, -1  # of glibc's malloc.h
_NEVER = 2**31 - 1


def keep_pages() -> None:
    """Ask the C library not to give freed memory back to the kernel.

    Every training step frees the same large tensors and asks for them again. glibc returns such blocks at once, and the
    page faults took a tenth of a channel-independent step. Other C libraries are left as they are.
    """
    with contextlib.suppress(AttributeError, OSError, TypeError):  # no glibc: nothing to ask
        mallopt = ctypes.CDLL(None).mallopt
        mallopt(_MMAP_THRESHOLD, _NEVER)
        mallopt(_TRIM_THRESHOLD, _NEVER)
