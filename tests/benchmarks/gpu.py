"""Training speed on a GPU: ``python -m tests.benchmarks.gpu``; where there is none it says so and exits with 0.

Full training steps of each budget's default architecture, in every way that a card can take them, beside the card's
own bfloat16 matrix products in the same process. "Of peak" is model FLOPs utilisation (Chowdhery et al., 2022,
arXiv:2204.02311, appendix B): matrix products that the model needs, recomputed ones not counted, over time and peak.
"""

from __future__ import annotations

import gc
import math
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from torch.utils.flop_counter import FlopCounterMode

from codegen.request.choices import budget_names
from codegen.request.configs import load_model
from data.command_line import Parser
from runtime.errors import OutOfMemory, resource_failures
from runtime.model.architecture import Architecture
from runtime.model.patchtst import PatchTST
from runtime.samples.splits import SplitIndices
from runtime.samples.windows import WindowDataset
from runtime.training.captured_steps import FIRST_STEPS
from runtime.training.compiled_layers import compile_layers
from runtime.training.recipe import Recipe
from runtime.training.trainer import Trainer

CHANNELS, CONTEXT, ROWS = 29, 60, 4_000
WARM_UP, ROUNDS, ROUND_SECONDS = FIRST_STEPS + 2, 3, 0.3
LAST_START = 420.0
"""Seconds after which no row begins, so that all is over within ten minutes."""
FULL = {"200K": 16_384, "2M": 16_384, "20M": 16_384, "200M": 8_192, "2B": 4_096}
"""Batches to fill a card with, halved until they fit; the real data are 4,800 training samples."""
MOST_GB, LEAST_SHARE = 80, 0.5
_SMALL = ["200K", "2M", "20M"]


@dataclass(frozen=True)
class Way:
    """How training steps are taken; what is not named is as `Trainer` has it: bfloat16, SDPA, fused AdamW, clipping.

    Attributes:
        recorded: as one CUDA graph; without, kernels are launched one by one.
    """

    name: str
    autocast: bool = True
    checkpoint: bool = False
    recorded: bool = True
    compiled: bool = False


BFLOAT16 = Way("bfloat16")
FLOAT32 = Way("float32", autocast=False)
CHECKPOINTED = Way("bfloat16, checkpointed", checkpoint=True)
COMPILED = Way("bfloat16, layers compiled", compiled=True)
ONE_BY_ONE = Way("bfloat16, one by one", recorded=False)


@dataclass(frozen=True)
class Row:
    """One line of the table; where ``halve``, smaller batches follow until one fits."""

    budget: str
    batch: int
    way: Way
    halve: bool = False


@dataclass(frozen=True)
class Measured:
    """Seconds a step and, on a GPU, the most bytes that torch held at once."""

    seconds: float
    peak_bytes: int | None


def rows() -> Iterator[Row]:
    """What to measure, the goals first and the slowest to compile last."""
    every = budget_names()
    configured = {budget: load_model(budget).recipe.batch_size for budget in every}
    budgets = {BFLOAT16: every, COMPILED: every, ONE_BY_ONE: every, CHECKPOINTED: ["2B"], FLOAT32: every}
    for way, measured in budgets.items():
        for budget in measured:
            if budget == "2B":
                yield Row(budget, 16, way)
            yield Row(budget, configured[budget], way)
            if budget != "2B" or way in (BFLOAT16, CHECKPOINTED):
                yield Row(budget, FULL[budget], way, halve=True)


def default_architecture(budget: str) -> Architecture:
    """What ``configs/model`` trains by default."""
    model = load_model(budget)
    return model.solve(budget, num_channels=CHANNELS, context_length=CONTEXT)[model.default]


def measure(architecture: Architecture, batch: int, way: Way, device: torch.device) -> Measured:
    """Time training steps of a fresh model, which is gone afterwards.

    Raises:
        OutOfMemory: if the card has too little.
    """
    torch._dynamo.reset()
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
    # The trainer asks the hardware; without an answer it computes in float32.
    as_asked = nullcontext() if way.autocast else patch("runtime.model.precision.supports_bfloat16", return_value=False)
    with resource_failures(), as_asked:
        trainer = make_trainer(architecture, batch, way, device)
        starts = trainer.dataset.starts(np.arange(batch) % trainer.splits.train_indices.size)
        if way.compiled:
            compile_layers(trainer.model)
        if not way.recorded:
            trainer.learner.captured = None
        trainer.model.train()
        seconds = seconds_of(lambda: trainer._train_step(starts, 0), device)
    return Measured(seconds, torch.cuda.max_memory_reserved(device) if device.type == "cuda" else None)


