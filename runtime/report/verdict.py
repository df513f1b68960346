"""What a result says, and what it cannot say, in words."""

from __future__ import annotations

from dataclasses import dataclass

from runtime.judging.baselines import title_of
from runtime.judging.intervals import LEAST_CHUNKS
from runtime.records.differences import Difference
from runtime.records.results import Forecasts, Result
from runtime.report.addition import Tone, added_on, headline, is_better, three_sentences
from runtime.report.runs import ReportedRun, Unknown
from runtime.report.searches import ReportedSearch
from runtime.report.words import compare, listed, typeset

STATES = {
    "finished": "finished",
    "trained": "trained, test not yet opened",
    "failed": "failed",
    "interrupted": "interrupted",
    "running": "running",
    "killed": "killed",
    "unfinished": "unfinished",
    "unreadable": "unreadable or older version",
    "missing": "missing",
}
"""As a reader sees them."""


@dataclass(frozen=True)
class Verdict:
    """One line to remember and the sentences behind it."""

    headline: str
    sentences: list[str]
    tone: Tone


def judge(run: ReportedRun) -> Verdict:
    """The verdict on one run, whatever its state."""
    result = run.result
    if result is None:
        return Verdict(
            "This record cannot be read.",
            [f"It is damaged or of an older version ({run.problem}). Train again to have it in full."],
            "bad",
        )
    if run.state == "finished":
        return _judge_finished(result)
    if run.state == "failed":
        reason = result.failure or "The record gives no reason."
        return Verdict("The training failed.", [reason, "Nothing can be said about the model."], "bad")
    return Verdict(*_UNFINISHED[run.state], "open")


FEW_CHUNKS = 10
"""Below this many, the caution of `runtime.judging.intervals.PROTOCOL` is repeated in words."""

_UNFINISHED = {
    "trained": (
        "Trained and judged on validation; its test split is not opened yet.",
        ["It is opened once for all seeds of the command; where that was interrupted, the same command goes on."],
    ),
    "interrupted": ("The training was interrupted.", ["Nothing can be said yet; the same command takes it up again."]),
    "running": ("The training is still running.", ["Nothing can be said yet."]),
    "killed": (
        "The training ended without saying how.",
        ["The process was killed before it could record a result; the same command takes it up again."],
    ),
}


def _judge_finished(result: Result) -> Verdict:
    split, forecasts = result.headline() or ("validation", {})
    rival = result.rival()
    alone = forecasts[rival].model_minus_this.get("log_loss") if rival in forecasts else None
    if rival is None or alone is None:
        return Verdict(f"On {split} there is no baseline to compare with.", _behind(result, split, forecasts), "open")
    try:
        addition, added, alone = added_on(result, split)
        line, tone = headline(title_of(rival), split, compare(added.minus_rival.combination), compare(alone))
        line += _of_which_model(result)
        first = three_sentences(addition, added, alone, split)
    except Unknown as reason:
        line, tone = headline(title_of(rival), split, None, compare(alone))
        first = [f"{reason}.", is_better(title_of(rival), alone)]
    return Verdict(line, [*first, *_behind(result, split, forecasts, alone)], tone)


def _of_which_model(result: Result) -> str:
    """What must not be forgotten beside the headline: that an idle encoder leaves the regression it started from."""
    if any(alarm.name == "encoder_idle" for alarm in result.alarms):
        return " Its encoder is idle: what was judged is its linear path."
    return ""


def _behind(result: Result, split: str, forecasts: Forecasts, alone: Difference | None = None) -> list[str]:
    """The sentences behind those that answer whether the model is of use."""
    sentences = [_skill(result, split, forecasts), *_standing(forecasts)]
    sentences += _limits(alone, title_of(result.rival() or "")) if alone else []
    if LEAST_CHUNKS <= (chunks := forecasts["model"].chunks) < FEW_CHUNKS:
        sentences.append(f"With {chunks} chunks intervals cover less than stated, the bootstrap most.")
    return sentences + _provenance(result, split)


