"""ROC and precision-recall curves of every forecast of a split."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

import pandas as pd
from matplotlib.axes import Axes
from sklearn.metrics import precision_recall_curve, roc_curve

from runtime.judging.baselines import title_of
from runtime.records.results import Forecasts
from runtime.report.runs import ReportedRun, Unknown
from runtime.report.style import Palette, Picture, draw, line_of, model_last


def roc_curves(run: ReportedRun, split: str) -> Picture:
    """True positives against false positives, at every threshold.

    Raises:
        Unknown: if the forecasts are not stored, or the split holds one class.
    """
    table, forecasts = _forecasts(run, split)
    decision = forecasts["model"].decision

    def paint(axes: Axes, palette: Palette) -> None:
        axes.plot([0, 1], [0, 1], color=palette.muted, linewidth=0.8)
        for name in _drawn(table, forecasts):
            false, true, _ = roc_curve(table["label"], table[name])
            axes.plot(false, true, label=f"{title_of(name)}  {forecasts[name].roc_auc:.3f}", **_line(palette, name))
        if decision is not None and decision.recall is not None:
            negatives = decision.false_positives + decision.true_negatives
            _mark(axes, palette, decision.false_positives / negatives, decision.recall)
        axes.set(title=f"ROC, {split}", xlabel="false positive rate", ylabel="true positive rate")
        _square(axes, "lower right")

    return _ranked(run, split, "roc", paint, "ROC", "roc_auc", forecasts)


def precision_recall_curves(run: ReportedRun, split: str) -> Picture:
    """Precision against recall, at every threshold.

    Raises:
        Unknown: if the forecasts are not stored, or the split holds one class.
    """
    table, forecasts = _forecasts(run, split)
    decision = forecasts["model"].decision
    rate = float(table["label"].mean())

    def paint(axes: Axes, palette: Palette) -> None:
        axes.axhline(rate, label=f"base rate  {rate:.3f}", **_line(palette, "base_rate"))
        for name in _drawn(table, forecasts):
            precision, recall, _ = precision_recall_curve(table["label"], table[name])
            precision[-1] = precision[-2]  # the curve's last point, a precision of 1 without any forecast, is no datum
            label = f"{title_of(name)}  {forecasts[name].pr_auc:.3f}"
            axes.step(recall, precision, where="post", label=label, **_line(palette, name))
        if decision is not None and decision.recall is not None and decision.precision is not None:
            _mark(axes, palette, decision.recall, decision.precision)
        axes.set(title=f"Precision and recall, {split}", xlabel="recall", ylabel="precision")
        _square(axes, "best")

    return _ranked(run, split, "pr", paint, "precision-recall", "pr_auc", forecasts)


def _forecasts(run: ReportedRun, split: str) -> tuple[pd.DataFrame, Forecasts]:
    forecasts = run.result.judged()[split] if run.result else {}
    if reason := forecasts["model"].undefined.get("roc_auc"):
        raise Unknown(reason)
    table = run.predictions[run.predictions["split"] == split]
    if table["label"].nunique() < 2:
        raise Unknown("predictions.parquet does not hold this split as it was judged")
    return table, forecasts


def _drawn(table: pd.DataFrame, forecasts: Forecasts) -> list[str]:
    """Those whose forecasts are stored; the base rate ranks nothing."""
    return [name for name in model_last(forecasts) if name in table.columns and name != "base_rate"]


def _line(palette: Palette, name: str) -> dict[str, Any]:
    width = 2.4 if name == "model" else 1.4
    return {"color": palette.forecast(name), "linestyle": line_of(name), "linewidth": width}


def _mark(axes: Axes, palette: Palette, x: float, y: float) -> None:
    axes.plot(x, y, "o", color=palette.forecast("model"), markersize=8, markeredgecolor=palette.surface, zorder=5)


def _square(axes: Axes, place: Literal["lower right", "best"]) -> None:
    axes.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02))
    handles, labels = axes.get_legend_handles_labels()
    axes.legend(handles[::-1], labels[::-1], loc=place, title="area below", alignment="left", title_fontsize=9)


def _ranked(
    run: ReportedRun,
    split: str,
    name: str,
    paint: Callable[[Axes, Palette], None],
    title: str,
    area: str,
    forecasts: Forecasts,
) -> Picture:
    areas = ", ".join(f"{title_of(each)} {getattr(forecasts[each], area):.3f}" for each in forecasts)
    return draw(
        f"{run.title}_{split}_{name}",
        paint,
        caption="The dot is the model's decision at the threshold tuned on validation.",
        alt=f"{title} curves on {split}. Area below: {areas}",
    )
