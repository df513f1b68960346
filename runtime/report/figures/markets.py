"""A forest plot: the model less its best rival, question by question and dataset by dataset."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes

from runtime.judging.baselines import title_of
from runtime.report.figures.differences import HOW_TO_READ, name_sides, paint_row
from runtime.report.markets import Answer, signed
from runtime.report.style import Palette, Picture, draw


def markets_forest(found: Sequence[Answer]) -> Picture:
    """One row an answer; the answers to one question stand together.

    Args:
        found: of `runtime.report.markets.answers`, at least two.
    """

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axvline(0, color=palette.ink, linewidth=1.2)
        for row, each in enumerate(found):
            paint_row(axes, palette, -row, palette.forecast(each.rival), each.difference)
        axes.set_yticks([-row for row in range(len(found))], [_name(each) for each in found], fontsize=9)
        axes.tick_params(axis="y", length=0, labelcolor=palette.ink)
        axes.grid(visible=False, axis="y")
        axes.set(ylim=(-len(found) + 0.4, 0.75), xlabel="log loss, model − best rival")
        axes.locator_params(axis="x", nbins=5)
        name_sides(axes, palette, "model better", "model worse")
        axes.set_title("Model less best rival, by dataset")

    described = "; ".join(f"{_name(each).replace(chr(10), ', ')} {signed(each)}" for each in found)
    return draw(
        "markets",
        paint,
        caption=f"{HOW_TO_READ} Colours are those of the rivals. Rows share days, so they are not to be averaged.",
        alt=f"Log loss of the model less that of its best rival: {described}",
        wide=True,
    )


def _name(answer: Answer) -> str:
    question = answer.question.replace("_", " ")
    return f"{answer.dataset} · {question}\n{title_of(answer.rival)}, {answer.split}"
