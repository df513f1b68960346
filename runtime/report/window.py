"""What the window is worth: how much of the lead over the regression is history, how much a non-linear reading."""

from __future__ import annotations

from runtime.records.differences import Difference
from runtime.records.results import Result
from runtime.records.rivals import NewestRowReport
from runtime.report.tables import Cell, Table
from runtime.report.words import compare, typeset

NOT_ASKED = (
    "Left out: the rival without history. With --newest-row-network the script trains the same network on the newest "
    "row of each window alone, and says how much of the lead over the regression is history."
)
_HISTORY = {
    "better": "The history is worth something.",
    "worse": "The history does harm.",
    "open": "No worth of the history is shown.",
    "undefined": "There are too few chunks to tell what the history is worth.",
}


def window_words(result: Result) -> list[str]:
    """One paragraph on the split that leads; nothing of a run that judged none."""
    if (lead := result.headline()) is None:
        return []
    if (rival := result.newest_row_network) is None:
        return [NOT_ASKED]
    if rival.failure:
        return [f"The rival without history failed ({rival.failure}): what the history is worth is not known."]
    if (report := rival.on(lead[0])) is None:
        return [f"The rival without history is not judged on {lead[0]} yet; the same command goes on."]
    total, history, reading = (_value(each) for each in _differences(result, lead[0], report))
    return [
        f"On {lead[0]} the network's log loss less the regression's is {total}: {history} from its history (less the "
        f"same network, trained alike on the newest row alone) and {reading} from reading that row otherwise than "
        f"linearly. {_HISTORY[compare(report.model_minus_this['log_loss'])]}"
    ]


def window_table(result: Result, split: str) -> Table | None:
    """The lead over the regression and its two parts, each with its interval; None where there is no such rival."""
    rival = result.newest_row_network
    if rival is None or (report := rival.on(split)) is None:
        return None
    table = Table(
        f"What the window is worth on {split}",
        ["Log loss", "Difference", "Chunks in which it is lower", "Least that this split shows"],
    )
    names = (
        "network − logistic regression",
        "of it history: network − the same on the newest row alone",
        "of it non-linearity: the same on the newest row alone − logistic regression",
    )
    for name, found in zip(names, _differences(result, split, report), strict=True):
        reason = next(iter(found.undefined.values()), "")
        table.rows.append(
            [
                Cell(name),
                table.number(found.difference, found.t or found.bootstrap, reason, signed=True),
                Cell(f"{sum(each < 0 for each in found.per_chunk)} of {len(found.per_chunk)}"),
                table.number(found.detectable, None, "" if found.detectable is not None else reason),
            ]
        )
    return table


def _differences(result: Result, split: str, report: NewestRowReport) -> tuple[Difference, Difference, Difference]:
    """The whole, and the two parts that sum to it."""
    regression = result.judged()[split]["logistic_regression"]
    whole, history, reading = regression.model_minus_this, report.model_minus_this, report.minus_regression
    return whole["log_loss"], history["log_loss"], reading["log_loss"]


def _value(difference: Difference) -> str:
    return "undefined" if difference.difference is None else typeset(difference.difference, "+.4f")
