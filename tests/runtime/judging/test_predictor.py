"""A trained model forecasts what its trainer forecast, from a table alone, and refuses what does not fit."""

import hashlib
import json
import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from safetensors.torch import load_file, save_file

from data.schema import DEFAULT_DATASET
from runtime import load_predictor
from runtime.errors import UserError
from runtime.judging.calibration import probabilities
from runtime.samples.bars import make_bars
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.experiment import Experiment
from runtime.samples.quantile_normaliser import QuantileNormaliser
from runtime.script.arguments import Arguments
from runtime.training.trainer import Trainer
from tests.helpers.market import make_experiment as ask_market
from tests.helpers.market import real_series
from tests.helpers.tiny import CONTEXT_LENGTH, make_arguments, make_series, make_trainer
from tests.helpers.tiny_run import EXPERIMENT, make, run_tiny, train

PROJECT = Path(__file__).resolve().parents[3]
DAYS = EXPERIMENT.series.daily


@pytest.fixture(scope="module")
def output(tmp_path_factory: pytest.TempPathFactory) -> Path:
    arguments = make_arguments(tmp_path_factory.mktemp("trained"))
    train(arguments)
    return arguments.output


@pytest.fixture
def copied(output: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(output, tmp_path / "copied"))


def train_briefly(experiment: Experiment, arguments: Arguments) -> Trainer:
    """Train one epoch of the tiny model without opening the test split; return the trainer, trained."""
    trainers = []

    def make_and_keep(*given: Any) -> Trainer:
        trainers.append(make(*given))
        return trainers[-1]

    run_tiny(replace(arguments, shorter_look=1), experiment, make_trainer=make_and_keep)
    return trainers[-1]


def every_window(experiment: Experiment) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.arange(len(experiment.series) - experiment.splitter.context_length + 1)


def test_it_forecasts_what_the_trainer_forecast(output: Path) -> None:
    trainer = make_trainer(EXPERIMENT)
    trainer.fit()
    chances = load_predictor(output).predict(DAYS)
    np.testing.assert_array_equal(chances, probabilities(trainer.predict(every_window(EXPERIMENT))))
    assert chances.index.equals(pd.DatetimeIndex(DAYS["Date"][CONTEXT_LENGTH - 1 :], name="Date"))
    assert chances.std() > 0.1, "this test needs forecasts that differ"


def test_features_by_their_quantiles_are_those_that_the_trainer_saw(tmp_path: Path) -> None:
    experiment = replace(EXPERIMENT, normalisation="quantiles")
    arguments = make_arguments(tmp_path)
    trainer = train_briefly(experiment, arguments)
    predictor = load_predictor(arguments.output)
    np.testing.assert_array_equal(predictor.predict(DAYS), probabilities(trainer.predict(every_window(experiment))))
    assert type(predictor.normaliser) is QuantileNormaliser


@pytest.mark.parametrize(
    ("statistics", "message"),
    [
        ({"quantiles": [[0.0] * 3] * 24}, "3 channels need 25 quantiles each"),
        ({"quantiles": [[0.0] * 2] * 25}, "3 channels need 25 quantiles each"),
        ({"mean": [0.0] * 3}, "3 channels need as many means and deviations"),
        ({"mean": [0.0] * 2, "std": [1.0] * 2}, "3 channels need as many means and deviations"),
        ({}, "3 channels need as many means and deviations"),
    ],
)
def test_statistics_that_are_not_of_the_channels_are_refused(
    statistics: dict[str, Any], message: str, copied: Path
) -> None:
    model = json.loads((copied / "model.json").read_text())
    content = (json.dumps(model | {"normaliser": statistics}) + "\n").encode()
    (copied / "model.json").write_bytes(content)
    metadata = {"description_sha256": hashlib.sha256(content).hexdigest()}
    save_file(load_file(copied / "model.safetensors"), copied / "model.safetensors", metadata)
    with pytest.raises(UserError, match=message):
        load_predictor(copied)


def test_last_window_needs_no_other_rows_columns_or_order_of_columns(output: Path) -> None:
    predictor = load_predictor(output)
    whole = predictor.predict(DAYS)
    last = DAYS.tail(CONTEXT_LENGTH)[["more_noise", "signal", "Date", "noise"]]
    assert predictor.predict(last).to_dict() == pytest.approx(whole.tail(1).to_dict(), rel=1e-5)


