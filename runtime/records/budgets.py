"""What the name of a budget says of its size."""

from __future__ import annotations

import re

_SIZES = {"K": 1e3, "M": 1e6, "B": 1e9}


def budget_size(budget: str) -> float:
    """Parameters that a budget's name stands for; infinite for a name that says none."""
    number = re.fullmatch(r"([\d.]+)([KMB])", budget)
    return float(number[1]) * _SIZES[number[2]] if number else float("inf")
