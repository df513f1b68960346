"""A phase with a run in every state that a run can be in, small enough to report in seconds."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from runtime.records.files import write_json
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.search.search_run import search_record
from runtime.search.study import Search, SearchSettings
from tests.helpers.in_this_process import InThisProcess
from tests.helpers.tiny import (
    Hyperparameters,
    make_arguments,
    make_experiment,
    make_formula_objective,
    make_recipe,
    with_labels,
)
from tests.helpers.tiny_run import run_tiny

EXPERIMENT = make_experiment()
SETTINGS = SearchSettings(n_trials=14, timeout_hours=1.0, seed=5, startup_trials=3, pruning_warmup_epochs=1)
HOSTILE = "<img src=x onerror=alert(1)> $\\frac"
"""A folder's name that must never become part of the page's own code."""


def arguments_for(project: Path, name: str, phase: str = "phase0", **changes: Any) -> Arguments:
    """Those of a script, which is written, too."""
    script = project / "experiments" / phase / f"{name.removesuffix('_short')}.py"
    script.parent.mkdir(parents=True, exist_ok=True)
    script.write_text(f"# {name}\n")  # its hash is the script's identity
    output = project / "outputs" / phase / name
    return replace(make_arguments(project / "unused"), script=script, output=output, **changes)


def train(arguments: Arguments, experiment: Experiment = EXPERIMENT, epochs: int = 4) -> dict[str, Any]:
    """A real training of the tiny model."""

    run_tiny(arguments, experiment, make_recipe(max_epochs=epochs))
    record: dict[str, Any] = json.loads((arguments.output / "result.json").read_text())
    return record


def losses(values: Hyperparameters) -> list[float]:
    """Some trials diverge, some are pruned."""
    loss = 0.4 + abs(float(values["dropout"]) - 0.2)
    return [float("nan")] if values["dropout"] > 0.45 else [loss + 0.1, loss, loss]


def search(arguments: Arguments, *, finished: bool) -> None:
    """A real search by formula; an unfinished one was killed in its fourth trial, whose line is torn."""
    settings = SETTINGS if finished else replace(SETTINGS, n_trials=3)
    objective = make_formula_objective(EXPERIMENT, losses)
    study = Search(EXPERIMENT, objective, settings, arguments.output, InThisProcess(objective))
    study.run()
    if finished:
        write_json(arguments.best_file, search_record(study, 0.3))
        return
    study.study.ask()
    with (arguments.output / "journal.log").open("a") as journal:
        journal.write('{"op_code": 4, "tri')


def put(project: Path, name: str, record: Mapping[str, Any], epochs: str = "") -> None:
    """Write a record, and the epochs beside it, by hand."""
    output = arguments_for(project, name).output
    write_json(output / "result.json", record)
    if epochs:
        (output / "metrics.jsonl").write_text(epochs)


def make_phase(project: Path) -> None:
    """Fill ``phase0`` with everything, and ``phase1`` with one shorter look and one search."""
    finished = arguments_for(project, "train_2M_threshold_1pct")
    record = train(finished)
    names = list(record)
    early = {name: record[name] for name in names[: names.index("environment") + 1]}  # what stands before training
    epochs = (finished.output / "metrics.jsonl").read_text().splitlines(keepends=True)
    part = "".join(epochs[:2]) + epochs[2][:20]
    one_class = with_labels(EXPERIMENT, EXPERIMENT.splits.test_indices, 0.0)
    train(arguments_for(project, "train_2M_threshold_5pct", reopen_test=True), one_class, epochs=3)
    put(
        project,
        "train_20M_threshold_1pct",
        early | {"status": "failed", "failure": "RunError: training diverged"},
        part,
    )
    put(project, "train_20M_threshold_2pct", early | {"status": "running"}, part)
    put(project, "train_20M_threshold_3pct", early | {"status": "interrupted"}, part)
    older = {name: value for name, value in record.items() if name != "alarms"}
    put(project, "train_200M_threshold_1pct", older)
    corrupt = arguments_for(project, "train_200M_threshold_3pct").output
    corrupt.mkdir(parents=True)
    (corrupt / "result.json").write_bytes(b'{"status": "fini\xff')
    put(project, HOSTILE, early | {"status": "failed", "failure": "</p><script>alert(2)</script>"})
    arguments_for(project, "train_200M_threshold_5pct")
    for name, done in (("hpo_2M_threshold_1pct", True), ("hpo_2M_threshold_3pct", False)):
        arguments = arguments_for(project, name)
        best = arguments.script.with_name(f"{name}.best.json")
        search(replace(arguments, best_file=best), finished=done)
    (arguments_for(project, "hpo_2M_threshold_5pct").output).mkdir()
    (project / "outputs/phase0/hpo_2M_threshold_5pct/journal.log").write_text("no journal\n{}\n")
    train(arguments_for(project, "train_2M_threshold_1pct_short", "phase1", shorter_look=2), epochs=2)
    shutil.copytree(project / "outputs/phase0/hpo_2M_threshold_3pct", project / "outputs/phase1/hpo_2M_threshold_3pct")
