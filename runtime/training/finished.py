"""Whether a training script has nothing left to do, told from its records."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runtime.records.files import read_record


def are_finished(records: Sequence[Mapping[str, Any]], *, opens_test: bool, newest_row_network: bool = False) -> bool:
    """Whether all seeds' records are finished and, if the test split is to be opened, share one opening of it.

    Where the network on the newest row alone is asked for, it also stands beside each, see `has_newest_row`.
    """
    if not all(record.get("status") == "finished" for record in records):
        return False
    if newest_row_network and not all(has_newest_row(record) for record in records):
        return False
    openings = {(record["test_opening"] or {}).get("weights_sha256") for record in records}
    return not opens_test or (len(openings) == 1 and None not in openings)


def has_newest_row(record: Mapping[str, Any]) -> bool:
    """Whether a trained seed's record holds the network on the newest row alone, on each split that was opened."""
    found = record.get("newest_row_network") or {"failure": "it was not trained"}
    return "failure" not in found and (found["test"] is not None or record["test"] is None)


def is_finished(script: Path, output: Path, *, seeds: int, opens_test: bool, newest_row_network: bool = False) -> bool:
    """Whether a script, as it is now, has trained its first ``seeds`` seeds to the end.

    Args:
        script: the training script.
        output: the folder that it writes to.
        seeds: how many.
        opens_test: whether its test split is to be opened, too.
        newest_row_network: whether the network on the newest row alone is to be trained, too.

    Raises:
        UserError: if a record is damaged.
    """
    first = read_record(output / "result.json")
    if "training_seed" not in first:
        return False
    further = (read_record(output / f"seed_{first['training_seed'] + count}/result.json") for count in range(1, seeds))
    records = [first, *further]
    script_sha256 = hashlib.sha256(script.read_bytes()).hexdigest()
    whole = all(
        record.get("script_sha256") == script_sha256 and record.get("train_fraction") is None for record in records
    )
    return whole and are_finished(records, opens_test=opens_test, newest_row_network=newest_row_network)
