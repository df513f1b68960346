"""What the trainings of a phase say together: does a larger model, or more data, help?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from runtime.records.results import Result
from runtime.report.data_scaling import data_scaling_sections
from runtime.report.figures.scaling import scaling_picture
from runtime.report.phase import ReportedPhase
from runtime.report.scaling_tables import forms_table, glance_table, left_out_table, levels_table, trends_table
from runtime.report.sections import Section, anchor
from runtime.scaling import TRAINING_SAMPLES, Study, studies, summary


@dataclass(frozen=True)
class Panel:
    """One study on the page.

    Attributes:
        name: of its picture and its anchor; no two panels of a project share one.
        title: its heading.
        found: of `runtime.scaling.summary`.
    """

    name: str
    title: str
    found: dict[str, Any]

    @property
    def is_comparison(self) -> bool:
        """Whether there are sizes to compare."""
        return len(self.found["levels"]) > 1


def scaling_section(phase: ReportedPhase, title: str = "Scaling", name: str = "scaling") -> Section:
    """A panel for each question, and one for each experiment that was trained on several amounts of data."""
    panels = _panels(phase.results)
    words = [] if panels else ["No training has a record that can be compared."]
    if unread := [run.title for run in phase.runs if run.result is None]:
        words.append(f"In no panel, because the record is not understood: {', '.join(unread)}.")
    rows = [(panel.title, f"#{anchor(panel.name)}", panel.found) for panel in panels]
    tables = [glance_table(rows)] if rows else []
    parts = [*data_scaling_sections(phase.results), *(_part(panel) for panel in panels)]
    return Section(title, name, words, tables=tables, parts=parts)


def _panels(results: Sequence[Result]) -> list[Panel]:
    by_data = [study for study in studies(results, axis=TRAINING_SAMPLES) if len(study.levels) > 1]
    found = [*studies(results), *by_data]
    times, seen, panels = Counter(map(_family, found)), Counter[str](), []
    for study in found:
        name, title = _family(study), _title(study)
        seen[name] += 1
        if times[name] > 1:
            asked = study.asked
            title += f", data {asked.data_sha256[:8]}, split seed {asked.split.seed}"
            name += f"_{seen[name]}"
        panels.append(Panel(f"{name}_scaling", title, summary(study)))
    return panels


def _family(study: Study) -> str:
    by_data = "_samples" if study.axis is TRAINING_SAMPLES else ""
    return study.axis.family(study.asked).replace("_*_", "_") + by_data


def _title(study: Study) -> str:
    question = study.axis.family(study.asked).removeprefix(f"{study.asked.phase}_").replace("*_", "")
    return f"{question.replace('_', ' ')}, by {study.axis.noun}"


def _part(panel: Panel) -> Section:
    """Words first, then what is left out and the picture; folded where there are no sizes to compare."""
    found = panel.found
    figures, numbers = [], []
    if panel.is_comparison:
        figures = [scaling_picture(panel.name, found)]
        tables = [levels_table(found), trends_table(found), forms_table(found)]
        numbers = [Section("All numbers", tables=tables, folded=True)]
    return Section(
        panel.title,
        anchor(panel.name),
        found["sentences"],
        marks=[("data-limited", "open")] if found.get("data_limited") else [],
        tables=[left_out_table(found)] if found["left_out"] else [],
        figures=[*figures],
        parts=numbers,
        folded=not panel.is_comparison,
    )
