"""Sizes of model side by side over the amount of data: do more data help, and do they let a larger model help?"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from runtime.records.budgets import budget_size
from runtime.records.results import Result
from runtime.report.figures.data_scaling import data_scaling_picture
from runtime.report.sections import Section, anchor
from runtime.report.words import listed, typeset
from runtime.scaling import TRAINING_SAMPLES, Study, studies, summary
from runtime.scaling.rules import is_falling

Found = Mapping[str, Mapping[str, Any]]
"""Budget -> `runtime.scaling.summary` of its trainings on several amounts of data, the smallest budget first."""


def data_scaling_sections(results: Sequence[Result]) -> list[Section]:
    """One for each question that several budgets were trained on, on several amounts of data each."""
    groups: dict[tuple[str, str, str], dict[str, list[Study]]] = {}
    for split in (None, "validation"):
        for study in studies(results, axis=TRAINING_SAMPLES, split=split):
            if len(study.levels) > 1:
                asked = study.asked
                family = re.sub(f"_{re.escape(asked.budget)}_", "_", study.axis.family(asked), count=1)
                key = (family, asked.data_sha256, repr(asked.split))
                groups.setdefault(key, {}).setdefault(asked.budget, []).append(study)
    return [_section(key[0], of_budgets) for key, of_budgets in groups.items() if len(of_budgets) > 1]


def _section(family: str, of_budgets: Mapping[str, Sequence[Study]]) -> Section:
    """The split whose numbers lead, where it is the same for all budgets; else validation."""
    budgets = sorted(of_budgets, key=budget_size)
    same = len({of_budgets[budget][0].split for budget in budgets}) == 1
    found = {budget: summary(of_budgets[budget][0 if same else -1]) for budget in budgets}
    name = f"{family}_by_data"
    title = f"{family.partition('_')[2].replace('_', ' ')}: each size over the amount of data"
    return Section(title, anchor(name), data_scaling_words(found), figures=[data_scaling_picture(name, found)])


def data_scaling_words(found: Found) -> list[str]:
    """Do more data help; which size is best with the most; does the best size grow with the data?"""
    best = {
        size: min(found, key=lambda budget: _loss_at(found[budget], size))
        for size in sorted(set.intersection(*({level["name"] for level in each["levels"]} for each in found.values())))
    }
    return [_more_data(found), *_best_sizes(found, best)]


def _more_data(found: Found) -> str:
    told = []
    for budget, each in found.items():
        trend = each["chunk_trend"]
        helps = "undefined" if trend["p_value"] is None else "falls" if is_falling(trend) else "is not shown to fall"
        change = f", {typeset(trend['slope'], '+.4f')} tenfold" if trend["slope"] is not None else ""
        told.append(f"at {budget} the loss {helps}{change}")
    return f"With more training samples, over chunks of days: {'; '.join(told)}."


def _best_sizes(found: Found, best: Mapping[str, str]) -> list[str]:
    first = next(iter(found.values()))
    ordered = [level["name"] for level in first["levels"] if level["name"] in best]
    if not ordered:
        return []
    told = [f"{best[name]} on {name} ({_lead(found, best[name], name)})" for name in ordered]
    grows = budget_size(best[ordered[-1]]) > budget_size(best[ordered[0]])
    words = "grows" if grows else "does not grow"
    return [
        f"The lowest loss is that of {listed(told)}: the best size {words} with the data, as far as these means go; "
        "each size's own panel says what of it is more than chance."
    ]


def _lead(found: Found, best: str, level: str) -> str:
    others = [_loss_at(each, level) for budget, each in found.items() if budget != best]
    return f"by {min(others) - _loss_at(found[best], level):.4f}"


def _loss_at(found: Mapping[str, Any], level: str) -> float:
    return next(float(each["loss"]) for each in found["levels"] if each["name"] == level)
