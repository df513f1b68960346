"""Signs that the data limit a result, and not the size of the model; each a small function of plain numbers.

Two of them compare the sizes and decide (``decisive``); the others are circumstances in which larger models cannot be
expected to help. A rule that cannot be judged is undefined and says why.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

SIGNIFICANT = 0.05
"""p-value below which a trend counts as one."""

PARAMETERS_PER_SCALAR = 1.0
"""More parameters than numbers to learn from. A training holds samples x channels scalars, since neighbouring samples
share all input rows but one: each sample brings one new row of so many channels."""

EARLY_EPOCH = 5
"""Median best epoch up to which a model has fitted what carries over before it could use its size."""


@dataclass(frozen=True)
class Sign:
    """What a rule found.

    Attributes:
        rule: its name.
        fired: None where it is undefined.
        words: what was found, or why it is undefined; the end of a sentence.
        decisive: whether it speaks of the sizes themselves.
    """

    rule: str
    fired: bool | None
    words: str
    decisive: bool = False


def is_falling(trend: Mapping[str, Any]) -> bool:
    """Whether a trend shows a falling loss; one that is undefined shows nothing."""
    return trend["p_value"] is not None and trend["p_value"] < SIGNIFICANT


def data_limited(findings: Iterable[Sign], trend: Mapping[str, Any]) -> bool:
    """Whether the data, not the model, limit the result: a rule about the sizes fired, and the loss does not fall.

    Args:
        findings: of all rules.
        trend: of the held-out loss over seeds.
    """
    return not is_falling(trend) and any(finding.fired and finding.decisive for finding in findings)


def no_better_than_constant(comparison: Mapping[str, Any]) -> Sign:
    """Fires when neither form of a falling or rising loss beats a constant by more than AICc 2.

    Args:
        comparison: of `runtime.scaling.fit.compare`.
    """
    name, chosen = "no_better_than_constant", comparison["chosen"]
    if chosen is None:
        return Sign(name, None, comparison["undefined"]["chosen"], decisive=True)
    words = "no form fits the losses better than a constant" if chosen == "constant" else f"{chosen} beats a constant"
    return Sign(name, chosen == "constant", words, decisive=True)


def only_training_improves(train: Mapping[str, Any], held_out: Mapping[str, Any], split: str) -> Sign:
    """Fires when larger models fit the training days better, and the held-out days no better.

    Args:
        train, held_out: trends over seeds of the lowest training loss and of the held-out loss.
        split: the held-out split.
    """
    name = "only_training_improves"
    for trend in (train, held_out):
        if trend["p_value"] is None:
            return Sign(name, None, trend["undefined"]["p_value"], decisive=True)
    values = f"(one-sided p = {train['p_value']:.2g} and {held_out['p_value']:.2g})"
    fell, helped = is_falling(train), is_falling(held_out)
    words = f"the training loss {_falls(fell)} with size and the {split} loss {_falls(helped)} {values}"
    return Sign(name, fell and not helped, words, decisive=True)


def _falls(falls: bool) -> str:
    return "falls" if falls else "does not fall"


def more_parameters_than_scalars(ratios: Mapping[str, float]) -> Sign:
    """Fires when any size has more than one parameter for each scalar of its training.

    Args:
        ratios: level -> parameters / (training samples x channels).
    """
    above = [f"{ratio:,.1f} at {level}" for level, ratio in ratios.items() if ratio > PARAMETERS_PER_SCALAR]
    words = f"parameters per training scalar are {', '.join(above)}" if above else "no size has a parameter per scalar"
    return Sign("more_parameters_than_scalars", bool(above), words)


def early_best_epoch(best_epochs: Mapping[str, float], shortest_schedule: int) -> Sign:
    """Fires when the median best epoch of any size is at most `EARLY_EPOCH`.

    Args:
        best_epochs: level -> median over seeds.
        shortest_schedule: fewest epochs that any run was given; a schedule that is as short itself says nothing.
    """
    name = "early_best_epoch"
    if shortest_schedule <= EARLY_EPOCH:
        return Sign(name, None, f"a schedule of {shortest_schedule} epochs ends early whatever the data")
    early = [f"{epoch:g} at {level}" for level, epoch in best_epochs.items() if epoch <= EARLY_EPOCH]
    words = f"the best epoch is {', '.join(early)}" if early else f"every best epoch comes after epoch {EARLY_EPOCH}"
    return Sign(name, bool(early), words)


def baseline_not_beaten(baseline: str, intervals: Mapping[str, list[float] | None]) -> Sign:
    """Fires when no size beats the strongest baseline: the interval of model less baseline reaches 0 at all of them.

    Args:
        baseline: the strongest on validation.
        intervals: level -> interval of the paired difference of log losses over chunks.
    """
    name = "baseline_not_beaten"
    known = {level: interval for level, interval in intervals.items() if interval is not None}
    if not known:
        return Sign(name, None, "the split has too few chunks for an interval")
    beaten = [level for level, interval in known.items() if interval[1] < 0]
    if beaten:
        return Sign(name, False, f"{baseline} is beaten at {', '.join(beaten)}")
    return Sign(name, True, f"at no size does the interval over chunks lie below {baseline}")
