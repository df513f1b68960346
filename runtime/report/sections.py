"""From records to what stands on the page: words, tables and pictures of each experiment."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from runtime.records.results import Alarm, Result
from runtime.report.addition_tables import addition_table
from runtime.report.assets import assets_table, assets_words
from runtime.report.figures.addition import addition_to_rival
from runtime.report.figures.assets import asset_differences
from runtime.report.figures.differences import paired_differences
from runtime.report.figures.histogram import forecast_histogram
from runtime.report.figures.importances import parameter_importances
from runtime.report.figures.loss import loss_curves
from runtime.report.figures.parallel_coordinates import parallel_coordinates
from runtime.report.figures.ranking import precision_recall_curves, roc_curves
from runtime.report.figures.reliability import reliability_diagram
from runtime.report.figures.search_history import search_history
from runtime.report.figures.split import split_chart
from runtime.report.network_share import idle_words, share_table
from runtime.report.phase import ReportedExperiment, ReportedPhase
from runtime.report.rivals import boosting_words
from runtime.report.runs import ReportedRun, Unknown
from runtime.report.searches import ReportedSearch
from runtime.report.seeds import seeds_marks, seeds_table, seeds_words
from runtime.report.style import Picture
from runtime.report.tables import Table, decisions_table, forecasts_table, trials_table
from runtime.report.verdict import Verdict, judge, marks, search_marks
from runtime.report.window import window_table, window_words


@dataclass(frozen=True)
class Gap:
    """Stands where a picture would, and says why there is none."""

    title: str
    reason: str


Figure = Picture | Gap


@dataclass(frozen=True)
class Section:
    """A part of the page.

    Attributes:
        title, anchor: its heading and where links lead.
        words: paragraphs.
        verdict: what a training shows; stands first.
        marks: words and tone of the badges beside the heading.
        alarms: what to know before believing it.
        tables, figures: numbers and pictures.
        parts: smaller sections inside.
        folded: whether a reader must open it.
    """

    title: str
    anchor: str = ""
    words: list[str] = field(default_factory=list)
    verdict: Verdict | None = None
    marks: list[tuple[str, str]] = field(default_factory=list)
    alarms: list[Alarm] = field(default_factory=list)
    tables: list[Table] = field(default_factory=list)
    figures: list[Figure] = field(default_factory=list)
    parts: list[Section] = field(default_factory=list)
    folded: bool = False

    def pictures(self) -> list[Picture]:
        """All pictures, those of its parts included."""
        own = [each for each in self.figures if isinstance(each, Picture)]
        return own + [picture for part in self.parts for picture in part.pictures()]


def anchor(text: str) -> str:
    """A name that needs no escaping in a link."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", text)


def figure(title: str, make: Callable[[], Picture]) -> Figure:
    """The picture, or why there is none."""
    try:
        return make()
    except Unknown as reason:
        return Gap(title, str(reason))


def experiment_section(experiment: ReportedExperiment) -> Section:
    """All that was done about one question: the latest training first, then its search, then everything else."""
    run, search, seeds = experiment.run, experiment.search, experiment.seeds
    parts = [seeds_section(seeds)] if any(each.is_further_seed for each in seeds) else []
    parts += [run_section(run)] if run else []
    parts += [search_section(search)] if search else []
    parts += [run_section(each, folded=True) for each in experiment.runs if each is not run]
    parts += [search_section(each, folded=True) for each in experiment.searches if each is not search]
    return Section(experiment.title.replace("_", " "), anchor(experiment.title), parts=parts)


def seeds_section(runs: list[ReportedRun]) -> Section:
    """All seeds of a training side by side."""
    return Section("Training seeds", words=seeds_words(runs), marks=seeds_marks(runs), tables=[seeds_table(runs)])


