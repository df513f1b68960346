"""The part of ``result.json`` that report and scaling read, checked when read; `judging.judge` describes all of it.

Fields that are not named here are ignored, so that a record may grow. A record that lacks one is not understood. Which
training a run is stands in its record (``experiment``, ``training_seed``, ``train_fraction``, ``shortened_to_epochs``).
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from runtime.records.differences import Addition, Difference, Range
from runtime.records.rivals import BoostingRecord, NetworkShare, NewestRowRecord


class Alarm(Struct, frozen=True):
    """See `judging.alarms`."""

    name: str
    message: str


class Counts(Struct, frozen=True):
    """Size of one split."""

    samples: int
    positives: int


class Bin(Struct, frozen=True):
    """One bin of the reliability diagram."""

    samples: int
    forecast: float
    positive_rate: float


class Calibration(Struct, frozen=True):
    """See `runtime.judging.calibration.calibration`."""

    ece: float
    bins: list[Bin]


class Decision(Struct, frozen=True):
    """What the threshold that was tuned on validation decides."""

    threshold: float
    true_positives: int
    false_positives: int
    false_negatives: int
    true_negatives: int
    precision: float | None
    recall: float | None
    undefined: dict[str, str] = {}


class Intervals(Struct, frozen=True):
    """Intervals of one number; ``t`` and the means of chunks are given for plain means only."""

    bootstrap: Range
    t: Range = None
    per_chunk: list[float] = []
    undefined: dict[str, str] = {}


class Forecast(Struct, frozen=True):
    """The report of one forecast on one split."""

    samples: int
    positives: int
    log_loss: float
    log_loss_skill: float
    brier: float
    brier_skill: float
    roc_auc: float | None
    pr_auc: float | None
    calibration: Calibration
    decision: Decision | None
    chunks: int
    intervals: dict[str, Intervals]
    model_minus_this: dict[str, Difference] = {}
    undefined: dict[str, str] = {}


Forecasts = dict[str, Forecast]


class AssetRecord(Struct, frozen=True):
    """One asset of a panel on one split; see `judging.by_asset`."""

    samples: int
    positives: int
    trains: bool
    log_loss: dict[str, float]


class BetterThan(Struct, frozen=True):
    """On how many assets of how many the model is better than a baseline."""

    assets: int
    of: int
    bootstrap: Range


class AssetRecords(Struct, frozen=True):
    """All assets on one split."""

    assets: dict[str, AssetRecord]
    better_than: dict[str, BetterThan]


class Epoch(Struct, frozen=True):
    """One line of ``metrics.jsonl``."""

    epoch: int
    train_loss: float
    val_loss: float
    architecture: str = ""


class TrainingRecord(Struct, frozen=True):
    """How a training went."""

    best_epoch: int
    best_val_loss: float
    epochs: list[Epoch]
    stopped_early: bool
    seconds: float


class ArchitectureRecord(Struct, frozen=True):
    """What is needed to count the numbers that a training reads."""

    num_channels: int


class Split(Struct, frozen=True):
    """The arguments of `runtime.samples.chunk_splitter.ChunkSplitter`."""

    total_days: int
    context_length: int
    horizon: int
    val_ratio: float
    test_ratio: float
    seed: int
    chunk_length: int | None
    mode: Literal["scattered", "contiguous"]
    embargo: int
    max_gap_days: int = 10  # of every record made before it could differ


class Opening(Struct, frozen=True):
    """One opening of a test split; see `judging.sealed_test.open_test`."""

    question: dict[str, Any]
    experiment: str
    weights_sha256: str
    opening: Annotated[int, Meta(ge=1)]
    opened: str
    repeats: bool = False
    days: int = 0
    days_opened_before: int = 0
    together: dict[str, str] = {}

    @property
    def again(self) -> str:
        """Which part of the test split had been opened before, as a mark says it; empty where none had."""
        if 0 < self.days_opened_before < self.days:
            return f"{self.days_opened_before} of {self.days} test days opened before"
        return f"test reopened: opening {self.opening}" if self.opening > 1 else ""


Status = Literal["finished", "trained", "failed", "interrupted", "running"]
"""``trained``: judged on validation; the test split is opened once all seeds of the command are trained."""


class Result(Struct, frozen=True, kw_only=True):
    """``result.json``. Everything that only a trained model has is None before."""

    status: Status
    experiment: str
    phase: str
    budget: str
    task: str
    label_price: str
    horizon: int
    timescale: str
    data_sha256: str
    feature_columns: list[str]
    split: Split
    splits: dict[str, Counts]
    alarms: list[Alarm]
    shortened_to_epochs: int | None
    failure: str = ""
    script: str = ""
    normalisation: str = "standard"
    hyperparameters_from: dict[str, Any] = {}
    training_seed: int | None = None
    train_fraction: float | None = None
    architecture: ArchitectureRecord | None = None
    recipe: dict[str, Any] | None = None
    parameter_count: int | None = None
    training: TrainingRecord | None = None
    weights_sha256: str = ""
    validation: Forecasts | None = None
    test: Forecasts | None = None
    test_opening: Opening | None = None
    assets: list[str] = []
    training_assets: list[str] = []
    holdout_assets: list[str] = []
    by_asset: dict[str, AssetRecords] = {}
    unseen: Forecasts | None = None
    addition: Addition | None = None  # as of every record made before it was measured
    boosting: BoostingRecord | None = None  # as of records made before its size was chosen
    newest_row_network: NewestRowRecord | None = None
    network_share: NetworkShare | None = None

    def __post_init__(self) -> None:
        whole = self.validation and self.training and self.parameter_count
        if self.status in ("finished", "trained") and not whole:
            raise ValueError(f"{self.status}, but without a validation report of a trained model")
        if any("model" not in each for each in (self.validation, self.test) if each is not None):
            raise ValueError("a split without a report of the model")
        if self.addition and any(self.addition.rival not in each for each in self.judged().values()):
            raise ValueError("what the model adds is told of a rival that was not judged")

    def judged(self) -> dict[str, Forecasts]:
        """Name and reports of each split that was evaluated."""
        found = {"validation": self.validation, "test": self.test}
        return {name: forecasts for name, forecasts in found.items() if forecasts is not None}

    def headline(self) -> tuple[str, Forecasts] | None:
        """The split whose numbers lead: test once it is opened, validation before, None before any."""
        judged = self.judged()
        return list(judged.items())[-1] if judged else None

    def rival(self) -> str | None:
        """The baseline with the lowest log loss on validation; never chosen on test."""
        baselines = {name: each for name, each in (self.validation or {}).items() if name != "model"}
        return min(baselines, key=lambda name: baselines[name].log_loss) if baselines else None
