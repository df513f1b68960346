"""Model and rival forecast together, from a table alone, what the record says of their combination."""

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file, save_file

from runtime import load_predictor
from runtime.errors import UserError
from runtime.judging.calibration import probabilities
from runtime.judging.encompassing import combine
from runtime.judging.predictor import RIVAL, export_model, read_weights
from runtime.judging.saved_rival import INPUTS
from tests.helpers.tiny import CONTEXT_LENGTH, make_arguments
from tests.helpers.tiny_run import EXPERIMENT, train

DAYS = EXPERIMENT.series.daily


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    arguments = make_arguments(tmp_path_factory.mktemp("trained"))
    return arguments.output, train(arguments, max_epochs=3)


def exported(trained: tuple[Path, dict[str, Any]], tmp_path: Path, rival: str) -> Path:
    """The trained model, written again as if that rival had been the best."""
    output, record = trained
    addition = {"rival": rival, "weight": 0.3, "decision_threshold": 0.25}
    export_model(tmp_path, read_weights(output / "model.safetensors")[0], EXPERIMENT, record | {"addition": addition})
    return tmp_path


def test_it_is_the_combination_of_the_record(trained: tuple[Path, dict[str, Any]]) -> None:
    output, record = trained
    addition, stored = record["addition"], pd.read_parquet(output / "predictions.parquet")
    combined = load_predictor(output).combined()
    assert (combined.weight, combined.decision_threshold) == (addition["weight"], addition["decision_threshold"])
    chances = combined.predict(DAYS)
    for split in ("validation", "test"):
        part = stored[stored["split"] == split].set_index("date")
        model, rival = (np.log(part[name] / (1 - part[name])) for name in ("model", addition["rival"]))
        expected = probabilities(combine(rival.to_numpy(), model.to_numpy(), addition["weight"]))
        np.testing.assert_allclose(chances[part.index], expected, rtol=1e-5)
        gain = addition[split]["minus_rival"]["combination"]["difference"]
        losses = -np.log(np.where(part["label"] == 1, chances[part.index], 1 - chances[part.index]))
        assert losses.mean() - record[split][addition["rival"]]["log_loss"] == pytest.approx(gain, abs=1e-6)


@pytest.mark.parametrize("rival", INPUTS)
def test_every_rival_that_can_be_saved_forecasts_beside_the_model(
    rival: str, trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    predictor = load_predictor(exported(trained, tmp_path, rival))
    stored = pd.read_parquet(trained[0] / "predictions.parquet").set_index("date")
    model, other = (np.log(stored[name] / (1 - stored[name])).to_numpy() for name in ("model", rival))
    expected = probabilities(combine(other, model, 0.3))
    np.testing.assert_allclose(predictor.combined().predict(DAYS)[stored.index], expected, rtol=1e-5)
    assert np.abs(predictor.predict(DAYS) - predictor.combined().predict(DAYS)).max() > 0.01
    last = predictor.combined().predict(DAYS.tail(CONTEXT_LENGTH))
    np.testing.assert_allclose(last, predictor.combined().predict(DAYS).tail(1), rtol=1e-5)


def test_rival_that_cannot_be_saved_is_named_and_the_model_still_forecasts(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    predictor = load_predictor(exported(trained, tmp_path, "ewma_volatility"))
    with pytest.raises(UserError, match="the best rival, EWMA volatility, cannot be saved: ewma_volatility reads more"):
        predictor.combined()
    assert predictor.predict(DAYS).size
    assert not (tmp_path / RIVAL).exists()


def change_a_number(path: Path) -> None:
    arrays = load_file(path)
    arrays["intercept"] += 1e-3
    save_file(arrays, path)


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (change_a_number, "holds another rival than model.json says; run the training script again"),
        (Path.unlink, "holds no rival.safetensors"),
        (lambda path: path.write_bytes(b""), "is damaged"),
    ],
)
def test_damaged_rival_is_refused_in_one_line(
    damage: Callable[[Path], object], message: str, trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = exported(trained, tmp_path, "logistic_regression")
    damage(folder / RIVAL)
    with pytest.raises(UserError, match=message) as refusal:
        load_predictor(folder).combined()
    assert "\n" not in str(refusal.value)


def test_model_of_before_forecasts_and_says_that_it_has_no_combination(
    trained: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(trained[0], tmp_path / "older"))
    model = json.loads((folder / "model.json").read_text())
    del model["combination"]
    text = json.dumps(model).encode()
    (folder / "model.json").write_bytes(text)
    weights = folder / "model.safetensors"
    save_file(load_file(weights), weights, {"description_sha256": hashlib.sha256(text).hexdigest()})
    predictor = load_predictor(folder)
    assert predictor.predict(DAYS).size
    with pytest.raises(UserError, match="holds no combination with a rival; run the training script again"):
        predictor.combined()
