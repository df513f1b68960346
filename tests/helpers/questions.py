"""An experiment and what is asked for it, as the command line puts them together."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from codegen.request.choices import DEFAULT_DATASET, UsageError, budget_names
from codegen.request.configs import load_model
from codegen.request.datasets import dataset_of
from codegen.request.phases import ExperimentKey, select
from codegen.request.request import Request
from codegen.request.resolve import resolve_hpo

BUDGETS = {name: load_model(name).parameters for name in budget_names()}
QUESTION = {"budget": "2M", "task": "threshold_1pct", "horizon": 1, "timescale": "daily"}


def ask(project: Path, phase: str = "phase6a", **fields: Any) -> tuple[ExperimentKey, Request]:
    """One experiment of a phase, with any other fields of the request."""
    question: dict[str, Any] = {name: fields.pop(name, value) for name, value in QUESTION.items()}
    given: dict[str, Any] = {"phase": phase, "data_path": DEFAULT_DATASET, **question, **fields}
    chosen = {"dataset": dataset_of(given["data_path"]), "training_assets": given.get("training_assets") or "all"}
    (cell,) = select(phase, **question, **chosen, project=project)
    given = {"experiment": cell.experiment, **given}
    return cell, Request(**given, project=project)


def make_finding(cell: ExperimentKey, request: Request) -> dict[str, Any]:
    """What a finished search of the experiment leaves behind."""
    spec = resolve_hpo(request)
    name, fields = next(iter(spec.architectures.items()))
    best = {
        "trial": 7,
        "value": 0.5,
        "best_epoch": 3,
        "parameter_count": 2_000_000,
        "hyperparameters": {
            "learning_rate": 3e-4,
            "weight_decay": 0.01,
            "dropout": 0.25,
            "architecture": name,
            "batch_size": 64,
        },
        "architecture": {**spec.model, **fields},
    }
    split = {name: getattr(spec, name) for name in ("context_length", "val_ratio", "test_ratio", "chunk_length")}
    return {
        **{name: getattr(cell, name) for name in ("phase", "budget", "task", "horizon", "timescale")},
        "experiment": cell.experiment,
        "threshold": spec.threshold,
        "label_price": spec.label_price,
        "data_sha256": spec.data_sha256,
        "feature_columns": list(spec.feature_columns),
        "split": {**split, "seed": spec.seed, "mode": spec.split_mode, "embargo": spec.embargo},
        "fixed": spec.fixed,
        "training_seed": spec.training_seed,
        "n_trials": 50,
        "ended_by": "trials",
        "trials": {"completed": 30, "pruned": 20, "failed": 0},
        "hours": 1.5,
        "best": best,
    }


def leave_finding(cell: ExperimentKey, project: Path, content: bytes | dict[str, Any]) -> None:
    """Put a search's result where the generator looks for it."""
    path = project / cell.best_file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content if isinstance(content, bytes) else msgspec.json.encode(content))


@contextlib.contextmanager
def refused(*parts: str) -> Iterator[None]:
    """Expect a `UsageError` of one line, and maybe a line for each note, that hold every part."""
    with pytest.raises(UsageError) as raised:
        yield
    message = str(raised.value)
    assert "\n" not in message
    message = "\n".join([message, *getattr(raised.value, "__notes__", ())])
    for part in parts:
        assert part in message, message
