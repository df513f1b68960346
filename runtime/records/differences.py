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
