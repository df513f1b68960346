"""Loss against size: every seed a dot, its mean with two intervals, the fitted curve, the baselines as lines."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, NullLocator

from runtime.judging.baselines import title_of
from runtime.scaling.fit import FORM_NAMES

_MARGIN, _BESIDE = 0.085, 0.026  # of the decades shown: at both ends, and of intervals from their dots
_LABEL_GAP = 0.075  # of the height of the axes


def draw_scaling(
    axes: Axes, found: Mapping[str, Any], palette: Mapping[str, str], lines: Mapping[str, Any] | None = None
) -> None:
    """Draw a study with at least one run.

    The curve ends at the smallest and the largest measured size. The losses decide the height; an interval over
    chunks that is longer runs out of the picture.

    Args:
        axes: empty.
        found: of `runtime.scaling.summary.summary`.
        palette: colours of ``ink``, ``muted``, ``surface``, ``model`` and of each baseline by its name.
        lines: line style of each baseline by its name; None draws all dashed.
    """
    sizes = np.array([run["size"] for run in found["runs"]])
    axes.set_xscale("log")
    shown = max(sizes.max() / sizes.min(), 10.0)
    axes.set_xlim(sizes.min() / shown**_MARGIN, sizes.max() * shown**_MARGIN)
    axes.set_ylim(*_height(found))
    _draw_curve(axes, found, palette)
    _draw_levels(axes, found["levels"], palette, beside=shown**_BESIDE)
    losses = [run["loss"] for run in found["runs"]]
    style: dict[str, Any] = {
        "color": palette["model"],
        "markeredgecolor": palette["surface"],
        "markersize": 6.5,
        "alpha": 0.8,
    }
    axes.plot(sizes, losses, "o", **style, zorder=4, label="one seed")
    _draw_baselines(axes, found["baselines"], palette, lines or {})
    _label(axes, found)


def _draw_curve(axes: Axes, found: Mapping[str, Any], palette: Mapping[str, str]) -> None:
    curve = found["curve"]
    if curve is None:
        return
    name = FORM_NAMES[found["forms"]["chosen"]]
    band = curve["low"] is not None
    if band:
        axes.fill_between(curve["sizes"], curve["low"], curve["high"], color=palette["model"], alpha=0.18, linewidth=0)
    label = f"{name}, 95 % over seeds" if band else name
    axes.plot(curve["sizes"], curve["losses"], color=palette["model"], linewidth=1.6, zorder=2, label=label)


def _draw_levels(axes: Axes, levels: list[dict[str, Any]], palette: Mapping[str, str], beside: float) -> None:
    for side, key, width, colour, label in (
        (beside, "seed_interval", 3.2, palette["ink"], "mean, 95 % over seeds"),
        (1 / beside, "chunk_interval", 1.1, palette["muted"], "mean, 95 % over chunks"),
    ):
        known = [level for level in levels if level[key] is not None]
        if not known:
            continue
        places = [level["size"] * side for level in known]
        low, high = zip(*(level[key] for level in known), strict=True)
        axes.vlines(places, low, high, color=colour, linewidth=width, zorder=3, label=label)
        means = [level["loss"] for level in known]
        axes.plot(places, means, "_", color=colour, markersize=9, markeredgewidth=1.6, zorder=3)
        _mark_cut(axes, places, low, "v", colour)
        _mark_cut(axes, places, high, "^", colour)


def _mark_cut(axes: Axes, places: list[float], ends: tuple[float, ...], marker: str, colour: str) -> None:
    """An arrow head where an interval leaves the picture."""
    bottom, top = axes.get_ylim()
    cut = [place for place, end in zip(places, ends, strict=True) if not bottom <= end <= top]
    edge = top if marker == "^" else bottom
    axes.plot(cut, [edge] * len(cut), marker, color=colour, markersize=5, clip_on=False, zorder=3)


def _height(found: Mapping[str, Any]) -> tuple[float, float]:
    shown = [run["loss"] for run in found["runs"]] + list(found["baselines"].values())
    for level in found["levels"]:
        shown += level["seed_interval"] or []
    if found["curve"] is not None:
        shown += (found["curve"]["low"] or []) + (found["curve"]["high"] or [])
    margin = 0.08 * (max(shown) - min(shown)) or 0.01
    return min(shown) - margin, max(shown) + margin


def _draw_baselines(
    axes: Axes, baselines: Mapping[str, float], palette: Mapping[str, str], lines: Mapping[str, Any]
) -> None:
    low, high = axes.get_ylim()
    ordered = sorted(baselines, key=lambda name: baselines[name])
    places = _apart([(baselines[name] - low) / (high - low) for name in ordered])
    for name, place in zip(ordered, places, strict=True):
        colour = palette[name]
        axes.axhline(baselines[name], color=colour, linestyle=lines.get(name, "--"), linewidth=1.4, zorder=1)
        axes.annotate(
            title_of(name),
            xy=(1, baselines[name]),
            xycoords=axes.get_yaxis_transform(),
            xytext=(1.03, place),
            textcoords="axes fraction",
            verticalalignment="center",
            color=palette["ink"],
            fontsize="small",
            arrowprops={"arrowstyle": "-", "color": colour, "shrinkA": 0, "shrinkB": 0},
        )


def _apart(places: list[float]) -> list[float]:
    """Increasing heights moved upwards just as far as labels need, then back below the top."""
    moved = list(places)
    for index in range(1, len(moved)):
        moved[index] = max(moved[index], moved[index - 1] + _LABEL_GAP)
    for index in reversed(range(len(moved))):
        ceiling = 1.0 if index == len(moved) - 1 else moved[index + 1] - _LABEL_GAP
        moved[index] = min(moved[index], ceiling)
    return moved


def _label(axes: Axes, found: Mapping[str, Any]) -> None:
    sizes = [level["size"] for level in found["levels"]]
    axes.xaxis.set_major_locator(FixedLocator(sizes))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticks(sizes, [_short(size) for size in sizes])
    axes.set_xlabel(f"measured {found['noun']} N")
    axes.set_ylabel(f"{found['split']} log loss (nats)")
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.17), ncols=2, fontsize="small")


def _short(size: float) -> str:
    for unit, name in ((1e9, "B"), (1e6, "M"), (1e3, "k")):
        if size >= unit:
            return f"{size / unit:.3g}{name}"
    return f"{size:.0f}"
