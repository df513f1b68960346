"""The test split is opened once for a question; every opening is recorded before anything is read from it."""

from __future__ import annotations

import hashlib
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from torch import Tensor

from runtime.errors import UserError
from runtime.experiment import Experiment
from runtime.files import append_json_line

OPENINGS = "test_openings.jsonl"
_QUESTION = ("data_sha256", "split", "task", "label_price", "horizon", "timescale")


def weights_sha256(state: dict[str, Tensor]) -> str:
    """Hash of all weights and buffers: names, shapes and values."""
    digest = hashlib.sha256()
    for name in sorted(state):
        value = state[name].detach().cpu().contiguous()
        digest.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
        digest.update(value.numpy().tobytes())
    return digest.hexdigest()


def open_test(
    log: Path, experiment: Experiment, *, weights: str, script_sha256: str, reopen: bool = False
) -> dict[str, Any]:
    """Record that the test split is about to be evaluated.

    The question is (data, split, task, horizon, timescale), whatever the script or budget. The same question with
    the same weights is the same opening, so a killed run may finish it.

    Args:
        log: file of all openings, one JSON object a line.
        experiment: the question.
        weights: hash of the weights to be judged.
        script_sha256: hash of the script that asks.
        reopen: open although this question's test split was opened before; the record says so.

    Returns:
        The record of this opening; ``opening`` counts from 1.

    Raises:
        UserError: if the split was opened before with other weights and ``reopen`` is false.
    """
    identity = experiment.identity()
    question = {name: identity[name] for name in _QUESTION}
    earlier = [entry for entry in read_openings(log) if entry["question"] == question]
    for entry in earlier:
        if entry["weights_sha256"] == weights:
            return entry
    if earlier and not reopen:
        last = earlier[-1]
        raise UserError(
            f"the test split of this question was opened on {last['opened']} by {last['experiment']} with "
            "other weights; a test split answers once. Judge changes on validation, use another --seed for a "
            f"fresh split, or add --reopen-test: every report will then say that this is opening {len(earlier) + 1}"
        )
    record = {
        "question": question,
        "experiment": experiment.name,
        "weights_sha256": weights,
        "script_sha256": script_sha256,
        "opening": len(earlier) + 1,
        "opened": datetime.now(UTC).isoformat(timespec="seconds"),
    }
    append_json_line(log, record)
    return record


def read_openings(log: Path) -> list[dict[str, Any]]:
    """All recorded openings, oldest first; none when there is no log yet."""
    if not log.exists():
        return []
    return [json.loads(line) for line in log.read_text().splitlines()]
