"""What a reader must know before believing a result. Each alarm is a ``name`` and a ``message`` with the numbers.

No alarm changes a result or stops a run; together they stand in its record.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from optuna.distributions import BaseDistribution, FloatDistribution, IntDistribution
from optuna.trial import FrozenTrial

from runtime.arrays import Indices
from runtime.judging.evaluation import base_rate_logit, log_loss
from runtime.samples.experiment import Experiment
from runtime.samples.splits import touched_rows

Alarm = dict[str, str]

LEAST_SPREAD = 0.02
"""Spread of the forecasts over that of the labels, below which a model says the same of every day: a calibrated
forecast with this spread explains 0.04 % of the labels' variance."""

BORDER = 0.05
"""Share of a searched range (of its logarithm, where it is searched so) that counts as its border."""

FAR = 5.0
"""Training standard deviations beyond which a held-out value is far outside. By Chebyshev's inequality at most
1/25 of the values of *any* distribution lie there: more than that means that the held-out days have another one."""


def alarm(name: str, message: str) -> Alarm:
    """One alarm."""
    return {"name": name, "message": message}


def print_alarms(alarms: Iterable[Alarm]) -> None:
    """Print one line an alarm."""
    for each in alarms:
        print(f"alarm: {each['name']}: {each['message']}")


def few_positives(experiment: Experiment) -> list[Alarm]:
    """A split has too few positives for the question, or one class only."""
    return [alarm("few_positives", sentence) for sentence in experiment.thin_splits()]


def collapse(split: str, rate: float, spread: float) -> list[Alarm]:
    """The model forecasts nearly the same for every sample.

    Args:
        split: its name.
        rate: mean of the forecasts, or the rate of positives.
        spread: standard deviation of the forecasts.
    """
    if spread >= LEAST_SPREAD * math.sqrt(rate * (1 - rate)):
        return []
    return [alarm("collapse", f"{split} forecasts hardly differ: around {rate:.3f}, standard deviation {spread:.2g}")]


def no_skill(split: str, loss: float, base_rate_loss: float) -> list[Alarm]:
    """The log loss is no better than the base rate's."""
    if loss < base_rate_loss:
        return []
    return [alarm("no_skill", f"{split} log loss {loss:.4f} is no better than the base rate's {base_rate_loss:.4f}")]


def best_epoch_at_edge(best_epoch: int, max_epochs: int) -> list[Alarm]:
    """The best epoch is the first, or the last of the schedule."""
    if best_epoch == 1:
        message = "the first epoch was the best: the model overfits at once; lower the learning rate or regularise more"
    elif best_epoch == max_epochs:
        message = f"the last of {max_epochs} epochs was the best: training may have ended early; try more epochs"
    else:
        return []
    return [alarm("best_epoch_at_edge", message)]


def optimum_at_border(values: Mapping[str, Any], distributions: Mapping[str, BaseDistribution]) -> list[Alarm]:
    """A searched number ended at the border of its range. Choices have no border.

    Args:
        values: the best trial's.
        distributions: what they were drawn from.
    """
    return [
        alarm("optimum_at_border", f"the best {name} {values[name]:.3g} lies at the border of {low:.3g} to {high:.3g}")
        for name, each in distributions.items()
        if isinstance(each, FloatDistribution | IntDistribution)
        for low, high in [(each.low, each.high)]
        if not BORDER <= _position(values[name], each) <= 1 - BORDER
    ]


def _position(value: float, distribution: FloatDistribution | IntDistribution) -> float:
    scale = math.log if distribution.log else float
    low, high = scale(distribution.low), scale(distribution.high)
    return (scale(value) - low) / (high - low)


def far_features(split: str, standardised: npt.NDArray[np.float32], feature_columns: Iterable[str]) -> list[Alarm]:
    """Held-out features lie far outside the training range, so that every forecast there extrapolates.

    Args:
        split: its name.
        standardised: its input rows in training standard deviations from the training mean, shape (rows, channels).
        feature_columns: names of the channels.
    """
    shares = (np.abs(standardised) > FAR).mean(axis=0)
    allowed = 1 / FAR**2
    named = [
        f"{name} on {share:.0%} of the days"
        for name, share in zip(feature_columns, shares, strict=True)
        if share > allowed
    ]
    if not named:
        return []
    message = f"{split} features beyond {FAR:.0f} training standard deviations (at most {allowed:.0%} is possible if "
    return [alarm("far_features", f"{message}the days were alike): {', '.join(named)}")]


