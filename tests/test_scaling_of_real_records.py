"""What a real training writes is what scaling reads."""

from pathlib import Path
from typing import Any

import pytest

from runtime.recipe import Recipe
from runtime.scaling import read_records, studies, summary
from runtime.trainer import Trainer
from runtime.training_run import run_training
from tests.tiny import ARCHITECTURE, make_arguments, make_experiment, make_recipe

EXPERIMENT = make_experiment()


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    arguments = make_arguments(tmp_path_factory.mktemp("scaling"))
    recipe: Recipe = make_recipe(max_epochs=2)

    def make(experiment: Any, _: Any, architecture: Any, seed: int) -> Trainer:
        return Trainer(
            experiment.windows, split_indices=experiment.splits, architecture=architecture, recipe=recipe, seed=seed
        )

    run_training(EXPERIMENT, arguments, {"tiny": ARCHITECTURE}, make, training_seed=7, provenance={"source": "test"})
    return arguments.output.parents[1]


@pytest.mark.parametrize("split", ["validation", "test"])
def test_a_real_record_is_understood(outputs: Path, split: str) -> None:
    records = read_records(outputs)
    (study,) = studies(records, split=split)
    assert study.left_out == ()
    found = summary(study)
    (run,) = found["runs"]
    assert (run["seed"], run["size"]) == (7, records[0]["parameter_count"])
    assert run["loss"] == records[0][split]["model"]["log_loss"]
    assert found["levels"][0]["difference"] == pytest.approx(
        records[0][split][found["rival"]]["model_minus_this"]["log_loss"]["difference"]
    )
