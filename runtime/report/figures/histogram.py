"""What the model forecasts for the days that rose, and for those that did not."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from runtime.report.runs import ReportedRun, Unknown
from runtime.report.style import Palette, Picture, draw

_BINS = 25


def forecast_histogram(run: ReportedRun, split: str) -> Picture:
    """Histogram of the model's forecasts by class, with the decision threshold.

    Raises:
        Unknown: if the forecasts are not stored.
    """
    table = run.predictions[run.predictions["split"] == split]
    if table.empty:
        raise Unknown("predictions.parquet does not hold this split")
    of_class = {label: table.loc[table["label"] == label, "model"].to_numpy() for label in (0, 1)}
    edges = np.linspace(0, max(float(table["model"].max()), 1e-6), _BINS + 1)
    decision = run.result.judged()[split]["model"].decision if run.result else None

    def paint(axes: Axes, palette: Palette) -> None:
        for label, colour, words in ((0, palette.negative, "did not rise"), (1, palette.positive, "rose")):
            values = of_class[label]
            if not values.size:
                continue
            counts = np.histogram(values, edges)[0] / values.size
            style = "-" if label else "--"
            axes.stairs(counts, edges, fill=True, color=colour, alpha=0.25)
            axes.stairs(
                counts, edges, color=colour, linewidth=1.8, linestyle=style, label=f"{values.size:,} days that {words}"
            )
        if decision is not None:
            axes.axvline(decision.threshold, color=palette.ink, linewidth=1.4, label="decision threshold")
        axes.set(title=f"Forecasts by class, {split}", xlabel="forecast probability", ylabel="share of the class")
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        axes.set_ylim(bottom=0)
        axes.legend(loc="best")

    medians = "; ".join(
        f"{values.size} days that {words}: median forecast {np.median(values):.1%}"
        for values, words in ((of_class[1], "rose"), (of_class[0], "did not rise"))
        if values.size
    )
    threshold = f". Decision threshold {decision.threshold:.1%}" if decision else ". No decision threshold"
    return draw(
        f"{run.title}_{split}_histogram",
        paint,
        caption="The further apart the two shapes lie, the better the model tells the classes apart. Days right of the "
        "vertical line are called rises.",
        alt=f"Histogram of the model's forecasts on {split}. {medians}{threshold}",
    )
