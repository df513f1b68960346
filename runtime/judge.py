"""The model and the baselines, judged on the same samples; the test split only after its opening is recorded."""

from __future__ import annotations

from typing import Any

from runtime.arguments import Arguments
from runtime.baselines import Forecaster, fit_baselines
from runtime.evaluation import evaluate, tune_threshold
from runtime.experiment import Experiment
from runtime.sealed_test import OPENINGS, open_test
from runtime.splits import Indices
from runtime.trainer import Trainer


class Judge:
    """Judges the model and the baselines on the same samples; every choice comes from training or validation."""

    def __init__(self, experiment: Experiment, trainer: Trainer) -> None:
        self.experiment = experiment
        train = experiment.splits.train_indices
        self.forecasters: dict[str, Forecaster] = {"model": trainer.predict}
        self.forecasters |= fit_baselines(experiment.windows, train)
        self.train_base_rate = float(experiment.labels_of(train).mean())
        val = experiment.splits.val_indices
        self.threshold = tune_threshold(experiment.labels_of(val), trainer.predict(val))

    def validation(self) -> dict[str, Any]:
        """The decision threshold and every forecaster on the validation split; the test split stays closed."""
        report = self.all_forecasts(self.experiment.splits.val_indices)
        return {"decision_threshold": self.threshold, "validation": report, "test": None, "test_opening": None}

    def test(self, arguments: Arguments, weights: str) -> dict[str, Any]:
        """Open the test split, record that, and evaluate every forecaster on it.

        Raises:
            UserError: if it was opened before with other weights.
        """
        opening = open_test(
            arguments.project / OPENINGS,
            self.experiment,
            weights=weights,
            script_sha256=arguments.script_sha256,
            reopen=arguments.reopen_test,
        )
        return {"test": self.all_forecasts(self.experiment.splits.test_indices), "test_opening": opening}

    def all_forecasts(self, indices: Indices) -> dict[str, Any]:
        """Evaluation of each forecaster on one split; only the model has a decision threshold."""
        labels = self.experiment.labels_of(indices)
        return {
            name: evaluate(
                labels,
                forecast(indices),
                train_base_rate=self.train_base_rate,
                threshold=self.threshold if name == "model" else None,
            )
            for name, forecast in self.forecasters.items()
        }
