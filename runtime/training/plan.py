"""What a training is about to do, in words and measured numbers, before it costs anything."""

from __future__ import annotations

import shlex
import sys

import torch

from runtime.model.architecture import Architecture
from runtime.records.environment import peak_memory_bytes
from runtime.script.plan import print_experiment
from runtime.training.building import make_architecture
from runtime.training.seed_run import Training
from runtime.training.sharding import require_shardable
from runtime.training.trainer import Trainer

_MEASURED_STEPS = 10


def print_training_plan(training: Training, parameter_budget: int | None) -> None:
    """Print the experiment and the size of each candidate; with more than one, validation will decide."""
    print_experiment(training.experiment)
    ranks = training.arguments.ranks
    for name, fields in training.architectures.items():
        architecture = make_architecture(fields, training.experiment.windows, parameter_budget)
        require_shardable(architecture, ranks)
        print_size(name, architecture)
    if ranks.count > 1:
        print(f"ranks: {ranks.count} share the model and each batch ({ranks.sharding})")
    elif ranks.sharding != "none":
        start = shlex.join(["torchrun", "--nproc-per-node", "N", *sys.argv])
        print(f"ranks: this process alone; with {ranks.sharding} N share the model: {start}")


def print_training_cost(training: Training, training_seed: int) -> None:
    """Measure some training steps of each candidate and print what the whole training of every seed would cost."""
    costs = []
    for name, fields in training.architectures.items():
        trainer = training.trainer(fields, training_seed)
        costs.append(epoch_seconds(name, trainer) * trainer.recipe.max_epochs)
    again = max(costs) if training.arguments.newest_row_network else 0.0
    seconds = (sum(costs) + again) * training.arguments.seeds
    print(f"cost: about {seconds / 3600:.2f} hours of training steps if it does not stop early")
    print_memory(training.arguments.device)


def print_size(name: str, architecture: Architecture) -> None:
    """Print the number of trainable parameters of a candidate."""
    print(f"model: {name}: {architecture.parameter_count():,} parameters")


def epoch_seconds(name: str, trainer: Trainer) -> float:
    """Measure some training steps, print them, and return the seconds of an epoch of such steps."""
    step = trainer.measure_step_seconds(_MEASURED_STEPS)
    size = trainer.recipe.batch_size
    print(f"  {name}: {step * 1000:.0f} ms a step of {size} samples, {size / step:.0f} samples/s on {trainer.device}")
    return step * trainer.steps_per_epoch


def print_memory(device: torch.device) -> None:
    """Print the memory used so far, of the device and of the process."""
    if device.type == "cuda":
        print(f"memory: {torch.cuda.max_memory_reserved(device) / 2**30:.2f} GiB of the GPU at the peak so far")
    print(f"memory: {peak_memory_bytes() / 2**30:.2f} GiB resident at the peak so far")
