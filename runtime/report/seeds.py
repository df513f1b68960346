"""The seeds of one experiment side by side: how far the choice of a seed moves the result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from runtime.judging.baselines import title_of
from runtime.judging.intervals import LEAST_CHUNKS, t_interval
from runtime.records.results import Result
from runtime.report.runs import ReportedRun
from runtime.report.tables import Cell, Table
from runtime.report.verdict import STATES, marks

_FORMS: tuple[dict[str, Any], ...] = ({}, {"share": True}, {}, {"signed": True}, {"signed": True})
"""How log loss, skill, ROC AUC and the differences to the rival, of the model and of the combination, are written."""


def seeds_table(runs: Sequence[ReportedRun]) -> Table:
    """A row a seed, then the mean of the finished ones with its t interval over seeds.

    Every number comes from the same split: test where all finished seeds opened it, else validation.

    Args:
        runs: the latest whole training of each seed.
    """
    finished = _finished(runs)
    split = "test" if finished and all(result.test for result in finished) else "validation"
    rival = finished[0].rival() if finished else None
    against = title_of(rival) if rival else "best rival"
    differences = [f"Model − {against}", f"Combination − {against}"]
    table = Table(
        f"Training seeds on {split}", ["Seed", "State", "Best epoch", "Log loss", "Skill", "ROC AUC", *differences]
    )
    table.rows = [_row(table, run, split, rival) for run in runs]
    if finished:
        columns = zip(*(_numbers(result, split, rival) for result in finished), strict=True)
        means = [_mean(table, column, form) for column, form in zip(columns, _FORMS, strict=True)]
        table.rows.append([Cell(f"mean of {len(finished)}", "95 % over seeds"), Cell(), Cell(), *means])
    return table


def seeds_words(runs: Sequence[ReportedRun]) -> list[str]:
    """What the interval means, and which seeds are not in it."""
    words = [
        "The interval over seeds says how far the choice of a seed moves the result on these days; how far other days "
        "would, say the intervals over chunks of each training."
    ]
    missing = [f"{_seed(run)} ({_reason(run)})" for run in runs if run.state != "finished"]
    return [*words, f"Not in the mean: {'; '.join(missing)}."] if missing else words


def seeds_marks(runs: Sequence[ReportedRun]) -> list[tuple[str, str]]:
    """How many seeds there are, and how many of them are not finished; nothing for a single one."""
    if len(runs) < 2:
        return []
    done = len(_finished(runs))
    return [(f"{done} of {len(runs)} seeds finished", "good" if done == len(runs) else "bad")]


def _finished(runs: Sequence[ReportedRun]) -> list[Result]:
    return [run.result for run in runs if run.result and run.state == "finished"]


def _seed(run: ReportedRun) -> str:
    seed = run.result.training_seed if run.result else None
    return run.name if seed is None else str(seed)


def _reason(run: ReportedRun) -> str:
    return run.problem or (run.result.failure if run.result else "") or STATES[run.state]


def _numbers(result: Result, split: str, rival: str | None) -> list[float | None]:
    """In the order of `_FORMS`."""
    forecasts = result.judged()[split]
    model = forecasts["model"]
    paired = forecasts[rival].model_minus_this.get("log_loss") if rival in forecasts else None
    added = result.addition.on(split) if result.addition else None
    gain = added.minus_rival.combination.difference if added else None
    return [model.log_loss, model.log_loss_skill, model.roc_auc, paired.difference if paired else None, gain]


def _row(table: Table, run: ReportedRun, split: str, rival: str | None) -> list[Cell]:
    result, head = run.result, [Cell(_seed(run)), Cell(marks=marks(run))]
    if result is None or result.training is None or run.state != "finished":
        return [*head, *[table.undefined(f"{_seed(run)}: {_reason(run)}")] * (len(table.header) - len(head))]
    reason = next(iter(result.judged()[split]["model"].undefined.values()), "not recorded")
    numbers = zip(_numbers(result, split, rival), _FORMS, strict=True)
    cells = [table.number(value, None, reason if value is None else "", **form) for value, form in numbers]
    return [*head, Cell(str(result.training.best_epoch)), *cells]


def _mean(table: Table, column: Sequence[float | None], form: dict[str, Any]) -> Cell:
    known = np.array([value for value in column if value is not None])
    if known.size < len(column):
        return table.undefined("not every finished seed has this number")
    low_high = t_interval(known)
    few = "" if low_high else f"finished seeds: {known.size}; an interval over seeds needs {LEAST_CHUNKS}"
    return table.number(float(known.mean()), (low_high[0], low_high[1]) if low_high else None, few, **form)
