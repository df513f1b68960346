"""CPU time of the generator beside the plain alternative: ``python -m tests.benchmarks.generator [--rounds N]``.

The alternative renders a Jinja2 template of the very same scripts, formats them with black in a subprocess and checks
nothing. Every command runs cold, in a process of its own; rounds are interleaved, so that a busy moment hits all alike.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ONE = ("phase6a", "2M", "threshold_1pct", "--hyperparameters", "default")
PHASE = ("phase6a",)
SECONDS = 16
"""Of a round, on two cores of a server."""

PIPELINE = """
import json, subprocess, sys
from pathlib import Path
from jinja2 import Template
paths = [Path(name) for name in sys.argv[2:]]
for path in paths:
    source, values = json.loads(path.read_text())
    path.with_suffix(".py").write_text(Template(source, keep_trailing_newline=True).render(values))
scripts = [str(path.with_suffix(".py")) for path in paths]
batches = [scripts] if sys.argv[1] == "together" else [[script] for script in scripts]
for batch in batches:
    black = [sys.executable, "-m", "black", "--quiet", "--line-length", "110", "--target-version", "py311"]
    subprocess.run([*black, *batch], check=True)
"""


def make_template(text: str) -> tuple[str, dict[str, str]]:
    """A script as a template, and its values: whatever an UPPER_CASE name is set to, unformatted."""
    lines, values = text.splitlines(keepends=True), {}
    for node in reversed(ast.parse(text).body):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id.isupper():
            name = node.targets[0].id
            values[name] = ast.unparse(node.value)
            lines[node.lineno - 1 : node.end_lineno] = [f"{name} = {{{{ {name} }}}}\n"]
    return "".join(lines), values


def prepare(folder: Path, arguments: tuple[str, ...]) -> list[str]:
    """Write a template of each script that the generator writes; returns their paths."""
    folder.mkdir()
    command = [sys.executable, "-m", "codegen", *arguments, "--stdout"]
    whole = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    first = whole.partition("\n")[0] + "\n"  # every script begins with the same line
    paths = []
    for number, rest in enumerate(whole.split(first)[1:]):
        path = folder / f"{number}.json"
        path.write_text(json.dumps(make_template(first + rest)))
        path.with_suffix(".expected").write_text(first + rest)
        paths.append(str(path))
    return paths


def cost(command: list[str], environment: dict[str, str]) -> tuple[float, float]:
    """CPU and wall seconds of a command and all its children."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    subprocess.run(command, cwd=PROJECT, env=environment, stdout=subprocess.DEVNULL, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, wall


def main(rounds: int) -> None:
    """Measure and print."""
    print(f"about {(rounds + 1) * SECONDS // 60 + 1} minutes on two idle cores", flush=True)
    with tempfile.TemporaryDirectory() as scratch:
        one, phase = (prepare(Path(scratch) / name, what) for name, what in (("one", ONE), ("phase", PHASE)))
        codegen, pipeline = ["-m", "codegen"], ["-c", PIPELINE]
        commands = {
            "bare Python": ["-c", "pass"],
            "--help": [*codegen, "--help"],
            f"one script ({len(one)})": [*codegen, *ONE, "--stdout"],
            "one script, Jinja2 + black": [*pipeline, "each", *one],
            f"whole phase ({len(phase)})": [*codegen, *PHASE, "--stdout"],
            "whole phase, Jinja2 + black each": [*pipeline, "each", *phase],
            "whole phase, Jinja2 + one black": [*pipeline, "together", *phase],
            "--check, everything rendered": [*codegen, *PHASE, "--check", "--no-cache"],
            "--check, unchanged": [*codegen, *PHASE, "--check"],
        }
        environment = {**os.environ, "XDG_CACHE_HOME": scratch, "BLACK_CACHE_DIR": f"{scratch}/black"}
        seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
        for round_number in range(rounds + 1):
            for name, command in commands.items():
                subprocess.run(["rm", "-rf", f"{scratch}/black"], check=True)  # black remembers what it has formatted
                taken = cost([sys.executable, *command], environment)
                print(f"round {round_number} of {rounds}: {name}: {taken[0]:.2f} s CPU", flush=True)
                if round_number:  # the first round warms the disk's cache and our own
                    seconds[name].append(taken)
        for path in [*one, *phase]:
            script = Path(path)
            same = [ast.dump(ast.parse(script.with_suffix(kind).read_text())) for kind in (".py", ".expected")]
            assert same[0] == same[1], f"the two pipelines write different scripts: {path}"
    report(seconds, rounds)


def report(seconds: dict[str, list[tuple[float, float]]], rounds: int) -> None:
    """Print medians, and CPU time over that of a bare Python."""
    bare = statistics.median(cpu for cpu, _ in seconds["bare Python"])
    print(
        f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, medians of {rounds} rounds"
    )
    print(f"{'':<34} {'CPU s':>7} {'over bare':>10} {'wall s':>7}")
    for name, taken in seconds.items():
        cpu, wall = (statistics.median(column) for column in zip(*taken, strict=True))
        print(f"{name:<34} {cpu:>7.2f} {cpu - bare:>10.2f} {wall:>7.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.generator", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="rounds that count (default: 5)")
    main(parser.parse_args().rounds)
