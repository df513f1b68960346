"""What records hold of the rivals beside their forecasts."""

from __future__ import annotations

from msgspec import Struct


class BoostingRecord(Struct, frozen=True):
    """See `judging.boosting.describe_choice`."""

    max_leaf_nodes: int
    max_iter: int
    losses: dict[str, float] | None
    undefined: dict[str, str] = {}
