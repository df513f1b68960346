"""Three forms of loss against size, fitted alike and compared by AICc.

``constant``: E. ``log_linear``: a + b log10(N / N0). ``power_law``: E + A (N / N0)^-alpha with E, A >= 0; N0 is the
smallest size. Given alpha, each is a line a + b g(N) in a known basis g, so one solver serves all three, and alpha
runs over a grid.

Huber loss and least squares combine through likelihood: Huber's loss with a scale is the negative log-likelihood of his
least favourable density, normal in the middle with exponential tails (Huber 1964). Line and scale minimise it together
by iteratively reweighted least squares (Holland & Welsch 1977), non-negative for the power law; every step lowers the
same deviance, from which AICc (Hurvich & Tsai 1989) follows, with the scale counted as a parameter. The unit is the
run: what one level's runs share besides their size, such as its searched recipe, is no noise to this comparison.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from runtime.arrays import Floats
from runtime.judging.evaluation import with_reasons

FORMS = {"constant": 1, "log_linear": 2, "power_law": 3}
"""Coefficients of each form, the simplest first."""

FORM_NAMES = {"constant": "a constant", "log_linear": "a line in log N", "power_law": "E + A·N⁻ᵅ"}
"""As a reader sees them."""

EXPONENTS = np.geomspace(0.02, 2.0, 61)
"""Grid of alpha, in steps of 8 %."""

SUBSTANTIAL = 2.0
"""A form within this AICc of the best has substantial support (Burnham & Anderson 2002, section 2.6)."""

_COEFFICIENTS = ("intercept", "slope", "exponent")
_TUNING = 1.345  # 95 % efficiency where the noise is normal
_TOLERANCE = 1e-7
_MOST_STEPS = 200
_LEAST_SCALE = 1e-9  # nats; keeps the logarithm finite where a form passes through every loss


@dataclass(frozen=True)
class Curves:
    """Fitted curves a + b g(N), one a resample; all arrays have shape (resamples,).

    Attributes:
        form: which.
        smallest: N0.
        intercept, slope: a (or E) and b (or A).
        exponent: alpha, NaN for other forms.
        deviance: twice the negative log-likelihood, up to a constant that all forms share.
    """

    form: str
    smallest: float
    intercept: Floats
    slope: Floats
    exponent: Floats
    deviance: Floats

    def at(self, sizes: Floats) -> Floats:
        """Losses, shape (resamples, sizes)."""
        ratio = sizes / self.smallest
        basis = ratio ** -self.exponent[:, None] if self.form == "power_law" else np.log10(ratio)
        return self.intercept[:, None] + self.slope[:, None] * basis


def fit(form: str, sizes: Floats, losses: Floats, counts: Floats | None = None) -> Curves:
    """Fit one form.

    Args:
        form: one of `FORMS`.
        sizes, losses: of each run, shape (runs,); losses are positive.
        counts: how often each run counts, shape (resamples, runs); None counts each once.
    """
    counts = np.ones((1, losses.size)) if counts is None else counts
    smallest = float(sizes.min())
    ratio = sizes / smallest
    bases = {
        "constant": np.zeros((1, sizes.size)),
        "log_linear": np.log10(ratio)[None],
        "power_law": ratio ** -EXPONENTS[:, None],
    }
    lines = huber_lines(bases[form], losses, counts[:, None], non_negative=form == "power_law")
    best = lines[2].argmin(axis=1)
    intercept, slope, deviance = (np.take_along_axis(each, best[:, None], axis=1)[:, 0] for each in lines)
    exponent = EXPONENTS[best] if form == "power_law" else np.full(best.shape, np.nan)
    return Curves(form, smallest, intercept, slope, exponent, deviance)


def huber_lines(basis: Floats, losses: Floats, counts: Floats, *, non_negative: bool) -> tuple[Floats, Floats, Floats]:
    """Lines a + b g and their scale that minimise Huber's deviance, many at once.

    Args:
        basis: g, shape (bases, runs).
        losses: shape (runs,).
        counts: shape (resamples, 1, runs).
        non_negative: whether a and b must not be negative.

    Returns:
        a, b and the deviance, each of shape (resamples, bases).
    """
    weights = counts + np.zeros_like(basis)
    scale = np.full(weights.shape[:2], np.inf)
    for _ in range(_MOST_STEPS):
        intercept, slope = least_squares(basis, losses, weights, non_negative=non_negative)
        residuals = np.abs(losses - intercept[..., None] - slope[..., None] * basis)
        before, scale = scale, np.sqrt((weights * residuals**2).sum(axis=-1) / counts.sum(axis=-1))
        scale = np.maximum(scale, _LEAST_SCALE)
        limit = _TUNING * scale[..., None]
        weights = counts * (limit / np.maximum(residuals, limit))
        if (np.abs(before - scale) <= _TOLERANCE * scale).all():
            break
    inside = np.minimum(residuals, limit)
    loss = inside * (residuals - inside / 2) / scale[..., None] ** 2
    deviance = 2 * (counts * (np.log(scale)[..., None] + loss)).sum(axis=-1)
    return intercept, slope, deviance


def least_squares(basis: Floats, losses: Floats, weights: Floats, *, non_negative: bool) -> tuple[Floats, Floats]:
    """Weighted least squares of a + b g, in closed form so that thousands are solved at once.

    With two coefficients, a positive g and positive losses, non-negative least squares (Lawson & Hanson 1974) only
    has to move a negative coefficient to 0 and to solve for the other.

    Args:
        basis: shape (bases, runs); where it does not vary, b is 0.
        losses: shape (runs,).
        weights: shape (resamples, bases, runs).
        non_negative: whether a and b must not be negative.

    Returns:
        a and b, each of shape (resamples, bases).
    """
    total = weights.sum(axis=-1)
    mean_basis, mean_loss = (weights * basis).sum(axis=-1) / total, (weights @ losses) / total
    off = basis - mean_basis[..., None]
    spread = (weights * off**2).sum(axis=-1)
    slope = np.divide((weights * off) @ losses, spread, out=np.zeros_like(total), where=spread > 0)
    intercept = mean_loss - slope * mean_basis
    if not non_negative:
        return intercept, slope
    through_zero = (weights * basis) @ losses / (weights * basis**2).sum(axis=-1)
    slope = np.where(intercept < 0, through_zero, np.maximum(slope, 0))
    return np.where(intercept < 0, 0, mean_loss - slope * mean_basis), slope


def compare(sizes: Floats, losses: Floats) -> dict[str, Any]:
    """Fit every form and compare them by AICc.

    A form needs one more size than it has coefficients, or nothing tests it; AICc needs two more runs than parameters.

    Args:
        sizes: of each run, shape (runs,); runs of one level share theirs.
        losses: shape (runs,).

    Returns:
        Form -> its coefficients, and ``aicc_above_best``; ``chosen``: the simplest form whose AICc is within
        `SUBSTANTIAL` of the lowest, None unless the constant and another form have one.
    """
    levels, runs = np.unique(sizes).size, losses.size
    curves = {form: fit(form, sizes, losses) for form, coefficients in FORMS.items() if levels > coefficients}
    scores = {form: score for form, curve in curves.items() if (score := _aicc(curve, runs)) is not None}
    lowest = min(scores.values(), default=0.0)
    found: dict[str, Any] = {}
    for form, coefficients in FORMS.items():
        values: dict[str, Any] = dict.fromkeys(_COEFFICIENTS[:coefficients])
        reason = f"measured sizes: {levels}, testable from {coefficients + 1} on"
        if form in curves:
            values = {name: float(getattr(curves[form], name)[0]) for name in values}
            reason = f"runs: {runs}, AICc is defined from {coefficients + 3} on"
        values["aicc_above_best"] = scores[form] - lowest if form in scores else None
        found[form] = with_reasons(values, dict.fromkeys(values, reason))
    chosen = None
    if "constant" in scores and len(scores) > 1:
        chosen = next(form for form in FORMS if scores.get(form, np.inf) <= lowest + SUBSTANTIAL)
    return found | with_reasons({"chosen": chosen}, {"chosen": "too few sizes or runs to compare a constant with"})


def _aicc(curve: Curves, runs: int) -> float | None:
    parameters = FORMS[curve.form] + 1
    spare = runs - parameters - 1
    return float(curve.deviance[0] + 2 * parameters * (1 + (parameters + 1) / spare)) if spare > 0 else None
