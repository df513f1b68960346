"""The test split is opened once for a question; every opening is recorded before anything is read from it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from data.files import locked
from runtime.errors import UserError
from runtime.judging.judged_days import by_day, days_in_common, judged_test_days
from runtime.records.files import append_json_line, mend_last_line, read_json_lines
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments

OPENINGS = "experiments/test_openings.jsonl"
"""The log of all openings, inside the project."""

_RULE = ("task", "threshold", "label_price", "horizon")
_BEFORE_DAYS = ("data_sha256", "split", "task", "label_price", "horizon", "timescale")
"""What told questions apart in lines that were written before they named their days."""

_ENTRY = {"question", "experiment", "weights_sha256", "script_sha256", "opening", "opened"}

Entry = dict[str, Any]


def weights_sha256(state: dict[str, Tensor]) -> str:
    """Hash of all weights and buffers: names, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def joint_sha256(weights: Sequence[str]) -> str:
    """Hash of the weights that are judged together, by the hashes of each in the order of their seeds.

    One alone is its own hash, so that a log of openings reads the same whether seeds were repeated or not.
    """
    return weights[0] if len(weights) == 1 else hashlib.sha256("".join(weights).encode()).hexdigest()


def open_test(log: Path, experiment: Experiment, *, weights: str, script_sha256: str, reopen: bool = False) -> Entry:
    """Record that the test split is about to be evaluated.

    The question is the label's rule and the days on which it is judged, known by their prices (`judged_test_days`),
    whatever the script, the budget, the features or the name of the data. Every earlier opening of the same rule that
    judged any of these days counts; once half of the days are opened, the split is. The same weights on the same days
    are the same opening, so a killed run may finish it. So is the very same script, whose weights differ in rounding
    on another machine: it repeats the opening, and the log shows with which weights.

    Args:
        log: file of all openings, one JSON object a line.
        experiment: the question.
        weights: hash of the weights to be judged; of several seeds `joint_sha256`, for they are one opening.
        script_sha256: hash of the script that asks.
        reopen: open although days of this test split were opened before; the record says so.

    Returns:
        The record of this opening; ``opening`` counts from 1, ``repeats`` says whether its script had opened it;
        ``days`` and ``days_opened_before`` say how many there are, and how many of them an earlier opening judged.

    Raises:
        UserError: if other scripts opened half of the days or more with other weights and ``reopen`` is false, or the
            log is damaged.
    """
    with locked(log.parent):  # of two that ask at once, the second must see the first one's record
        mend_last_line(log)
        return _open(log, experiment, weights=weights, script_sha256=script_sha256, reopen=reopen)


def _open(log: Path, experiment: Experiment, *, weights: str, script_sha256: str, reopen: bool) -> Entry:
    question, earlier = _question(experiment), _Earlier(read_openings(log), experiment)
    for entry in earlier.same:
        if entry["weights_sha256"] == weights:
            return entry
    ours = earlier.by_script(script_sha256)
    if earlier.is_opened() and not ours and not reopen:
        raise earlier.refusal()
    record = {
        "question": question,
        "experiment": experiment.name,
        "weights_sha256": weights,
        "script_sha256": script_sha256,
        "opening": ours[0] if ours else earlier.openings() + 1,
        "repeats": bool(ours),
        "days": earlier.days,
        "days_opened_before": len(earlier.opened),
        "opened": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    append_json_line(log, record)
    return record


def refuse_reopening(arguments: Arguments, experiment: Experiment) -> None:
    """Say before a training, not after it, that its test split, or a part of it, was opened by another script.

    Raises:
        UserError: unless the user asked to open it again, or it was this very script, which may finish its opening.
    """
    earlier = _Earlier(read_openings(arguments.project / OPENINGS), experiment)
    if not earlier.entries or earlier.by_script(arguments.script_sha256) or arguments.reopen_test:
        return
    if earlier.is_opened():
        raise earlier.refusal()
    print(f"note: {earlier.which()}; the record will say so, and that this is opening {earlier.openings() + 1}")


def who_opened(entries: Sequence[Entry], experiment: Experiment, script_sha256: str | None) -> str | None:
    """Why an experiment's test split would not be opened again.

    Args:
        entries: earlier openings.
        experiment: the question.
        script_sha256: hash of the script that would ask; None where it is not written yet.

    Returns:
        Which days were opened, when and by whom; None if it may be opened.
    """
    earlier = _Earlier(entries, experiment)
    allowed = not earlier.is_opened() or (script_sha256 is not None and earlier.by_script(script_sha256))
    return None if allowed else earlier.which()


def planned_opening(experiment: Experiment) -> Entry:
    """An opening that has not happened yet, for `who_opened`."""
    known = {"question": _question(experiment), "experiment": experiment.name}
    return known | {"weights_sha256": "", "script_sha256": "", "opening": 1, "opened": "no day yet"}


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


def _question(experiment: Experiment) -> dict[str, Any]:
    identity = experiment.identity()
    return {**{name: identity[name] for name in _RULE}, "days": judged_test_days(experiment)}


class _Earlier:
    """The recorded openings that concern an experiment.

    Attributes:
        same: those of exactly its days.
        entries: those that share a day with it, the same among them.
        days: how many days its test split judges.
        opened: those that any entry judged.
    """

    def __init__(self, entries: Sequence[Entry], experiment: Experiment) -> None:
        question, identity = _question(experiment), experiment.identity()
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
        return [entry["opening"] for entry in self.same if entry["script_sha256"] == sha256]

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
