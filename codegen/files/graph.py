"""Which search feeds which training script, for whoever walks a phase: see ``python -m codegen PHASE --graph``."""

from __future__ import annotations

import argparse
import shlex
from pathlib import Path
from typing import Any

from codegen.files.writer import read_text
from codegen.request.choices import PROJECT
from codegen.request.command_line import requests
from codegen.request.configs import load_model
from codegen.request.findings import load_finding
from codegen.request.phases import ExperimentKey, sources
from codegen.request.request import Request
from codegen.seal import command_of


def graph_of(options: argparse.Namespace, project: Path = PROJECT) -> dict[str, Any]:
    """Describe the experiments that a command line asks for, and the searches that they need, from whatever phase.

    Returns:
        ``searches``: one object each, with ``script``, ``finding`` (the file that it leaves) and whether it is
        ``finished``. ``trainings``: one object each, with ``script``, the scripts of the ``searches`` that it needs,
        ``sharding`` (how several processes would share its model), and ``generate``: the command that writes it, the
        one in its header where it exists. Paths are relative to the project.

    Raises:
        UsageError: if the arguments, a configuration or a finding cannot be used.
    """
    asked = requests(options, project)
    needed = {source.hpo_file: source for cell, _ in asked for source in sources(cell, project)}
    return {
        "searches": [_search(source, project) for source in needed.values()],
        "trainings": [
            {
                "script": cell.training_file,
                "searches": [source.hpo_file for source in sources(cell, project)],
                "sharding": load_model(cell.budget, project).sharding,
                "generate": _generate(cell, request, project),
            }
            for cell, request in asked
        ],
    }


def _search(cell: ExperimentKey, project: Path) -> dict[str, Any]:
    finished = load_finding(cell, project) is not None
    return {"script": cell.hpo_file, "finding": cell.best_file, "finished": finished}


def _generate(cell: ExperimentKey, request: Request, project: Path) -> list[str]:
    found = command_of(read_text(project / cell.training_file) or "")
    return shlex.split(found or request.command())
