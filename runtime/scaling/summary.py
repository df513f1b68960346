"""Everything that is known of a study in one dict of plain values, and the same in words.

As everywhere, ``undefined`` maps each null of its object to the reason.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

import numpy as np

from runtime.arrays import Floats
from runtime.judging.baselines import title_of
from runtime.judging.evaluation import with_reasons
from runtime.judging.intervals import LEAST_CHUNKS, t_interval
from runtime.scaling.addition import addition
from runtime.scaling.bands import curve_with_band
from runtime.scaling.fit import compare
from runtime.scaling.rules import (
    Sign,
    baseline_not_beaten,
    data_limited,
    early_best_epoch,
    more_parameters_than_scalars,
    no_better_than_constant,
    only_training_improves,
)
from runtime.scaling.study import PARAMETERS, Level, Study
from runtime.scaling.trend import trend
from runtime.scaling.words import sentences


def summary(study: Study) -> dict[str, Any]:
    """Statistics of a study.

    Returns:
        ``phase``, ``task``, ``horizon``, ``timescale``, ``split``, ``noun`` (what is counted); ``runs`` (level, seed,
        size, loss of each); ``levels`` (name, size, seeds, mean ``loss``, ``seed_interval``, ``chunk_interval``, and
        ``difference`` to the strongest baseline with its interval, and that one's own ``rival_loss``); ``baselines``
        (name -> loss, at the largest size) and ``rival``, the
        strongest on validation; ``trend`` over seeds and ``chunk_trend`` over chunks, see `runtime.scaling.trend`;
        ``addition`` to the rival, see `runtime.scaling.addition`; ``forms``, see `runtime.scaling.fit.compare`;
        ``curve`` of the chosen form, see `runtime.scaling.bands`; ``findings`` of the rules and what they add up to,
        ``data_limited`` (both of parameters only); ``left_out``; and ``sentences``.
    """
    asked = study.asked
    head = {name: getattr(asked, name) for name in ("phase", "task", "horizon", "timescale")}
    found: dict[str, Any] = head | {"split": study.split, "noun": study.axis.noun, "runs": [], "levels": []}
    if study.runs:
        found |= _statistics(study)
    found["left_out"] = list(study.left_out)
    return found | {"sentences": sentences(study, found)}


def _statistics(study: Study) -> dict[str, Any]:
    levels = study.levels
    level_sizes = np.array([level.size for level in levels])
    size_of = {level.name: level.size for level in levels}
    sizes = np.array([size_of[run.level] for run in study.runs])
    losses = np.array([run.loss for run in study.runs])
    seeds = np.array([run.seed for run in study.runs])
    forms = compare(sizes, losses)
    rival = _rival(study)
    curve = None if forms["chosen"] is None else curve_with_band(forms["chosen"], sizes, losses, seeds)
    found: dict[str, Any] = {
        "runs": [{"level": run.level, "seed": run.seed, "size": run.size, "loss": run.loss} for run in study.runs],
        "levels": [_describe(level, rival) for level in levels],
        "baselines": {name: report.log_loss for name, report in study.runs[-1].reports.items() if name != "model"},
        "rival": rival,
        "trend": trend(level_sizes, study.table(lambda run: run.loss)),
        "chunk_trend": trend(level_sizes, _chunk_table(levels), "chunks"),
        "addition": addition(study),
        "forms": forms,
        "curve": curve,
    }
    found = with_reasons(found, {"curve": "no form is chosen"})
    if study.axis is PARAMETERS:
        findings = _findings(study, found)
        found["findings"] = [asdict(finding) for finding in findings]
        found["data_limited"] = data_limited(findings, found["trend"])
    return found


def _rival(study: Study) -> str:
    """Chosen on validation, whichever split is shown, at the largest size."""
    reports = study.runs[-1].record.validation
    return min((name for name in reports if name != "model"), key=lambda name: reports[name].log_loss)


def _chunk_differences(level: Level, baseline: str) -> Floats:
    """Mean over seeds of the model's loss less the baseline's in each chunk, shape (chunks,)."""
    return np.asarray(np.mean([run.differences(baseline) for run in level.runs], axis=0))


def _chunk_table(levels: list[Level]) -> Floats:
    """Mean over seeds of the loss in each chunk, shape (chunks, levels)."""
    return np.transpose([np.mean([run.chunk_losses for run in level.runs], axis=0) for level in levels])


def _describe(level: Level, rival: str) -> dict[str, Any]:
    losses = np.array([run.loss for run in level.runs])
    over_chunks = [run.reports["model"].intervals["log_loss"].t for run in level.runs]
    known = [interval for interval in over_chunks if interval is not None]
    differences = _chunk_differences(level, rival)
    values = {
        "name": level.name,
        "size": level.size,
        "seeds": len(level.runs),
        "loss": float(losses.mean()),
        "seed_interval": t_interval(losses),
        # The mean of intervals holds that of the mean loss, since errors of a mean are no larger than their mean.
        "chunk_interval": np.mean(known, axis=0).tolist() if len(known) == len(over_chunks) else None,
        "rival_loss": float(np.mean([run.reports[rival].log_loss for run in level.runs])),
        "difference": float(differences.mean()),
        "difference_interval": t_interval(differences),
    }
    few_chunks = f"{differences.size} chunks are fewer than {LEAST_CHUNKS}"
    reasons = dict.fromkeys(values, few_chunks) | {
        "seed_interval": f"{losses.size} seeds are fewer than {LEAST_CHUNKS}"
    }
    return with_reasons(values, reasons)


def _findings(study: Study, found: dict[str, Any]) -> list[Sign]:
    levels = study.levels
    train = trend(np.array([level.size for level in levels]), study.table(lambda run: run.train_loss))
    scalars = {level.name: _training_scalars(level) for level in levels}
    return [
        no_better_than_constant(found["forms"]),
        only_training_improves(train, found["trend"], study.split),
        more_parameters_than_scalars({level.name: level.size / scalars[level.name] for level in levels}),
        early_best_epoch(
            {level.name: float(np.median([run.record.training.best_epoch for run in level.runs])) for level in levels},
            min(run.record.recipe["max_epochs"] for run in study.runs),
        ),
        baseline_not_beaten(
            title_of(found["rival"]),
            {level["name"]: level["difference_interval"] for level in found["levels"]},
        ),
    ]


def _training_scalars(level: Level) -> int:
    record = level.runs[0].record
    return record.splits["training"].samples * record.architecture.num_channels
