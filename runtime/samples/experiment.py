"""What a script has established before any training: the question, the data, the labels and the split."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from runtime.arrays import Floats, Indices
from runtime.errors import UserError
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.few_positives import FEW_POSITIVES, auc_standard_error
from runtime.samples.normaliser import Normaliser
from runtime.samples.quantile_normaliser import QuantileNormaliser
from runtime.samples.series import Series
from runtime.samples.splits import SplitIndices, touched_rows
from runtime.samples.timeline import MAX_GAP_DAYS
from runtime.samples.windows import NORMALISERS, WindowDataset, make_windows

SPLITS = ("training", "validation", "test")


@dataclass(frozen=True, eq=False, kw_only=True)
class Experiment:
    """One question to one market.

    Attributes:
        name, phase, budget, task, threshold, label_price, horizon, timescale: as in the script's head; ``horizon``
            in trading days.
        series: the bars.
        labels: one a bar, NaN where not known yet.
        splitter: how the split was made.
        splits: all samples, isolated.
        newest_row_only: whether a model sees of each window its newest row alone, see `WindowDataset`.
        normalisation: how features are put on one scale, a name of `NORMALISERS`.
    """

    name: str
    phase: str
    budget: str
    task: str
    threshold: float
    label_price: str
    horizon: int
    timescale: str
    series: Series
    labels: Floats
    splitter: ChunkSplitter
    splits: SplitIndices
    newest_row_only: bool = False
    normalisation: str = "standard"

    def __post_init__(self) -> None:
        if self.normalisation not in NORMALISERS:
            raise UserError(f"normalisation {self.normalisation!r}: allowed is {' or '.join(map(repr, NORMALISERS))}")

    @cached_property
    def _normalised(self) -> tuple[WindowDataset, Normaliser | QuantileNormaliser]:
        return make_windows(
            self.series,
            self.labels,
            self.splits,
            self.splitter.context_length,
            newest_row_only=self.newest_row_only,
            normalisation=self.normalisation,
        )

    @property
    def windows(self) -> WindowDataset:
        """The samples, normalised by all training rows."""
        return self._normalised[0]

    @property
    def normaliser(self) -> Normaliser | QuantileNormaliser:
        """The statistics that normalised them."""
        return self._normalised[1]

    def identity(self) -> dict[str, Any]:
        """The question, the data and the split, as every record of this experiment carries them."""
        return {
            "experiment": self.name,
            "phase": self.phase,
            "budget": self.budget,
            "task": self.task,
            "threshold": self.threshold,
            "label_price": self.label_price,
            "horizon": self.horizon,
            "timescale": self.timescale,
            "data_sha256": self.series.content_sha256,
            "feature_columns": list(self.series.feature_columns),
            "split": self._split(),
            **self._assets(),
            # Records say nothing of it that were made before there was another.
            **({} if self.normalisation == "standard" else {"normalisation": self.normalisation}),
        }

    def _split(self) -> dict[str, Any]:
        split = asdict(self.splitter)
        if split["max_gap_days"] == MAX_GAP_DAYS:  # as records say nothing of it that were made before it could differ
            del split["max_gap_days"]
        return split

    def _assets(self) -> dict[str, Any]:
        series = self.series
        if not series.assets:
            return {}
        apart = {"holdout_assets": list(series.holdout_assets)} if series.holdout_assets else {}
        return {"assets": list(series.assets), "training_assets": list(series.training_assets), **apart}

    def decision_rows(self, indices: Indices) -> Indices:
        """Last input row of samples by their starts, shape (samples,)."""
        return indices + self.splitter.context_length - 1

    def labels_of(self, indices: Indices) -> Floats:
        """Labels of samples by their starts, shape (samples,)."""
        return self.labels[self.decision_rows(indices)]

    def split_labels(self) -> Iterator[tuple[str, Floats]]:
        """Name and labels of each split."""
        indices = (self.splits.train_indices, self.splits.val_indices, self.splits.test_indices)
        yield from zip(SPLITS, map(self.labels_of, indices), strict=True)

    def day_isolation(self) -> str:
        """One line that proves the isolation in trading days, label days included.

        Raises:
            ValueError: if a day is touched by two splits.
        """
        touched = [self._touched_days(indices) for indices in self._starts()]
        for one, other in ((0, 1), (0, 2), (1, 2)):
            shared = int((touched[one] & touched[other]).sum())
            if shared:
                raise ValueError(f"{SPLITS[one]} and {SPLITS[other]} samples share {shared} trading days")
        counts = ", ".join(f"{name} {int(days.sum())}" for name, days in zip(SPLITS, touched, strict=True))
        return f"trading days touched: {counts}; shared between splits: 0"

    def _starts(self) -> tuple[Indices, Indices, Indices]:
        return self.splits.train_indices, self.splits.val_indices, self.splits.test_indices

    def _touched_days(self, starts: Indices) -> npt.NDArray[np.bool_]:
        bars, day = self.series.bars, self.series.day_of_row
        label_rows = np.minimum(bars.last_day[self.decision_rows(starts)] + self.horizon, day.size - 1)
        return touched_rows(day[bars.first_day[starts]], day[label_rows] + 1, int(day.max()) + 1)

    def require_two_classes(self, *names: str) -> None:
        """Refuse to go on when a named split has one class only.

        Raises:
            UserError: naming the positives of every split, and what would help.
        """
        counts = ", ".join(f"{name} {int(y.sum())} of {y.size}" for name, y in self.split_labels())
        for name, labels in self.split_labels():
            if name in names and labels.min() == labels.max():
                raise UserError(
                    f"every {name} label is {int(labels[0])} (positives: {counts}): {self.task} at horizon "
                    f"{self.horizon} cannot be answered by this split; use a longer horizon or a longer history"
                )

    def thin_splits(self) -> list[str]:
        """A sentence for each split with too few positives, or one class only: what they can and cannot show."""
        return [
            f"{name} holds {int(labels.sum())} of {labels.size} samples positive: {_limits(labels)}"
            for name, labels in self.split_labels()
            if labels.sum() < FEW_POSITIVES or labels.min() == labels.max()
        ]


def _limits(labels: Floats) -> str:
    positives = int(labels.sum())
    if positives in (0, labels.size):
        return "one class only, so nothing can be ranked and rank metrics are undefined"
    error = auc_standard_error(positives, labels.size - positives)
    return (
        "enough to see forecasts far from the base rate, too few to rank models: "
        f"an AUC of 0.75 has a standard error of {error:.2f}, more where positives cluster"
    )
