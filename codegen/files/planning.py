"""From what a command line asks for to the files it consists of."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from codegen.files.manifest import ManifestEntry
from codegen.files.writer import Target
from codegen.request.borrowing import combine
from codegen.request.choices import PROJECT, UsageError
from codegen.request.command_line import requests
from codegen.request.configs import load_model
from codegen.request.findings import load_finding, require_same_question
from codegen.request.phases import ExperimentKey, runs_search, search_first, sources
from codegen.request.request import Request
from codegen.request.resolve import read_schema, resolve_hpo, resolve_training
from codegen.request.spec import HpoSpec, TrainingSpec

DEFAULT_RECIPE_SUFFIX = "_default"

WORTH_A_PROCESS = 6
"""From this many scripts on, rendering them in parallel saves more than starting processes costs."""


@dataclass(frozen=True)
class Planned:
    """A script that is resolved, but not rendered yet: where it will stand, and every value it will hold."""

    path: Path
    spec: HpoSpec | TrainingSpec

    def render(self) -> Target:
        """The script's text.

        Raises:
            RenderError: if it is not valid: a bug of ours.
        """
        from codegen import scripts  # libcst and black are not needed to plan, nor to check what is known to be fresh

        if isinstance(self.spec, HpoSpec):
            return Target(self.path, scripts.render_hpo(self.spec))
        return Target(self.path, scripts.render_training(self.spec))


@dataclass(frozen=True)
class PlannedExperiment:
    """One experiment of a phase and its scripts."""

    cell: ExperimentKey
    data_path: str
    scripts: tuple[Planned, ...]

    def entry(self, seals: Mapping[Path, str | None]) -> ManifestEntry:
        """What the manifest says of it, given the seal that each script carries on disk."""
        *search, training = [each.path for each in self.scripts]
        return ManifestEntry(
            cell=self.cell,
            title=training.stem.removeprefix(f"train_{self.cell.budget}_"),
            hpo_file=search[0].name if search else None,
            training_file=training.name,
            data_path=self.data_path,
            seals=tuple((seals[each.path] or "none")[:12] for each in self.scripts),
        )


def plan_all(options: argparse.Namespace, project: Path = PROJECT) -> list[PlannedExperiment]:
    """Resolve every experiment that a command line asks for.

    Args:
        options: what `make_parser` made of it.
        project: where configurations, data and experiments lie.

    Raises:
        UsageError: if one of them cannot be generated.
    """
    from data.build import ensure
    from data.errors import DataError

    asked = requests(options, project)
    try:
        ensure(Path(options.data_path), project)
    except DataError as error:
        raise UsageError(str(error)) from error
    return [plan(cell, request, default_recipe=options.hyperparameters == "default") for cell, request in asked]


def plan(cell: ExperimentKey, request: Request, *, default_recipe: bool) -> PlannedExperiment:
    """The scripts of one experiment: its search, if it has one, then its training.

    Args:
        cell: which experiment.
        request: its parameters.
        default_recipe: only a training script, on the configuration's recipe instead of a search's findings.

    Raises:
        UsageError: if the request, the data, a configuration or a search's finding cannot be used.
    """
    project = request.project
    if default_recipe:
        path = Path(cell.training_file)
        name = path.with_stem(path.stem + DEFAULT_RECIPE_SUFFIX)
        return PlannedExperiment(cell, request.data_path, (Planned(project / name, _default_spec(request)),))
    scripts = [Planned(project / cell.training_file, _training_spec(cell, request))]
    if runs_search(cell, project):
        scripts.insert(0, Planned(project / cell.hpo_file, resolve_hpo(_as_searched(cell, request))))
    return PlannedExperiment(cell, request.data_path, tuple(scripts))


def render_all(planned: Sequence[Planned]) -> list[Target]:
    """Render scripts, many of them in parallel; on a terminal a line shows the progress."""
    from tqdm import tqdm

    total = len(planned)
    with tqdm(total=total, unit="script", leave=False, disable=not sys.stderr.isatty()) as bar:
        targets = []
        for target in _rendered(planned):
            targets.append(target)
            bar.update()
    return targets


def _rendered(planned: Sequence[Planned]) -> Iterator[Target]:
    if len(planned) < WORTH_A_PROCESS or os.cpu_count() == 1:
        yield from map(Planned.render, planned)
        return
    from concurrent.futures import ProcessPoolExecutor

    # Ctrl+C reaches every process of a terminal; the first of them answers for all.
    workers, ignoring = min(len(planned), os.cpu_count() or 1), (signal.SIGINT, signal.SIG_IGN)
    with ProcessPoolExecutor(workers, initializer=signal.signal, initargs=ignoring) as pool:
        yield from pool.map(Planned.render, planned)


def _default_spec(request: Request) -> TrainingSpec:
    model = load_model(request.budget, request.project)
    recipe = model.default_recipe(panel=bool(read_schema(request)[2].assets))
    spec = resolve_training(
        replace(request, experiment=request.experiment + DEFAULT_RECIPE_SUFFIX),
        hyperparameters=recipe,
        provenance={"source": f"configs/model/patchtst_{request.budget}.yaml: default recipe, not searched"},
        search_first=(),
    )
    return replace(spec, command=f"{spec.command} --hyperparameters default")


def _as_searched(cell: ExperimentKey, request: Request) -> Request:
    """The request whose search script is the one that found the finding, if there is one: its trials had its seed."""
    finding = load_finding(cell, request.project)
    return request if finding is None else replace(request, training_seed=finding.training_seed)


def _training_spec(cell: ExperimentKey, request: Request) -> TrainingSpec:
    recipe = combine(sources(cell, request.project), request.project, training_seed=request.training_seed)
    first = search_first(request)
    if recipe is None:
        return resolve_training(request, hyperparameters={}, provenance={}, search_first=first)
    spec = resolve_training(
        request, hyperparameters=recipe.hyperparameters, provenance=recipe.provenance, search_first=first
    )
    for source, finding in recipe.findings:
        require_same_question(finding, spec, source)
    return spec
