"""The phase at a glance: what was searched, trained, failed, and what is missing."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import replace

from runtime.judging.baselines import title_of
from runtime.records.budgets import budget_size
from runtime.records.results import Result
from runtime.report.addition import added_on
from runtime.report.phase import ReportedExperiment, ReportedPhase
from runtime.report.runs import Unknown
from runtime.report.sections import anchor
from runtime.report.seeds import seeds_marks
from runtime.report.tables import Cell, Table
from runtime.report.verdict import STATES, marks
from runtime.report.words import compare, typeset

MakeCell = Callable[[Table, ReportedExperiment], Cell]

_TONES = {"finished": "good", "failed": "bad", "unreadable": "bad", "killed": "bad", "missing": "missing"}


def overview_tables(phase: ReportedPhase) -> list[Table]:
    """Tasks by budgets: the skill, and what the model adds; of each one table for each horizon or timescale."""
    named = [each for each in phase.experiments if each.budget]
    ran = [each for each in named if _finished(each)]
    captions = {"Skill of every experiment": (named, _cell), "What each model adds to its best rival": (ran, _added)}
    return [
        _matrix(caption, [each for each in found if each.variant == variant], variant, cell)
        for caption, (found, cell) in captions.items()
        for variant in _distinct(found)
    ]


def _distinct(experiments: list[ReportedExperiment]) -> list[str]:
    return list(dict.fromkeys(each.variant for each in experiments))


def _matrix(caption: str, experiments: list[ReportedExperiment], variant: str, cell: MakeCell) -> Table:
    budgets = sorted({each.budget for each in experiments}, key=budget_size)
    tasks = sorted({each.task for each in experiments})
    at = {(each.task, each.budget): each for each in experiments}
    table = Table(caption + (f": {variant.replace('_', ' ')}" if variant else ""), ["Task", *budgets])
    for task in tasks:
        cells = [cell(table, at[task, budget]) if (task, budget) in at else Cell("–") for budget in budgets]
        table.rows.append([Cell(task.replace("_", " ")), *cells])
    return table


def _added(table: Table, experiment: ReportedExperiment) -> Cell:
    """The combination's log loss less the rival's."""
    result = _finished(experiment)
    split = (result.headline() or ("validation", {}))[0] if result else ""
    try:
        addition, added, _ = added_on(result, split)
    except Unknown as reason:
        return table.undefined(str(reason))
    gain = added.minus_rival.combination
    cell = table.difference(gain)
    marks = [("adds", "good")] if compare(gain) == "better" else []
    detail = f"{cell.detail}; {title_of(addition.rival)} on {split}"
    return replace(cell, detail=detail, marks=marks, link=f"#{anchor(experiment.title)}")


def _finished(experiment: ReportedExperiment) -> Result | None:
    run = experiment.run
    return run.result if run and run.state == "finished" else None


def _cell(_: Table, experiment: ReportedExperiment) -> Cell:
    result = _finished(experiment)
    text, detail = _headline(result) if result else ("", "")
    if not (text or experiment.is_empty):
        text = "details"
    return Cell(
        text,
        detail,
        marks=[*_search_marks(experiment), *_training_marks(experiment)],
        link="" if experiment.is_empty else f"#{anchor(experiment.title)}",
    )


def _headline(result: Result) -> tuple[str, str]:
    lead = result.headline()
    if lead is None:
        return "", ""
    split, forecasts = lead
    model = forecasts["model"]
    interval = model.intervals.get("log_loss_skill")
    low_high = interval.bootstrap if interval else None
    sure = f"{typeset(low_high[0], '.1%')} to {typeset(low_high[1], '.1%')}" if low_high else "interval undefined"
    opened = f", opening {result.test_opening.opening}" if split == "test" and result.test_opening else ""
    return typeset(model.log_loss_skill, ".1%"), f"{sure} on {split}{opened}"


def _search_marks(experiment: ReportedExperiment) -> list[tuple[str, str]]:
    search = experiment.search
    if search is None and not experiment.search_script:
        return []
    state = search.state if search else "missing"
    return [(f"search {STATES[state]}", _TONES.get(state, "open"))]


def _training_marks(experiment: ReportedExperiment) -> list[tuple[str, str]]:
    run = experiment.run
    if run is None:
        shorter = [("shorter look only", "open")] if any(each.is_short for each in experiment.runs) else []
        return [("training missing", "missing"), *shorter] if experiment.training_script or shorter else []
    (state, tone), *others = marks(run)
    return [(f"training {state}", tone), *others, *seeds_marks(experiment.seeds)]


def summary(phase: ReportedPhase) -> str:
    """One sentence with the counts."""
    searches = [_search_marks(each) for each in phase.experiments]
    trainings = [_training_marks(each) for each in phase.experiments if each.training_script or each.run]
    counts = [
        f"{len(found)} {what}: {_counted([found_one[0][0].split(' ', 1)[1] for found_one in found])}"
        for what, found in (("searches", [each for each in searches if each]), ("trainings", trainings))
        if found
    ]
    return "; ".join(counts)


def _counted(words: list[str]) -> str:
    return ", ".join(f"{count} {word}" for word, count in Counter(words).most_common())


def missing_table(phase: ReportedPhase) -> Table:
    """Every script that nothing was run of, with the command that runs it."""
    table = Table("Missing: scripts that nothing was run of", ["Experiment", "What", "Command"])
    for each in phase.experiments:
        if each.search_script and each.search is None:
            table.rows.append([Cell(each.title), Cell("search"), Cell(f"python {each.search_script}")])
        if each.training_script and each.run is None:
            table.rows.append([Cell(each.title), Cell("training"), Cell(f"python {each.training_script}")])
    return table


def openings_table(phase: ReportedPhase) -> Table:
    """The log of test openings, as far as it concerns this phase's questions."""
    table = Table("Openings of the test splits", ["Experiment", "Opened", "Opening", "Weights"])
    for each in phase.openings:
        badges = [("reopened", "bad")] if each.opening > 1 else []
        badges += [("repeated on another machine", "open")] if each.repeats else []
        table.rows.append(
            [
                Cell(each.experiment),
                Cell(each.opened),
                Cell(str(each.opening), marks=badges),
                Cell(each.weights_sha256[:12]),
            ]
        )
    return table
