"""Loss against training samples, a line for each size of model: do more data help, and whom?"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from runtime.judging.baselines import title_of
from runtime.report.style import Palette, Picture, draw

_LINES: tuple[Any, ...] = ("-", (0, (6, 2)), (0, (4, 1.5, 1, 1.5)), (0, (1, 2)))


def data_scaling_picture(name: str, found: Mapping[str, Mapping[str, Any]]) -> Picture:
    """Several studies over the amount of data.

    Args:
        name: of the picture's file.
        found: budget -> `runtime.scaling.summary` of its trainings, each with at least one run, the smallest first.
    """
    first = next(iter(found.values()))

    def paint(axes: Axes, palette: Palette) -> None:
        colours = (palette.accent, palette.warning, palette.test, palette.ink)
        sizes = sorted({level["size"] for each in found.values() for level in each["levels"]})
        for number, (budget, each) in enumerate(found.items()):
            _paint_line(axes, each, budget, colours[number % len(colours)], _LINES[number % len(_LINES)])
        axes.plot(
            [level["size"] for level in first["levels"]],
            [level["rival_loss"] for level in first["levels"]],
            color=palette.muted,
            linestyle=":",
            label=f"{title_of(first['rival'])} on the same samples",
        )
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(FixedLocator(sizes))
        axes.xaxis.set_minor_locator(NullLocator())
        axes.set_xticks(sizes, [f"{size:,.0f}" for size in sizes])
        axes.set(xlabel="training samples", ylabel=f"{first['split']} log loss (nats)")
        axes.set_title(f"Loss by training samples, {first['split']}")
        axes.legend(loc="best")

    described = "; ".join(
        f"{budget}: " + ", ".join(f"{level['size']:,.0f} samples {level['loss']:.4f}" for level in each["levels"])
        for budget, each in found.items()
    )
    return draw(
        name,
        paint,
        caption="A line for each size of model, through the means of its seeds; each dot is one training seed. Every "
        "point is judged on the same days.",
        alt=f"{first['split'].capitalize()} log loss by training samples. {described}",
        wide=True,
    )


def _paint_line(axes: Axes, found: Mapping[str, Any], budget: str, colour: str, line: Any) -> None:
    levels = found["levels"]
    axes.plot(
        [level["size"] for level in levels],
        [level["loss"] for level in levels],
        color=colour,
        linestyle=line,
        label=f"{budget} parameters",
    )
    runs = found["runs"]
    axes.plot([run["size"] for run in runs], [run["loss"] for run in runs], "o", color=colour, markersize=5, alpha=0.8)
