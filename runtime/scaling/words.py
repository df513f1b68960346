"""A study in sentences: what was measured, what follows, what cannot be said and which command would provide it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from runtime.judging.baselines import title_of
from runtime.records.results import Result
from runtime.scaling.fit import FORM_NAMES, FORMS
from runtime.scaling.rules import is_falling
from runtime.scaling.study import PARAMETERS, Study

ENOUGH_SEEDS = 5


def sentences(study: Study, found: dict[str, Any]) -> list[str]:
    """In the order to be read.

    Args:
        study: what was measured.
        found: of `runtime.scaling.summary.summary`, all but its sentences.
    """
    if not study.runs:
        return [f"No training of {study.axis.family(study.asked)} can be used: run python {_script(study)}"]
    return [
        _measured(study, found),
        *_trend(study, found),
        *_chunk_trend(found),
        *_addition(study, found),
        *_forms(study, found),
        *_limits(found),
        *_missing(study),
        *_cautions(study),
    ]


def _measured(study: Study, found: dict[str, Any]) -> str:
    noun, levels = study.axis.noun, found["levels"]
    sizes = f"{levels[0]['size']:,.0f}"
    if len(levels) > 1:
        sizes += f" to {levels[-1]['size']:,.0f}"
    seeds = sorted({level["seeds"] for level in levels})
    count = f"{seeds[0]}" if len(seeds) == 1 else f"{seeds[0]} to {seeds[-1]}"
    return (
        f"{study.split.capitalize()} log loss of {len(study.runs)} trainings with {sizes} measured {noun} "
        f"({study.axis.levels}: {len(levels)}; seeds of each: {count})."
    )


def _trend(study: Study, found: dict[str, Any]) -> Iterator[str]:
    trend = found["trend"]
    if trend["p_value"] is None:
        yield f"The trend over training seeds is undefined: {trend['undefined']['p_value']}."
        return
    verdict = "falls" if is_falling(trend) else "cannot be shown to fall"
    yield (
        f"Over {trend['blocks']} training seeds the loss {verdict} as {study.axis.noun} grow ({trend['test']}, "
        f"one-sided p = {trend['p_value']:.2g}): {_signed(trend['slope'])} when they grow tenfold{_interval(trend)}."
    )


def _interval(trend: dict[str, Any]) -> str:
    if trend["slope_interval"] is None:
        return f" (interval undefined: {trend['undefined']['slope_interval']})"
    low, high = trend["slope_interval"]
    return f" (95 % interval {_signed(low)} to {_signed(high)})"


def _signed(value: float) -> str:
    return f"{value:+.4f}".replace("-", "−")


def _chunk_trend(found: dict[str, Any]) -> Iterator[str]:
    trend = found["chunk_trend"]
    same_days = "Seeds repeat the training, not the days"
    if trend["p_value"] is None:
        yield f"{same_days}; whether other days would agree is undefined: {trend['undefined']['p_value']}."
        return
    verdict = "falls" if is_falling(trend) else "cannot be shown to fall"
    yield (
        f"{same_days}: for these trainings, over {trend['blocks']} chunks of days, the loss {verdict} "
        f"(one-sided p = {trend['p_value']:.2g}, {_signed(trend['slope'])} tenfold{_interval(trend)})."
    )


def _addition(study: Study, found: dict[str, Any]) -> Iterator[str]:
    """Whether a larger model adds more to the best rival: of use where it is no better than it."""
    addition = found["addition"]
    if addition["rival"] is None:
        reason = addition["undefined"]["rival"]
        yield f"Whether more {study.axis.noun} add more to the best rival is undefined: {reason}."
        return
    about = f"what a model adds to {title_of(addition['rival'])}"
    trend, over_chunks = addition["trend"], addition["chunk_trend"]
    if trend["p_value"] is None:
        yield f"Whether {about} grows with {study.axis.noun} is undefined: {trend['undefined']['p_value']}."
        return
    yield (
        f"Over training seeds {about} {_grows(trend)} with {study.axis.noun} (one-sided p = {trend['p_value']:.2g}): "
        f"the combination's log loss changes by {_signed(trend['slope'])} when they grow tenfold{_interval(trend)}."
    )
    if over_chunks["p_value"] is not None:
        yield (
            f"Over {over_chunks['blocks']} chunks of days it {_grows(over_chunks)} (one-sided p = "
            f"{over_chunks['p_value']:.2g}, {_signed(over_chunks['slope'])} tenfold{_interval(over_chunks)})."
        )


def _grows(trend: dict[str, Any]) -> str:
    return "grows" if is_falling(trend) else "cannot be shown to grow"


def _forms(study: Study, found: dict[str, Any]) -> Iterator[str]:
    forms = found["forms"]
    chosen = forms["chosen"]
    scores = "; ".join(f"{name}: {_score(forms[form])}" for form, name in FORM_NAMES.items())
    if chosen is None:
        yield f"Which curve describes the losses is undefined ({scores})."
        return
    yield f"Simplest sufficient description: {FORM_NAMES[chosen]} (AICc above the lowest: {scores})."
    if chosen == "power_law":
        exponent, interval = forms[chosen]["exponent"], found["curve"]["exponent_interval"]
        if interval is None:
            range_ = f"interval undefined: {found['curve']['undefined']['exponent_interval']}"
        else:
            range_ = f"95 % interval {interval[0]:.2g} to {interval[1]:.2g}"
        yield (
            f"Its exponent is {exponent:.2g} ({range_}) and its floor E {forms[chosen]['intercept']:.4f}, both for the "
            f"measured range of {study.axis.noun} alone."
        )


def _score(form: dict[str, Any]) -> str:
    above = form["aicc_above_best"]
    return f"undefined, {form['undefined']['aicc_above_best']}" if above is None else f"{above:.1f}"


def _limits(found: dict[str, Any]) -> Iterator[str]:
    findings = found.get("findings", [])
    fired = [finding for finding in findings if finding["fired"]]
    if fired:
        words = "; ".join(finding["words"] for finding in fired)
        start = "The data, not the model, limit the result" if found["data_limited"] else "Signs that data are scarce"
        yield f"{start}: {words}."
    elif findings:
        yield "No sign that the data limit the result."
    unknown = [f"{each['rule'].replace('_', ' ')} ({each['words']})" for each in findings if each["fired"] is None]
    if unknown:
        yield f"Not judged: {'; '.join(unknown)}."


def _missing(study: Study) -> Iterator[str]:
    """Commands that would provide what is undefined."""
    few = [level.name for level in study.levels if len(level.runs) < ENOUGH_SEEDS]
    if study.axis is PARAMETERS:
        yield from (f"More seeds: python {_script(study, level)} --seeds {ENOUGH_SEEDS}" for level in few)
        if len(study.levels) <= max(FORMS.values()):
            yield f"More budgets: python -m codegen {study.asked.phase}, then the other scripts {_script(study, '*')}"
        return
    if len({tuple(run.record.training_assets) for run in study.runs}) > 1:
        yield from _by_assets(study)
        return
    yield from (f"More seeds: python {_script(study)} --train-fraction {level} --seeds {ENOUGH_SEEDS}" for level in few)
    if len(study.levels) <= max(FORMS.values()):
        yield f"More sizes: python {_script(study)} --train-fraction 0.5, and the same with 0.25 and 0.125"


def _by_assets(study: Study) -> Iterator[str]:
    """The same where sizes are sets of assets, each with a script of its own."""
    few = [run.record for level in study.levels if len(level.runs) < ENOUGH_SEEDS for run in level.runs[:1]]
    yield from (f"More seeds: python {_place(record)} --seeds {ENOUGH_SEEDS}" for record in few)
    if len(study.levels) <= max(FORMS.values()):
        asked = study.asked
        data = _place(asked).removeprefix(f"experiments/{asked.phase}/").rpartition("/")[0]
        words = f"{asked.phase} {asked.budget} {asked.task}" + (f" --data {data}" if data else "")
        yield f"More sizes: python -m codegen {words} --training-assets N, for another N, then that script"


def _place(record: Result) -> str:
    """The training script of a record, relative to the project."""
    name = record.experiment.removeprefix(f"{record.phase}_")
    return f"experiments/{record.script or f'{record.phase}/train_{name}'}.py"


def _script(study: Study, level: str = "*") -> str:
    place = _place(study.asked)
    if study.axis is not PARAMETERS:
        return place
    folder, _, name = place.rpartition("/")
    return f"{folder}/{name.replace(f'_{study.asked.budget}_', f'_{level}_', 1)}"


def _cautions(study: Study) -> Iterator[str]:
    openings = {run.record.test_opening.opening for run in study.runs if run.record.test_opening}
    if study.split == "test" and max(openings, default=1) > 1:
        yield f"The test split of this question was opened {max(openings)} times; each opening makes it less of a test."
    if study.split == "validation":
        yield "Validation chose each run's epoch, and recipe if it was searched, so that these losses are optimistic."
    for level in study.levels:
        recipes = [run.record.recipe for run in level.runs]
        if any(recipe != recipes[0] for recipe in recipes):
            yield f"The seeds of {level.name} were trained with different recipes; train them again with one script."