@pytest.mark.parametrize("timescale", ["3d", "weekly"])
def test_other_timescales_read_daily_tables(timescale: str, tmp_path: Path) -> None:
    bars = make_bars(make_series(1500).daily, timescale)
    features = bars.frame[["signal", "noise", "more_noise"]].to_numpy(np.float32)
    series = replace(make_series(1500), bars=bars, features=features)
    splitter = ChunkSplitter(len(series), CONTEXT_LENGTH, series.horizon_in_bars(1), 0.2, 0.2, seed=1, chunk_length=40)
    labels = series.labels(threshold=0.01, horizon=1, price="high")
    changes = {"series": series, "splitter": splitter, "splits": splitter.split(), "labels": labels}
    experiment = replace(EXPERIMENT, timescale=timescale, **changes)
    arguments = make_arguments(tmp_path)
    trainer = train_briefly(experiment, arguments)
    chances = load_predictor(arguments.output).predict(series.daily)
    np.testing.assert_array_equal(chances, probabilities(trainer.predict(every_window(experiment))))
    assert chances.index.equals(pd.DatetimeIndex(bars.frame["Date"][CONTEXT_LENGTH - 1 :], name="Date"))


def changed(column: str, row: int, value: object) -> pd.DataFrame:
    table = DAYS.copy()
    table[column] = table[column].astype(object if isinstance(value, str) else table[column].dtype)
    table.loc[row, column] = value
    return table


@pytest.mark.parametrize(
    ("table", "message"),
    [
        (DAYS.drop(columns="noise"), r"the table lacks the columns \['noise'\]; it has \['Date', "),
        (DAYS.rename(columns={"signal": "Signal"}), r"the table lacks the columns \['signal'\]"),
        (DAYS.set_index("Date"), r"the table lacks the columns \['Date'\]"),
        (pd.concat([DAYS, DAYS[["noise"]]], axis=1), r"the table has the columns \['noise'\] twice"),
        (changed("noise", 399, np.nan), r"column 'noise' is not finite at 2021-07-13"),
        (changed("signal", 0, np.inf), r"column 'signal' is not finite at 2020-01-01"),
        (changed("signal", 5, "high"), r"column 'signal' holds object, not numbers"),
        (DAYS[::-1], r"dates must be unique and increasing"),
        (DAYS.assign(Date=DAYS["Date"].astype(str)), r"dates must be unique and increasing"),
        (pd.concat([DAYS, DAYS.tail(1)]), r"dates must be unique and increasing"),
        (DAYS.head(CONTEXT_LENGTH - 1), r"the table holds 7 daily bars; a forecast needs 8$"),
        (DAYS.head(0), r"the table holds 0 daily bars; a forecast needs 8$"),
    ],
)
def test_table_that_does_not_fit_is_refused_in_one_line(table: pd.DataFrame, message: str, output: Path) -> None:
    with pytest.raises(UserError, match=message) as refusal:
        load_predictor(output).predict(table)
    assert "\n" not in str(refusal.value)


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-9] ^= 1
    path.write_bytes(content)


def change_a_number(path: Path) -> None:
    model = json.loads(path.read_text())
    model["normaliser"]["mean"][0] += 1e-9
    path.write_text(json.dumps(model, indent=2) + "\n")


def change_a_weight(path: Path) -> None:
    state = load_file(path)
    state["head.bias"] += 1e-6
    save_file(state, path)


@pytest.mark.parametrize(
    ("name", "damage", "message"),
    [
        ("model.safetensors", flip_a_bit, "holds other weights than model.json says"),
        ("model.safetensors", change_a_weight, "is not the one that model.safetensors was written with"),
        ("model.safetensors", lambda path: path.write_bytes(path.read_bytes()[:-1]), "is damaged"),
        ("model.safetensors", lambda path: path.write_bytes(b""), "is damaged"),
        ("model.safetensors", Path.unlink, "holds no model.safetensors; a finished training script writes it"),
        ("model.json", change_a_number, "is not the one that model.safetensors was written with"),
        ("model.json", lambda path: path.write_text("{"), "model.json is damaged"),
        ("model.json", Path.unlink, "is not the one that model.safetensors was written with"),
    ],
)
def test_damaged_model_is_refused_in_one_line(
    name: str, damage: Callable[[Path], object], message: str, copied: Path
) -> None:
    damage(copied / name)
    with pytest.raises(UserError, match=message) as refusal:
        load_predictor(copied)
    assert "\n" not in str(refusal.value)


def test_lines_of_the_readme_forecast_the_last_day(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    block = next(
        each
        for each in re.findall(r"```python\n(.*?)```", (PROJECT / "runtime/README.md").read_text(), re.S)
        if "predictor" in each
    )
    lines = block.replace("\n\n", "\n").splitlines()
    assert len([line for line in lines if line]) <= 10
    experiment = ask_market(real_series(), context_length=60, chunk_length=201)
    arguments = replace(make_arguments(tmp_path), output=tmp_path / "outputs/phase6a/train_2M_threshold_1pct")
    train_briefly(experiment, arguments)
    (tmp_path / DEFAULT_DATASET).parent.mkdir(parents=True)
    shutil.copy(PROJECT / DEFAULT_DATASET, tmp_path / DEFAULT_DATASET)
    monkeypatch.chdir(tmp_path)
    capsys.readouterr()
    exec(block, {})
    assert re.fullmatch(r"2018-\d\d-\d\d: \d+\.\d%\n(yes|no)\n", capsys.readouterr().out)
