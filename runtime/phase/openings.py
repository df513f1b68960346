"""Which trainings of a phase may open their test split, told before anything runs."""

from __future__ import annotations

import hashlib
import importlib.util
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType

from runtime.errors import UserError
from runtime.judging.openings import OPENINGS, Entry, planned_opening, read_openings, was_opened_by, who_opened
from runtime.judging.sealed_test import joint_sha256, open_test_together
from runtime.phase.graph import Node
from runtime.records.files import read_record


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


@dataclass
class TestSplits:
    """What becomes of the test splits that a phase's trainings ask for.

    Attributes:
        closed: name of each training whose split another opened, or will by then, and who.
        together: trainings that ask the same, whose split is opened once for all when all are trained.
    """

    __test__ = False  # no test, whatever its name

    closed: dict[str, str] = field(default_factory=dict)
    together: list[list[Node]] = field(default_factory=list)

    def waits(self, name: str) -> bool:
        """Whether a training is first to be judged on validation alone."""
        return name in self.closed or any(node.name == name for group in self.together for node in group)


def plan_openings(trainings: Sequence[Node], project: Path, unwritten: Collection[Path]) -> TestSplits:
    """Say of each training whether its test split can be opened, and together with which others.

    A question's test split answers once. Trainings that ask the very same are one opening; of those that share half of
    their days or more and not all, the first in the phase's order opens it.

    Args:
        trainings: in the phase's order.
        project: where the log of openings lies.
        unwritten: scripts that a coming search will change; they never opened anything as they will be.

    Raises:
        UserError: if a script or its data cannot be read, or the log is damaged.
    """
    entries, found = read_openings(project / OPENINGS), TestSplits()
    planned: list[tuple[Entry, list[Node]]] = []
    for node in trainings:
        experiment = load_script(node.script).make_experiment()
        sha256 = None if node.script in unwritten else hashlib.sha256(node.script.read_bytes()).hexdigest()
        if reason := who_opened(entries, experiment, sha256):
            found.closed[node.name] = reason
            continue
        if sha256 is not None and was_opened_by(entries, experiment, sha256):
            continue  # may finish its own opening
        entry = planned_opening(experiment)
        same = next((group for each, group in planned if each["question"] == entry["question"]), None)
        first = next((each["experiment"] for each, _ in planned if who_opened([each], experiment, None)), None)
        if same is not None:
            same.append(node)
        elif first is not None:
            found.closed[node.name] = f"{first} opens it first"
        else:
            planned.append((entry, [node]))
    found.together = [group for _, group in planned if len(group) > 1]
    return found


def open_together(group: Sequence[Node], project: Path) -> None:
    """Open a test split once for trainings that are all trained.

    Args:
        group: their nodes.
        project: where the log of openings lies.

    Raises:
        UserError: if a script, a record or the log cannot be read.
    """
    experiment = load_script(group[0].script).make_experiment()
    members = {}
    for node in group:
        records = [read_record(path) for path in (node.output / "result.json", *_further(node.output))]
        weights = joint_sha256([record["weights_sha256"] for record in records])
        members[node.script.stem.removeprefix("train_")] = records[0]["script_sha256"], weights
    entry = open_test_together(project / OPENINGS, experiment, members)
    if entry is not None:
        print(f"test split opened once for {len(members)} trainings: {entry['experiment']}")


def _further(output: Path) -> list[Path]:
    """Records of further seeds, in the order of the seeds."""
    return sorted(output.glob("seed_*/result.json"), key=lambda path: int(path.parent.name.removeprefix("seed_")))
