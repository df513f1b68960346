"""How much better or worse than each baseline, with intervals: the picture behind the verdict."""

from __future__ import annotations

from matplotlib.axes import Axes

from runtime.judging.baselines import title_of
from runtime.records.differences import Difference
from runtime.report.runs import ReportedRun, Unknown
from runtime.report.style import Palette, Picture, draw
from runtime.report.words import with_interval

HOW_TO_READ = "Thick: t interval over chunks. Thin: chunk bootstrap. Small dots: the chunks themselves."


def paired_differences(run: ReportedRun, split: str) -> Picture:
    """Log loss of the model less that of each baseline: mean, intervals, and every chunk.

    Raises:
        Unknown: if no baseline was compared with.
    """
    forecasts = run.result.judged()[split] if run.result else {}
    found = {
        name: report.model_minus_this["log_loss"]
        for name, report in forecasts.items()
        if "log_loss" in report.model_minus_this
    }
    if not found:
        raise Unknown("no baseline was compared with")

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.ink, linewidth=1.2)
        for row, (name, difference) in enumerate(found.items()):
            paint_row(axes, palette, -row, palette.forecast(name), difference)
        axes.set_yticks([-row for row in range(len(found))], [title_of(name) for name in found])
        axes.tick_params(axis="y", length=0, labelcolor=palette.ink)
        axes.grid(visible=False, axis="y")
        axes.set(ylim=(-len(found) + 0.4, 0.75), xlabel="log loss, model − baseline")
        axes.locator_params(axis="x", nbins=5)
        name_sides(axes, palette, "model better", "model worse")
        axes.set_title(f"Paired differences, {split}")

    described = "; ".join(f"{title_of(name)} {with_interval(each)}" for name, each in found.items())
    return draw(
        f"{run.title}_{split}_differences",
        paint,
        caption=f"{HOW_TO_READ} An interval that holds zero cannot tell the two apart.",
        alt=f"Log loss of the model less that of each baseline on {split}, with intervals: {described}",
    )


def paint_row(axes: Axes, palette: Palette, height: float, colour: str, difference: Difference) -> None:
    """One difference: its mean, its intervals and every chunk."""
    axes.plot(
        difference.per_chunk, [height - 0.22] * len(difference.per_chunk), "o", color=colour, alpha=0.5, markersize=4
    )
    if difference.bootstrap is not None:
        axes.plot(difference.bootstrap, [height] * 2, color=colour, linewidth=1.2)
    if difference.t is not None:
        axes.plot(difference.t, [height] * 2, color=colour, linewidth=5, alpha=0.45, solid_capstyle="butt")
    if difference.difference is not None:
        axes.plot(difference.difference, height, "o", color=colour, markersize=8, markeredgecolor=palette.surface)


def name_sides(axes: Axes, palette: Palette, below: str, above: str) -> None:
    """Say what lies on which side of zero, with room for both."""
    low, high = axes.get_xlim()
    room = 0.3 * (high - low)
    axes.set_xlim(min(low, -room), max(high, room))
    for words, offset, side in ((f"← {below}", -6, "right"), (f"{above} →", 6, "left")):
        axes.annotate(
            words,
            (0, 0.6),
            xytext=(offset, 0),
            textcoords="offset points",
            ha=side,
            va="center",
            fontsize=9,
            color=palette.muted,
        )
