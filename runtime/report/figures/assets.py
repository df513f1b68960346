"""Asset by asset: where the model is better than its best rival, and where worse."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.lines import Line2D

from runtime.judging.baselines import title_of
from runtime.report.assets import differences_by_asset
from runtime.report.runs import ReportedRun
from runtime.report.style import Palette, Picture, draw

MOST_NAMED = 40
"""More assets than these have no room for their names."""


def asset_differences(run: ReportedRun, split: str) -> Picture:
    """Log loss of the model less that of its best rival on every asset of a split, in order.

    Raises:
        Unknown: if the record is not of a panel.
    """
    rival, found = differences_by_asset(run, split)

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.ink, linewidth=1.2)
        for row, (_, difference, trains) in enumerate(found):
            colour = palette.forecast("model")
            face = colour if trains else palette.surface
            axes.plot([0, difference], [-row] * 2, color=colour, linewidth=1, alpha=0.5)
            axes.plot(difference, -row, "o", color=colour, markerfacecolor=face, markersize=6)
        names = [name for name, _, _ in found] if len(found) <= MOST_NAMED else []
        axes.set_yticks([-row for row in range(len(names))], names, fontsize=min(10, 210 / len(found)))
        axes.tick_params(axis="y", length=0, labelcolor=palette.ink)
        axes.grid(visible=False, axis="y")
        axes.set(title=f"Asset by asset, {split}", xlabel=f"log loss, model − {title_of(rival)} (left: model better)")
        axes.locator_params(axis="x", nbins=5)
        if not all(trains for _, _, trains in found):
            _name_faces(axes, palette)

    worst = "; ".join(f"{name} {difference:+.4f}" for name, difference, _ in found)
    return draw(
        f"{run.title}_{split}_assets",
        paint,
        caption="One dot an asset, the best for the model on top. Hollow: assets that never trained.",
        alt=f"Log loss of the model less that of {title_of(rival)} on {split}, by asset: {worst}",
        wide=len(found) > 16,
    )


def _name_faces(axes: Axes, palette: Palette) -> None:
    colour = palette.forecast("model")
    faces = {"trained": colour, "never trained": palette.surface}
    handles = [
        Line2D([], [], marker="o", linestyle="", color=colour, markerfacecolor=face, label=label)
        for label, face in faces.items()
    ]
    axes.legend(handles=handles, loc="lower right")
