"""Hyperparameters of a training script: found by its own search, borrowed, or interpolated between two searches."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from codegen.request.configs import load_hpo
from codegen.request.findings import Finding, load_finding
from codegen.request.phases import ExperimentKey
from runtime.training.recipe import SEARCHED, Declared

WEIGHT = 0.5
"""Share of each of the two searches that an interpolated task lies between."""


@dataclass(frozen=True)
class Borrowed:
    """What a training script inlines.

    Attributes:
        hyperparameters: the searched recipe values, and under ``architecture`` the name of each candidate: two where
            two searches disagree, for validation to decide.
        provenance: the sources, with their trials, losses and weights.
        findings: source and what its search found, to be checked against the script.
    """

    hyperparameters: dict[str, Any]
    provenance: dict[str, Any]
    findings: tuple[tuple[ExperimentKey, Finding], ...]


def combine(sources: Sequence[ExperimentKey], project: Path, *, training_seed: int) -> Borrowed | None:
    """Read the searches and make one recipe of them; None while one of them has not finished.

    Each hyperparameter is interpolated on the scale that `Borrowed` declares: geometrically or linearly, a choice
    geometrically to the nearest allowed one. An architecture is never interpolated.

    Args:
        sources: one search, or the two that a task lies between.
        project: where their findings lie.
        training_seed: of the script, beside which the provenance names a search's own where it differs.

    Raises:
        UsageError: if a finding is not what a finished search of its experiment writes.
    """
    findings = [load_finding(source, project) for source in sources]
    known = [finding for finding in findings if finding is not None]
    if len(known) < len(findings):
        return None
    pairs = tuple(zip(sources, known, strict=True))
    if len(known) == 1:
        provenance = known[0].provenance(sources[0].best_file, training_seed=training_seed)
        return Borrowed(known[0].hyperparameters(), provenance, pairs)
    space = load_hpo(sources[0].budget, project).space.draws()
    names = dict.fromkeys(finding.best.hyperparameters.architecture for finding in known)
    both = [
        {
            **finding.provenance(source.best_file, training_seed=training_seed),
            "weight": WEIGHT,
            "hyperparameters": finding.hyperparameters(),
        }
        for source, finding in pairs
    ]
    return Borrowed(
        {"architecture": list(names), **_between(known[0], known[1], space)},
        {"interpolated_between": both},
        pairs,
    )


def _between(first: Finding, second: Finding, space: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """The value of each hyperparameter between two findings, where its scale puts the middle."""
    one, other = first.best.hyperparameters, second.best.hyperparameters
    return {
        name: _middle(getattr(one, name), getattr(other, name), declared, space[name])
        for name, declared in SEARCHED.items()
    }


def _middle(one: float, other: float, declared: Declared, drawn: Mapping[str, Any]) -> float:
    # sqrt and * round the same everywhere, exp and log do not: a script must have the same bytes on every machine.
    if "choices" not in drawn:
        return math.sqrt(one * other) if declared.log else (one + other) / 2
    square = one * other  # of the geometric mean: compared exactly, a tie goes to the smaller
    return int(min(sorted(drawn["choices"]), key=lambda each: max(each**2, square) / min(each**2, square)))
