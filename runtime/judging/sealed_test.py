"""The test split is opened once for a question; every opening is recorded before anything is read from it."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from data.files import locked
from runtime.judging.openings import OPENINGS, EarlierOpenings, Entry, question_of, read_openings
from runtime.records.files import append_json_line, mend_last_line
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments


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
    earlier = EarlierOpenings(read_openings(log), experiment)
    for entry in earlier.same:
        if weights in (entry["weights_sha256"], entry.get("together", {}).get(script_sha256)):
            return entry
    ours = earlier.by_script(script_sha256)
    if earlier.is_opened() and not ours and not reopen:
        raise earlier.refusal()
    named = {"experiment": experiment.name, "weights_sha256": weights, "script_sha256": script_sha256}
    opening = ours[0] if ours else earlier.openings() + 1
    return _append(log, experiment, earlier, named | {"opening": opening, "repeats": bool(ours)})


def _append(log: Path, experiment: Experiment, earlier: EarlierOpenings, named: Mapping[str, Any]) -> Entry:
    record = {
        "question": question_of(experiment),
        **named,
        "days": earlier.days,
        "days_opened_before": len(earlier.opened),
        "opened": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    append_json_line(log, record)
    return record


def open_test_together(log: Path, experiment: Experiment, members: Mapping[str, tuple[str, str]]) -> Entry | None:
    """Record that several trainings are about to be judged on one test split: all are trained, so it is one opening.

    None of them, and nobody who chooses among them, has seen what the test says of another. Each script then finds
    its own weights in the record, and finishes this opening, see `open_test`.

    Args:
        log: file of all openings.
        experiment: the question, the same for all.
        members: name of each training -> hash of its script, hash of its weights.

    Returns:
        The record; None where the split was opened before, which these trainings must then ask for one by one.

    Raises:
        UserError: if the log is damaged.
    """
    with locked(log.parent):
        mend_last_line(log)
        earlier = EarlierOpenings(read_openings(log), experiment)
        if earlier.is_opened():
            return None
        named = {
            "experiment": ", ".join(members),
            "weights_sha256": joint_sha256([weights for _, weights in members.values()]),
            "script_sha256": joint_sha256([script for script, _ in members.values()]),
            "together": dict(members.values()),
            "opening": earlier.openings() + 1,
            "repeats": False,
        }
        return _append(log, experiment, earlier, named)


def refuse_reopening(arguments: Arguments, experiment: Experiment) -> None:
    """Say before a training, not after it, that its test split, or a part of it, was opened by another script.

    Raises:
        UserError: unless the user asked to open it again, or it was this very script, which may finish its opening.
    """
    earlier = EarlierOpenings(read_openings(arguments.project / OPENINGS), experiment)
    if not earlier.entries or earlier.by_script(arguments.script_sha256) or arguments.reopen_test:
        return
    if earlier.is_opened():
        raise earlier.refusal()
    print(f"note: {earlier.which()}; the record will say so, and that this is opening {earlier.openings() + 1}")
