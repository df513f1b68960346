"""Does a larger model, or more data, help? Losses of many trainings against their size, and what can be concluded.

In the order that a value travels: `records` (the part of a ``result.json`` that is read) → `study` (trainings that
differ in size and seed alone) → `trend`, `fit`, `bands`, `rules` (statistics of plain numbers) → `summary` (everything
as one dict, with sentences from `words`) → `figure`.
"""

from runtime.scaling.figure import draw_scaling
from runtime.scaling.records import Record, read_records
from runtime.scaling.study import PARAMETERS, TRAINING_SAMPLES, Axis, Study, studies
from runtime.scaling.summary import summary

__all__ = [
    "PARAMETERS",
    "TRAINING_SAMPLES",
    "Axis",
    "Record",
    "Study",
    "draw_scaling",
    "read_records",
    "studies",
    "summary",
]
