"""Training speed beside the peers: ``python -m tests.benchmarks.peers`` (needs ``pip install -e ".[bench]"``).

Each implementation lives in a process of its own, so that its memory is its own: the table shows what training adds to
the process that has imported and built everything. Ours and one other are alive at a time, and take rounds in turn;
each round is printed as it comes. Before and after its steps every process measures the machine's matrix products, and
the table shows its share of the best of them. This process imports no torch: 6 GB must do for all.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import sys
import time
from typing import Any

from tests.benchmarks.pairs import Round, WorkerEnded, paired_rounds

OURS, WHOLE_EPOCH, ONE_CHANNEL_ONLY = "ours", "ours, whole epoch", "neuralforecast, its loop"
PEERS = (
    "Hugging Face, SDPA",
    "Hugging Face, pages kept",
    "Hugging Face, eager",
    "neuralforecast, module",
    ONE_CHANNEL_ONLY,
    "nn.TransformerEncoder",
)
PAIR_SECONDS = {"independent": 27, "mixing": 15}
"""Of a round of ours and of a peer, on two cores of a server; starting the two takes another."""


def work(name: str, form: str) -> None:
    """Serve one implementation: for each line in, a round's steps and a line out."""
    import torch

    from runtime.records.environment import peak_memory_bytes
    from tests.benchmarks import ours, peer_models
    from tests.benchmarks.setting import ARCHITECTURES, BATCH, STEPS

    torch.manual_seed(0)
    makers = {OURS: ours.steps, WHOLE_EPOCH: ours.whole_epoch} | peer_models.PEERS
    runner = makers[name](ARCHITECTURES[form])
    before, steps = peak_memory_bytes(), STEPS[form]
    fixed = {"parameters": runner.parameters, "samples": steps * BATCH, "flops": steps * step_flops(form)}
    runner.take_steps(2)
    for _ in sys.stdin:
        matrix = matrix_flops()
        cpu, wall = time.process_time(), time.perf_counter()
        runner.take_steps(steps)
        seconds = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        measured = seconds | {"memory": peak_memory_bytes() - before, "resident": peak_memory_bytes()}
        print(json.dumps(fixed | measured | {"matrix": max(matrix, matrix_flops())}), flush=True)


def step_flops(form: str) -> int:
    """Floating-point operations of a step's matrix products, forward and backward, counted on our model.

    Counted without data, where attention is the fused kernel: what `runtime.model.few_tokens` does instead counts, too.
    """
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    from runtime.model.patchtst import PatchTST
    from tests.benchmarks.setting import ARCHITECTURES, BATCH, CHANNELS, CONTEXT

    with torch.device("meta"), FlopCounterMode(display=False) as counter:
        PatchTST(ARCHITECTURES[form])(torch.empty(BATCH, CONTEXT, CHANNELS)).sum().backward()
    return counter.get_total_flops()


def matrix_flops(size: int = 1024, repeats: int = 10) -> float:
    """Operations a second of a large float32 matrix product, the best of several: the most this machine gives.

    Both libraries' products count, that of ``torch.mm`` (MKL on x86) and oneDNN's: on some processors one is faster.
    """
    import torch

    one, other = torch.randn(size, size), torch.randn(size, size)
    libraries: list[Any] = [torch.mm]
    if torch.backends.mkldnn.is_available() and hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        libraries.append(lambda a, b: torch.ops.mkldnn._linear_pointwise(a, b, None, "none", [], ""))
    seconds = []
    for product in libraries * repeats:
        began = time.perf_counter()
        product(one, other)
        seconds.append(time.perf_counter() - began)
    return 2 * size**3 / min(seconds)


Taken = dict[str, list[tuple[Round, Round]]]
"""Rounds of ours and of another, by the other's name."""


def measure(form: str, names: list[str], rounds: int) -> tuple[Taken, list[str]]:
    """All rounds beside each of the others, and what went wrong; a process that ends costs its own row alone."""
    taken: Taken = {}
    failures = []
    for name in names:
        pairs: list[tuple[Round, Round]] = []
        try:
            for own, other in paired_rounds(OURS, name, form, rounds):
                pairs.append((own, other))
                print(
                    f"{form}, round {len(pairs)} of {rounds}: {OURS} {own['samples'] / own['wall']:.1f} samples/s, "
                    f"{name} {other['samples'] / other['wall']:.1f}",
                    flush=True,
                )
        except WorkerEnded as ended:
            failures.append(f"{form} channels, {ended}")
            print(failures[-1], file=sys.stderr, flush=True)
        if pairs:
            taken[name] = pairs
    return taken, failures