def underpowered(split: str, reports: Mapping[str, Mapping[str, Any]], rival: str) -> list[Alarm]:
    """The difference between the model and its best rival is smaller than what the split can show.

    Args:
        split: its name.
        reports: of all forecasts on it.
        rival: the baseline to compare with, chosen on validation.
    """
    found = []
    for metric, difference in reports[rival]["model_minus_this"].items():
        value, least = difference["difference"], difference["detectable"]
        if value is None or least is None:
            found.append(f"{metric} has no interval ({'; '.join(sorted(set(difference['undefined'].values())))})")
        elif abs(value) < least:
            found.append(f"{metric} differs by {value:+.4f}, and less than {least:.4f} cannot be told from chance")
    if not found:
        return []
    return [alarm("underpowered", f"{split}, model against {rival} (power 80 %): {'; '.join(found)}")]


def encoder_idle(split: str, share: Mapping[str, Any]) -> list[Alarm]:
    """What the encoder adds to the linear path is smaller than what the split can show.

    Args:
        split: its name.
        share: the split's `network_share.share_report`.
    """
    difference = share["minus_linear_path"]["log_loss"]
    value, least = difference["difference"], difference["detectable"]
    if least is None or abs(value) > least:
        return []
    message = (
        f"{split}: the encoder adds {share['encoder_rms']:.3f} logits (root mean square) to the linear path, which "
        f"moves the log loss by {value:+.4f}, and less than {least:.4f} cannot be told from chance: what the model is "
        "worth here is shown of its linear path alone"
    )
    return [alarm("encoder_idle", message)]


def split_far_features(experiment: Experiment, split: str, indices: Indices) -> list[Alarm]:
    """`far_features` of the rows that the samples of one split read as inputs."""
    values, length = experiment.windows.values.cpu().numpy(), experiment.splitter.context_length
    rows = touched_rows(indices, indices + length, len(values))
    return far_features(split, values[rows], experiment.series.feature_columns)


def training_alarms(experiment: Experiment, record: Mapping[str, Any]) -> list[Alarm]:
    """All alarms of a judged training run.

    Args:
        experiment: the question.
        record: what ``result.json`` holds; its test split raises alarms only when it was opened.
    """
    baselines = {name: report for name, report in record["validation"].items() if name != "model"}
    rival = min(baselines, key=lambda name: float(baselines[name]["log_loss"]))
    alarms = few_positives(experiment)
    alarms += best_epoch_at_edge(record["training"]["best_epoch"], record["recipe"]["max_epochs"])
    for split, indices in (("validation", experiment.splits.val_indices), ("test", experiment.splits.test_indices)):
        if (reports := record[split]) is None:
            continue
        prediction = reports["model"]["prediction"]
        alarms += collapse(split, prediction["mean"], prediction["std"])
        alarms += no_skill(split, reports["model"]["log_loss"], reports["base_rate"]["log_loss"])
        alarms += split_far_features(experiment, split, indices)
        alarms += underpowered(split, reports, rival)
        alarms += encoder_idle(split, record["network_share"][split])
    return alarms


class Watch:
    """What a single epoch shows of alarms, while the training goes on.

    Args:
        experiment: the question.
    """

    def __init__(self, experiment: Experiment) -> None:
        self._rate = float(experiment.labels_of(experiment.splits.train_indices).mean())
        labels = experiment.labels_of(experiment.splits.val_indices)
        self._base_rate_loss = log_loss(labels, np.full_like(labels, base_rate_logit(self._rate)))

    def __call__(self, val_loss: float, val_spread: float) -> list[Alarm]:
        """`collapse` and `no_skill` on validation, given the loss and the spread of the forecasts."""
        return [
            *collapse("validation", self._rate, val_spread),
            *no_skill("validation", val_loss, self._base_rate_loss),
        ]


def search_alarms(experiment: Experiment, best: FrozenTrial, *, max_epochs: int) -> list[Alarm]:
    """All alarms of a finished search.

    Args:
        experiment: the question.
        best: the trial that won, with ``best_epoch`` and ``val_spread`` among its attributes.
        max_epochs: length of the schedule.
    """
    validation = experiment.splits.val_indices
    if best.value is None:
        raise ValueError(f"trial {best.number} has no value")
    return [
        *few_positives(experiment),
        *Watch(experiment)(best.value, best.user_attrs["val_spread"]),
        *best_epoch_at_edge(best.user_attrs["best_epoch"], max_epochs),
        *optimum_at_border(best.params, best.distributions),
        *split_far_features(experiment, "validation", validation),
    ]
