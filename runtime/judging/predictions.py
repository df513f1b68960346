"""Every forecast of every held-out sample, for pictures and for anyone who wants to check the numbers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from data.files import write_atomically
from runtime.arrays import Floats, Indices
from runtime.judging.calibration import probabilities
from runtime.judging.intervals import chunk_numbers
from runtime.samples.experiment import Experiment
from runtime.samples.splits import Chunks


def prediction_table(
    experiment: Experiment, split: str, indices: Indices, chunks: Chunks, logits: Mapping[str, Floats]
) -> pd.DataFrame:
    """One row a sample, by increasing date.

    Returns:
        ``split`` (``validation`` or ``test``), ``date`` of the decision row, ``chunk`` (counts from 0 within the
        split), ``label`` (0 or 1), and the probability of each forecast in a column named like it.
    """
    return pd.DataFrame(
        {
            "split": split,
            "date": experiment.series.dates[experiment.decision_rows(indices)],
            "chunk": chunk_numbers(indices, chunks),
            "label": experiment.labels_of(indices).astype("int8"),
            **{name: probabilities(values) for name, values in logits.items()},
        }
    )


def write_predictions(path: Path, tables: Sequence[pd.DataFrame]) -> None:
    """Write the splits' tables as one parquet file."""
    buffer = io.BytesIO()
    pd.concat(tables, ignore_index=True).to_parquet(buffer, engine="pyarrow", index=False)
    write_atomically(path, buffer.getvalue())
