"""What is to be known of the rivals themselves, in words."""

from __future__ import annotations

from runtime.records.results import Result


def boosting_words(result: Result) -> list[str]:
    """How large boosting was allowed to be, and who said so; nothing of a record that holds no choice."""
    if (chosen := result.boosting) is None:
        return []
    size = f"Both boostings have trees of {chosen.max_leaf_nodes} leaves and {chosen.max_iter} rounds"
    if chosen.losses is None:
        return [f"{size}, as usual: {chosen.undefined.get('losses', 'not recorded')}, too few to choose."]
    return [f"{size}: of {len(chosen.losses)} sizes the best on blocks of training days that it did not learn from."]
