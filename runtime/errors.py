"""The two ways a run can end badly, told apart so that each gets its own exit code."""

from __future__ import annotations


class UserError(ValueError):
    """What the user gave cannot be used; the message says what is allowed and what to do. Exit code 2."""


class RunError(RuntimeError):
    """The run itself failed (NaN, divergence, out of memory); it is recorded as failed. Exit code 1."""
