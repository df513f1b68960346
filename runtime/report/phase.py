"""Everything that is known of one phase: its scripts, its searches, its trainings, its openings of test splits."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from data.names import DEFAULT_NAME
from runtime.records.budgets import budget_size
from runtime.records.results import Opening, Result
from runtime.report.runs import PART, SHORT, ReportedRun, one_line, read_runs
from runtime.report.searches import ReportedSearch, read_search

OPENINGS = "experiments/test_openings.jsonl"

_NAME = re.compile(r"(hpo|train)_(?P<budget>[^_]+)_(?P<task>threshold_[^_]+)(?P<rest>.*)")


@dataclass
class ReportedExperiment:
    """One question of a phase and all that was done about it.

    Attributes:
        title: what script, folder and search have in common: ``2M_threshold_1pct``.
        budget, task, variant: as the title says (``_h5``, ``_weekly``, ``_default``); empty where it says nothing.
        search_script, training_script: relative to the project; empty where there is none.
        searches, runs: the real one first, then its further seeds, trainings on a part, shorter looks, earlier records.
    """

    title: str
    budget: str = ""
    task: str = ""
    variant: str = ""
    search_script: str = ""
    training_script: str = ""
    searches: list[ReportedSearch] = field(default_factory=list)
    runs: list[ReportedRun] = field(default_factory=list)

    @property
    def run(self) -> ReportedRun | None:
        """The training that stands for the experiment: the latest of the script's own seed."""
        return next((run for run in self.seeds if not run.is_further_seed), None)

    @property
    def seeds(self) -> list[ReportedRun]:
        """The latest whole training of each seed, the script's own first."""
        return [run for run in self.runs if run.is_latest and not (run.is_short or run.is_part)]

    @property
    def search(self) -> ReportedSearch | None:
        """The search that stands for the experiment: the one that was no shorter look."""
        return next((search for search in self.searches if not search.is_short), None)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was run."""
        return not (self.searches or self.runs)


@dataclass(frozen=True)
class ReportedPhase:
    """One phase on one dataset.

    Attributes:
        name: its folder below ``experiments`` and ``outputs``: ``phase6a``, of another dataset ``phase6a/AAPL``.
        project: where data and scripts are looked for.
        experiments: by budget, then task.
        openings: those of this phase's questions, oldest first.
        problems: what could not be read.
    """

    name: str
    project: Path
    experiments: list[ReportedExperiment]
    openings: list[Opening]
    problems: list[str]

    @property
    def asked(self) -> str:
        """The phase without its dataset."""
        return self.name.partition("/")[0]

    @property
    def dataset(self) -> str:
        """The name of its data."""
        return self.name.partition("/")[2] or DEFAULT_NAME

    @property
    def runs(self) -> list[ReportedRun]:
        """All records of trainings."""
        return [run for experiment in self.experiments for run in experiment.runs]

    @property
    def searches(self) -> list[ReportedSearch]:
        """All searches."""
        return [search for experiment in self.experiments for search in experiment.searches]

    @property
    def results(self) -> list[Result]:
        """Every readable record that counts, failures included; no shorter looks, nothing that was replaced."""
        return [run.result for run in self.runs if run.result and run.is_latest and not run.is_short]


def read_phase(project: Path, name: str, outputs: Path) -> ReportedPhase:
    """Read all that there is; what cannot be read is kept with the reason.

    Args:
        project: holds ``experiments/`` and ``data/``.
        name: of the phase.
        outputs: folder of the phases' outputs.
    """
    scripts, folder = project / "experiments" / name, outputs / name
    found: dict[str, ReportedExperiment] = {}
    for path in sorted(scripts.glob("*.py")):
        _add_script(found, path, project)
    for stem in sorted(
        {path.name for path in _folders(folder)} | {_stem(path) for path in scripts.glob("*.best.json")}
    ):
        _add_outputs(found, stem, folder / stem, scripts / f"{stem}.best.json")
    problems: list[str] = []
    openings = _read_openings(project / OPENINGS, found.values(), problems)
    return ReportedPhase(name, project, sorted(found.values(), key=_order), openings, problems)


def _folders(folder: Path) -> Iterable[Path]:
    return (path for path in folder.glob("*") if path.is_dir())


def _stem(best: Path) -> str:
    return best.name.removesuffix(".best.json")


def _experiment(found: dict[str, ReportedExperiment], stem: str) -> ReportedExperiment:
    """The experiment that a script or folder belongs to; one of its own for a name that follows no convention."""
    script = stem.removesuffix(SHORT).partition(PART)[0]
    match = _NAME.fullmatch(script)
    if match is None:
        return found.setdefault(script, ReportedExperiment(script))
    title = f"{match['budget']}_{match['task']}{match['rest']}"
    return found.setdefault(title, ReportedExperiment(title, match["budget"], match["task"], match["rest"].lstrip("_")))


def _add_script(found: dict[str, ReportedExperiment], path: Path, project: Path) -> None:
    if _NAME.fullmatch(path.stem) is None:
        return
    experiment, script = _experiment(found, path.stem), path.relative_to(project).as_posix()
    if path.stem.startswith("hpo_"):
        experiment.search_script = script
    else:
        experiment.training_script = script


def _add_outputs(found: dict[str, ReportedExperiment], stem: str, folder: Path, best_file: Path) -> None:
    search, runs = read_search(folder, best_file), list(read_runs(folder))
    if search is not None:
        _experiment(found, stem).searches.append(search)
    if runs:
        _experiment(found, stem).runs.extend(runs)


def _read_openings(log: Path, experiments: Iterable[ReportedExperiment], problems: list[str]) -> list[Opening]:
    if not log.exists():
        return []
    results = [run.result for each in experiments for run in each.runs if run.result]
    asked = [result.test_opening.question for result in results if result.test_opening]
    names = {result.experiment for result in results}
    openings = []
    for number, line in enumerate(log.read_bytes().splitlines(), start=1):
        try:
            openings.append(msgspec.json.decode(line, type=Opening))
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            problems.append(f"{OPENINGS}, line {number}: {one_line(error)}")
    return [opening for opening in openings if opening.question in asked or opening.experiment in names]


def _order(experiment: ReportedExperiment) -> tuple[str, float, str, str]:
    return experiment.variant, budget_size(experiment.budget), experiment.task, experiment.title
