"""Does a larger model, or more data, help? Losses of many trainings against their size, and what can be concluded.

In the order that a value travels: `study` (records of trainings that differ in size and seed
alone) → `trend`, `fit`, `bands`, `rules` (statistics of plain numbers) → `summary` (everything
as one dict, with sentences from `words`) → `figure`.
"""

from runtime.scaling.figure import draw_scaling
from runtime.scaling.study import PARAMETERS, TRAINING_SAMPLES, Axis, Study, studies
from runtime.scaling.summary import summary

__all__ = [
    "PARAMETERS",
    "TRAINING_SAMPLES",
    "Axis",
    "Study",
    "draw_scaling",
    "studies",
    "summary",
]
