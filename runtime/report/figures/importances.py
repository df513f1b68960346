"""Which hyperparameters decided how well a trial did."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.ticker import PercentFormatter
from optuna.importance import FanovaImportanceEvaluator, get_param_importances

from runtime.report.runs import Unknown
from runtime.report.searches import LEAST_COMPLETED, ReportedSearch
from runtime.report.style import Palette, Picture, draw

_SEED = 0


def parameter_importances(search: ReportedSearch) -> Picture:
    """Share of the variance between completed trials that each hyperparameter explains (fANOVA, Hutter et al. 2014).

    Raises:
        Unknown: with too few completed trials, or when all have the same value.
    """
    completed = search.completed
    if search.study is None or len(completed) < LEAST_COMPLETED:
        raise Unknown(f"{len(completed)} completed trials are fewer than {LEAST_COMPLETED}: importances would be noise")
    if len({trial.value for trial in completed}) < 2:
        raise Unknown("all completed trials have the same value")
    found = get_param_importances(search.study, evaluator=FanovaImportanceEvaluator(seed=_SEED))
    shares = sorted((float(share), name) for name, share in found.items())

    def paint(axes: Axes, palette: Palette) -> None:
        names = [name.replace("_", " ") for _, name in shares]
        bars = axes.barh(names, [share for share, _ in shares], color=palette.accent, height=0.55)
        axes.bar_label(bars, fmt="{:.0%}", padding=4, color=palette.ink)
        axes.set(title="Parameter importances", xlabel="share of the variance explained", xlim=(0, 1))
        axes.set_xlim(0, 1.15 * max(share for share, _ in shares))
        axes.xaxis.set_major_formatter(PercentFormatter(xmax=1, decimals=0))
        axes.grid(visible=False, axis="y")
        axes.tick_params(axis="y", length=0, labelcolor=palette.ink)

    return draw(
        f"{search.name}_importances",
        paint,
        caption=f"fANOVA over the {len(completed)} completed trials of a sampler that looks where it expects to win: a "
        "hint, not a measurement.",
        alt="Parameter importances: " + ", ".join(f"{name} {share:.0%}" for share, name in reversed(shares)),
    )
