"""Which days train, validate and test, on the price itself."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from msgspec import structs

from runtime.records.results import Result
from runtime.report.market import load_market
from runtime.report.style import Palette, Picture, draw
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.splits import Chunks, touched_rows


def split_chart(project: Path, result: Result, name: str) -> Picture:
    """The close of every bar, or the index of a panel, on a log scale, with the held-out chunks behind it.

    Args:
        project: whose data to look for.
        result: any record of the split.
        name: of the picture.

    Raises:
        Unknown: if the data are not here, or are others than those the record names.
    """
    market = load_market(project, result)
    dates, close = market.dates, market.close
    splitter = ChunkSplitter(**structs.asdict(result.split))
    splits = splitter.split(market.timeline)
    trained = touched_rows(*splits.days(splits.train_indices), len(close))
    held_out = (("validation", splits.val_chunks), ("test", splits.test_chunks))

    def paint(axes: Axes, palette: Palette) -> None:
        colours = {"validation": palette.validation, "test": palette.test}
        for split, chunks in held_out:
            _shade(axes, dates, chunks, colours[split], hatch="" if split == "test" else "////")
        axes.plot(dates, close, color=palette.muted, linewidth=0.7)
        axes.plot(dates, np.where(trained, close, np.nan), color=palette.ink, linewidth=1.2)
        axes.set_yscale("log")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
        axes.yaxis.set_minor_formatter(lambda value, _: f"{value:,g}" if close.max() < 10 * close.min() else "")
        axes.tick_params(axis="y", which="minor", labelsize=8)
        axes.margins(x=0.005)
        axes.set(title="Which days train, validate and test", ylabel=f"{market.title} (log scale)")
        axes.legend(handles=_legend(palette), loc="lower right", bbox_to_anchor=(1, 1), ncols=3)

    spans = "; ".join(
        f"{split} {', '.join(f'{dates[start]} to {dates[stop - 1]}' for start, stop in chunks)}"
        for split, chunks in held_out
    )
    described = f"{market.title.capitalize()} from {dates[0]} to {dates[-1]}"
    return draw(
        name,
        paint,
        caption=f"No day that a training sample touches is touched by a held-out sample. {len(splits.val_chunks)} "
        f"validation and {len(splits.test_chunks)} test chunks of {splitter.chunk_rows} bars, {splitter.mode}, split "
        f"seed {splitter.seed}, embargo {splitter.embargo}. Thick line: days that training samples touch.",
        alt=f"{described} with the held-out chunks: {spans}. All other days train",
        wide=True,
    )


def _shade(axes: Axes, dates: npt.NDArray[np.datetime64], chunks: Chunks, colour: str, hatch: str) -> None:
    for start, stop in chunks:
        axes.axvspan(dates[start], dates[stop - 1], facecolor=colour, alpha=0.28, hatch=hatch, edgecolor=colour, lw=0)


def _legend(palette: Palette) -> list[Line2D | Patch]:
    return [
        Line2D([], [], color=palette.ink, linewidth=1.6, label="training"),
        Patch(facecolor=palette.validation, alpha=0.4, hatch="////", lw=0, label="validation"),
        Patch(facecolor=palette.test, alpha=0.4, lw=0, label="test"),
    ]
