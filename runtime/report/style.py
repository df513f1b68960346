"""The one visual language: two palettes, one shape of axes, and how a figure becomes a picture of the page.

Colours are those of Okabe and Ito (2008), which colour-blind readers tell apart; forecasts also differ by line style.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from zlib import crc32

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.backends.backend_svg import FigureCanvasSVG
from matplotlib.figure import Figure

from runtime.judging.baselines import TITLES

SIZE = (5.4, 3.8)
WIDE = (11.2, 4.0)
_PNG_DPI = 160
_METADATA = ("Date", "Creator", "Format", "Type")
_PAGE_FONT = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"


@dataclass(frozen=True)
class Palette:
    """Colours of one scheme.

    Attributes:
        ink, muted, grid, surface: text and marks, secondary text, grid lines, background.
        accent, warning: what a figure is about; what went wrong.
        positive, negative: days of the two classes.
        validation, test: the held-out splits.
        forecasts: colours of the model and of the baselines, by their position.
        ramp: of a continuous value, whose low end stands out; cividis (Nuñez et al. 2018) without its faint end.
    """

    ink: str
    muted: str
    grid: str
    surface: str
    accent: str
    warning: str
    positive: str
    negative: str
    validation: str
    test: str
    forecasts: tuple[str, ...]
    ramp: tuple[str, ...]

    def forecast(self, name: str) -> str:
        """Colour of a forecast, the same in every figure."""
        return self.forecasts[_position(name) % len(self.forecasts)]


LIGHT = Palette(
    ink="#1c2430",
    muted="#5b6675",
    grid="#e3e7ec",
    surface="#ffffff",
    accent="#0072b2",
    warning="#d55e00",
    positive="#d55e00",
    negative="#0072b2",
    validation="#e69f00",
    test="#009e73",
    forecasts=("#0072b2", "#6b7683", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#b8a000"),
    ramp=("#00224e", "#35456c", "#666970", "#948e77", "#c8b866"),
)

DARK = Palette(
    ink="#e8ecf1",
    muted="#a3aebb",
    grid="#323b47",
    surface="#1a2029",
    accent="#56b4e9",
    warning="#ff8c42",
    positive="#ff8c42",
    negative="#56b4e9",
    validation="#e69f00",
    test="#1fc79a",
    forecasts=("#56b4e9", "#8d99a8", "#e69f00", "#1fc79a", "#e09cc4", "#ff8c42", "#0072b2", "#f0e442"),
    ramp=("#fee838", "#c8b866", "#948e77", "#666970", "#4a5570"),
)

_LINES: tuple[Any, ...] = (
    "-",
    (0, (1, 2)),
    (0, (6, 2)),
    (0, (4, 1.5, 1, 1.5)),
    (0, (2, 1.5)),
    (0, (8, 2, 2, 2)),
    (0, (1, 1)),
    (0, (3, 4)),
)


def line_of(name: str) -> Any:
    """Line style of a forecast, the same in every figure."""
    return _LINES[_position(name) % len(_LINES)]


def model_last(forecasts: Iterable[str]) -> list[str]:
    """The names as they are drawn: the model on top of its rivals."""
    return sorted(forecasts, key=lambda name: name == "model")


def _position(name: str) -> int:
    """Of the model, then the baselines; one that this version does not know comes behind."""
    known = list(TITLES)
    return known.index(name) if name in known else len(known) + crc32(name.encode())


@dataclass(frozen=True)
class Picture:
    """A drawn figure.

    Attributes:
        name: of its file, without folder and ending.
        caption: how to read it.
        alt: what it shows, for those who do not see it.
        light, dark: SVG.
        png: the light one for use elsewhere.
        wide: whether it needs the full width.
    """

    name: str
    caption: str
    alt: str
    light: str
    dark: str
    png: bytes
    wide: bool


def draw(name: str, paint: Callable[[Axes, Palette], None], *, caption: str, alt: str, wide: bool = False) -> Picture:
    """Paint a figure in both palettes.

    Args:
        name, caption, alt, wide: see `Picture`.
        paint: draws on empty axes with the colours of a palette.
    """
    with _figure(paint, LIGHT, wide, name) as figure:
        png, light = _png(figure), _svg(figure)  # in this order: SVG leaves another resolution behind
    with _figure(paint, DARK, wide, name) as figure:
        dark = _svg(figure)
    return Picture(name, caption, alt, light, dark, png, wide)


@contextmanager
def _figure(paint: Callable[[Axes, Palette], None], palette: Palette, wide: bool, name: str) -> Iterator[Figure]:
    """A painted figure, laid out once, and the settings that it must be saved under."""
    with mpl.rc_context(_settings(palette, name)):
        figure = Figure(figsize=WIDE if wide else SIZE, dpi=_PNG_DPI, layout="constrained")
        paint(figure.add_subplot(), palette)
        figure.draw_without_rendering()
        figure.set_layout_engine("none")
        yield figure


def _svg(figure: Figure) -> str:
    buffer = io.StringIO()
    FigureCanvasSVG(figure).print_svg(buffer, metadata=dict.fromkeys(_METADATA))  # type: ignore[no-untyped-call]
    # Measured in DejaVu Sans, which comes with matplotlib and is the widest; shown in the page's own font.
    drawing = buffer.getvalue().replace("'DejaVu Sans'", _PAGE_FONT)
    return drawing[drawing.index("<svg") :]  # the head names a document type on the network


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def _settings(palette: Palette, name: str) -> Any:
    return {
        "svg.hashsalt": name,
        "svg.fonttype": "none",
        "font.family": ["DejaVu Sans"],
        "font.size": 10.5,
        "text.parse_math": False,  # names come from files
        "text.color": palette.ink,
        "axes.edgecolor": palette.muted,
        "axes.labelcolor": palette.muted,
        "axes.titlecolor": palette.ink,
        "axes.titlelocation": "left",
        "axes.titlesize": 12,
        "axes.titleweight": "bold",
        "axes.titlepad": 10,
        "axes.facecolor": palette.surface,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": True,
        "axes.axisbelow": True,
        "grid.color": palette.grid,
        "grid.linewidth": 0.8,
        "xtick.color": palette.muted,
        "ytick.color": palette.muted,
        "legend.frameon": True,
        "legend.framealpha": 0.9,
        "legend.facecolor": palette.surface,
        "legend.edgecolor": "none",
        "legend.fontsize": 9.5,
        "lines.linewidth": 1.6,
        "lines.solid_capstyle": "round",
        "figure.facecolor": palette.surface,
    }
