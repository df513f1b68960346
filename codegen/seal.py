"""What a script's header says: its seal, the hash of its text, so that any edit shows; and the command that made it."""

from __future__ import annotations

import hashlib
import re

_SEAL_LINE = re.compile(r"^# Seal: sha256:([0-9a-f]{64})$", re.MULTILINE)
_COMMAND = re.compile(r"^# Command: (.+)$", re.MULTILINE)

BLANK_SEAL = "# Seal: sha256:" + "0" * 64
"""The seal's line while the text is hashed."""


def apply_seal(text: str) -> str:
    """Fill the blank seal of a rendered script.

    Raises:
        ValueError: if the text does not hold the blank seal exactly once.
    """
    if text.count(BLANK_SEAL) != 1:
        raise ValueError("a script needs exactly one blank seal")
    return text.replace(BLANK_SEAL, f"# Seal: sha256:{_digest(text)}")


def seal_of(text: str) -> str | None:
    """The seal a text carries, whether or not it is right; None if it has none."""
    found = _SEAL_LINE.search(_normalised(text))
    return found[1] if found else None


def is_intact(text: str) -> bool:
    """Whether the text is what was sealed, whatever newlines a checkout has given it."""
    seal = seal_of(text)
    if seal is None:
        return False
    return _digest(_normalised(text).replace(f"# Seal: sha256:{seal}", BLANK_SEAL, 1)) == seal


def _normalised(text: str) -> str:
    return text.replace("\r\n", "\n")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def command_of(text: str) -> str | None:
    """The command in the head of a generated script; None where there is none."""
    found = _COMMAND.search(text)
    return found[1] if found else None
