"""Which trainings of a phase may open their test split, told before anything runs."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Collection, Sequence
from pathlib import Path
from types import ModuleType
from typing import Any

from runtime.errors import UserError
from runtime.judging.sealed_test import OPENINGS, planned_opening, read_openings, who_opened
from runtime.phase.graph import Node


def load_script(script: Path) -> ModuleType:
    """A generated script as a module; nothing of it runs but its head.

    Raises:
        UserError: if it cannot be imported.
    """
    spec = importlib.util.spec_from_file_location(f"{script.parent.name}_{script.stem}", script)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    try:
        spec.loader.exec_module(module)
    except (SyntaxError, ImportError) as error:
        raise UserError(f"{script}: {error}; generate it anew") from error
    return module


def closed_tests(trainings: Sequence[Node], project: Path, unwritten: Collection[Path]) -> dict[str, str]:
    """Trainings whose test split is, or will by then be, opened by another script.

    A question's test split answers once: of several trainings that ask the same, the first in the phase's order opens
    it.

    Args:
        trainings: in the phase's order.
        project: where the log of openings lies.
        unwritten: scripts that a coming search will change; they never opened anything as they will be.

    Returns:
        Name of each such node, and who opened it or will.

    Raises:
        UserError: if a script or its data cannot be read, or the log is damaged.
    """
    entries, closed = read_openings(project / OPENINGS), {}
    planned: list[dict[str, Any]] = []
    for node in trainings:
        experiment = load_script(node.script).make_experiment()
        sha256 = None if node.script in unwritten else hashlib.sha256(node.script.read_bytes()).hexdigest()
        first = next((each["experiment"] for each in planned if who_opened([each], experiment, None)), None)
        if reason := who_opened(entries, experiment, sha256):
            closed[node.name] = reason
        elif first is not None:
            closed[node.name] = f"{first} opens it first"
        else:
            planned.append(planned_opening(experiment))
    return closed
