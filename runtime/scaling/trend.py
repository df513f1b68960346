"""Does the loss fall as the size grows? One test, chosen by whether every block ran every level.

A block is what chance repeats: a training seed, or a chunk of days. Within a block the losses would be exchangeable if
size did not matter, so both tests hold their level whatever the distribution. They are one-sided: the claim is that
larger is better.
"""

from __future__ import annotations

from itertools import permutations
from math import factorial, prod
from typing import Any

import numpy as np
from scipy import stats

from runtime.arrays import Floats
from runtime.judging.evaluation import with_reasons
from runtime.judging.intervals import LEAST_CHUNKS, t_interval

LEAST_BLOCKS = 2
LEAST_SIZES = 2
MOST_EXACT = 20_000
DRAWS = 9_999
SEED = 0

PAGE = "Page's trend test"
REGRESSION = "permutation test of the slope within blocks"


def trend(sizes: Floats, losses: Floats, blocks: str = "seeds") -> dict[str, Any]:
    """Test for a falling loss, and how fast it falls.

    Page's L (Page 1963) when at least three levels were run by every block; with two levels, or where a block misses
    some, the slope of loss on log size after each block's mean is taken away, its p-value from permuting the losses
    within blocks: all permutations if there are at most 20,000, else 9,999 random ones.

    Args:
        sizes: shape (levels,), increasing.
        losses: shape (blocks, levels), NaN where a block did not run a level.
        blocks: what they are, for the reasons.

    Returns:
        ``test``, ``statistic``, ``p_value``, ``blocks`` (how many count: one that ran a single level says nothing),
        ``slope`` (change of loss when the size grows tenfold) and ``slope_interval`` (t over blocks).
    """
    decades, distinct = np.log10(sizes), np.unique(sizes).size
    counting = losses[np.isfinite(losses).sum(axis=1) >= LEAST_SIZES]
    found: dict[str, Any] = dict.fromkeys(("test", "statistic", "p_value", "slope", "slope_interval"))
    reasons = dict.fromkeys(found, f"measured sizes: {distinct}; a trend needs {LEAST_SIZES}")
    if distinct >= LEAST_SIZES:
        reasons = dict.fromkeys(
            found, f"{blocks} with two sizes or more: {len(counting)}; a trend needs {LEAST_BLOCKS}"
        )
    if distinct >= LEAST_SIZES and len(counting) >= LEAST_BLOCKS:
        balanced = bool(np.isfinite(counting).all())
        found |= _page(counting) if balanced and len(sizes) >= 3 else _regression(decades, counting)
        found["slope"] = _slope(decades, counting)
        found["slope_interval"] = t_interval(np.array([_slope(decades, row[None]) for row in counting]))
        if not balanced:
            found["slope_interval"], reasons["slope_interval"] = None, f"not all {blocks} ran every size"
        else:
            reasons["slope_interval"] = f"{len(counting)} {blocks} are fewer than {LEAST_CHUNKS}"
    return with_reasons(found, reasons) | {"blocks": len(counting)}


def _page(losses: Floats) -> dict[str, Any]:
    result = stats.page_trend_test(-losses)
    return {"test": PAGE, "statistic": float(result.statistic), "p_value": float(result.pvalue)}


def _centred(decades: Floats, losses: Floats) -> list[tuple[Floats, Floats]]:
    """Log sizes less their mean, and losses, of each block where it ran."""
    ran = [(decades[np.isfinite(row)], row[np.isfinite(row)]) for row in losses]
    return [(x - x.mean(), y) for x, y in ran]


def _slope(decades: Floats, losses: Floats) -> float:
    blocks = _centred(decades, losses)
    return float(sum(x @ y for x, y in blocks) / sum(x @ x for x, _ in blocks))


def _regression(decades: Floats, losses: Floats) -> dict[str, Any]:
    blocks = _centred(decades, losses)
    spread = sum(x @ x for x, _ in blocks)
    observed = sum(x @ y for x, y in blocks)
    exact = prod(factorial(x.size) for x, _ in blocks) <= MOST_EXACT
    null = _all_permutations(blocks) if exact else _random_permutations(blocks)
    as_low = int((null <= observed + 1e-12 * spread).sum())
    p_value = as_low / null.size if exact else (as_low + 1) / (null.size + 1)
    return {"test": REGRESSION, "statistic": float(observed / spread), "p_value": p_value}


def _all_permutations(blocks: list[tuple[Floats, Floats]]) -> Floats:
    sums = np.zeros(1)
    for x, y in blocks:
        sums = np.add.outer(sums, np.array(list(permutations(y))) @ x).ravel()
    return sums


def _random_permutations(blocks: list[tuple[Floats, Floats]]) -> Floats:
    random = np.random.default_rng(SEED)
    sums = np.zeros(DRAWS)
    for x, y in blocks:
        sums += random.permuted(np.tile(y, (DRAWS, 1)), axis=1) @ x
    return sums