def _skill(result: Result, split: str, forecasts: Forecasts) -> str:
    model = forecasts["model"]
    interval = model.intervals.get("log_loss_skill")
    low_high = interval.bootstrap if interval else None
    sure = (
        f"95 % bootstrap interval {typeset(low_high[0], '.1%')} to {typeset(low_high[1], '.1%')}"
        if low_high
        else "no interval"
    )
    share = model.log_loss_skill
    verb = f"saves {share:.1%} of" if share >= 0 else f"adds {-share:.1%} to"
    return (
        f"PatchTST with {result.parameter_count:,} parameters {verb} the base rate's log loss on {split} ({sure}); "
        f"{model.samples:,} samples, {model.positives:,} positive, {model.chunks} chunks."
    )


def _standing(forecasts: Forecasts) -> list[str]:
    """One sentence for each way in which baselines compare."""
    ways: dict[str, list[str]] = {}
    for name, report in forecasts.items():
        if difference := report.model_minus_this.get("log_loss"):
            ways.setdefault(compare(difference), []).append(title_of(name))
    words = {
        "better": "By log loss it is better than {}.",
        "open": "It cannot be told apart from {}.",
        "worse": "It is worse than {}.",
        "undefined": "No interval exists for the comparison with {}.",
    }
    return [words[way].format(listed(ways[way])) for way in words if way in ways]


def _limits(difference: Difference, rival: str) -> list[str]:
    """What the comparison with the rival could and could not have shown."""
    if difference.undefined:
        reasons = "; ".join(sorted(set(difference.undefined.values())))
        return [f"The comparison with {rival} has no interval: {reasons}."]
    if difference.difference is None or difference.detectable is None:
        return []
    return [
        f"This split shows a true difference of the model to {rival} with a power of 80 % only from "
        f"{difference.detectable:.4f} on."
    ]


def _provenance(result: Result, split: str) -> list[str]:
    sentences = []
    if result.shortened_to_epochs is not None:
        sentences.append(f"This was a shorter look of {result.shortened_to_epochs} epochs, not a result.")
    if result.train_fraction is not None:
        sentences.append(f"It was trained on {result.train_fraction:.1%} of the training samples.")
    if searched_on := result.hyperparameters_from.get("searched_on"):
        sentences.append(f"Its hyperparameters were searched on {searched_on}, not on these data.")
    if split == "validation":
        sentences.append(
            "The test split was not opened. Validation chose the weights, so its numbers flatter the model."
        )
    if opening := result.test_opening:
        again = " again: numbers seen before may have guided it" if opening.again else ""
        if 0 < opening.days_opened_before < opening.days:
            again += f" ({opening.days_opened_before} of its {opening.days} days)"
        others = len(opening.together) - 1
        if others > 0:
            again += f"; it was opened once for this and {others} other trainings, when all were trained"
        sentences.append(f"This is opening {opening.opening} of this question's test split{again}.")
    return sentences


def search_marks(search: ReportedSearch) -> list[tuple[str, str]]:
    """Words and tone of what must stand beside a search's name wherever it is listed."""
    tones = {"finished": "good", "unreadable": "bad"}
    found = [(STATES[search.state], tones.get(search.state, "open"))]
    return [*found, ("shortened", "open")] if search.is_short else found


def marks(run: ReportedRun) -> list[tuple[str, str]]:
    """Words and tone of what must stand beside a run's name wherever it is listed."""
    tones = {"finished": "good", "failed": "bad", "unreadable": "bad", "killed": "bad"}
    found = [(STATES[run.state], tones.get(run.state, "open"))]
    if (result := run.result) is None:
        return found
    if result.shortened_to_epochs is not None:
        found.append((f"shortened to {result.shortened_to_epochs} epochs", "open"))
    if result.train_fraction is not None:
        found.append((f"{result.train_fraction:.1%} of the training samples", "open"))
    if not run.is_latest:
        found.append(("replaced by a later training", "open"))
    if result.test_opening is not None and result.test_opening.again:
        found.append((result.test_opening.again, "bad"))
    if result.test_opening is not None and result.test_opening.repeats:
        found.append(("opening repeated on another machine", "open"))
    return found
