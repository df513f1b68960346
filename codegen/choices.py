"""What a user may choose from, and how a wrong choice is refused. Imports nothing heavy: every command starts here."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[1]

BUDGETS = ("2M", "20M", "200M", "2B")
THRESHOLDS = {"threshold_1pct": 0.01, "threshold_2pct": 0.02, "threshold_3pct": 0.03, "threshold_5pct": 0.05}
TASKS = tuple(THRESHOLDS)
HORIZONS = (1, 2, 3, 5, 7)
TIMESCALES = ("daily", "2d", "3d", "5d", "weekly")
LABEL_PRICES = ("high", "close")
SPLIT_MODES = ("scattered", "contiguous")

DEFAULT_DATASET = "data/processed/SPX_dataset_c.parquet"
NOT_FEATURES = ("Date", "Open", "High", "Low", "Close", "Volume")


class UsageError(ValueError):
    """The user's input cannot be used; the message says what is allowed. Exit code 2."""


def phase_names(project: Path = PROJECT) -> list[str]:
    """Names of all phases: the files of ``configs/phases``."""
    return sorted(file.stem for file in (project / "configs" / "phases").glob("*.yaml"))


def require_choice(what: str, given: object, allowed: Iterable[object]) -> None:
    """Refuse a value that is not among the allowed ones, and guess what was meant.

    Raises:
        UsageError: one line that says what was given, what is allowed, and the nearest allowed value.
    """
    choices = list(allowed)
    if any(type(given) is type(choice) and given == choice for choice in choices):
        return
    message = f"{what} {given!r} is not known; allowed: {', '.join(map(str, choices))}"
    guess = nearest(str(given), map(str, choices))
    raise UsageError(message + (f". Did you mean {guess}?" if guess else ""))


def nearest(given: str, allowed: Iterable[str]) -> str | None:
    """The allowed word that is spelt most like the given one, if any is close, whatever the case."""
    from difflib import get_close_matches

    by_lower = {choice.lower(): choice for choice in allowed}
    found = get_close_matches(given.lower(), by_lower, n=1, cutoff=0.5)
    return by_lower[found[0]] if found else None
