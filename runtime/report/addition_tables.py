"""What a model adds to its best rival, as numbers."""

from __future__ import annotations

from runtime.judging.baselines import title_of
from runtime.records.differences import Difference, Encompassing
from runtime.records.results import Result
from runtime.report.addition import added_on, beside_rival, lower_in
from runtime.report.tables import Cell, Table
from runtime.report.words import typeset


def addition_table(result: Result, split: str) -> Table:
    """Log loss less the rival's of the combination, of the plain mean, of the model, and of the rival without it.

    Raises:
        Unknown: if the record lacks it.
    """
    addition, added, alone = added_on(result, split)
    table = Table(
        f"What the model adds to {title_of(addition.rival)} on {split}",
        ["Forecast", "Log loss − rival", "Lower in chunks", "Seen with a power of 80 % from"],
    )
    for each in beside_rival(addition, added, alone):
        if each.difference is None:
            table.rows.append([Cell(each.title), *[table.undefined(each.why)] * 3])
        else:
            table.rows.append([Cell(each.title), *_numbers(table, each.difference)])
    table.rows.append([Cell("test of forecast encompassing"), _test(table, added.encompassing), Cell("–"), Cell("–")])
    return table


def _numbers(table: Table, difference: Difference) -> list[Cell]:
    least, reason = difference.detectable, next(iter(difference.undefined.values()), "")
    return [
        table.difference(difference),
        Cell(lower_in(difference)),
        Cell(f"{least:.4f}") if least is not None else table.undefined(reason),
    ]


def _test(table: Table, found: Encompassing) -> Cell:
    if found.p_value is None or found.statistic is None:
        return table.undefined(found.undefined["p_value"])
    return Cell(f"p = {found.p_value:.2g}", f"one-sided; t = {typeset(found.statistic, '.2f')}")
