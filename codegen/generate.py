"""From a selected experiment to the files it consists of."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec

from codegen.borrowing import combine
from codegen.configs import load_model
from codegen.findings import require_same_question
from codegen.manifest import Entry
from codegen.phases import Cell, runs_search, sources
from codegen.request import Request
from codegen.resolve import resolve_hpo, resolve_training
from codegen.scripts import render_hpo, render_training, search_first
from codegen.seal import seal_of
from codegen.spec import TrainingSpec
from codegen.writer import Target

DEFAULT_RECIPE_SUFFIX = "_default"


def make_targets(cell: Cell, request: Request, *, default_recipe: bool) -> list[Target]:
    """The scripts of one experiment.

    Args:
        cell: which experiment.
        request: its parameters.
        default_recipe: write only a training script, on the configuration's recipe instead of a search's findings.

    Raises:
        UsageError: if the request, the data, a configuration or a search's finding cannot be used.
    """
    project = request.project
    if default_recipe:
        path = Path(cell.training_file)
        name = path.with_stem(path.stem + DEFAULT_RECIPE_SUFFIX)
        return [Target(project / name, render_training(_default_spec(request)))]
    targets = [Target(project / cell.training_file, render_training(_training_spec(cell, request)))]
    if runs_search(cell, project):
        targets.insert(0, Target(project / cell.hpo_file, render_hpo(resolve_hpo(request))))
    return targets


def manifest_entry(cell: Cell, request: Request, targets: list[Target]) -> Entry:
    """The manifest's entry for these scripts, as they are on disk where they could not be written."""
    *search, training = [target.path.name for target in targets]
    texts = [target.current() or target.text for target in targets]
    return Entry(
        cell=cell,
        title=Path(training).stem.removeprefix(f"train_{cell.budget}_"),
        hpo_file=search[0] if search else None,
        training_file=training,
        data_path=request.data_path,
        seals=tuple((seal_of(text) or "none")[:12] for text in texts),
    )


def _default_spec(request: Request) -> TrainingSpec:
    model = load_model(request.budget, request.project)
    recipe: dict[str, Any] = {"architecture": model.default, **msgspec.structs.asdict(model.recipe)}
    spec = resolve_training(
        replace(request, experiment=request.experiment + DEFAULT_RECIPE_SUFFIX),
        hyperparameters=recipe,
        provenance={"source": f"configs/model/patchtst_{request.budget}.yaml: default recipe, not searched"},
        search_first="",
    )
    return replace(spec, command=f"{spec.command} --hyperparameters default")


def _training_spec(cell: Cell, request: Request) -> TrainingSpec:
    recipe = combine(sources(cell, request.project), request.project)
    first = search_first(request)
    if recipe is None:
        return resolve_training(request, hyperparameters={}, provenance={}, search_first=first)
    spec = resolve_training(
        request, hyperparameters=recipe.hyperparameters, provenance=recipe.provenance, search_first=first
    )
    for source, finding in recipe.findings:
        require_same_question(finding, spec, source)
    return spec
