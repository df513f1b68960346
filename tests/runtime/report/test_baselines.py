"""A baseline is one line of a table: figures, tables and sentences follow, whatever it is called."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from runtime.arrays import Indices
from runtime.judging import baselines
from runtime.judging.baselines import BASELINES, Baseline, title_of
from runtime.report import style
from runtime.report.figures.differences import paired_differences
from runtime.report.figures.loss import loss_curves
from runtime.report.figures.ranking import precision_recall_curves, roc_curves
from runtime.report.figures.reliability import reliability_diagram
from runtime.report.runs import ReportedRun, read_runs
from runtime.report.style import DARK, LIGHT, line_of, model_last
from runtime.report.tables import forecasts_table
from runtime.report.verdict import judge
from runtime.samples.experiment import Experiment
from tests.helpers.tiny import make_arguments
from tests.helpers.tiny_run import train

NEWEST = "newest_feature"


def fit_newest(experiment: Experiment) -> baselines.Forecaster:
    """Ten times the first feature of the last row."""
    values = experiment.windows.values[:, 0].numpy()

    def forecast(indices: Indices) -> np.ndarray[tuple[int, ...], np.dtype[np.float64]]:
        return values[experiment.decision_rows(indices)].astype(np.float64)

    return forecast


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> ReportedRun:
    """A training that was judged beside one baseline more, which this version then forgets."""
    arguments = make_arguments(tmp_path_factory.mktemp("baselines"))
    with pytest.MonkeyPatch.context() as patch:
        more = (*BASELINES, Baseline(NEWEST, "newest feature", fit_newest))
        for module in ("baselines", "baseline_cache"):
            patch.setattr(f"runtime.judging.{module}.BASELINES", more)
        train(arguments, max_epochs=2)
    (found,) = read_runs(arguments.output)
    return replace(found, script="script")


def test_it_stands_in_every_table_figure_and_sentence(run: ReportedRun) -> None:
    assert run.result is not None
    judged = run.result.judged()["test"]
    assert list(judged) == ["model", *(each.name for each in BASELINES), NEWEST]
    rows = [row[0].text for row in forecasts_table("test", judged).rows]
    assert rows == [title_of(name) for name in judged]
    for draw in (paired_differences, reliability_diagram, roc_curves, precision_recall_curves):
        assert "newest feature" in draw(run, "test").light
    assert "newest feature" in loss_curves(run).light
    assert "newest feature" in " ".join(judge(run).sentences)


def test_known_forecasts_differ_in_colour_and_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(style, "TITLES", baselines.TITLES | {NEWEST: "newest feature"})
    names = ["model", *(each.name for each in BASELINES), NEWEST]
    for palette in (LIGHT, DARK):
        assert len({palette.forecast(name) for name in names}) == len(names)
    assert len({str(line_of(name)) for name in names}) == len(names)
    assert model_last(names)[-1] == "model"


def test_names_are_told_apart() -> None:
    assert len({each.name for each in BASELINES} | {"model"}) == len(BASELINES) + 1
    assert title_of("model") == "PatchTST"
    assert title_of("of_another_version") == "of another version"
