"""Every trial of a search in the order it ran, and the best so far."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from runtime.arrays import Floats, Indices
from runtime.report.runs import Unknown
from runtime.report.searches import OUTCOMES, ReportedSearch, lowest, outcome
from runtime.report.style import Palette, Picture, draw

_MARKERS = {"completed": "o", "pruned": "x", "failed": "^", "interrupted": "s", "running": "D"}
_FILLED = ("completed", "failed")


def search_history(search: ReportedSearch) -> Picture:
    """Lowest validation loss of each trial by how it ended; trials without one stand at the top edge.

    Raises:
        Unknown: if no trial has begun.
    """
    trials = search.trials
    if not trials:
        raise Unknown(search.problem or "no trial is recorded here")
    values = np.array([np.nan if (value := lowest(trial)) is None else value for trial in trials])
    own = [value if outcome(trial) == "completed" else np.inf for trial, value in zip(trials, values, strict=True)]
    best = np.minimum.accumulate(own)
    found = np.isfinite(best)
    numbers = np.arange(1, len(trials) + 1)
    outcomes = np.array([outcome(trial) for trial in trials])

    top = _top(values)

    def paint(axes: Axes, palette: Palette) -> None:
        if found.any():
            axes.step(numbers[found], best[found], where="post", color=palette.accent, linewidth=2, label="best so far")
        for name in OUTCOMES:
            _paint_outcome(axes, palette, name, numbers[outcomes == name], values[outcomes == name], top)
        axes.set_ylim(top=top + 0.3 * (top - axes.get_ylim()[0]))
        axes.set(title="Search history", xlabel="trial", ylabel="lowest validation loss (nats)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.legend(loc="upper right", ncols=2)

    counts = ", ".join(f"{(outcomes == name).sum()} {name}" for name in OUTCOMES if (outcomes == name).any())
    lead = f"; best {best[-1]:.4f} in trial {int(np.argmin(own)) + 1}" if found.any() else "; none completed"
    return draw(
        f"{search.name}_history",
        paint,
        caption="An arrow marks a trial whose loss lies above, or that ended without one.",
        alt=f"Search history of {len(trials)} trials: {counts}{lead}",
    )


def _top(values: Floats) -> float:
    """The highest loss that is drawn at its height: a diverged trial must not flatten all others."""
    known = values[np.isfinite(values)]
    if not known.size:
        return 1.0
    middle, high = np.quantile(known, [0.5, 0.9])
    return float(min(known.max(), high + 2 * (high - middle)))


def _paint_outcome(axes: Axes, palette: Palette, name: str, numbers: Indices, values: Floats, top: float) -> None:
    if not numbers.size:
        return
    colours = {"completed": palette.accent, "failed": palette.warning, "interrupted": palette.validation}
    colour = colours.get(name, palette.muted)
    above = ~(values <= top)
    heights = np.where(above, top, values)
    shared: dict[str, Any] = {"linestyle": "none", "color": colour, "zorder": 3, "markersize": 6.5}
    fill = colour if name in _FILLED else "none"
    label = f"{name} ({numbers.size})"
    axes.plot(numbers, heights, marker=_MARKERS[name], markerfacecolor=fill, label=label, **shared)
    for number in numbers[above]:
        axes.annotate("↑", (number, top), xytext=(0, 4), textcoords="offset points", ha="center", color=colour)
