"""The log of opened test splits, and which of them concern a question."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

from runtime.errors import UserError
from runtime.judging.judged_days import by_day, days_in_common, judged_test_days
from runtime.records.files import read_json_lines
from runtime.samples.experiment import Experiment

OPENINGS = "experiments/test_openings.jsonl"
"""The log of all openings, inside the project."""

_RULE = ("task", "threshold", "label_price", "horizon")
_BEFORE_DAYS = ("data_sha256", "split", "task", "label_price", "horizon", "timescale")
"""What told questions apart in lines that were written before they named their days."""

_ENTRY = {"question", "experiment", "weights_sha256", "script_sha256", "opening", "opened"}

Entry = dict[str, Any]


def read_openings(log: Path) -> list[dict[str, Any]]:
    """All recorded openings, oldest first; none when there is no log yet.

    A last line that is cut off does not count: nothing is read from a test split before its line is on the disk.

    Raises:
        UserError: if any other line is not a record.
    """
    try:
        entries = read_json_lines(log)
        if not all(isinstance(entry, dict) and entry.keys() >= _ENTRY for entry in entries):
            raise ValueError("a line is no opening")
    except ValueError as error:
        raise UserError(f"{log} is damaged ({error}); restore it: git checkout -- {OPENINGS}") from error
    return entries


def who_opened(entries: Sequence[Entry], experiment: Experiment, script_sha256: str | None) -> str | None:
    """Why an experiment's test split would not be opened again.

    Args:
        entries: earlier openings.
        experiment: the question.
        script_sha256: hash of the script that would ask; None where it is not written yet.

    Returns:
        Which days were opened, when and by whom; None if it may be opened.
    """
    earlier = EarlierOpenings(entries, experiment)
    allowed = not earlier.is_opened() or (script_sha256 is not None and earlier.by_script(script_sha256))
    return None if allowed else earlier.which()


def was_opened_by(entries: Sequence[Entry], experiment: Experiment, script_sha256: str) -> bool:
    """Whether a script opened just the days of an experiment, alone or together with others."""
    return bool(EarlierOpenings(entries, experiment).by_script(script_sha256))


def planned_opening(experiment: Experiment) -> Entry:
    """An opening that has not happened yet, for `who_opened`."""
    known = {"question": question_of(experiment), "experiment": experiment.name}
    return known | {"weights_sha256": "", "script_sha256": "", "opening": 1, "opened": "no day yet"}


def question_of(experiment: Experiment) -> dict[str, Any]:
    """What is asked: the label's rule, and the days that the test split judges, told by their prices."""
    identity = experiment.identity()
    return {**{name: identity[name] for name in _RULE}, "days": judged_test_days(experiment)}


class EarlierOpenings:
    """The recorded openings that concern an experiment.

    Attributes:
        same: those of exactly its days.
        entries: those that share a day with it, the same among them.
        days: how many days its test split judges.
        opened: those that any entry judged.
    """

    def __init__(self, entries: Sequence[Entry], experiment: Experiment) -> None:
        question, identity = question_of(experiment), experiment.identity()
        days = by_day(question["days"]).keys()
        self.days, self.opened = len(days), set[date]()
        self.entries: list[Entry] = []
        self.same: list[Entry] = []
        for entry in entries:
            asked = entry["question"]
            if "days" in asked:
                alike = all(asked[name] == question[name] for name in _RULE)
                common = days_in_common(question["days"], asked["days"]) if alike else set()
                same = alike and asked["days"] == question["days"]
            else:
                same = asked == {name: identity[name] for name in _BEFORE_DAYS}
                common = set(days) if same else set()
            if common:
                self.entries.append(entry)
                self.opened |= common
            if same:
                self.same.append(entry)

    def openings(self) -> int:
        """How many times days of the test split were opened."""
        return len({(json.dumps(entry["question"]), entry["opening"]) for entry in self.entries})

    def is_opened(self) -> bool:
        """Whether at least half of the days were: fewer are shared by chance, with another split or timescale."""
        return bool(self.entries) and 2 * len(self.opened) >= self.days

    def by_script(self, sha256: str) -> list[int]:
        """Number of each opening of just these days by a script."""
        return [
            entry["opening"]
            for entry in self.same
            if entry["script_sha256"] == sha256 or sha256 in entry.get("together", {})
        ]

    def which(self) -> str:
        """Which days were opened, when and by whom."""
        last, shared = self.entries[-1], len(self.opened)
        which = (
            f"{shared} of {self.days} test days were" if shared < self.days else "the test split of this question was"
        )
        return f"{which} opened on {last['opened']} by {last['experiment']} with other weights"

    def refusal(self) -> UserError:
        """Why it is not opened again."""
        return UserError(
            f"{self.which()}; a test split answers once. Judge changes on validation, or add --reopen-test: every "
            f"report will then say that this is opening {self.openings() + 1}"
        )
