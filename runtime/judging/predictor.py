"""The trained model as two files that forecast without the experiment: weights, and what they need besides."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import msgspec
import numpy as np
import pandas as pd
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from data.command_line import one_line
from data.files import write_atomically
from runtime.errors import UserError
from runtime.judging.baselines import title_of
from runtime.judging.calibration import probabilities
from runtime.judging.encompassing import combine
from runtime.judging.forecast import predict_logits
from runtime.judging.saved_rival import SavedRival, save_rival
from runtime.judging.sealed_test import weights_sha256
from runtime.model.architecture import Architecture
from runtime.model.patchtst import PatchTST
from runtime.records.files import read_record
from runtime.samples.bars import make_bars
from runtime.samples.experiment import Experiment
from runtime.samples.loading import check_columns, check_values
from runtime.samples.normaliser import Normaliser
from runtime.samples.quantile_normaliser import SCORES, QuantileNormaliser
from runtime.samples.windows import WindowDataset

WEIGHTS, DESCRIPTION, RIVAL = "model.safetensors", "model.json", "rival.safetensors"


def export_model(folder: Path, weights: dict[str, Tensor], experiment: Experiment, record: Mapping[str, Any]) -> None:
    """Write the weights, and beside them shape, channels and their statistics, label, decision threshold, hashes.

    The best rival is written, too, where it can be: what both give together stands in the record as ``addition``. Each
    file holds another's hash, so that `load_predictor` never takes one from another run.
    """
    wanted = ("architecture", "task", "threshold", "label_price", "horizon", "timescale", "feature_columns")
    description = {name: record[name] for name in (*wanted, "data_sha256", "weights_sha256", "decision_threshold")}
    rival = save_rival(experiment, record["addition"]["rival"])
    description["combination"] = {
        **{name: record["addition"][name] for name in ("rival", "weight", "decision_threshold")},
        "rival_sha256": None if isinstance(rival, str) else weights_sha256(rival.arrays),
        "unsaved": rival if isinstance(rival, str) else "",
    }
    description["normaliser"] = {name: values.tolist() for name, values in asdict(experiment.normaliser).items()}
    text = (json.dumps(description, indent=2, allow_nan=False) + "\n").encode()
    write_atomically(folder / DESCRIPTION, text)
    metadata = {"description_sha256": hashlib.sha256(text).hexdigest()}
    if not isinstance(rival, str):
        write_atomically(folder / RIVAL, save(rival.arrays, metadata))
    write_atomically(folder / WEIGHTS, save(weights, metadata))


@dataclass(frozen=True, eq=False)
class Predictor:
    """A trained model that forecasts from a table of prices and features; see `load_predictor`.

    Attributes:
        model: in evaluation mode, on the CPU.
        normaliser: statistics of its training rows.
        feature_columns: columns it reads, in this order.
        timescale: of the bars it reads.
        decision_threshold: probability from which on it says yes, tuned on validation; None if that had no positives.
        description: all of ``model.json``, the label's definition among it.
        folder: what it was loaded from.
        rival: the best rival, where the two forecast together; None where the model forecasts alone.
        weight: of the model beside the rival, in logits.
    """

    model: PatchTST
    normaliser: Normaliser | QuantileNormaliser
    feature_columns: tuple[str, ...]
    timescale: str
    decision_threshold: float | None
    description: Mapping[str, Any]
    folder: Path
    rival: SavedRival | None = None
    weight: float = 1.0

    def combined(self) -> Predictor:
        """The model and its best rival together, as validation decided: see ``addition`` in ``result.json``.

        Raises:
            UserError: if the rival was not saved, or its file is missing, damaged or another run's.
        """
        path = self.folder / RIVAL
        try:
            told = msgspec.convert(self.description.get("combination"), _Combination)
        except msgspec.ValidationError as error:
            raise UserError(f"{path.with_name(DESCRIPTION)} holds no combination with a rival; {_AGAIN}") from error
        if told.rival_sha256 is None:
            raise UserError(f"the best rival, {title_of(told.rival)}, cannot be saved: {told.unsaved}")
        arrays, _ = read_weights(path)
        if weights_sha256(arrays) != told.rival_sha256:
            raise UserError(f"{path} holds another rival than {DESCRIPTION} says; {_AGAIN}")
        try:
            rival = SavedRival(told.rival, arrays)
        except ValueError as error:
            raise UserError(f"{path} cannot be used ({one_line(error)}); {_AGAIN}") from error
        return replace(self, rival=rival, weight=told.weight, decision_threshold=told.decision_threshold)

    def predict(self, daily: pd.DataFrame) -> pd.Series[float]:
        """Probability that the label comes true, at the close of every bar that has enough bars before it.

        Args:
            daily: ``Date``, increasing, and the feature columns, one row a trading day: a dataset as it was trained on,
                or its last rows. Of a panel the rows of one asset, whether it was trained on or not.

        Returns:
            Probabilities, indexed by the bar's last trading day.

        Raises:
            UserError: if a column is missing, a value is not finite, the rows are of several assets, or too few for one
                window.
        """
        check_columns("the table", daily, ("Date", *self.feature_columns))
        if "Asset" in daily and daily["Asset"].nunique() > 1:
            raise UserError(f"the table holds {daily['Asset'].nunique()} assets: forecast the rows of one at a time")
        check_values("the table", daily, self.feature_columns)
        bars = make_bars(daily[["Date", *self.feature_columns]], self.timescale).frame
        context_length = self.model.architecture.context_length
        if len(bars) < context_length:
            raise UserError(f"the table holds {len(bars)} {self.timescale} bars; a forecast needs {context_length}")
        features = self.normaliser.apply(bars[list(self.feature_columns)].to_numpy(np.float32))
        dataset = WindowDataset(features, np.full(len(bars), np.nan), context_length)
        starts = np.arange(len(bars) - context_length + 1)
        logits = predict_logits(self.model, dataset, starts)
        if self.rival is not None:
            rival = self.rival.logits(features, starts + context_length - 1, context_length)
            logits = combine(rival, logits, self.weight)
        dates = pd.DatetimeIndex(bars["Date"].iloc[context_length - 1 :], name="Date")
        return pd.Series(probabilities(logits), index=dates, name="probability")


def load_predictor(folder: str | Path) -> Predictor:
    """Load what a finished training left in its output folder.

    Raises:
        UserError: if a file is missing or damaged, or the two do not belong together.

    Example:
        >>> predictor = load_predictor("outputs/phase6a/train_2M_threshold_1pct")  # doctest: +SKIP
        >>> predictor.predict(pd.read_parquet("data/processed/SPX_dataset_c.parquet")).iloc[-1]  # doctest: +SKIP
    """
    description, weights = Path(folder, DESCRIPTION), Path(folder, WEIGHTS)
    state, metadata = read_weights(weights)
    told = read_record(description)
    if not told or hashlib.sha256(description.read_bytes()).hexdigest() != metadata.get("description_sha256"):
        raise UserError(f"{description} is not the one that {weights.name} was written with; {_AGAIN}")
    if weights_sha256(state) != told.get("weights_sha256"):
        raise UserError(f"{weights} holds other weights than {description.name} says; {_AGAIN}")
    try:
        return _predictor(Path(folder), state, told)
    except (ValueError, RuntimeError) as error:  # written by something else than `export_model`
        raise UserError(f"{description} does not describe {weights.name} ({one_line(error)}); {_AGAIN}") from error


_AGAIN = "run the training script again"


class _Statistics(msgspec.Struct):
    """Of a normaliser of either kind."""

    mean: list[float] = []
    std: list[float] = []
    quantiles: list[list[float]] = []

    def normaliser(self, channels: int) -> Normaliser | QuantileNormaliser:
        """The normaliser that they are of.

        Raises:
            ValueError: if they are not those of as many channels.
        """
        if self.quantiles:
            quantiles = np.array(self.quantiles)  # raises a ValueError itself if rows differ in length
            if quantiles.shape != (SCORES.size, channels):
                raise ValueError(f"{channels} channels need {SCORES.size} quantiles each")
            return QuantileNormaliser(quantiles)
        if not channels == len(self.mean) == len(self.std):
            raise ValueError(f"{channels} channels need as many means and deviations")
        return Normaliser(np.array(self.mean), np.array(self.std))


class _Description(msgspec.Struct):
    """The part of ``model.json`` that a forecast needs."""

    architecture: Architecture
    feature_columns: tuple[str, ...]
    timescale: str
    decision_threshold: float | None
    normaliser: _Statistics


class _Combination(msgspec.Struct):
    """The part of ``model.json`` that `Predictor.combined` needs."""

    rival: str
    weight: Annotated[float, msgspec.Meta(ge=0, le=1)]
    decision_threshold: float | None
    rival_sha256: str | None
    unsaved: str


def _predictor(folder: Path, state: dict[str, Tensor], told: dict[str, Any]) -> Predictor:
    needed = msgspec.convert(told, _Description)
    architecture = needed.architecture
    if architecture.num_channels != len(needed.feature_columns):
        raise ValueError(f"{architecture.num_channels} channels need as many columns")
    if architecture.parameter_count() > sum(tensor.numel() for tensor in state.values()):
        raise ValueError("the weights are too few for its architecture")  # before a hostile size is built
    model = PatchTST(architecture)
    model.load_state_dict(state)
    return Predictor(
        model=model.eval(),
        normaliser=needed.normaliser.normaliser(architecture.num_channels),
        feature_columns=needed.feature_columns,
        timescale=needed.timescale,
        decision_threshold=needed.decision_threshold,
        description=told,
        folder=folder,
    )


def read_weights(path: Path) -> tuple[dict[str, Tensor], Mapping[str, str]]:
    """Weights by name and the file's metadata.

    Raises:
        UserError: if the file is missing or damaged.
    """
    if not path.is_file():
        raise UserError(f"{path.parent} holds no {path.name}; a finished training script writes it")
    try:
        with safe_open(path, "pt") as file:
            names = file.keys()  # the file itself cannot be iterated
            return {name: file.get_tensor(name) for name in names}, file.metadata() or {}
    except SafetensorError as error:
        raise UserError(f"{path} is damaged ({error}); {_AGAIN}") from error
