"""What a real training writes is what scaling reads."""

from pathlib import Path
from typing import Any

import pytest

from runtime.records.results import Result
from runtime.report.runs import read_runs
from runtime.scaling import TRAINING_SAMPLES, studies, summary
from tests.helpers.tiny import make_arguments, make_experiment, make_recipe
from tests.helpers.tiny_run import run_tiny

EXPERIMENT = make_experiment()


def run(project: Path, **asked: Any) -> Path:
    """Train as a script does that was asked so; the folder of all outputs."""
    arguments = make_arguments(project, **asked)
    run_tiny(arguments, EXPERIMENT, make_recipe(max_epochs=2))
    return arguments.outputs


def results(outputs: Path) -> list[Result]:
    """What all folders of scripts hold, as the report reads them."""
    return [run.result for folder in sorted(outputs.glob("phase0/*/")) for run in read_runs(folder) if run.result]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return run(tmp_path_factory.mktemp("scaling"))


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_real_record_is_understood(outputs: Path, split: str) -> None:
    (trained,) = results(outputs)
    (study,) = studies([trained], split=split)
    assert study.left_out == ()
    found = summary(study)
    (run,) = found["runs"]
    assert (run["seed"], run["size"]) == (7, trained.parameter_count)
    assert run["loss"] == trained.judged()[split]["model"].log_loss
    assert found["levels"][0]["difference"] == pytest.approx(
        trained.judged()[split][found["rival"]].model_minus_this["log_loss"].difference
    )


def test_seeds_and_parts_of_the_days_are_found_wherever_they_lie(tmp_path: Path) -> None:
    run(tmp_path, seeds=3)
    for fraction in (0.25, 0.5):
        outputs = run(tmp_path, train_fraction=fraction, seeds=2)
    records = results(outputs)
    (parameters,) = studies(records)
    assert ([each.seed for each in parameters.runs], parameters.left_out) == ([7, 8, 9], ())
    (samples,) = studies(records, axis=TRAINING_SAMPLES)
    assert samples.left_out == ()
    assert samples.split == "validation", "the parts never open the test split"
    assert [(level.name, len(level.runs)) for level in samples.levels] == [("0.25", 2), ("0.5", 2), ("1", 3)]
    sizes = [level.size for level in samples.levels]
    assert sizes == sorted(sizes)
    assert sizes[-1] == pytest.approx(EXPERIMENT.splits.train_indices.size)
