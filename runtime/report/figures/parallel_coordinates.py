"""Every trial as a line across its hyperparameters, coloured by how well it did."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution

from runtime.report.runs import Unknown
from runtime.report.searches import ReportedSearch
from runtime.report.style import Palette, Picture, draw


def parallel_coordinates(search: ReportedSearch) -> Picture:
    """One vertical axis a hyperparameter, each over its whole searched range.

    Raises:
        Unknown: with fewer than two completed trials.
    """
    completed = search.completed
    if len(completed) < 2:
        raise Unknown(f"{len(completed)} completed trials: at least two are needed")
    names = list(completed[0].params)
    positions = [_positions(completed[0].distributions[name]) for name in names]
    lines = np.array(
        [[place(trial.params[name]) for name, place in zip(names, positions, strict=True)] for trial in completed]
    )
    values = np.array([trial.value for trial in completed], dtype=float)
    scale = Normalize(values.min(), np.quantile(values, 0.9), clip=True)

    def paint(axes: Axes, palette: Palette) -> None:
        colour = LinearSegmentedColormap.from_list("ramp", palette.ramp)
        for row in np.argsort(-values):  # the best is drawn last
            is_best = row == values.argmin()
            width, opacity = (3, 1.0) if is_best else (1.1, 0.7)
            tone = palette.warning if is_best else colour(scale(values[row]))
            axes.plot(lines[row], color=tone, linewidth=width, alpha=opacity, zorder=3 if is_best else 2)
        for column, name in enumerate(names):
            _paint_axis(axes, palette, column, completed[0].distributions[name])
        axes.set_xticks(range(len(names)), [name.replace("_", " ") for name in names])
        axes.tick_params(axis="x", length=0, pad=8, labelcolor=palette.ink)
        axes.set(ylim=(-0.06, 1.06), xlim=(-0.35, len(names) - 0.75), yticks=[])
        axes.grid(visible=False)
        axes.spines[:].set_visible(False)
        axes.set_title("Completed trials across the searched space")
        bar = axes.figure.colorbar(ScalarMappable(scale, colour), ax=axes, pad=0.02, aspect=25)
        bar.outline.set_visible(False)
        bar.set_label("validation loss (nats)")

    best = completed[int(values.argmin())]
    return draw(
        f"{search.name}_parallel",
        paint,
        caption="Each axis spans its searched range. The thick line is the best trial; an end at the border of an axis "
        "asks for a wider range.",
        alt=f"Parallel coordinates of {len(completed)} completed trials. The best, {values.min():.4f}: "
        + ", ".join(f"{name} {_short(best.params[name])}" for name in names),
        wide=True,
    )


def _positions(distribution: BaseDistribution) -> Callable[[Any], float]:
    """Where a value stands on its axis, from 0 to 1."""
    if isinstance(distribution, CategoricalDistribution):
        choices = list(distribution.choices)
        return lambda value: choices.index(value) / max(1, len(choices) - 1)
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        raise Unknown(f"an axis of {type(distribution).__name__} is not known")
    scale: Callable[[float], float] = np.log if distribution.log else float
    low, high = scale(distribution.low), scale(distribution.high)
    return lambda value: (scale(value) - low) / ((high - low) or 1)


def _ticks(distribution: BaseDistribution) -> list[Any]:
    if isinstance(distribution, CategoricalDistribution):
        return list(distribution.choices)
    if not isinstance(distribution, FloatDistribution | IntDistribution):
        return []
    if distribution.log:
        return list(np.geomspace(distribution.low, distribution.high, 3))
    return list(np.linspace(distribution.low, distribution.high, 3))


def _paint_axis(axes: Axes, palette: Palette, column: int, distribution: BaseDistribution) -> None:
    axes.axvline(column, color=palette.muted, linewidth=1, ymin=0.05, ymax=0.95, zorder=1)
    place = _positions(distribution)
    for value in _ticks(distribution):
        axes.annotate(
            _short(value),
            (column, place(value)),
            xytext=(-6, 0),
            textcoords="offset points",
            ha="right",
            va="center",
            fontsize=9,
            color=palette.ink,
            zorder=4,
            bbox={"facecolor": palette.surface, "alpha": 0.75, "edgecolor": "none", "pad": 1},
        )


def _short(value: Any) -> str:
    return f"{value:.2g}" if isinstance(value, float) else str(value)