def row(name: str, pairs: list[tuple[Round, Round]]) -> str:
    """Medians of the second of each pair, and of the paired ratios: how many times faster the first is."""
    rounds = [other for _, other in pairs]
    samples, flops = rounds[0]["samples"], rounds[0]["flops"]
    wall, cpu = (statistics.median(each[kind] for each in rounds) for kind in ("wall", "cpu"))
    faster, cheaper = (statistics.median(other[kind] / own[kind] for own, other in pairs) for kind in ("wall", "cpu"))
    share = statistics.median(flops / each["wall"] / each["matrix"] for each in rounds)
    return (
        f"{name:<26}{rounds[0]['parameters']:>11,}{samples / wall:>11.1f}{1000 * cpu / samples:>8.2f}"
        f"{faster:>8.2f}x{cheaper:>7.2f}x{share:>9.0%}{max(each['memory'] for each in rounds) / 1e6:>6.0f}"
    )


def report(form: str, taken: Taken) -> None:
    """Print the table: ours over all its rounds, then each of the others beside ours."""
    print(f"\n{form} channels")
    print(f"{'':<26}{'parameters':>11}{'samples/s':>11}{'CPU ms':>8}{'ours is':>9}{'by CPU':>8}{'of peak':>9}{'MB':>6}")
    every = [pair for pairs in taken.values() for pair in pairs]
    print(row(OURS, [(own, own) for own, _ in every]))
    for name, pairs in taken.items():
        print(row(name, pairs))
    peak = statistics.median(each["matrix"] for pair in every for each in pair)
    together = max(own["resident"] + other["resident"] for own, other in every)
    print(f"matrix products: {peak / 1e9:.0f} GFLOP/s; a round: {every[0][0]['flops'] / 1e9:.0f} GFLOP; ", end="")
    print(f"at most {together / 1e9:.1f} GB resident at once")


def wanted(form: str, only: str | None) -> list[str]:
    """Names to measure beside ours."""
    names = [name for name in (WHOLE_EPOCH, *PEERS) if form == "independent" or name != ONE_CHANNEL_ONLY]
    if not importlib.util.find_spec("neuralforecast"):
        names = [name for name in names if "neuralforecast" not in name]
    return [name for name in names if only is None or only.lower() in name.lower()]


def parse(arguments: list[str] | None = None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.peers", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds that count (default: 5)")
    parser.add_argument("--form", choices=PAIR_SECONDS, help="of the channels (default: both)")
    parser.add_argument("--only", metavar="WORDS", help=f"others whose names hold these words: {'; '.join(PEERS)}")
    given = parser.parse_args(arguments)
    given.forms = [given.form] if given.form else list(PAIR_SECONDS)
    if given.rounds < 1:
        parser.error(f"--rounds {given.rounds}: allowed is a whole number of at least 1")
    if not any(wanted(form, given.only) for form in given.forms):
        parser.error(f"--only {given.only!r}: no name holds these words; there are: {'; '.join((WHOLE_EPOCH, *PEERS))}")
    return given


def main() -> int:
    """Measure each form and print its table; 1 if a process ended before its work."""
    given = parse()
    if not importlib.util.find_spec("neuralforecast"):
        print('neuralforecast is not installed and left out: pip install -e ".[bench]"')
    seconds = sum(len(wanted(form, given.only)) * (given.rounds + 2) * PAIR_SECONDS[form] for form in given.forms)
    print(f"{processor()}, {os.cpu_count()} cores, {platform.system()}; medians of {given.rounds} rounds")
    print(f"about {max(1, round(seconds / 60))} minutes on two idle cores", flush=True)
    failures: list[str] = []
    for form in given.forms:
        taken, failed = measure(form, wanted(form, given.only), given.rounds)
        failures += failed
        if taken:
            report(form, taken)
    for failure in failures:
        print(f"not measured: {failure}", file=sys.stderr)
    return 1 if failures else 0


def processor() -> str:
    """The processor's name as Linux tells it."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as lines:
            return next(line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--worker"]:
        work(*sys.argv[2:4])
    else:
        sys.exit(main())
