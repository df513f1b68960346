"""The page shows every run for what it is, however it ended, and never becomes what its records say."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from runtime.__main__ import main
from runtime.records.files import sole_process
from runtime.report.page import page_sections, render
from runtime.report.phase import ReportedPhase, read_phase
from runtime.report.runs import read_runs
from runtime.report.sections import Section
from runtime.report.style import Picture
from tests.helpers.market import PROJECT
from tests.helpers.reported import HOSTILE, make_phase


class Page(HTMLParser):
    """What a test asks of a page: its elements, its words, its pictures."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.words: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, {name: value or "" for name, value in attrs}))

    def handle_data(self, data: str) -> None:
        self.words.append(data)

    def all(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("reported")
    make_phase(root)
    return root


@pytest.fixture(scope="module")
def phase(project: Path) -> ReportedPhase:
    return read_phase(project, "phase0", project / "outputs")


@pytest.fixture(scope="module")
def sections(phase: ReportedPhase) -> list[Section]:
    return page_sections(phase)


@pytest.fixture(scope="module")
def text(phase: ReportedPhase, sections: list[Section]) -> str:
    return render(phase.name, sections)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def parts(sections: list[Section]) -> dict[str, Section]:
    return {part.title: part for section in sections for part in section.parts}


@pytest.mark.parametrize(
    ("training", "badge", "words"),
    [
        ("train_2M_threshold_1pct", "finished", "Cannot be compared with its best rival"),
        ("train_20M_threshold_1pct", "failed", "RunError: training diverged"),
        ("train_20M_threshold_2pct", "killed", "killed before it could record a result"),
        ("train_20M_threshold_3pct", "interrupted", "the same command takes it up again"),
        ("train_200M_threshold_1pct", "unreadable or older version", "missing required field `alarms`"),
        ("train_200M_threshold_3pct", "unreadable or older version", "damaged or of an older version"),
    ],
)
def test_every_state_is_shown_as_such(sections: list[Section], training: str, badge: str, words: str) -> None:
    part = parts(sections)[f"Training {training}"]
    assert part.marks[0][0] == badge
    assert part.verdict is not None
    assert words in " ".join([part.verdict.headline, *part.verdict.sentences])


@pytest.mark.parametrize(
    ("search", "badge", "words"),
    [
        ("hpo_2M_threshold_1pct", "finished", "all trials ran"),
        ("hpo_2M_threshold_3pct", "unfinished", "3 of 4 trials completed"),
        ("hpo_2M_threshold_5pct", "unreadable or older version", "journal.log"),
    ],
)
def test_every_search_is_shown_as_such(sections: list[Section], search: str, badge: str, words: str) -> None:
    part = parts(sections)[f"Search {search}"]
    assert part.marks[0][0] == badge
    assert words in " ".join(part.words)


def test_missing_runs_are_listed_with_their_command(page: Page) -> None:
    assert "python experiments/phase0/train_200M_threshold_5pct.py" in " ".join(page.words)


def test_run_in_progress_is_told_from_a_killed_one(project: Path) -> None:
    folder = project / "outputs/phase0/train_20M_threshold_2pct"
    with sole_process(folder):
        assert [run.state for run in read_runs(folder)] == ["running"]
    assert [run.state for run in read_runs(folder)] == ["killed"]


def test_torn_last_epoch_is_left_out(project: Path) -> None:
    (run,) = read_runs(project / "outputs/phase0/train_20M_threshold_1pct")
    assert [each.epoch for each in run.epochs] == [1, 2]


def test_reopened_test_is_marked_wherever_its_numbers_stand(page: Page) -> None:
    words = "".join(page.words)
    assert words.count("test reopened: opening 2") == 3  # overview, section, records
    assert "This is opening 2 of this question's test split again" in words


def test_numbers_of_one_class_are_undefined_with_the_reason(sections: list[Section]) -> None:
    part = parts(sections)["Training train_2M_threshold_5pct"]
    table = next(each for each in part.tables if each.caption == "All forecasts on test")
    column = table.header.index("ROC AUC")
    assert {row[column].text for row in table.rows} == {"undefined"}
    assert "all 64 labels are 0: ranking is undefined" in table.notes
    gaps = {each.title: each.reason for each in part.figures if not isinstance(each, Picture)}
    assert set(gaps) == {"ROC, test", "Precision and recall, test"}


def test_failed_and_interrupted_trials_are_listed_with_their_reason(sections: list[Section]) -> None:
    rows = parts(sections)["Search hpo_2M_threshold_1pct"].tables[0].rows
    outcomes = {row[1].text for row in rows}
    assert {"completed", "pruned", "failed"} <= outcomes
    assert all(row[1].detail.startswith("diverged") for row in rows if row[1].text == "failed")


def test_page_refers_to_nothing_outside_itself(page: Page, text: str) -> None:
    for _, attributes in page.elements:
        for name in ("src", "href", "srcset", "poster", "data", "action"):
            assert attributes.get(name, "#").startswith(("#", "data:")), attributes
    assert not page.all("script")
    assert not re.search(r"@import|url\(", text.partition("<body>")[0])


def test_links_lead_somewhere(page: Page) -> None:
    anchors = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(anchors) == len(set(anchors))
    assert {each["href"].removeprefix("#") for each in page.all("a")} <= set(anchors)


def test_every_picture_has_words_and_both_palettes(page: Page, sections: list[Section]) -> None:
    pictures = [picture for section in sections for picture in section.pictures()]
    images, dark = page.all("img"), page.all("source")
    assert len(pictures) == len(images) == len(dark) > 25
    assert len({picture.name for picture in pictures}) == len(pictures)
    for image, source in zip(images, dark, strict=True):
        assert len(image["alt"]) > 40
        assert image["src"] != source["srcset"]
        assert "dark" in source["media"]
    kinds = {picture.name.rsplit("_", 1)[1] for picture in pictures}
    assert kinds == {"loss", "roc", "pr", "reliability", "histogram", "differences", "addition", "history", "parallel"}


def test_tables_have_captions_and_headers(page: Page) -> None:
    tables = page.all("table")
    assert len(page.all("caption")) == len(tables) > 5
    assert {each["scope"] for each in page.all("th")} == {"col", "row"}


def test_hostile_names_and_messages_stay_words(page: Page) -> None:
    assert HOSTILE in " ".join(page.words)
    assert "alert(2)" in " ".join(page.words)
    assert not any(name.startswith("on") for _, attributes in page.elements for name in attributes)


def test_pictures_beside_the_page_are_not_blank(sections: list[Section]) -> None:
    for section in sections:
        for picture in section.pictures():
            pixels = imread(io.BytesIO(picture.png))
            assert min(pixels.shape[:2]) > 500
            assert np.unique((pixels[..., 0] * 255).astype(np.uint8)).size > 20, picture.name


def test_same_records_give_the_same_bytes_in_another_process(project: Path, tmp_path: Path) -> None:
    assert main(["report", "phase1", "--output", str(tmp_path / "one")], project) == 0
    (tmp_path / "one/report/gone.png").write_bytes(b"")
    command = (
        f"from pathlib import Path; from runtime.__main__ import main; raise SystemExit(main("
        f"['report', 'phase1', '--output', {str(tmp_path / 'one')!r}], Path({str(project)!r})))"
    )
    first = {path: path.read_bytes() for path in (tmp_path / "one").rglob("*.*") if path.name != "gone.png"}
    environment = {**os.environ, "PYTHONHASHSEED": "1", "PYTHONPATH": str(PROJECT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", command], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert {path: path.read_bytes() for path in (tmp_path / "one").rglob("*.*")} == first
    assert len(first) > 8


def test_shorter_look_is_folded_away_and_marked(project: Path) -> None:
    (part, *_) = read_phase(project, "phase1", project / "outputs").experiments
    (run,) = part.runs
    assert part.run is None
    assert run.result is not None
    assert run.result.shortened_to_epochs == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["report", "phase9"], "phase 'phase9' is not known; known: phase0, phase1"),
        (["report", "--output", "here"], "--output takes one phase"),
        (
            ["report", "phase0", "--runs", "nowhere"],
            "nothing was run yet in nowhere; run first: python experiments/phase0",
        ),
    ],
)
def test_wrong_usage_is_one_line_that_says_what_to_do(
    arguments: list[str], message: str, project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments, project) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_empty_project_is_told_what_to_run(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report"], tmp_path) == 2
    assert "run first: python -m codegen phase6a" in capsys.readouterr().err
