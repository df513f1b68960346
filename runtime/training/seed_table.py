"""Several training seeds side by side: skill, the paired difference to each baseline, and what they share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from runtime.judging.intervals import LEVEL, t_interval


def seed_table(records: Sequence[Mapping[str, Any]], split: str) -> list[str]:
    """A line a seed, then their mean and its t interval over seeds.

    The interval says how far the choice of a seed moves the result on these days; how far the choice of days would is
    in each record's intervals over chunks. It is undefined with fewer than three seeds.

    Args:
        records: one a seed, judged on the split.
        split: ``validation`` or ``test``.
    """
    columns = {"skill": [record[split]["model"]["log_loss_skill"] for record in records]}
    for name in (name for name in records[0][split] if name != "model"):
        differences = [record[split][name]["model_minus_this"]["log_loss"]["difference"] for record in records]
        columns[f"- {name}"] = differences
    found = {name: np.array(values) for name, values in columns.items()}
    intervals = {name: t_interval(values) or (None, None) for name, values in found.items()}
    rows = [
        (str(record["training_seed"]), [values[n] for values in found.values()]) for n, record in enumerate(records)
    ]
    rows.append(("mean", [values.mean() for values in found.values()]))
    for end, name in enumerate((f"{LEVEL:.0%} low", f"{LEVEL:.0%} high")):
        rows.append((name, [interval[end] for interval in intervals.values()]))
    return [
        f"{split}, {len(records)} training seeds: skill, and log loss less that of each baseline (negative is better)",
        f"{'seed':<10}" + "".join(f"{name:>23}" for name in columns),
        *(f"{name:<10}" + "".join(f"{_number(value):>23}" for value in values) for name, values in rows),
    ]


def _number(value: float | None) -> str:
    return "undefined" if value is None else f"{value:+.4f}"
