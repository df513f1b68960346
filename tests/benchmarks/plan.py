"""What a dry run estimates a step to take, beside the measured step.

    python -m tests.benchmarks.plan [--only 2M 20M] [--seconds 4]

Builds each architecture of a budget, times one of its layers as a plan does and then whole steps, in turn, and prints
the ratio: within 0.7 and 1.3 is what a plan promises on an idle machine. A minute for 2M and 20M on two idle cores.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from functools import partial
from pathlib import Path

import torch

from runtime.phase.openings import load_script
from runtime.script.ranks import Ranks
from runtime.training.step_time import make_learner, measure_steps

SCRIPTS = Path(__file__).resolve().parents[2] / "experiments" / "phase6a"


def ratios(budget: str, seconds: float) -> None:
    """Print estimate and measurement of every architecture that a budget's search draws."""
    script = load_script(SCRIPTS / f"hpo_{budget}_threshold_1pct.py")
    experiment, device = script.make_experiment(), torch.device("cpu")
    recipe = {"learning_rate": 1e-4, "weight_decay": 0.1, "dropout": 0.4, "batch_size": 64}
    objective = script.make_objective(experiment, argparse.Namespace(device=device))
    for name in script.ARCHITECTURES:
        outline = objective.outline(recipe | {"architecture": name})
        shape = outline.model.architecture
        make = partial(make_learner, outline, objective.dataset, device, Ranks())
        scale = shape.training_operations(1) / replace(shape, num_layers=1).training_operations(1)
        estimated = scale * measure_steps(make(1), seconds / 4)
        measured = measure_steps(make(shape.num_layers), seconds)
        print(
            f"{budget:>4} {name:<22} estimated {estimated * 1000:7.0f} ms, measured {measured * 1000:7.0f} ms: "
            f"{estimated / measured:.2f}",
            flush=True,
        )


def main() -> None:
    """Compare."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks.plan",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--only", nargs="+", default=["2M", "20M"], metavar="BUDGET", help="budgets (default: 2M 20M)")
    parser.add_argument("--seconds", type=float, default=4.0, help="of whole steps for each architecture (default: 4)")
    given = parser.parse_args()
    print("about a minute for 2M and 20M on two idle cores")
    for budget in given.only:
        ratios(budget, given.seconds)


if __name__ == "__main__":
    main()
