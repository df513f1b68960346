"""Do events forecast with probability p happen with frequency p, and would one temperature help?"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit

from runtime.arrays import Floats

BINS = 10


def probabilities(logits: Floats) -> Floats:
    """The logistic function; shape stays."""
    chances: Floats = expit(logits)
    return chances


def calibration(labels: Floats, forecast: Floats) -> dict[str, Any]:
    """Reliability by quantile bins, and the expected calibration error over them.

    The bins part the samples at the deciles of the forecast, so that each holds a tenth of them; equal forecasts stay
    together, so a constant forecast has one bin. ECE is ``sum(samples_b / samples * |positive_rate_b - forecast_b|)``
    (Naeini et al. 2015 for two classes; Guo et al. 2017, equation 3), here with bins of equal size, as in Nixon et
    al. 2019, section 3, because probabilities of rare events crowd at one end. It is above zero even for a perfect
    forecast, more so with few samples: compare it between forecasts of the same samples only.

    Args:
        labels: 0.0 or 1.0, shape (samples,).
        forecast: probabilities, shape (samples,).

    Returns:
        ``ece`` and ``bins``: ``samples``, mean ``forecast`` and ``positive_rate`` of each, by increasing forecast.
    """
    edges = np.quantile(forecast, np.arange(1, BINS) / BINS)
    bin_of = np.searchsorted(edges, forecast)
    bin_of = np.unique(bin_of, return_inverse=True)[1]  # ties may leave bins empty
    samples = np.bincount(bin_of)
    means, rates = np.bincount(bin_of, forecast) / samples, np.bincount(bin_of, labels) / samples
    return {
        "ece": float(np.average(np.abs(rates - means), weights=samples)),
        "bins": [
            {"samples": int(count), "forecast": float(mean), "positive_rate": float(rate)}
            for count, mean, rate in zip(samples, means, rates, strict=True)
        ],
    }


def fit_temperature(labels: Floats, logits: Floats) -> float | None:
    """Temperature T > 0 that minimises the log loss of ``logits / T`` (Guo et al. 2017, section 4.2).

    The loss is convex in 1/T, so the root of its derivative is the only minimum.

    Args:
        labels: 0.0 or 1.0, shape (samples,). Always the validation split's.
        logits: forecasts of the same samples.

    Returns:
        None if the loss falls all the way to T = infinity (forecasts that point the wrong way) or to T = 0 (every
        sign right).
    """

    def slope(inverse: float) -> float:
        return float(np.mean((probabilities(inverse * logits) - labels) * logits))

    every_sign_right = not (np.where(labels == 1, -logits, logits) > 0).any()
    if slope(0.0) >= 0 or every_sign_right:
        return None
    upper = 1.0
    while slope(upper) <= 0:
        upper *= 2
    return float(1 / brentq(slope, 0.0, upper))
