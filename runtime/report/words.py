"""Numbers and comparisons, as sentences and tables say them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from runtime.records.differences import Difference

Way = Literal["better", "worse", "open", "undefined"]


def compare(difference: Difference) -> Way:
    """How a forecast does against another; decided only when every interval lies on one side of zero."""
    intervals = [each for each in (difference.t, difference.bootstrap) if each is not None]
    if not intervals:
        return "undefined"
    if all(high < 0 for _, high in intervals):
        return "better"
    return "worse" if all(low > 0 for low, _ in intervals) else "open"


def typeset(value: float, form: str) -> str:
    """A number with a true minus sign."""
    return format(value, form).replace("-", "−")


def with_interval(difference: Difference) -> str:
    """A difference of log losses and its t interval."""
    if difference.difference is None:
        return "undefined"
    value = typeset(difference.difference, "+.4f")
    if difference.t is None:
        return f"{value} (no interval)"
    low, high = (typeset(end, "+.4f") for end in difference.t)
    return f"{value} ({low} to {high})"


def listed(names: Sequence[str]) -> str:
    """Names as a sentence lists them."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
