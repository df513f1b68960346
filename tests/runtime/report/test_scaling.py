"""The page shows seeds, sizes and amounts of data for what they are, and names what is left out."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from runtime.__main__ import main
from runtime.judging.intervals import t_interval
from runtime.report.page import render
from runtime.report.phase import ReportedPhase, read_phase
from runtime.report.scaling import scaling_section
from runtime.report.sections import Section, experiment_section, seeds_section
from runtime.report.tables import Table
from tests.helpers.scaling_records import COUNTS, flat, record, simulate, unopened, write

BEFORE_TRAINING = dict.fromkeys(("training", "validation", "test", "test_opening", "parameter_count", "recipe"))
FAILED = record("20M", 44) | BEFORE_TRAINING | {"status": "failed", "failure": "RunError: training diverged"}
TRAINED = record("200M", 45, status="trained", test=None, test_opening=None)


def of(task: str, records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [each | {"task": task, "experiment": f"phase6a_{each['budget']}_{task}"} for each in records]


def part(fraction: float, seed: int) -> dict[str, Any]:
    sizes = {name: {"samples": round(4806 * fraction), "positives": 99} for name in ("training", "validation", "test")}
    return unopened([record("2M", seed, 0.5 - 0.05 * fraction, train_fraction=fraction, splits=sizes)])[0]


@pytest.fixture(scope="module")
def phase(tmp_path_factory: pytest.TempPathFactory) -> ReportedPhase:
    """Four budgets of five seeds, twice; one seed failed and one is trained only, and one record is damaged."""
    project = tmp_path_factory.mktemp("scaling")
    outputs = project / "outputs"
    write([*simulate(), FAILED, TRAINED, *of("threshold_3pct", simulate(flat))], outputs)
    write([part(fraction, seed) for fraction in (0.25, 0.5) for seed in (42, 43, 44)], outputs)
    damaged = outputs / "phase6a/train_2M_threshold_5pct/seed_43/result.json"
    write(of("threshold_5pct", [record("2M")]), outputs)
    damaged.parent.mkdir()
    damaged.write_text("{")
    return read_phase(project, "phase6a", outputs)


@pytest.fixture(scope="module")
def scaling(phase: ReportedPhase) -> Section:
    return scaling_section(phase)


def column(table: Table, name: str) -> list[str]:
    return [row[table.header.index(name)].text for row in table.rows]


def test_seeds_and_fractions_are_runs_of_their_script(phase: ReportedPhase) -> None:
    assert len(phase.experiments) == 9
    experiment = next(each for each in phase.experiments if each.title == "2M_threshold_1pct")
    assert [run.title for run in experiment.seeds] == [
        "train_2M_threshold_1pct",
        *(f"train_2M_threshold_1pct_seed_{seed}" for seed in (43, 44, 45, 46)),
    ]
    assert experiment.run is experiment.seeds[0]
    assert sum(run.is_part for run in experiment.runs) == 6
    drawn = [each.title for each in experiment_section(experiment).parts if each.figures]
    assert drawn == ["Training train_2M_threshold_1pct"]


def test_mean_of_seeds_is_that_of_the_finished_ones(phase: ReportedPhase) -> None:
    experiment = next(each for each in phase.experiments if each.title == "20M_threshold_1pct")
    section = seeds_section(experiment.seeds)
    (table,) = section.tables
    losses = [run.result.test["model"].log_loss for run in experiment.seeds if run.result and run.result.test]
    interval = t_interval(np.array(losses))
    assert (len(losses), interval is None) == (4, False)
    assert column(table, "Seed") == ["42", "43", "44", "45", "46", "mean of 4"]
    assert column(table, "Log loss")[2] == "undefined"
    assert column(table, "Log loss")[-1] == f"{np.mean(losses):.4f}"
    assert table.rows[-1][3].detail == f"{interval[0]:.4f} to {interval[1]:.4f}" if interval else ""
    assert section.words[-1] == "Not in the mean: 44 (RunError: training diverged)."
    assert section.marks == [("4 of 5 seeds finished", "bad")]


@pytest.mark.parametrize(
    ("title", "words"),
    [
        ("200M_threshold_1pct", "45 (trained, test not yet opened)"),
        ("2M_threshold_5pct", "train_2M_threshold_5pct_seed_43 ("),
    ],
)
def test_seed_without_a_result_is_named_with_the_reason(phase: ReportedPhase, title: str, words: str) -> None:
    experiment = next(each for each in phase.experiments if each.title == title)
    assert words in seeds_section(experiment.seeds).words[-1]


def test_each_question_is_a_panel_with_its_words_picture_and_numbers(scaling: Section) -> None:
    panels = {each.title: each for each in scaling.parts}
    assert [(title, len(each.figures), each.folded) for title, each in panels.items()] == [
        ("threshold 1pct, by parameters", 1, False),
        ("threshold 3pct, by parameters", 1, False),
        ("threshold 5pct, by parameters", 0, True),
        ("2M threshold 1pct, by training samples", 1, False),
    ]
    first = panels["threshold 1pct, by parameters"]
    assert "the loss falls as parameters grow" in " ".join(first.words)
    (left_out,) = first.tables
    assert [(row[0].text, row[1].text) for row in left_out.rows] == [
        (
            "phase6a_200M_threshold_1pct, seed 45",
            "trained, but its test split is not opened yet; the same command goes on",
        ),
        ("phase6a_20M_threshold_1pct, seed 44", "failed: RunError: training diverged"),
    ]
    levels, trends, forms = first.parts[0].tables
    assert column(levels, "Size") == list(COUNTS)
    assert column(levels, "Seeds") == ["5", "4", "4", "5"]
    assert trends.notes == ["not all seeds ran every size"]
    assert [row[0].marks for row in forms.rows] == [[], [], [("simplest sufficient", "good")]]
    (picture,) = first.pictures()
    assert all(budget in picture.alt for budget in COUNTS)
    assert picture.light != picture.dark


def test_data_that_limit_the_result_are_said_so(scaling: Section) -> None:
    flat_panel = scaling.parts[1]
    assert flat_panel.marks == [("data-limited", "open")]
    assert "The data, not the model, limit the result" in " ".join(flat_panel.words)
    (glance,) = scaling.tables
    assert [row[0].marks for row in glance.rows] == [[], [("data-limited", "open")], [], []]


def test_damaged_record_is_named(scaling: Section) -> None:
    assert scaling.words == ["In no panel, because the record is not understood: train_2M_threshold_5pct_seed_43."]


def test_links_lead_to_panels_and_no_r_squared_is_shown(scaling: Section) -> None:
    text = render("all", [scaling])
    for row in scaling.tables[0].rows:
        assert text.count(f'id="{row[0].link.removeprefix("#")}"') == 1
    assert "R²" not in text


def test_phases_are_compared_on_a_page_of_their_own(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """No record of these is finished, so that nothing is drawn but the page is whole."""
    weekly = {"experiment": "phase6c_2M_threshold_1pct_weekly", "phase": "phase6c", "timescale": "weekly"}
    write([FAILED, FAILED | weekly | {"budget": "2M"}], tmp_path / "outputs")
    assert main(["report"], tmp_path) == 0
    page = (tmp_path / "outputs/report.html").read_text()
    assert "threshold 1pct weekly, by parameters" in page
    assert "threshold 1pct, by parameters" in page
    assert capsys.readouterr().out.count("written: ") == 3


def test_other_splits_are_panels_of_their_own(tmp_path: Path) -> None:
    other = record("2M")
    other |= {"split": other["split"] | {"seed": 43}, "experiment": "phase6a_2M_threshold_1pct"}
    for number, each in enumerate((record("2M"), other)):
        write([each], tmp_path / str(number))
    (tmp_path / "1/phase6a/train_2M_threshold_1pct").rename(tmp_path / "0/phase6a/another")
    section = scaling_section(read_phase(tmp_path, "phase6a", tmp_path / "0"))
    assert [each.title for each in section.parts] == [
        f"threshold 1pct, by parameters, data 0c0a, split seed {seed}" for seed in (42, 43)
    ]
    assert len({each.anchor for each in section.parts}) == 2
