"""What a phase consists of: searches, the scripts that findings are written into, trainings; and what needs what."""

from __future__ import annotations

import json
import shlex
import subprocess
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from runtime.errors import UserError
from runtime.script.place import place_of

Kind = Literal["search", "generate", "train"]

_PREFIXES: dict[Kind, str] = {"search": "hpo_", "generate": "train_", "train": "train_"}


@dataclass(frozen=True)
class Node:
    """One step of a phase.

    Attributes:
        kind: what it does.
        script: the script that it runs, or that it writes.
        command: what to run, without the Python in front; from the project's folder.
        output: folder of its results and its log.
        needs: names of the nodes that must be finished before.
        finding: the file that a search leaves; None for other nodes.
        ranks: how many processes share what it trains.
    """

    kind: Kind
    script: Path
    command: tuple[str, ...]
    output: Path
    needs: tuple[str, ...] = ()
    finding: Path | None = None
    ranks: int = 1

    @property
    def name(self) -> str:
        """``search phase6a/2M_threshold_1pct``, of another dataset than the default ``search phase6a/AAPL/2M_...``."""
        place = place_of(self.script)
        return f"{self.kind} {place.with_name(place.name.removeprefix(_PREFIXES[self.kind])).as_posix()}"

    @property
    def log(self) -> Path:
        """Where everything that it prints is appended."""
        return self.output / "run.log"

    @property
    def shown(self) -> str:
        """The command as a user types it."""
        return shlex.join(["python", *self.command])


def read_graph(project: Path, asked: Sequence[str]) -> dict[str, Any]:
    """Ask the generator which search feeds which training; see `codegen.files.graph`.

    Args:
        project: where scripts and configurations lie.
        asked: phase, and maybe budget and task.

    Raises:
        UserError: with the generator's words, if it refuses.
    """
    command = [sys.executable, "-m", "codegen", *asked, "--graph"]
    answer = subprocess.run(command, cwd=project, capture_output=True, text=True, check=False)
    if answer.returncode:
        raise _refusal(answer.stderr.strip() or f"{shlex.join(command)}: {answer.returncode}")
    graph: dict[str, Any] = json.loads(answer.stdout)
    return graph


def _refusal(said: str) -> UserError:
    """The generator's refusal as one of ours: its first line, and the others as notes."""
    message, *notes = said.removeprefix("error: ").splitlines()
    refusal = UserError(message)
    for note in notes:
        refusal.add_note(note.strip())
    return refusal


def make_nodes(
    graph: Mapping[str, Any],
    project: Path,
    outputs: Path,
    *,
    search_flags: Sequence[str],
    train_flags: Sequence[str],
    gpus: int = 0,
) -> list[Node]:
    """The nodes of a graph that `read_graph` read, in an order in which each stands behind what it needs.

    Args:
        graph: which search feeds which training.
        project, outputs: where scripts and results lie.
        search_flags, train_flags: of the commands.
        gpus: how many a training gets whose model is sharded, a process each.

    Raises:
        UserError: if a script is missing.
    """
    searches = [_search(each, project, outputs, search_flags) for each in graph["searches"]]
    named = {node.script: node.name for node in searches}
    rest: list[Node] = []
    for each in graph["trainings"]:
        script = project / each["script"]
        needs = tuple(named[project / search] for search in each["searches"])
        generate = Node("generate", script, tuple(each["generate"][1:]), _output(script, outputs), needs)
        command = (each["script"], *train_flags)
        ranks = max(1, gpus) if each["sharding"] != "none" else 1
        rest += [generate, Node("train", script, command, generate.output, (generate.name,), ranks=ranks)]
    _require_scripts([*searches, *rest], project)
    return [*searches, *rest]


def _search(each: Mapping[str, Any], project: Path, outputs: Path, flags: Sequence[str]) -> Node:
    script = project / each["script"]
    return Node("search", script, (each["script"], *flags), _output(script, outputs), finding=project / each["finding"])


def _output(script: Path, outputs: Path) -> Path:
    return outputs / place_of(script)


def _require_scripts(nodes: Iterable[Node], project: Path) -> None:
    for node in nodes:
        if not node.script.is_file():
            phase, *dataset = place_of(node.script).parent.parts
            write = " ".join(["python -m codegen", phase, *(f"--data {name}" for name in dataset)])
            raise UserError(f"{node.script.relative_to(project)} is missing; write the phase's scripts first: {write}")
