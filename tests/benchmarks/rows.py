"""Cost of preparing a long series: ``python -m tests.benchmarks.rows [--rows N ...]``, by default up to ten million.

Minute bars of many years: labels, split, normaliser and windows on random walks of 28 channels, each length in a
process of its own. Memory counts the data themselves: features (float32) and two prices.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from runtime.records.environment import peak_memory_bytes
from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.labels import threshold_labels
from runtime.samples.normaliser import Normaliser
from runtime.samples.windows import WindowDataset
from tests.benchmarks.pairs import how_it_ended

CHANNELS, CONTEXT, HORIZON = 28, 60, 5
Result = TypeVar("Result")
DEFAULT = (100_000, 1_000_000, 10_000_000)


def prepare(rows: int) -> None:
    """Prepare a series of this length and print seconds of each step and the peak memory over that of the data."""
    generator = np.random.default_rng(0)
    features = generator.standard_normal((rows, CHANNELS), dtype=np.float32)
    close = 100 + np.cumsum(generator.standard_normal(rows)) * 0.01
    high = close + 0.02
    data = features.nbytes + close.nbytes + high.nbytes
    seconds: list[float] = []

    def timed(step: Callable[[], Result]) -> Result:
        began = time.perf_counter()
        result = step()
        seconds.append(time.perf_counter() - began)
        return result

    labels = timed(lambda: threshold_labels(close, high, threshold=0.01, horizon=HORIZON))
    splitter = ChunkSplitter(rows, CONTEXT, HORIZON, chunk_length=201)
    splits = timed(splitter.split)
    timed(lambda: splitter.get_hpo_subset(splits))
    names = [f"channel{index}" for index in range(CHANNELS)]
    normaliser = timed(lambda: Normaliser.fit(features, splits, context_length=CONTEXT, feature_columns=names))
    dataset = timed(lambda: WindowDataset(normaliser.apply(features), labels, CONTEXT))
    batch = dataset.starts(splits.train_indices[:64])
    timed(lambda: dataset.inputs(batch))
    peak = peak_memory_bytes()
    columns = "".join(f"{each:>10.3f}" for each in [*seconds, sum(seconds)])
    print(f"{rows:>11,}{columns}{data / 1e6:>9.0f}{peak / 1e6:>9.0f}{peak / data:>7.1f}x", flush=True)


def main() -> int:
    """Run each length in a process of its own, one after the other; 1 if one of them ended before its line."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rows", description=__doc__)
    parser.add_argument("--rows", type=int, nargs="+", default=DEFAULT, metavar="N", help="lengths of the series")
    given = parser.parse_args()
    command = [sys.executable, "-m", "tests.benchmarks.rows", "--prepare"]
    print(f"about {1 + max(given.rows) // 400_000} seconds, {max(given.rows) * 0.4e-6:.1f} GB", flush=True)
    steps = ("labels", "split", "subset", "normalise", "windows", "a batch", "all")
    print(
        f"{'rows':>11}" + "".join(f"{step:>10}" for step in steps) + f"{'data MB':>9}{'peak MB':>9}{'':>8}", flush=True
    )
    codes = [subprocess.run([*command, str(rows)], check=False).returncode for rows in given.rows]
    for rows, code in zip(given.rows, codes, strict=True):
        if code:
            print(f"not measured: {rows:,} rows: {how_it_ended(code)}", file=sys.stderr)
    return int(any(codes))


if __name__ == "__main__":
    if sys.argv[1:2] == ["--prepare"]:
        prepare(int(sys.argv[2]))
    else:
        sys.exit(main())
