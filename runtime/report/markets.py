"""The same questions asked of several datasets, side by side."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from runtime.judging.baselines import title_of
from runtime.records.differences import Difference
from runtime.records.results import Result
from runtime.report.phase import ReportedPhase
from runtime.report.tables import Cell, Table
from runtime.report.words import compare, listed, typeset
from runtime.scaling import studies, summary
from runtime.scaling.rules import is_falling

UNKNOWN = "too few sizes or seeds were trained"


@dataclass(frozen=True)
class Answer:
    """What one dataset says to one question.

    Attributes:
        phase, question: as the scripts are called: ``phase6a``, ``2M_threshold_1pct``.
        dataset: its name.
        result: of the training that stands for it.
        split: whose numbers lead.
        rival: the best on validation.
        difference: the model's log loss less the rival's.
    """

    phase: str
    question: str
    dataset: str
    result: Result
    split: str
    rival: str
    difference: Difference


def answers(phases: Iterable[ReportedPhase]) -> list[Answer]:
    """Every finished training of a question that was asked of two datasets or more, the same questions together."""
    found: dict[tuple[str, str], list[Answer]] = {}
    for phase in phases:
        for experiment in phase.experiments:
            result = experiment.run.result if experiment.run and experiment.run.state == "finished" else None
            if result and (answer := _answer(phase, experiment.title, result)):
                found.setdefault((answer.phase, answer.question), []).append(answer)
    return [answer for group in found.values() if len(group) > 1 for answer in group]


def _answer(phase: ReportedPhase, question: str, result: Result) -> Answer | None:
    lead, rival = result.headline(), result.rival()
    if lead is None or rival is None:
        return None
    split, forecasts = lead
    difference = forecasts[rival].model_minus_this["log_loss"]
    return Answer(phase.asked, question, phase.dataset, result, split, rival, difference)


def markets_table(found: Sequence[Answer]) -> Table:
    """A row a question and dataset: skill, difference to the best rival, on which split."""
    table = Table(
        "The same question on several datasets",
        ["Question", "Dataset", "Split", "Chunks", "Skill", "Best rival", "Model − best rival"],
    )
    for each in found:
        model = each.result.judged()[each.split]["model"]
        interval = model.intervals.get("log_loss_skill")
        sure = interval.bootstrap if interval else None
        reason = "; ".join(interval.undefined.values()) if interval else ""
        table.rows.append(
            [
                Cell(f"{each.phase} {each.question.replace('_', ' ')}"),
                Cell(each.dataset),
                Cell(each.split),
                Cell(str(model.chunks)),
                table.number(model.log_loss_skill, sure, reason, share=True),
                Cell(title_of(each.rival)),
                table.difference(each.difference),
            ]
        )
    return table


def markets_words(phases: Sequence[ReportedPhase], found: Sequence[Answer]) -> list[str]:
    """Whether the model beats its rival, and whether size helps, on each dataset; and why nothing is pooled."""
    return [*_better(found), *_sizes(phases), *_shared_days(found)]


def _better(found: Sequence[Answer]) -> list[str]:
    ways: dict[str, list[str]] = {}
    for each in found:
        ways.setdefault(compare(each.difference), []).append(f"{each.dataset} ({each.question.replace('_', ' ')})")
    words = {
        "better": "The model is better than its best rival on {}.",
        "worse": "The model is worse than its best rival on {}.",
        "open": "The model cannot be told apart from its best rival on {}.",
        "undefined": "No interval exists for the comparison on {}.",
    }
    return [text.format(listed(ways[way])) for way, text in words.items() if way in ways]


def _sizes(phases: Sequence[ReportedPhase]) -> list[str]:
    """Does size help, and is that the same everywhere? One sentence for each phase with several datasets."""
    by_phase: dict[str, dict[str, str]] = {}
    for phase in phases:
        by_phase.setdefault(phase.asked, {})[phase.dataset] = _does_size_help(phase)
    sentences = []
    for asked, told in by_phase.items():
        if set(told.values()) == {UNKNOWN}:
            sentences.append(f"Does size help? {asked} cannot say it on any dataset: {UNKNOWN}.")
        elif len(told) > 1:
            same = "the same on every dataset" if len(set(told.values())) == 1 else "not the same on every dataset"
            listing = "; ".join(f"{dataset}: {answer}" for dataset, answer in told.items())
            sentences.append(f"Does size help? The answer of {asked} is {same}: {listing}.")
    return sentences


def _does_size_help(phase: ReportedPhase) -> str:
    trends = [summary(study) for study in studies(phase.results)]
    judged = [found["trend"] for found in trends if found["runs"] and found["trend"]["p_value"] is not None]
    if not judged:
        return UNKNOWN
    falling = sum(map(is_falling, judged))
    return f"a larger model helps in {falling} of {len(judged)} questions" if falling else "not shown to"


def _shared_days(found: Sequence[Answer]) -> list[str]:
    if len({each.dataset for each in found}) < 2:
        return []
    return [
        "Datasets that share days are not independent evidence: one crash is in all of them. So no interval here pools "
        "several datasets; each is that of one dataset alone, over its own chunks of days."
    ]


def signed(answer: Answer) -> str:
    """The difference as the picture's description names it."""
    value = answer.difference.difference
    return "undefined" if value is None else typeset(value, "+.4f")
