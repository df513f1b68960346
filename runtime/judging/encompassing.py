"""Does a model know what its best rival does not? Asked of the two forecasts combined, on samples that neither saw.

"Better than the rival" is the wrong question for someone who can have both. A rival *encompasses* a model if no weight
on the model improves the rival (Chong and Hendry 1986). Everything is in logits, because the log loss of
``(1 - weight) * rival + weight * model`` is convex in the weight, and validation alone decides the weight.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from scipy import stats
from scipy.optimize import brentq

from runtime.arrays import Floats, Indices
from runtime.judging.calibration import fit_temperature, probabilities
from runtime.judging.evaluation import log_loss, tune_threshold, with_reasons
from runtime.judging.intervals import (
    LEAST_CHUNKS,
    chunk_means,
    chunk_weights,
    loss_difference,
    standard_error,
)

HALF = 0.5
"""The weight of the plain mean, which nothing is fitted for; it is often the better one (Clemen 1989)."""


def combine(rival: Floats, model: Floats, weight: float) -> Floats:
    """Logits of the combination; ``weight`` is the model's, from 0 (the rival alone) to 1 (the model alone)."""
    return (1 - weight) * rival + weight * model


def fit_weight(labels: Floats, rival: Floats, model: Floats) -> float:
    """Weight of the model, from 0 to 1, at which the combination's log loss is lowest; 0 where none is lower.

    Args:
        labels: 0.0 or 1.0, shape (samples,). Always the validation split's.
        rival, model: logits of the same samples.
    """
    step = model - rival

    def slope(weight: float) -> float:
        return float(np.mean((probabilities(rival + weight * step) - labels) * step))

    if slope(0.0) >= 0:
        return 0.0
    return 1.0 if slope(1.0) <= 0 else float(brentq(slope, 0.0, 1.0))


def encompassing_test(labels: Floats, rival: Floats, model: Floats, chunk_of: Indices) -> dict[str, Any]:
    """Test that the rival encompasses the model against that some weight on the model would improve it.

    Harvey, Leybourne and Newbold (1998) test the mean of ``(e_rival - e_model) * e_rival`` with forecast errors ``e``,
    the score of the squared error at a weight of 0. The score of the log loss is its like::

        score_i = -d loss_i / d weight at 0 = (label_i - p_i) * (model_i - rival_i),     p = logistic(rival)

    Its means over chunks, weighted as `chunk_weights` does, are the independent observations; ``statistic`` is their
    mean over its standard error, and the p-value is one-sided, Student's with chunks - 1 degrees of freedom. With equal
    chunks that is the modified Diebold-Mariano statistic which they recommend, for forecasts one step ahead.

    Args:
        labels: 0.0 or 1.0, shape (samples,).
        rival, model: logits, shape (samples,).
        chunk_of: see `chunk_numbers`.

    Returns:
        ``statistic`` and ``p_value``; both None with fewer than three chunks, or where no score differs from another.
    """
    scores = (labels - probabilities(rival)) * (model - rival)
    means, size = chunk_means(scores, chunk_of), chunk_weights(chunk_of)
    reason = f"{means.size} chunks are fewer than {LEAST_CHUNKS}"
    found: dict[str, Any] = {"statistic": None, "p_value": None}
    if means.size >= LEAST_CHUNKS:
        reason, error = "every chunk says the same", standard_error(means, size)
        if error > 0:
            statistic = float((size * means).mean() / error)
            found = {"statistic": statistic, "p_value": float(stats.t.sf(statistic, means.size - 1))}
    return with_reasons(found, dict.fromkeys(found, reason))


@dataclass(frozen=True)
class Combination:
    """What validation decides about the model and its best rival together; test only ever receives it.

    Attributes:
        rival: the baseline with the lowest log loss.
        weight: see `fit_weight`.
        threshold: decision threshold of the combination as a probability; None without positives.
        rival_temperature: of the rival alone, see `fit_temperature`.
    """

    rival: str
    weight: float
    threshold: float | None
    rival_temperature: float | None

    @classmethod
    def on(cls, labels: Floats, logits: Mapping[str, Floats]) -> Self:
        """Decide all of it on the validation samples.

        Args:
            labels: 0.0 or 1.0, shape (samples,).
            logits: of each forecast, shape (samples,); ``model`` and at least one baseline among them.
        """
        rival = min((name for name in logits if name != "model"), key=lambda name: log_loss(labels, logits[name]))
        weight = fit_weight(labels, logits[rival], logits["model"])
        combined = combine(logits[rival], logits["model"], weight)
        return cls(rival, weight, tune_threshold(labels, combined), fit_temperature(labels, logits[rival]))

    def describe(self) -> dict[str, Any]:
        """As a record holds it."""
        found = {"rival": self.rival, "weight": self.weight, "decision_threshold": self.threshold}
        return with_reasons(found, {"decision_threshold": "validation holds no positive"})

    def judge(
        self, labels: Floats, logits: Mapping[str, Floats], second_fit: Floats | str, chunk_of: Indices
    ) -> dict[str, Any]:
        """What the model adds to the rival on one split, beside what the rival gains without the model.

        Args:
            labels: 0.0 or 1.0, shape (samples,).
            logits: of each forecast, shape (samples,).
            second_fit: logits of another fit of the rival, shape (samples,), or why there is none.
            chunk_of: see `chunk_numbers`.

        Returns:
            ``minus_rival``: the `loss_difference` to the rival of the ``combination``, of the ``mean`` of both logits,
            of the rival's mean with its ``second_fit``, and of the rival ``rescaled`` by its temperature, each None
            where it does not exist; ``encompassing``, see `encompassing_test`.
        """
        rival, model = logits[self.rival], logits["model"]
        forecasts = {"combination": combine(rival, model, self.weight), "mean": combine(rival, model, HALF)}
        reasons = {"rescaled": "on validation no temperature is best"}
        if isinstance(second_fit, str):
            reasons["second_fit"] = second_fit
        else:
            forecasts["second_fit"] = combine(rival, second_fit, HALF)
        if self.rival_temperature is not None:
            forecasts["rescaled"] = rival / self.rival_temperature
        found = dict.fromkeys(("combination", "mean", "second_fit", "rescaled")) | {
            name: loss_difference(labels, each, rival, chunk_of) for name, each in forecasts.items()
        }
        return {
            "minus_rival": with_reasons(found, reasons),
            "encompassing": encompassing_test(labels, rival, model, chunk_of),
        }
