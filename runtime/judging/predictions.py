"""Every forecast of every held-out sample, for pictures and for anyone who wants to check the numbers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
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
        ``split`` (``validation`` or ``test``), of a panel ``asset``, ``date`` of the decision row, ``chunk`` (counts
        from 0 within the split), ``label`` (0 or 1), and the probability of each forecast in a column named like it.
        A panel's rows are by asset, then date.
    """
    series, rows = experiment.series, experiment.decision_rows(indices)
    assets = {"asset": np.asarray(series.assets)[series.asset_of[rows]]} if series.assets else {}
    return pd.DataFrame(
        {
            "split": split,
            **assets,
            "date": series.dates[rows],
            "chunk": chunk_numbers(experiment.splits.days(indices)[0], chunks),
            "label": experiment.labels_of(indices).astype("int8"),
            **{name: probabilities(values) for name, values in logits.items()},
        }
    )


def write_predictions(path: Path, tables: Sequence[pd.DataFrame]) -> None:
    """Write the splits' tables as one parquet file."""
    buffer = io.BytesIO()
    pd.concat(tables, ignore_index=True).to_parquet(buffer, engine="pyarrow", index=False)
    write_atomically(path, buffer.getvalue())
