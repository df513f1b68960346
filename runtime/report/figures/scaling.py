"""Loss against size, every seed a dot: the picture of one study of `runtime.scaling`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from matplotlib.axes import Axes

from runtime.report.style import Palette, Picture, draw, line_of
from runtime.scaling import draw_scaling


def scaling_picture(name: str, found: Mapping[str, Any]) -> Picture:
    """One study that has at least one run.

    Args:
        name: of the picture's file.
        found: of `runtime.scaling.summary`.
    """

    def paint(axes: Axes, palette: Palette) -> None:
        names = ("model", *found["baselines"])
        colours = {name: palette.forecast(name) for name in names}
        colours |= {"ink": palette.ink, "muted": palette.muted, "surface": palette.surface}
        draw_scaling(axes, found, colours, {name: line_of(name) for name in names})
        axes.set_title(f"Loss by {found['noun']}, {found['split']}")

    levels = "; ".join(_words(level) for level in found["levels"])
    return draw(
        name,
        paint,
        caption="Each dot is one training seed. Thick: t interval over seeds; thin: over chunks of days. The curve is "
        "the simplest form that describes the losses and ends at the measured sizes; an arrow marks an interval "
        "that leaves the picture.",
        alt=f"{found['split'].capitalize()} log loss against measured {found['noun']}. Means: {levels}",
        wide=True,
    )


def _words(level: Mapping[str, Any]) -> str:
    interval = level["seed_interval"]
    sure = f" ({interval[0]:.4f} to {interval[1]:.4f} over seeds)" if interval else " (no interval over seeds)"
    return f"{level['name']} with {level['size']:,.0f}: {level['loss']:.4f}{sure}"
