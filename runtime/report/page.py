"""The pages themselves, and the pictures beside them."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from data.files import write_atomically
from runtime.report.figures.markets import markets_forest
from runtime.report.markets import answers, markets_table, markets_words
from runtime.report.overview import missing_table, openings_table, overview_tables, summary
from runtime.report.phase import ReportedPhase
from runtime.report.scaling import scaling_section
from runtime.report.sections import Gap, Section, anchor, experiment_section, split_sections
from runtime.report.style import Picture
from runtime.report.tables import runs_table, searches_table


def write_phase(phase: ReportedPhase, folder: Path) -> Path:
    """Write the page of a phase, see `write_page`."""
    return write_page(phase.name, page_sections(phase), folder)


def write_comparison(phases: Sequence[ReportedPhase], folder: Path) -> Path:
    """Write the page that compares datasets, phases, horizons and timescales, see `write_page`."""
    sections = [scaling_section(phase, phase.name, anchor(phase.name)) for phase in phases]
    if found := answers(phases):
        words = markets_words(phases, found)
        sections.insert(
            0, Section("Datasets", "datasets", words, tables=[markets_table(found)], figures=[markets_forest(found)])
        )
    return write_page("All phases and datasets", sections, folder)


def write_page(title: str, sections: Sequence[Section], folder: Path) -> Path:
    """Write ``report.html`` and ``report/*.png``; the same records give the same bytes.

    Args:
        title: of the page.
        sections: all of it.
        folder: where to write; pictures of an earlier report that are no more are removed.

    Returns:
        The page.
    """
    page = folder / "report.html"
    pictures = [picture for section in sections for picture in section.pictures()]
    wanted = {folder / "report" / f"{picture.name}.png": picture.png for picture in pictures}
    for path, png in wanted.items():
        write_atomically(path, png)
    for path in (folder / "report").glob("*.png"):
        if path not in wanted:
            path.unlink()
    write_atomically(page, render(title, sections).encode())
    return page


def page_sections(phase: ReportedPhase) -> list[Section]:
    """All of the page, in its order."""
    experiments = [experiment_section(each) for each in phase.experiments if not each.is_empty]
    links = {run.name: f"#{anchor(each.title)}" for each in phase.experiments for run in each.runs}
    links |= {search.name: f"#{anchor(each.title)}" for each in phase.experiments for search in each.searches}
    missing, openings = missing_table(phase), openings_table(phase)
    records = [runs_table(phase.runs, links), searches_table(phase.searches, links), missing, openings]
    return [
        Section("Overview", "overview", [summary(phase), *phase.problems], tables=overview_tables(phase)),
        *([Section("Split", "split", figures=charts)] if (charts := split_sections(phase)) else []),
        scaling_section(phase),
        *experiments,
        Section("Records", "records", tables=[table for table in records if table.rows]),
    ]


def render(title: str, sections: Sequence[Section]) -> str:
    """The page as HTML."""
    templates = Environment(
        loader=PackageLoader("runtime.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["data_uri"] = data_uri
    templates.tests["picture"] = lambda figure: isinstance(figure, Picture)
    templates.tests["gap"] = lambda figure: isinstance(figure, Gap)
    return templates.get_template("page.html").render(title=title, sections=sections)


def data_uri(svg: str) -> str:
    """A picture inside the page."""
    return "data:image/svg+xml;base64," + base64.b64encode(svg.encode()).decode()