def make_trainer(architecture: Architecture, batch: int, way: Way, device: torch.device) -> Trainer:
    """A trainer on random samples: what they hold does not matter for speed."""
    generator = np.random.default_rng(0)
    features = generator.standard_normal((ROWS, architecture.num_channels)).astype(np.float32)
    context = architecture.context_length
    dataset = WindowDataset(features, generator.integers(0, 2, ROWS) * 1.0, context, device)
    span = context + 1
    first, second = ROWS - 2 * span, ROWS - span
    held_out = np.array([first]), np.array([second])
    splits = SplitIndices(np.arange(first - span), *held_out, span, ((first, second),), ((second, ROWS),))
    from_data = ("num_channels", "context_length")
    fields = {name: value for name, value in vars(architecture).items() if name not in from_data}
    schedule = {"max_epochs": 1, "patience": 1, "warmup_fraction": 0.1, "gradient_clip": 1.0}
    recipe = Recipe(learning_rate=1e-5, weight_decay=0.1, dropout=0.4, batch_size=batch, **schedule)
    with device:  # draws the weights there: two billion take a minute on a processor
        given = {"split_indices": splits, "architecture": fields, "recipe": recipe, "seed": 0, "device": device}
        return Trainer(dataset, checkpoint_activations=way.checkpoint, **given)


def seconds_of(work: Callable[[], object], device: torch.device) -> float:
    """Median seconds of one call, in rounds of many where calls are short: the processor may run ahead of the card."""

    def timed(calls: int) -> float:
        if device.type != "cuda":
            began = time.perf_counter()
            for _ in range(calls):
                work()
            return (time.perf_counter() - began) / calls
        start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        start.record()
        for _ in range(calls):
            work()
        end.record()
        end.synchronize()
        return float(start.elapsed_time(end)) / 1000 / calls

    timed(WARM_UP)
    calls = max(1, min(100, int(ROUND_SECONDS / timed(1))))
    return statistics.median(timed(calls) for _ in range(ROUNDS))


def matrix_flops(device: torch.device, size: int = 8192) -> float:
    """Operations a second of a large bfloat16 matrix product: the most this card gives."""
    one, other = (torch.randn(size, size, device=device, dtype=torch.bfloat16) for _ in range(2))
    return 2 * size**3 / seconds_of(lambda: one @ other, device)


def sample_flops(architecture: Architecture) -> int:
    """Operations of the matrix products, forward and backward, for one sample; counted without computing any."""
    with torch.device("meta"):
        model, window = PatchTST(architecture), torch.empty(1, architecture.context_length, architecture.num_channels)
    with FlopCounterMode(display=False) as counter:
        logits: Tensor = model(window)
        logits.sum().backward()
    return counter.get_total_flops()


def line(row: Row, measured: Measured, flops_of_sample: int, peak: float) -> str:
    """The row's numbers, and the goal they are to meet."""
    share = flops_of_sample * row.batch / measured.seconds / peak
    memory = "" if measured.peak_bytes is None else f"{measured.peak_bytes / 1e9:.1f}"
    goals = []
    if row.halve and row.budget not in _SMALL and row.way is not FLOAT32:
        goals.append(f"at least {LEAST_SHARE:.0%}")
    if row.budget == "2B" and row.batch >= 16 and not row.halve:
        goals.append(f"within {MOST_GB} GB")
    return (
        f"{_begin(row)}{row.batch / measured.seconds:>11,.0f}{1000 * measured.seconds:>10.2f}{share:>9.1%}"
        f"{memory:>9}  {', '.join(goals)}"
    ).rstrip()


def _begin(row: Row) -> str:
    return f"{row.budget:<6}{row.batch:>7,}  {row.way.name:<26}"


def report(row: Row, device: torch.device, peak: float, last_start: float = math.inf) -> bool:
    """Measure and print a row, and the smaller ones after it; False if one ended in anything but lack of memory."""
    if time.monotonic() > last_start:
        print(f"{_begin(row)}  left out: {LAST_START:.0f} seconds are over", flush=True)
        return True
    architecture = default_architecture(row.budget)
    problem = None
    try:
        measured = measure(architecture, row.batch, row.way, device)
        print(line(row, measured, sample_flops(architecture), peak), flush=True)
    except OutOfMemory:
        problem = "out of memory"
    except Exception as error:  # the other rows are worth having
        problem = f"failed: {type(error).__name__}: {str(error).partition(chr(10))[0]}"
    gc.collect()
    torch.cuda.empty_cache()  # the graphs' own pools, too
    if problem is None:
        return True
    print(f"{_begin(row)}  {problem}", flush=True)
    if problem != "out of memory":
        return False
    smaller = Row(row.budget, row.batch // 2, row.way, halve=True)
    return report(smaller, device, peak, last_start) if row.halve and smaller.batch else True


def main() -> int:
    """Print the table; the exit code is 1 if a row failed."""
    parser = Parser(prog="python -m tests.benchmarks.gpu", description=__doc__)
    parser.add_argument("--only", choices=budget_names(), help="measure this budget alone")
    only = parser.parse_args().only
    if not torch.cuda.is_available():
        print(f"no GPU: torch {torch.__version__} finds no CUDA device; nothing was measured")
        return 0
    began, device = time.monotonic(), torch.device("cuda", torch.cuda.current_device())
    peak = matrix_flops(device)
    print(f"{torch.cuda.get_device_name(device)}, torch {torch.__version__}: {peak / 1e12:.0f} bfloat16 TFLOP/s")
    print(f"{'':<6}{'batch':>7}  {'':<26}{'samples/s':>11}{'ms a step':>10}{'of peak':>9}{'peak GB':>9}  goal")
    chosen = [row for row in rows() if only in (None, row.budget)]
    good = [report(row, device, peak, began + LAST_START) for row in chosen]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
