"""What a model adds to its best rival: a headline, three sentences in the order of their use, and the numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from runtime.judging.baselines import title_of
from runtime.records.differences import Added, Addition, Difference
from runtime.records.results import Result
from runtime.report.runs import Unknown
from runtime.report.words import Way, compare, with_interval

Tone = Literal["good", "open", "bad"]

LACKS_IT = "The record is of before it was measured what a model adds to its best rival; train again to have it"


def added_on(result: Result | None, split: str) -> tuple[Addition, Added, Difference]:
    """What the model adds on a split: the decisions of validation, the report, and the model by itself less the rival.

    Raises:
        Unknown: if the record lacks it.
    """
    addition = result.addition if result else None
    added = addition.on(split) if addition else None
    alone = result.judged()[split][addition.rival].model_minus_this.get("log_loss") if result and addition else None
    if addition is None or added is None or alone is None:
        raise Unknown(LACKS_IT)
    return addition, added, alone


def headline(rival: str, split: str, combined: Way | None, alone: Way) -> tuple[str, Tone]:
    """Whether the model adds to the rival and is better than it, in one line.

    Args:
        rival: its title.
        split: ``validation`` or ``test``.
        combined: how the combination compares with the rival; None where the record lacks it.
        alone: how the model by itself does.
    """
    if "undefined" in (combined, alone):
        return f"Cannot be compared with its best rival, {rival}, on {split}.", "open"
    tone: Tone = "good" if "better" in (combined, alone) else "bad" if "worse" in (combined, alone) else "open"
    if combined is None:
        differs = {"better": "Better than", "open": "Not shown to differ from", "worse": "Worse than"}[alone]
        return f"{differs} its best rival, {rival}, on {split}.", tone
    adds = {"better": "Adds to", "open": "Not shown to add to", "worse": "Takes from"}[combined]
    differs = {"better": "is better than", "open": "is not shown to differ from", "worse": "is worse than"}[alone]
    return f"{adds} its best rival, {rival}, on {split}; by itself it {differs} it.", tone


def three_sentences(addition: Addition, added: Added, alone: Difference, split: str) -> list[str]:
    """Does the model add to the best rival; is it better than it; how much would a combination gain?"""
    rival = title_of(addition.rival)
    return [
        _adds(rival, addition, added, split),
        is_better(rival, alone),
        _gains(rival, added),
    ]


def _adds(rival: str, addition: Addition, added: Added, split: str) -> str:
    combination, test = added.minus_rival.combination, added.encompassing
    if test.p_value is None:
        surely = f"the test of forecast encompassing is undefined: {test.undefined['p_value']}"
    else:
        surely = f"test of forecast encompassing: one-sided p = {test.p_value:.2g}"
    if addition.weight == 0:
        return f"It adds nothing to {rival}: validation gives it no weight in a combination of both ({surely})."
    ways = {
        "better": f"It adds to {rival}",
        "open": f"It is not shown to add to {rival}",
        "worse": f"It takes from {rival}",
        "undefined": f"Whether it adds to {rival} cannot be said",
    }
    fitted = ", which validation chose," if split == "test" else ", fitted on these very samples,"
    return (
        f"{ways[compare(combination)]}: with a weight of {addition.weight:.0%}{fitted} it lowers the log loss in "
        f"{lower_in(combination)} chunks ({surely})."
    )


def is_better(rival: str, alone: Difference) -> str:
    """Whether the model by itself is better than the rival, in a sentence."""
    ways = {
        "better": f"By itself it is better than {rival}",
        "open": f"By itself it cannot be told apart from {rival}",
        "worse": f"By itself it is worse than {rival}",
        "undefined": f"By itself it cannot be compared with {rival}",
    }
    return f"{ways[compare(alone)]}: the log loss differs by {with_interval(alone)}."


def _gains(rival: str, added: Added) -> str:
    gains = added.minus_rival
    words = (
        f"Against {rival} alone the combination changes the log loss by {with_interval(gains.combination)}, the plain "
        f"mean of both by {with_interval(gains.mean)}"
    )
    averaged, rescaled = gains.second_fit, gains.rescaled
    without = [f"averaging {rival} with a second fit of itself by {with_interval(averaged)}"] if averaged else []
    without += [f"rescaling it by {with_interval(rescaled)}"] if rescaled else []
    return f"{words}; without the model, {' and '.join(without)}." if without else f"{words}."


def lower_in(difference: Difference) -> str:
    """In how many chunks the log loss is lower than the rival's."""
    return f"{sum(value < 0 for value in difference.per_chunk)} of {len(difference.per_chunk)}"


@dataclass(frozen=True)
class Beside:
    """Something that stands beside the rival alone.

    Attributes:
        title: as a reader sees it.
        difference: its log loss less the rival's; None where it does not exist.
        has_model: whether the model is in it.
        why: the reason where it does not exist.
    """

    title: str
    difference: Difference | None
    has_model: bool
    why: str = ""


def beside_rival(addition: Addition, added: Added, alone: Difference) -> list[Beside]:
    """In the order of table and figure: with the model, then without it."""
    rival, model, gains = title_of(addition.rival), title_of("model"), added.minus_rival
    return [
        Beside(f"combination, {addition.weight:.0%} {model}", gains.combination, True),
        Beside("plain mean of both", gains.mean, True),
        Beside(f"{model} by itself", alone, True),
        Beside(f"{rival}, mean of two fits", gains.second_fit, False, gains.undefined.get("second_fit", "")),
        Beside(f"{rival}, rescaled", gains.rescaled, False, gains.undefined.get("rescaled", "")),
    ]
