"""The numbers of a study of `runtime.scaling` as tables; what is undefined says why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from runtime.judging.baselines import title_of
from runtime.report.tables import Cell, Table
from runtime.report.words import typeset
from runtime.scaling.fit import FORM_NAMES

Found = Mapping[str, Any]
"""Of `runtime.scaling.summary`, or a part of it with its own ``undefined``."""


def glance_table(studies: Iterable[tuple[str, str, Found]]) -> Table:
    """A row a study, to compare questions, horizons and timescales.

    Args:
        studies: title, link and summary of each.
    """
    table = Table(
        "All comparisons at a glance",
        [
            "Question",
            "Sizes",
            "Trainings",
            "Left out",
            "Change, tenfold size",
            "One-sided p",
            "Change of the addition",
            "One-sided p",
            "Simplest form",
        ],
    )
    for title, link, found in studies:
        sizes = ", ".join(level["name"] for level in found["levels"]) or "–"
        marks = [("data-limited", "open")] if found.get("data_limited") else []
        counts = [Cell(sizes), Cell(str(len(found["runs"]))), Cell(str(len(found["left_out"])))]
        table.rows.append([Cell(title, link=link, marks=marks), *counts, *_conclusions(table, found)])
    return table


def _conclusions(table: Table, found: Found) -> list[Cell]:
    if not found["runs"]:
        return [table.undefined("no training can be used")] * 5
    trend, forms = found["trend"], found["forms"]
    form = FORM_NAMES.get(forms["chosen"], "")
    return [
        _number(table, trend, "slope", "slope_interval", signed=True),
        _text(table, trend, "p_value", ".2g"),
        *_change_of_addition(table, found["addition"]),
        Cell(form) if form else table.undefined(forms["undefined"]["chosen"]),
    ]


def _change_of_addition(table: Table, addition: Found) -> list[Cell]:
    if addition["trend"] is None:
        return [table.undefined(addition["undefined"]["trend"])] * 2
    trend = addition["trend"]
    return [_number(table, trend, "slope", "slope_interval", signed=True), _text(table, trend, "p_value", ".2g")]


def levels_table(found: Found) -> Table:
    """A row a size: its mean loss with both intervals, and the differences to the rival, alone and combined with it."""
    rival, addition = title_of(found["rival"]), found["addition"]
    table = Table(
        f"Sizes on {found['split']}",
        [
            "Size",
            f"Measured {found['noun']}",
            "Seeds",
            "Log loss, over seeds",
            "Over chunks",
            f"Model − {rival}",
            f"Combination − {rival}",
        ],
    )
    gains = {each["name"]: each for each in addition["levels"] or ()}
    for level in found["levels"]:
        table.rows.append(
            [
                Cell(level["name"]),
                Cell(f"{level['size']:,.0f}"),
                Cell(str(level["seeds"])),
                _number(table, level, "loss", "seed_interval"),
                _number(table, level, "loss", "chunk_interval"),
                _number(table, level, "difference", "difference_interval", signed=True),
                _number(table, gains[level["name"]], "gain", "gain_interval", signed=True)
                if gains
                else table.undefined(addition["undefined"]["levels"]),
            ]
        )
    return table


def trends_table(found: Found) -> Table:
    """Whether the loss falls, and that of the combination with the rival; over seeds and over chunks of days."""
    table = Table(
        "Does the loss fall?",
        ["Log loss", "Repeated over", "Blocks", "Test", "Statistic", "One-sided p", "Change, tenfold size"],
    )
    addition = found["addition"]
    for loss, name, trend in (
        ("model", "training seeds", found["trend"]),
        ("model", "chunks of days", found["chunk_trend"]),
        ("combination", "training seeds", addition["trend"]),
        ("combination", "chunks of days", addition["chunk_trend"]),
    ):
        if trend is None:
            table.rows.append([Cell(loss), Cell(name), *[table.undefined(addition["undefined"]["trend"])] * 5])
            continue
        table.rows.append(
            [
                Cell(loss),
                Cell(name),
                Cell(str(trend["blocks"])),
                _text(table, trend, "test", ""),
                _text(table, trend, "statistic", ".4g"),
                _text(table, trend, "p_value", ".2g"),
                _number(table, trend, "slope", "slope_interval", signed=True),
            ]
        )
    return table


def forms_table(found: Found) -> Table:
    """The three forms, and how much worse than the best each is."""
    table = Table(
        "Which curve describes the losses?", ["Form", "E or level", "A or slope", "Exponent α", "AICc − lowest"]
    )
    for form, name in FORM_NAMES.items():
        values = found["forms"][form]
        chosen = [("simplest sufficient", "good")] if form == found["forms"]["chosen"] else []
        exponent = _text(table, values, "exponent", ".3g")
        interval = (found["curve"] or {}).get("exponent_interval") if chosen else None
        if interval:
            exponent = Cell(exponent.text, f"{interval[0]:.2g} to {interval[1]:.2g}")
        table.rows.append(
            [
                Cell(name, marks=chosen),
                _text(table, values, "intercept", ".4f"),
                _text(table, values, "slope", "+.4f"),
                exponent,
                _text(table, values, "aicc_above_best", ".1f"),
            ]
        )
    return table


def left_out_table(found: Found) -> Table:
    """Every record that belongs to the study and is not in it."""
    table = Table("Left out", ["Training", "Why"])
    table.rows = [[Cell(name), Cell(why)] for name, _, why in (each.partition(": ") for each in found["left_out"])]
    return table


def _number(table: Table, values: Found, name: str, interval: str, *, signed: bool = False) -> Cell:
    undefined = values.get("undefined", {})
    low_high = values[interval]
    reason = undefined.get(name) or undefined.get(interval, "")
    return table.number(values[name], (low_high[0], low_high[1]) if low_high else None, reason, signed=signed)


def _text(table: Table, values: Found, name: str, form: str) -> Cell:
    """One value; a dash where it has no meaning, such as a constant's slope."""
    if name not in values:
        return Cell("–")
    if values[name] is None:
        return table.undefined(values["undefined"][name])
    return Cell(typeset(values[name], form))
