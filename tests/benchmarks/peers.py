"""Training speed beside the peers: ``python -m tests.benchmarks.peers [ROUNDS]`` (needs ``pip install -e ".[bench]"``).

Each implementation lives in a process of its own, so that its memory is its own: the table shows what training adds to
the process that has imported and built everything. Rounds are interleaved; before and after its steps every process
measures the machine's matrix products, and the table shows its share of the best of them.
"""

from __future__ import annotations

import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from typing import Any

OURS, WHOLE_EPOCH, ONE_CHANNEL_ONLY = "ours", "ours, whole epoch", "neuralforecast, its loop"


def work(name: str, form: str) -> None:
    """Serve one implementation: the number of a round's steps in, those steps, a line out."""
    import torch

    from runtime.records.environment import peak_memory_bytes
    from tests.benchmarks import ours
    from tests.benchmarks.peer_models import PEERS
    from tests.benchmarks.setting import ARCHITECTURES

    torch.manual_seed(0)
    makers = {OURS: ours.steps, WHOLE_EPOCH: ours.whole_epoch} | PEERS
    runner = makers[name](ARCHITECTURES[form])
    before = peak_memory_bytes()
    runner.take_steps(2)
    for steps in sys.stdin:
        matrix = matrix_flops()
        cpu, wall = time.process_time(), time.perf_counter()
        runner.take_steps(int(steps))
        seconds = {"cpu": time.process_time() - cpu, "wall": time.perf_counter() - wall}
        result = seconds | {"memory": peak_memory_bytes() - before, "parameters": runner.parameters}
        print(json.dumps(result | {"matrix": max(matrix, matrix_flops())}), flush=True)


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


def measure(form: str, names: list[str], rounds: int) -> dict[str, list[dict[str, Any]]]:
    """One round after the other over all implementations; the first warms up and does not count."""
    from tests.benchmarks.setting import STEPS

    command = [sys.executable, "-m", "tests.benchmarks.peers", "--worker"]
    workers = {
        name: subprocess.Popen([*command, name, form], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for name in names
    }
    taken: dict[str, list[dict[str, Any]]] = {name: [] for name in names}
    for round_number in range(rounds + 1):
        for name, worker in workers.items():
            assert worker.stdin is not None
            assert worker.stdout is not None
            worker.stdin.write(f"{STEPS[form]}\n")
            worker.stdin.flush()
            line = worker.stdout.readline()
            if not line:
                raise SystemExit(f"{name}: its process ended; the reason stands above")
            if round_number:
                taken[name].append(json.loads(line))
    for worker in workers.values():
        worker.communicate()
    return taken


def report(form: str, taken: dict[str, list[dict[str, Any]]]) -> None:
    """Medians, and medians of the paired ratios of each round: how many times faster ours is."""
    from tests.benchmarks.setting import BATCH, STEPS

    print(f"\n{form} channels")
    print(f"{'':<26}{'parameters':>11}{'samples/s':>11}{'CPU ms':>8}{'ours is':>9}{'by CPU':>8}{'of peak':>9}{'MB':>6}")
    samples, flops = STEPS[form] * BATCH, STEPS[form] * step_flops(form)
    for name, rounds in taken.items():
        wall, cpu = (statistics.median(each[kind] for each in rounds) for kind in ("wall", "cpu"))
        faster, cheaper = (
            statistics.median(each[kind] / own[kind] for each, own in zip(rounds, taken[OURS], strict=True))
            for kind in ("wall", "cpu")
        )
        share = statistics.median(flops / each["wall"] / each["matrix"] for each in rounds)
        print(
            f"{name:<26}{rounds[0]['parameters']:>11,}{samples / wall:>11.1f}{1000 * cpu / samples:>8.2f}"
            f"{faster:>8.2f}x{cheaper:>7.2f}x{share:>9.0%}{max(each['memory'] for each in rounds) / 1e6:>6.0f}"
        )
    peak = statistics.median(each["matrix"] for rounds in taken.values() for each in rounds)
    print(f"matrix products: {peak / 1e9:.0f} GFLOP/s; a step: {step_flops(form) / 1e9:.1f} GFLOP")


def main(rounds: int) -> None:
    """Measure both forms and print their tables."""
    from tests.benchmarks.peer_models import PEERS
    from tests.benchmarks.setting import BATCH, STEPS

    names = [OURS, WHOLE_EPOCH, *PEERS]
    if not importlib.util.find_spec("neuralforecast"):
        print('neuralforecast is not installed and left out: pip install -e ".[bench]"')
        names = [name for name in names if "neuralforecast" not in name]
    print(f"{processor()}, {os.cpu_count()} cores, {platform.system()}; batch {BATCH}, medians of {rounds} rounds")
    for form in STEPS:
        possible = [name for name in names if form == "independent" or name != ONE_CHANNEL_ONLY]
        report(form, measure(form, possible, rounds))


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
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 5)
