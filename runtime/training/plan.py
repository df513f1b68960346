"""What a training is about to do, in words, and what it would cost, before it costs anything."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from functools import partial

import torch

from runtime.model.architecture import Architecture
from runtime.records.environment import peak_memory_bytes
from runtime.script.plan import print_experiment
from runtime.script.ranks import Ranks
from runtime.training.building import make_architecture
from runtime.training.memory_need import short_of_memory
from runtime.training.sharding import require_shardable
from runtime.training.step_time import MakeLearner, StepTime, StepTimer, will_compile
from runtime.training.trainer import Trainer
from runtime.training.training import Training


def print_training_plan(training: Training, parameter_budget: int | None) -> None:
    """Print the experiment and the size of each candidate; with more than one, validation will decide."""
    print_experiment(training.experiment)
    ranks = training.arguments.ranks
    architectures = {
        name: make_architecture(fields, training.experiment.windows, parameter_budget)
        for name, fields in training.architectures.items()
    }
    for architecture in architectures.values():
        require_shardable(architecture, ranks)
    print_sizes(architectures, training.arguments.device, ranks)
    if ranks.count > 1:
        print(f"ranks: {ranks.count} share the model and each batch ({ranks.sharding})")
    elif ranks.sharding != "none":
        start = shlex.join(["torchrun", "--nproc-per-node", "N", *sys.argv])
        print(f"ranks: this process alone; with {ranks.sharding} N share the model: {start}")


def print_training_cost(training: Training, training_seed: int) -> None:
    """Time steps of each candidate and print what the whole training of every seed would cost."""
    arguments, timer = training.arguments, StepTimer(len(training.architectures))
    costs, times = [], []
    for name, fields in training.architectures.items():
        outline = training.outline(fields, training_seed)
        learner = partial(training.learner, fields, training_seed)
        times.append(print_step_time(name, outline, timer, learner, arguments.device, arguments.ranks))
        costs.append(times[-1].seconds * outline.steps_per_epoch * outline.recipe.max_epochs)
    again = max(costs) if arguments.newest_row_network else 0.0
    print_cost((sum(costs) + again) * arguments.seeds, times, arguments.device, "it does not stop early")


def print_sizes(architectures: Mapping[str, Architecture], device: torch.device, ranks: Ranks) -> None:
    """Print the number of trainable parameters of each candidate, and whether the device is too small for them."""
    for name, architecture in architectures.items():
        print(f"model: {name}: {architecture.parameter_count():,} parameters")
    if short := short_of_memory(architectures.values(), device, ranks):
        need, present = (f"{size / 2**30:.1f} GiB" for size in short)
        print(
            f"  warning: cannot train here: weights, gradients, optimiser and best weights need {need} at least, and "
            f"{device} has {present}. A smaller budget can, or a larger device, or a training script with `sharding: "
            "fsdp` in its configs/model file over several devices (checkpoint_activations spares activations alone, "
            "which come on top)"
        )


def print_step_time(
    name: str, outline: Trainer, timer: StepTimer, learner: MakeLearner, device: torch.device, ranks: Ranks
) -> StepTime:
    """Print how long a candidate's step takes, and how that is known.

    Args:
        name: of the candidate.
        outline: its trainer, on the meta device.
        timer: of all candidates.
        learner: makes what takes its steps.
        device: where it would train.
        ranks: that would train it together.
    """
    size = outline.recipe.batch_size
    step = timer.time(outline.model.architecture, size, learner)
    compiled = "; its layers will be compiled and take less" if will_compile(outline, device, ranks) else ""
    speed = f"{size / step.seconds:.3g} samples/s on {device}"
    print(f"  {name}: {step.seconds * 1000:.0f} ms a step of {size} samples ({step.how}{compiled}), {speed}")
    return step


def print_cost(seconds: float, times: Sequence[StepTime], device: torch.device, condition: str) -> None:
    """Print the hours that all steps take, and the memory used where these were whole models' steps.

    Args:
        seconds: of all steps.
        times: of each candidate's step.
        device: where they were measured.
        condition: under which they are all taken.
    """
    measured = sum(step.is_measured for step in times)
    if measured == len(times):
        known = "from measured steps"
    else:
        known = f"from estimated steps ({measured} of {len(times)} measured)"
    print(f"cost: about {seconds / 3600:.2f} hours of training steps if {condition}, {known}")
    load, cores = os.getloadavg()[0], os.cpu_count() or 1
    if device.type == "cpu" and load > cores:
        print(f"  warning: this machine is busy (load {load:.1f} on {cores} cores): steps take less on an idle one")
    if measured == len(times):
        print_memory(device)


def print_memory(device: torch.device) -> None:
    """Print the memory used so far, of the device and of the process."""
    if device.type == "cuda":
        print(f"memory: {torch.cuda.max_memory_reserved(device) / 2**30:.2f} GiB of the GPU at the peak so far")
    print(f"memory: {peak_memory_bytes() / 2**30:.2f} GiB resident at the peak so far")
