"""Does a larger model *add* more to the best rival? Beside whether it is better, this may have another answer."""

from __future__ import annotations

from typing import Any

import numpy as np

from runtime.arrays import Floats
from runtime.judging.evaluation import with_reasons
from runtime.judging.intervals import LEAST_CHUNKS, t_interval
from runtime.records.differences import Difference
from runtime.scaling.study import Study
from runtime.scaling.trend import trend


def addition(study: Study) -> dict[str, Any]:
    """What models of each size add to the best rival, and whether larger ones add more.

    A gain is the log loss of model and rival combined less the rival's; the lower, the more the model adds. The rival's
    own loss is the same at every size, so a trend of the gain is one of the combination's loss.

    Returns:
        ``rival``; ``levels``: ``name``, ``gain`` (mean over seeds) and ``gain_interval`` (t over chunks) of each;
        ``trend`` of the gain over seeds and ``chunk_trend`` over chunks, see `runtime.scaling.trend`. All are None,
        with the reason, where a record lacks what its model adds, or the rivals differ.
    """
    gains = {(run.seed, run.level): run.gain for run in study.runs}
    known = {each: gain for each, gain in gains.items() if gain is not None}
    rivals = {run.record.addition.rival for run in study.runs if run.record.addition}
    if len(known) < len(gains) or len(rivals) != 1:
        found = dict.fromkeys(("rival", "levels", "trend", "chunk_trend"))
        lacking = f"{len(gains) - len(known)} of {len(gains)} trainings do not record it; train them again"
        reason = lacking if len(known) < len(gains) else f"the best rivals differ ({', '.join(sorted(rivals))})"
        return with_reasons(found, dict.fromkeys(found, reason))
    sizes = np.array([level.size for level in study.levels])
    by_chunk = {
        level.name: _mean_over_seeds([known[run.seed, level.name] for run in level.runs]) for level in study.levels
    }
    means = {each: gain.difference for each, gain in known.items() if gain.difference is not None}
    return {
        "rival": rivals.pop(),
        "levels": [_describe(name, chunks) for name, chunks in by_chunk.items()],
        "trend": trend(sizes, study.table(lambda run: means[run.seed, run.level])),
        "chunk_trend": trend(sizes, np.transpose(list(by_chunk.values())), "chunks"),
    }


def _mean_over_seeds(gains: list[Difference]) -> Floats:
    """Shape (chunks,)."""
    return np.asarray(np.mean([gain.per_chunk for gain in gains], axis=0))


def _describe(name: str, chunks: Floats) -> dict[str, Any]:
    found = {"name": name, "gain": float(chunks.mean()), "gain_interval": t_interval(chunks)}
    return with_reasons(found, {"gain_interval": f"{chunks.size} chunks are fewer than {LEAST_CHUNKS}"})
