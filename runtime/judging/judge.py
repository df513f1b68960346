"""The model and the baselines, judged on the same samples; the test split only after its opening is recorded.

``result.json`` holds, beside what was trained on what:

- ``script``: its place in ``experiments``; ``status`` (`training.seed_run`).
- ``training_seed``, ``train_fraction`` (null: all training samples) and ``shortened_to_epochs``: which training of its
  script this is.
- ``validation`` and ``test``: forecast (``model``, ``base_rate``, ``ewma_volatility``, ``logistic_regression``,
  ``gradient_boosting``, ``boosting_history``) -> its report. A report is that of `evaluation.evaluate`, with
  ``chunks`` (how many), ``intervals`` (`intervals.forecast_intervals`) and, for a baseline, ``model_minus_this``
  (`intervals.paired_difference`). ``test`` is null until the split is opened, and ``test_opening`` with it.
- ``addition``: what the model adds to its best rival: ``rival``, the ``weight`` of the model in the combination of both
  logits and the combination's ``decision_threshold``, all from validation; ``validation`` and, once it is opened,
  ``test``: the reports of `encompassing.Combination.judge`.
- ``boosting``: how large it was allowed to be, and the losses on blocks of training days that say so
  (`boosting.describe_choice`).
- ``newest_row_network``: the same network on the newest row of its windows alone (`training.newest_row`), null where it
  was not trained: on each open split its report, with ``minus_regression`` (`intervals.paired_difference`) beside
  ``model_minus_this``.
- ``network_share``: the ``starting_point``, a baseline's name, and on each open split how much the encoder adds to it
  and to the linear path (`network_share.share_report`).
- of a panel ``by_asset``: split -> `by_asset.asset_reports`, and ``unseen``: the reports on test samples of the assets
  that are held out whole, null where none is or the split is closed.
- ``decision_threshold``: the model's, tuned on validation; every forecast's own stands in its reports.
- ``interval_protocol``: level, unit, resamples and what to beware of.
- ``environment``: versions, device and the precision that the model computes in (`records.environment`).
- ``alarms``: ``name`` and ``message`` of each, see `alarms`.

``undefined`` maps each null of a report, or of an object inside it, to the reason. ``predictions.parquet`` holds the
forecasts themselves, see `predictions.prediction_table`; rows of the test split only when it was opened.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import Tensor

from runtime.arrays import Floats, Indices
from runtime.judging.baseline_cache import baseline_logits, boosting_choice
from runtime.judging.by_asset import asset_reports
from runtime.judging.encompassing import Combination
from runtime.judging.evaluation import Tuned, evaluate
from runtime.judging.intervals import PROTOCOL, chunk_numbers, forecast_intervals, paired_difference
from runtime.judging.network_share import linear_path, share_report, starting_point
from runtime.judging.predictions import prediction_table, write_predictions
from runtime.judging.second_fit import SecondFit
from runtime.samples.experiment import Experiment
from runtime.samples.splits import Chunks

NEWEST_ROW = "newest_row_network"


class Judge:
    """Judges the model and the baselines on the same samples; every choice comes from training or validation.

    Args:
        experiment: the question.
        predict: logits of the trained model for samples by their starts.
        output: folder of ``predictions.parquet``.
        cache: folder of the baselines' forecasts, which experiments of one question share.
    """

    def __init__(self, experiment: Experiment, predict: Callable[[Indices], Floats], output: Path, cache: Path) -> None:
        self.experiment = experiment
        self.predict = predict
        self.output = output
        self.cache = cache
        splits = experiment.splits
        self.train_base_rate = float(experiment.labels_of(splits.train_indices).mean())
        self.validation_logits = self._forecasts(splits.val_indices)
        labels = experiment.labels_of(splits.val_indices)
        self.tuned = {name: Tuned.on(labels, logits) for name, logits in self.validation_logits.items()}
        self.combination = Combination.on(labels, self.validation_logits)
        self.second_fit = SecondFit(experiment, self.combination.rival)

    def validation(self) -> dict[str, Any]:
        """What validation decided, and every forecast on it; the test split stays closed."""
        splits = self.experiment.splits
        write_predictions(self.output / "predictions.parquet", [self._validation_table()])
        return {
            "decision_threshold": self.tuned["model"].threshold,
            "interval_protocol": PROTOCOL,
            "boosting": boosting_choice(self.experiment, self.cache),
            "validation": self._reports(splits.val_indices, splits.val_chunks, self.validation_logits),
            "test": None,
            "test_opening": None,
            "addition": self._addition(),
            NEWEST_ROW: None,
            **self._of_assets(),
        }

    def test(self, opening: Mapping[str, Any]) -> dict[str, Any]:
        """Evaluate every forecast on the test split.

        Args:
            opening: the record of its opening, without which nothing may be read from it; see `open_test`.
        """
        splits, logits = self.experiment.splits, self._test_logits
        table = prediction_table(self.experiment, "test", splits.test_indices, splits.test_chunks, logits)
        write_predictions(self.output / "predictions.parquet", [self._validation_table(), table])
        return {
            "test": self._reports(splits.test_indices, splits.test_chunks, logits),
            "test_opening": dict(opening),
            "addition": self._addition(logits),
            **self._of_assets(logits),
        }

    def newest_row(self, predict: Callable[[Indices], Floats], *, test: bool) -> dict[str, Any]:
        """Judge a network on each window's newest row beside the model, and beside the regression on that row.

        Args:
            predict: its logits for samples by their starts.
            test: whether the test split was opened, and counts, too.
        """
        splits, validation = self.experiment.splits, predict(self.experiment.splits.val_indices)
        self.tuned[NEWEST_ROW] = Tuned.on(self.experiment.labels_of(splits.val_indices), validation)
        found = self._newest_row(splits.val_indices, splits.val_chunks, self.validation_logits, validation)
        if not test:
            return {"validation": found, "test": None}
        indices = splits.test_indices
        opened = self._newest_row(indices, splits.test_chunks, self._test_logits, predict(indices))
        return {"validation": found, "test": opened}

    def network_share(self, weights: Mapping[str, Tensor], *, test: bool) -> dict[str, Any]:
        """How much of the model's forecasts is the network's; see `network_share`.

        Args:
            weights: of the model.
            test: whether the test split was opened, and counts, too.
        """
        splits, start = self.experiment.splits, starting_point(weights)
        linear = linear_path(weights, self.experiment)

        def report(indices: Indices, chunks: Chunks, logits: dict[str, Floats]) -> dict[str, Any]:
            forecasts = logits["model"], linear(indices), logits[start]
            labels, chunk_of = self.experiment.labels_of(indices), self._chunk_of(indices, chunks)
            return share_report(labels, *forecasts, chunk_of, train_base_rate=self.train_base_rate)

        return {
            "starting_point": start,
            "validation": report(splits.val_indices, splits.val_chunks, self.validation_logits),
            "test": report(splits.test_indices, splits.test_chunks, self._test_logits) if test else None,
        }

    def _newest_row(
        self, indices: Indices, chunks: Chunks, logits: dict[str, Floats], forecast: Floats
    ) -> dict[str, Any]:
        labels, chunk_of = self.experiment.labels_of(indices), self._chunk_of(indices, chunks)
        reports = self._reports(indices, chunks, {"model": logits["model"], NEWEST_ROW: forecast})
        regression = logits["logistic_regression"]
        minus_regression = paired_difference(labels, forecast, regression, chunk_of)
        return {**reports[NEWEST_ROW], "minus_regression": minus_regression}

    @cached_property
    def _test_logits(self) -> dict[str, Floats]:
        return self._forecasts(self.experiment.splits.test_indices)

    def _forecasts(self, indices: Indices) -> dict[str, Floats]:
        return {"model": self.predict(indices)} | baseline_logits(self.experiment, indices, self.cache)

    def _validation_table(self) -> pd.DataFrame:
        splits = self.experiment.splits
        return prediction_table(
            self.experiment, "validation", splits.val_indices, splits.val_chunks, self.validation_logits
        )

    def _reports(self, indices: Indices, chunks: Chunks, logits: dict[str, Floats]) -> dict[str, Any]:
        labels, chunk_of = self.experiment.labels_of(indices), self._chunk_of(indices, chunks)
        reports = {}
        for name, forecast in logits.items():
            report = evaluate(labels, forecast, train_base_rate=self.train_base_rate, tuned=self.tuned[name])
            report["chunks"] = int(chunk_of.max()) + 1
            report["intervals"] = forecast_intervals(labels, forecast, chunk_of, train_base_rate=self.train_base_rate)
            if name != "model":
                report["model_minus_this"] = paired_difference(labels, logits["model"], forecast, chunk_of)
            reports[name] = report
        return reports

    def _addition(self, test: dict[str, Floats] | None = None) -> dict[str, Any]:
        """What the model adds to its best rival, on the splits that are open."""
        splits = self.experiment.splits
        found = {"validation": self._added(splits.val_indices, splits.val_chunks, self.validation_logits)}
        if test is not None:
            found["test"] = self._added(splits.test_indices, splits.test_chunks, test)
        return self.combination.describe() | found

    def _added(self, indices: Indices, chunks: Chunks, logits: dict[str, Floats]) -> dict[str, Any]:
        second = self.second_fit.logits(indices, self.cache)
        return self.combination.judge(
            self.experiment.labels_of(indices), logits, second, self._chunk_of(indices, chunks)
        )

    def _chunk_of(self, indices: Indices, chunks: Chunks) -> Indices:
        """Number of each sample's chunk among those that hold a sample; of a panel, one may hold none."""
        numbers = chunk_numbers(self.experiment.splits.days(indices)[0], chunks)
        return np.unique(numbers, return_inverse=True)[1].astype(np.int64)

    def _of_assets(self, test: dict[str, Floats] | None = None) -> dict[str, Any]:
        """What the record of a panel holds besides: every asset of the splits that are open, and the unseen ones."""
        series, splits = self.experiment.series, self.experiment.splits
        if not series.assets:
            return {}
        by_asset = {"validation": self._by_asset(splits.val_indices, splits.val_chunks, self.validation_logits)}
        if test is None:
            return {"by_asset": by_asset, "unseen": None}
        by_asset["test"] = self._by_asset(splits.test_indices, splits.test_chunks, test)
        unseen = np.isin(np.asarray(series.assets)[series.asset_of[splits.test_indices]], series.holdout_assets)
        logits = {name: each[unseen] for name, each in test.items()}
        reports = self._reports(splits.test_indices[unseen], splits.test_chunks, logits) if unseen.any() else None
        return {"by_asset": by_asset, "unseen": reports}

    def _by_asset(self, indices: Indices, chunks: Chunks, logits: dict[str, Floats]) -> dict[str, Any]:
        series, labels = self.experiment.series, self.experiment.labels_of(indices)
        return asset_reports(series, series.asset_of[indices], labels, logits, self._chunk_of(indices, chunks))
