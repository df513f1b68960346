"""The phase's ``README.md``: one entry an experiment, sorted; a date changes only when its scripts do."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from codegen.request.choices import TASKS, budget_names
from codegen.request.phases import ExperimentKey

_HEADING = re.compile(r"^## ", re.MULTILINE)
_GENERATED = "- **Generated:** "
_TRAINING = re.compile(r"^- \*\*Training Script:\*\* `([^`/]+)`$", re.MULTILINE)


@dataclass(frozen=True)
class ManifestEntry:
    """What the manifest says of one experiment.

    Attributes:
        cell: the experiment.
        title: its heading, after the budget.
        hpo_file, training_file: names of its scripts; a borrower has no search.
        data_path: the data it was generated for.
        seals: first digits of the scripts' seals, by which a change is noticed.
    """

    cell: ExperimentKey
    title: str
    hpo_file: str | None
    training_file: str
    data_path: str
    seals: tuple[str, ...]

    @property
    def heading(self) -> str:
        """``2M - threshold_1pct``."""
        return f"{self.cell.budget} - {self.title}"

    def render(self, generated: str) -> str:
        """The entry's Markdown, with the day its scripts were made."""
        search = f"`{self.hpo_file}`" if self.hpo_file else "none of its own"
        days = "day" if self.cell.horizon == 1 else "days"
        return (
            f"## {self.heading}\n\n"
            f"{_GENERATED}{generated}\n"
            f"- **HPO Script:** {search}\n"
            f"- **Training Script:** `{self.training_file}`\n"
            f"- **Data:** {self.data_path}\n"
            f"- **Horizon:** {self.cell.horizon} {days}\n"
            f"- **Timescale:** {self.cell.timescale}\n"
            f"- **Seals:** {', '.join(self.seals)}\n"
        )


def update_manifest(current: str | None, phase: str, entries: Sequence[ManifestEntry], *, today: str) -> str:
    """Put entries into a manifest, leaving every other entry and the text above them as they are.

    Args:
        current: the manifest on disk, None if there is none.
        phase: its title.
        entries: to add or replace.
        today: date of an entry whose scripts changed.
    """
    preamble, *blocks = _HEADING.split(current) if current else [f"# {phase}\n\n"]
    sections = [f"## {block.rstrip()}\n" for block in blocks]
    old = {_heading_of(section): section for section in sections}
    new = {entry.heading: _dated(entry, old.get(entry.heading), today) for entry in entries}
    kept = [section for section in sections if _heading_of(section) not in new]
    ordered = sorted([*kept, *new.values()], key=lambda section: _order(_heading_of(section)))
    return "\n".join([preamble.rstrip() + "\n", *ordered])


def without_gone(current: str | None, folder: Path) -> str | None:
    """The manifest without the entries whose training script is not in the phase's folder any more."""
    if current is None:
        return None
    preamble, *blocks = _HEADING.split(current)
    there = [block for block in blocks if not (named := _TRAINING.search(block)) or (folder / named[1]).exists()]
    return "## ".join([preamble, *there])


def changed_entries(current: str | None, updated: str) -> list[str]:
    """Headings of the entries that are other, new or gone, dates aside; those of neither: the text above them."""
    old, new = _entries(current or ""), _entries(updated)
    return [heading for heading in {**old, **new} if old.get(heading) != new.get(heading)]


def _entries(text: str) -> dict[str, list[str]]:
    preamble, *blocks = _HEADING.split(text)
    return {"the text above the entries": _dateless(preamble.rstrip())} | {
        _heading_of(block): _dateless(block.rstrip()) for block in blocks
    }


def is_current(current: str | None, updated: str) -> bool:
    """Whether a manifest says what it should, dates aside."""
    return current is not None and _dateless(current) == _dateless(updated)


def _dateless(text: str) -> list[str]:
    return [line for line in text.splitlines() if not line.startswith(_GENERATED)]


def _dated(entry: ManifestEntry, old: str | None, today: str) -> str:
    date = _date_of(old) if old is not None else None
    return old if date is not None and old == entry.render(date) else entry.render(today)


def _heading_of(section: str) -> str:
    return section.partition("\n")[0].removeprefix("## ")


def _date_of(block: str) -> str | None:
    for line in block.splitlines():
        if line.startswith(_GENERATED):
            return line.removeprefix(_GENERATED)
    return None


def _order(heading: str) -> tuple[int, int, str]:
    budget, _, title = heading.partition(" - ")
    task = next((index for index, name in enumerate(TASKS) if title.startswith(name)), len(TASKS))
    known = budget_names()
    return (known.index(budget) if budget in known else len(known), task, title)
