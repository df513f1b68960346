"""The test split is opened once for a question; every opening is recorded before anything is read from it."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from data.files import locked
from runtime.errors import UserError
from runtime.records.files import append_json_line, mend_last_line, read_json_lines
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments

OPENINGS = "experiments/test_openings.jsonl"
"""The log of all openings, inside the project."""

_QUESTION = ("data_sha256", "split", "task", "label_price", "horizon", "timescale")
_ENTRY = {"question", "experiment", "weights_sha256", "script_sha256", "opening", "opened"}


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


def open_test(
    log: Path, experiment: Experiment, *, weights: str, script_sha256: str, reopen: bool = False
) -> dict[str, Any]:
    """Record that the test split is about to be evaluated.

    The question is (data, split, task, label price, horizon, timescale), whatever the script or budget. The same
    weights are the same opening, so a killed run may finish it. So is the very same script, whose weights differ in
    rounding on another machine: it repeats the opening, and the log shows with which weights.

    Args:
        log: file of all openings, one JSON object a line.
        experiment: the question.
        weights: hash of the weights to be judged; of several seeds `joint_sha256`, for they are one opening.
        script_sha256: hash of the script that asks.
        reopen: open although this question's test split was opened before; the record says so.

    Returns:
        The record of this opening; ``opening`` counts from 1, ``repeats`` says whether its script had opened it.

    Raises:
        UserError: if another script opened the split with other weights and ``reopen`` is false, or the log is damaged.
    """
    with locked(log.parent):  # of two that ask at once, the second must see the first one's record
        mend_last_line(log)
        return _open(log, experiment, weights=weights, script_sha256=script_sha256, reopen=reopen)


def _open(log: Path, experiment: Experiment, *, weights: str, script_sha256: str, reopen: bool) -> dict[str, Any]:
    earlier = _earlier(log, experiment)
    for entry in earlier:
        if entry["weights_sha256"] == weights:
            return entry
    ours = [entry["opening"] for entry in earlier if entry["script_sha256"] == script_sha256]
    if earlier and not ours and not reopen:
        raise _refusal(earlier)
    record = {
        "question": _question(experiment),
        "experiment": experiment.name,
        "weights_sha256": weights,
        "script_sha256": script_sha256,
        "opening": ours[0] if ours else _openings(earlier) + 1,
        "repeats": bool(ours),
        "opened": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    append_json_line(log, record)
    return record


def refuse_reopening(arguments: Arguments, experiment: Experiment) -> None:
    """Say before a training, not after it, that its test split was opened by another script.

    Raises:
        UserError: unless the user asked to open it again, or it was this very script, which may finish its opening.
    """
    earlier = _earlier(arguments.project / OPENINGS, experiment)
    ours = any(entry["script_sha256"] == arguments.script_sha256 for entry in earlier)
    if earlier and not ours and not arguments.reopen_test:
        raise _refusal(earlier)


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
    return {name: identity[name] for name in _QUESTION}


def _earlier(log: Path, experiment: Experiment) -> list[dict[str, Any]]:
    question = _question(experiment)
    return [entry for entry in read_openings(log) if entry["question"] == question]


def _openings(earlier: list[dict[str, Any]]) -> int:
    return len({entry["opening"] for entry in earlier})


def _refusal(earlier: list[dict[str, Any]]) -> UserError:
    last = earlier[-1]
    return UserError(
        f"the test split of this question was opened on {last['opened']} by {last['experiment']} with other weights; "
        "a test split answers once. Judge changes on validation, or add --reopen-test: every report will then say that "
        f"this is opening {_openings(earlier) + 1}"
    )
