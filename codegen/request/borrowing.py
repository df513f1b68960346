"""Hyperparameters of a training script: found by its own search, borrowed, or interpolated between two searches."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen.request.configs import load_hpo
from codegen.request.findings import Finding, load_finding
from codegen.request.phases import Cell

WEIGHT = 0.5
"""Share of each of the two searches that an interpolated task lies between."""


@dataclass(frozen=True)
class Recipe:
    """What a training script inlines.

    Attributes:
        hyperparameters: the searched recipe values, and under ``architecture`` the name of each candidate: two where
            two searches disagree, for validation to decide.
        provenance: the sources, with their trials, losses and weights.
        findings: source and what its search found, to be checked against the script.
    """

    hyperparameters: dict[str, Any]
    provenance: dict[str, Any]
    findings: tuple[tuple[Cell, Finding], ...]


def combine(sources: Sequence[Cell], project: Path) -> Recipe | None:
    """Read the searches and make one recipe of them; None while one of them has not finished.

    Learning rate and weight decay are interpolated in log space, dropout linearly, the batch size geometrically to the
    nearest allowed one. An architecture is never interpolated.

    Raises:
        UsageError: if a finding is not what a finished search of its experiment writes.
    """
    findings = [load_finding(source, project) for source in sources]
    known = [finding for finding in findings if finding is not None]
    if len(known) < len(findings):
        return None
    pairs = tuple(zip(sources, known, strict=True))
    if len(known) == 1:
        return Recipe(known[0].hyperparameters(), known[0].provenance(sources[0].best_file), pairs)
    allowed = load_hpo(sources[0].budget, project).space.batch_size.choices
    names = dict.fromkeys(finding.best.hyperparameters.architecture for finding in known)
    provenance = [
        {**finding.provenance(source.best_file), "weight": WEIGHT, "hyperparameters": finding.hyperparameters()}
        for source, finding in pairs
    ]
    return Recipe(
        {"architecture": list(names), **_between(known[0], known[1], allowed)},
        {"interpolated_between": provenance},
        pairs,
    )


def _between(first: Finding, second: Finding, batch_sizes: Sequence[int]) -> dict[str, Any]:
    one, other = first.best.hyperparameters, second.best.hyperparameters
    square = one.batch_size * other.batch_size  # of the geometric mean: compared exactly, a tie goes to the smaller
    # sqrt and * round the same everywhere, exp and log do not: a script must have the same bytes on every machine.
    return {
        "learning_rate": math.sqrt(one.learning_rate * other.learning_rate),
        "weight_decay": math.sqrt(one.weight_decay * other.weight_decay),
        "dropout": (one.dropout + other.dropout) / 2,
        "batch_size": min(sorted(batch_sizes), key=lambda size: max(size**2, square) / min(size**2, square)),
    }
