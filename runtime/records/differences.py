"""Differences between forecasts of the same samples, as records hold them."""

from __future__ import annotations

from msgspec import Struct

Range = tuple[float, float] | None
"""``[low, high]`` of an interval; None where it is undefined."""


class Difference(Struct, frozen=True):
    """One forecast less another on the same samples; see `judging.intervals.paired_difference`."""

    difference: float | None
    bootstrap: Range
    detectable: float | None
    t: Range = None
    per_chunk: list[float] = []
    undefined: dict[str, str] = {}


class Gains(Struct, frozen=True):
    """Log loss less the rival's of what can be made of rival and model, and of the rival alone."""

    combination: Difference
    mean: Difference
    second_fit: Difference | None
    rescaled: Difference | None
    undefined: dict[str, str] = {}


class Encompassing(Struct, frozen=True):
    """See `judging.encompassing.encompassing_test`."""

    statistic: float | None
    p_value: float | None
    undefined: dict[str, str] = {}


class Added(Struct, frozen=True):
    """What the model adds to its best rival on one split; see `judging.encompassing.Combination.judge`."""

    minus_rival: Gains
    encompassing: Encompassing


class Addition(Struct, frozen=True):
    """What the model adds to its best rival, as validation decided how to combine them."""

    rival: str
    weight: float
    validation: Added
    test: Added | None = None

    def on(self, split: str) -> Added | None:
        """The report on ``validation`` or ``test``; None where that is not opened."""
        return self.test if split == "test" else self.validation
