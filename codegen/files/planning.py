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
from codegen.request.command_line import lender_of, requests
from codegen.request.configs import load_model
from codegen.request.findings import load_finding, require_same_question
from codegen.request.phase_files import load_phase
from codegen.request.phases import ExperimentKey, runs_search, search_first, sources
from codegen.request.request import Request
from codegen.request.resolve import read_schema, resolve_hpo, resolve_training
from codegen.request.spec import HpoSpec, TrainingSpec
from data.names import DEFAULT_NAME

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

    @property
    def folder(self) -> Path:
        """Where its scripts and the manifest that names them lie."""
        return self.scripts[0].path.parent

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
    for data_path in {request.data_path for _, request in asked}:
        try:
            ensure(Path(data_path), project)
        except DataError as error:
            raise UsageError(str(error)) from error
    default, lender = options.hyperparameters == "default", lender_of(options)
    return [plan(cell, request, default_recipe=default, lender=lender) for cell, request in asked]


def plan(
    cell: ExperimentKey, request: Request, *, default_recipe: bool = False, lender: str | None = None
) -> PlannedExperiment:
    """The scripts of one experiment: its search, if it has one, then its training.

    Args:
        cell: which experiment.
        request: its parameters.
        default_recipe: only a training script, on the configuration's recipe instead of a search's findings.
        lender: only a training script, on what searches on this dataset found; empty for the default one.

    Raises:
        UsageError: if the request, the data, a configuration or a search's finding cannot be used.
    """
    project, path = request.project, Path(cell.training_file)
    by_phase = load_phase(cell.phase, project).recipe == "default"
    if default_recipe or by_phase:
        spec = _by_phase(request) if by_phase else _on_default(request)
        name = path if by_phase else path.with_stem(path.stem + DEFAULT_RECIPE_SUFFIX)
        return PlannedExperiment(cell, request.data_path, (Planned(project / name, spec),))
    if lender is not None:
        name = path.with_stem(f"{path.stem}_from_{lender or DEFAULT_NAME}")
        return PlannedExperiment(cell, request.data_path, (Planned(project / name, _lent_spec(cell, request, lender)),))
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


def _by_phase(request: Request) -> TrainingSpec:
    """The spec of a training on its budget's own recipe."""
    model = load_model(request.budget, request.project)
    recipe = model.default_recipe(panel=bool(read_schema(request)[2].assets))
    source = {"source": f"configs/model/patchtst_{request.budget}.yaml: default recipe, not searched"}
    return resolve_training(request, hyperparameters=recipe, provenance=source, search_first=())


def _on_default(request: Request) -> TrainingSpec:
    spec = _by_phase(replace(request, experiment=request.experiment + DEFAULT_RECIPE_SUFFIX))
    return replace(spec, command=f"{spec.command} --hyperparameters default")


def _lent_spec(cell: ExperimentKey, request: Request, lender: str) -> TrainingSpec:
    """The spec of a training on what was searched on another dataset.

    Raises:
        UsageError: if nothing is found there yet, or what was asked there differs in more than the data.
    """
    name = lender or DEFAULT_NAME
    if lender == cell.dataset:
        raise UsageError(f"--hyperparameters from:{name}: that is the data's own; leave it away")
    lenders = sources(cell, request.project, lender=lender)
    recipe = combine(lenders, request.project, training_seed=request.training_seed)
    if recipe is None:
        searches = ", then ".join(f"python {each.hpo_file}" for each in lenders)
        raise UsageError(f"--hyperparameters from:{name}: not searched there yet; run first: {searches}")
    spec = resolve_training(
        replace(request, experiment=f"{request.experiment}_from_{name}"),
        hyperparameters=recipe.hyperparameters,
        provenance={"searched_on": name, **recipe.provenance},
        search_first=(),
    )
    for source, finding in recipe.findings:
        require_same_question(finding, spec, source, other_data=True)
    return replace(spec, command=f"{spec.command} --hyperparameters from:{name}")


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
