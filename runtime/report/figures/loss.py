"""Training and validation loss by epoch."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from runtime.judging.baselines import title_of
from runtime.records.results import Epoch
from runtime.report.runs import ReportedRun, Unknown
from runtime.report.style import Palette, Picture, draw, line_of


def loss_curves(run: ReportedRun) -> Picture:
    """Loss by epoch, the best epoch, and the validation loss of each baseline.

    Raises:
        Unknown: if no epoch was recorded.
    """
    epochs = run.epochs
    if not epochs:
        raise Unknown("no epoch was recorded")
    best = min(epochs, key=lambda each: each.val_loss)
    validation = (run.result and run.result.validation) or {}
    baselines = {name: report.log_loss for name, report in validation.items() if name != "model"}

    def paint(axes: Axes, palette: Palette) -> None:
        for curve in _candidates(epochs):
            _paint_curve(axes, palette, curve, marked=len(epochs) == 1)
        axes.plot(best.epoch, best.val_loss, "o", color=palette.accent, markersize=7, markeredgecolor=palette.surface)
        for name, loss in baselines.items():
            axes.axhline(loss, color=palette.forecast(name), linestyle=line_of(name), linewidth=1.3)
        _label_lines(axes, palette, baselines)
        axes.set(title="Loss by epoch", xlabel="epoch", ylabel="log loss (nats)")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))
        axes.margins(x=0.03)
        axes.legend(loc="best")

    lines = "; horizontal lines are the baselines' validation losses" if baselines else ""
    return draw(
        f"{run.title}_loss",
        paint,
        caption=f"The dot is the best epoch, whose weights every number uses{lines}. Dropout acts on the training "
        "loss alone, so it may lie above the validation loss.",
        alt=f"Training and validation loss over {len(epochs)} epochs. The lowest validation loss, {best.val_loss:.4f}, "
        f"is in epoch {best.epoch}" + "".join(f"; {title_of(name)} {x:.4f}" for name, x in baselines.items()),
    )


def _candidates(epochs: list[Epoch]) -> list[list[Epoch]]:
    """While no candidate is chosen the file holds one after the other, each with a name and from epoch 1."""
    names = dict.fromkeys(each.architecture for each in epochs)
    return [[each for each in epochs if each.architecture == name] for name in names]


def _paint_curve(axes: Axes, palette: Palette, curve: list[Epoch], *, marked: bool) -> None:
    numbers = [each.epoch for each in curve]
    first = not axes.lines
    marker = "o" if marked else None
    axes.plot(
        numbers,
        [each.train_loss for each in curve],
        color=palette.muted,
        linestyle="--",
        marker=marker,
        label="training" if first else None,
    )
    axes.plot(
        numbers,
        [each.val_loss for each in curve],
        color=palette.accent,
        linewidth=2.2,
        marker=marker,
        label="validation" if first else None,
    )


def _label_lines(axes: Axes, palette: Palette, baselines: dict[str, float]) -> None:
    """Write each baseline's name at the right edge, pushed apart where losses are close."""
    low, high = axes.get_ylim()
    gap, at = 0.06 * (high - low), -float("inf")
    beside = axes.get_yaxis_transform()  # x in widths of the axes, y in losses
    for name, loss in sorted(baselines.items(), key=lambda item: item[1]):
        at = max(loss, at + gap)
        axes.plot([1, 1.03], [loss, at], transform=beside, color=palette.forecast(name), clip_on=False, linewidth=1.3)
        axes.text(1.04, at, title_of(name), transform=beside, va="center", fontsize=9)
    axes.set_ylim(low, high)
