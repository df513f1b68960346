"""What the model adds to its best rival, beside what the rival gains without it: a forest plot."""

from __future__ import annotations

from matplotlib.axes import Axes

from runtime.judging.baselines import title_of
from runtime.report.addition import added_on, beside_rival
from runtime.report.figures.differences import HOW_TO_READ, name_sides, paint_row
from runtime.report.runs import ReportedRun
from runtime.report.style import Palette, Picture, draw
from runtime.report.words import with_interval


def addition_to_rival(run: ReportedRun, split: str) -> Picture:
    """Log loss less the rival's of everything that stands beside the rival alone: mean, intervals, and every chunk.

    Raises:
        Unknown: if the record lacks it.
    """
    addition, added, alone = added_on(run.result, split)
    found = [(each, each.difference) for each in beside_rival(addition, added, alone) if each.difference is not None]

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.ink, linewidth=1.2)
        for row, (each, difference) in enumerate(found):
            colour = palette.forecast("model" if each.has_model else addition.rival)
            paint_row(axes, palette, -row, colour, difference)
        axes.set_yticks([-row for row in range(len(found))], [each.title for each, _ in found])
        axes.tick_params(axis="y", length=0, labelcolor=palette.ink)
        axes.grid(visible=False, axis="y")
        axes.set(ylim=(-len(found) + 0.4, 0.75), xlabel=f"log loss − {title_of(addition.rival)}'s")
        axes.locator_params(axis="x", nbins=5)
        name_sides(axes, palette, "lower log loss", "higher log loss")
        axes.set_title(f"What is added to {title_of(addition.rival)}, {split}")

    described = "; ".join(f"{each.title} {with_interval(difference)}" for each, difference in found)
    return draw(
        f"{run.title}_{split}_addition",
        paint,
        caption=f"{HOW_TO_READ} The model adds what the combination gains over {title_of(addition.rival)} alone; the "
        "last rows gain without the model.",
        alt=f"Log loss less that of {title_of(addition.rival)} on {split}, with intervals: {described}",
        wide=True,
    )
