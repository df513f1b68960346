"""Do events forecast with probability p happen with frequency p?"""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter

from runtime.judging.baselines import title_of
from runtime.report.runs import ReportedRun
from runtime.report.style import Palette, Picture, draw, line_of, model_last


def reliability_diagram(run: ReportedRun, split: str) -> Picture:
    """Observed frequency against forecast probability in quantile bins."""
    forecasts = run.result.judged()[split] if run.result else {}
    bins = {name: forecasts[name].calibration.bins for name in model_last(forecasts)}
    top = 1.05 * max(max(each.forecast, each.positive_rate) for of_one in bins.values() for each in of_one)

    def paint(axes: Axes, palette: Palette) -> None:
        axes.plot([0, top], [0, top], color=palette.muted, linewidth=0.8)
        for name, of_one in bins.items():
            is_model = name == "model"
            axes.plot(
                [each.forecast for each in of_one],
                [each.positive_rate for each in of_one],
                color=palette.forecast(name),
                linestyle=line_of(name),
                linewidth=2.4 if is_model else 1.1,
                marker="o" if is_model or len(of_one) == 1 else None,
                markersize=6,
                markeredgecolor=palette.surface,
                label=f"{title_of(name)}  {forecasts[name].calibration.ece:.3f}",
            )
        axes.set(title=f"Reliability, {split}", xlabel="forecast probability", ylabel="days that rose")
        axes.set(xlim=(-0.02 * top, top), ylim=(-0.02 * top, top))
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_major_formatter(PercentFormatter(xmax=1))
        handles, labels = axes.get_legend_handles_labels()
        axes.legend(handles[::-1], labels[::-1], loc="best", title="calibration error", alignment="left")

    model = forecasts["model"]
    smallest = min(each.samples for each in bins["model"])
    return draw(
        f"{run.title}_{split}_reliability",
        paint,
        caption=f"Each dot is a tenth of the days ({smallest} or more), ordered by forecast; on the diagonal, what was "
        "forecast is what happened. The calibration error (ECE) is above zero even for a perfect forecast.",
        alt=f"Reliability diagram on {split}. The model's expected calibration error is {model.calibration.ece:.3f}. "
        + "Forecast and observed frequency by bin: "
        + ", ".join(f"{each.forecast:.1%} and {each.positive_rate:.1%}" for each in bins["model"]),
    )
