"""How much better or worse than each baseline, with intervals: the picture behind the verdict."""

from __future__ import annotations

from matplotlib.axes import Axes

from runtime.judging.baselines import title_of
from runtime.records.differences import Difference
from runtime.report.runs import ReportedRun, Unknown
from runtime.report.style import Palette, Picture, draw


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
            _paint_row(axes, palette, -row, palette.forecast(name), difference)
        axes.set_yticks([-row for row in range(len(found))], [title_of(name) for name in found])
        axes.tick_params(axis="y", length=0, labelcolor=palette.ink)
        axes.grid(visible=False, axis="y")
        axes.set(ylim=(-len(found) + 0.4, 0.75), xlabel="log loss, model − baseline")
        axes.locator_params(axis="x", nbins=5)
        _name_sides(axes, palette)
        axes.set_title(f"Paired differences, {split}")

    described = "; ".join(f"{title_of(name)} {_words(each)}" for name, each in found.items())
    return draw(
        f"{run.title}_{split}_differences",
        paint,
        caption="Thick: t interval over chunks. Thin: chunk bootstrap. Small dots: the chunks themselves. An interval "
        "that holds zero cannot tell the two apart.",
        alt=f"Log loss of the model less that of each baseline on {split}, with intervals: {described}",
    )


def _paint_row(axes: Axes, palette: Palette, height: float, colour: str, difference: Difference) -> None:
    axes.plot(
        difference.per_chunk, [height - 0.22] * len(difference.per_chunk), "o", color=colour, alpha=0.5, markersize=4
    )
    if difference.bootstrap is not None:
        axes.plot(difference.bootstrap, [height] * 2, color=colour, linewidth=1.2)
    if difference.t is not None:
        axes.plot(difference.t, [height] * 2, color=colour, linewidth=5, alpha=0.45, solid_capstyle="butt")
    if difference.difference is not None:
        axes.plot(difference.difference, height, "o", color=colour, markersize=8, markeredgecolor=palette.surface)


def _name_sides(axes: Axes, palette: Palette) -> None:
    """Say on which side of zero the model wins, with room for both."""
    low, high = axes.get_xlim()
    room = 0.3 * (high - low)
    axes.set_xlim(min(low, -room), max(high, room))
    for words, offset, side in (("← model better", -6, "right"), ("model worse →", 6, "left")):
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


def _words(difference: Difference) -> str:
    if difference.difference is None:
        return "undefined"
    low_high = difference.t or difference.bootstrap
    interval = f" ({low_high[0]:+.4f} to {low_high[1]:+.4f})" if low_high else " (no interval)"
    return f"{difference.difference:+.4f}{interval}"