def run_section(run: ReportedRun, *, folded: bool = False) -> Section:
    """One training: its verdict, its alarms, its numbers; its pictures unless it stands for many that look alike."""
    result = run.result
    judged = result.judged() if result else {}
    figures = [] if run.is_further_seed or run.is_part else _run_figures(run, judged)
    tables = [addition_table(result, split) for split in reversed(judged)] if result and result.addition else []
    tables += [forecasts_table(split, judged[split]) for split in reversed(judged)]
    if result:
        tables += _network_tables(result)
    if result and result.unseen:
        tables.append(forecasts_table("test samples of assets that are held out whole", result.unseen))
    by_asset = list(reversed(result.by_asset)) if result else []
    tables += [assets_table(run, split) for split in by_asset]
    if result and judged:
        tables.append(decisions_table(result))
    return Section(
        f"Training {run.title}",
        verdict=judge(run),
        words=[*(assets_words(run, split) for split in by_asset), *(_rival_words(result) if result else [])],
        marks=marks(run),
        alarms=result.alarms if result else [],
        tables=tables,
        figures=figures,
        folded=folded,
    )


def _rival_words(result: Result) -> list[str]:
    return [*idle_words(result), *window_words(result), *boosting_words(result)]


def _network_tables(result: Result) -> list[Table]:
    found = [share_table(result), *(window_table(result, split) for split in reversed(result.judged()))]
    return [table for table in found if table is not None]


def _run_figures(run: ReportedRun, judged: Iterable[str]) -> list[Figure]:
    figures = [figure("Loss by epoch", partial(loss_curves, run))]
    if run.result:
        figures += [asset_differences(run, split) for split in reversed(run.result.by_asset)]
    for split in reversed(list(judged)):
        figures += _split_figures(run, split)
    return figures


def _split_figures(run: ReportedRun, split: str) -> list[Figure]:
    figures = [
        figure(f"What the model adds, {split}", partial(addition_to_rival, run, split)),
        figure(f"Paired differences, {split}", partial(paired_differences, run, split)),
        figure(f"Reliability, {split}", partial(reliability_diagram, run, split)),
    ]
    if not run.is_latest:  # its forecasts were overwritten
        return figures
    return [
        *figures,
        figure(f"ROC, {split}", partial(roc_curves, run, split)),
        figure(f"Precision and recall, {split}", partial(precision_recall_curves, run, split)),
        figure(f"Forecasts by class, {split}", partial(forecast_histogram, run, split)),
    ]


def search_section(search: ReportedSearch, *, folded: bool = False) -> Section:
    """One search: how it ended, every trial, and what it looked at."""
    return Section(
        f"Search {search.name}",
        words=_search_words(search),
        marks=search_marks(search),
        alarms=search.finished.alarms if search.finished else [],
        figures=[
            figure("Search history", partial(search_history, search)),
            figure("Parameter importances", partial(parameter_importances, search)),
            figure("Completed trials across the searched space", partial(parallel_coordinates, search)),
        ],
        tables=[trials_table(search)] if search.trials else [],
        folded=folded,
    )


def _search_words(search: ReportedSearch) -> list[str]:
    words = []
    if search.problem:
        words.append(f"Not everything could be read: {search.problem}.")
    if done := search.finished:
        best, counts = done.best, ", ".join(f"{count} {name}" for name, count in done.trials.items())
        ended = "all trials ran" if done.ended_by == "trials" else "its time was spent"
        words.append(
            f"Ended because {ended}: {counts} in {done.hours:.2f} hours on {done.hpo_train_fraction:.0%} of the "
            f"training samples. Best is trial {best.trial} with a validation loss of {best.value:.4f} in epoch "
            f"{best.best_epoch}."
        )
    elif search.state != "unreadable":
        words.append(f"Not finished: {len(search.completed)} of {len(search.trials)} trials completed so far.")
    if search.finished and search.study is None and not search.problem:
        words.append("Its journal is not here, so there is no history to draw.")
    return words


def split_sections(phase: ReportedPhase) -> list[Figure]:
    """One chart for each distinct split of the phase."""
    distinct: dict[str, Callable[[], Picture]] = {}
    for run in phase.runs:
        if run.result is None:
            continue
        key = repr((run.result.data_sha256, run.result.timescale, run.result.split))
        name = f"split_{len(distinct) + 1}" if distinct else "split"
        distinct.setdefault(key, partial(split_chart, Path(phase.project), run.result, name))
    return [figure("Which days train, validate and test", make) for make in distinct.values()]
