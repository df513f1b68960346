"""Ranks that train the tiny model together: processes of their own, as torchrun would start them on one machine."""

from __future__ import annotations

import os
import signal
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import runtime.training.sharded_checkpoint  # noqa: F401 - imported once, for all processes
from runtime.model import precision
from runtime.model.patchtst import PatchTST
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.script.launcher import find_ranks
from runtime.script.running import run_script
from runtime.training import sharding
from runtime.training import trainer as trainer_module
from runtime.training.learner import Learner
from runtime.training.recipe import Recipe
from runtime.training.trainer import Trainer
from tests.helpers.tiny import ARCHITECTURE, make_arguments, make_recipe
from tests.helpers.tiny_process import CONTEXT, SIGNALS
from tests.helpers.tiny_run import EXPERIMENT, run_tiny

Work = Callable[..., None]
CONTEXT.set_forkserver_preload(["tests.helpers.tiny_ranks"])

FIELDS: dict[str, Any] = {"num_layers": 2, "last_row": True, "positions": "sincos"}
RECIPE: dict[str, Any] = {"dropout": 0.0, "learning_rate": 1e-3, "batch_size": 43, "max_epochs": 3}
"""216 samples are five batches of 43, which no number of ranks divides, and one of a single sample."""
STEPS_PER_EPOCH = 6


def start(project: Path, count: int, kind: str, work: Work, *given: Any) -> list[ForkServerProcess]:
    """Start ``work(project, *given)`` on so many ranks; each prints to a file of its own, see `printed`."""
    project.mkdir(parents=True, exist_ok=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    processes = []
    for rank in range(count):
        told = {"RANK": rank, "LOCAL_RANK": rank, "WORLD_SIZE": count, "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
        environment = {name: str(value) for name, value in told.items()} if count > 1 else {}
        process = CONTEXT.Process(target=_run, args=(environment, kind, work, project, *given))
        process.start()
        processes.append(process)
    return processes


def finish(processes: Sequence[ForkServerProcess]) -> list[int]:
    """Wait for all exit codes."""
    for process in processes:
        process.join(90)
        assert process.exitcode is not None, "it hangs"
    return [process.exitcode or 0 for process in processes]


def kill(processes: Sequence[ForkServerProcess]) -> list[int]:
    """Kill all of them, and wait for their exit codes."""
    for process in processes:
        process.kill()
    return finish(processes)


def run(project: Path, count: int, kind: str, work: Work, *given: Any) -> None:
    """Start, finish, and be sure that all went well."""
    assert finish(start(project, count, kind, work, *given)) == [0] * count, printed(project)


def printed(project: Path, rank: int = 0) -> str:
    """What a rank has printed so far."""
    path = project / f"printed-{rank}"
    lines = path.read_text().splitlines(keepends=True) if path.exists() else []
    return "".join(line for line in lines if not line.startswith("[Gloo] Rank"))  # of torch 2.10 itself


def _run(environment: dict[str, str], kind: str, work: Work, project: Path, *given: Any) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until run_script knows what to do with them
    torch.set_num_threads(1)
    os.environ.update(environment)
    file = os.open(project / f"printed-{environment.get('RANK', 0)}", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(file, 1)
    os.dup2(file, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)

    def main() -> None:
        ranks = find_ranks(kind)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        work(replace(make_arguments(project), ranks=ranks), *given)

    sys.exit(run_script(main))


def make(experiment: Experiment, fields: dict[str, Any], recipe: Recipe, seed: int, arguments: Arguments) -> Trainer:
    """As a script does."""
    return Trainer(
        experiment.windows,
        split_indices=experiment.splits,
        architecture=fields,
        recipe=recipe,
        seed=seed,
        ranks=arguments.ranks,
    )


def slowly(seconds: float) -> None:
    """Let every step of this process take so long at least."""
    step = Learner._step

    def wait(learner: Learner, starts: Tensor) -> Tensor:
        time.sleep(seconds)
        return step(learner, starts)

    Learner._step = wait  # type: ignore[method-assign]


def train(arguments: Arguments, share: float = 0.0, fields: dict[str, Any] = FIELDS, **changes: Any) -> None:
    """A training script's whole run; ``share`` of the time may go to checkpoints."""
    run_tiny(arguments, EXPERIMENT, make_recipe(**(RECIPE | changes)), make, {"tiny": fields}, checkpoint_share=share)


def train_with_its_rival(arguments: Arguments) -> None:
    """The same, and the same network on the newest row alone."""
    train(replace(arguments, newest_row_network=True))


def train_slowly(arguments: Arguments, share: float, step_seconds: float, changes: dict[str, Any]) -> None:
    """The same, with time to be killed in it."""
    slowly(step_seconds)
    train(arguments, share, **changes)


def train_until_one_fails(arguments: Arguments, rank: int, error: Exception) -> None:
    """The same, but in its eighth step a rank raises."""
    step, taken = Learner._step, 0

    def fail(learner: Learner, starts: Tensor) -> Tensor:
        nonlocal taken
        taken += 1
        if learner.ranks.rank == rank and taken == 8:
            raise error
        return step(learner, starts)

    Learner._step = fail  # type: ignore[method-assign]
    train(arguments, 1.0)


def draw_wide(model: PatchTST, *_: Any) -> None:
    """Weights in place of a start whose head lets no gradient pass, so large that every layer has one."""
    torch.manual_seed(0)
    for parameter in model.parameters():
        torch.nn.init.normal_(parameter, std=0.5)


def take_one_step(arguments: Arguments, batch: int, micro_batch_size: int | None, recipe: dict[str, Any]) -> None:
    """One step on a batch of the first epoch; every rank's seed, and the clipped gradient, lie in the project then."""
    ranks = arguments.ranks
    trainer_module.set_starting_point = draw_wide
    with ranks.joined(arguments.device):
        trainer = make(EXPERIMENT, ARCHITECTURE | FIELDS, make_recipe(**(RECIPE | recipe)), 7, arguments)
        if not ranks.is_first:
            raise SystemExit(ranks.follow())
        learner = trainer.learner
        learner.micro_batch_size = micro_batch_size or learner.micro_batch_size
        learner.predict(EXPERIMENT.splits.val_indices)  # as after a checkpoint at an epoch's end
        loss = learner.take_step(learner.batches(0)[batch], batch)
        leave_gradients(learner, arguments.project, loss)


def take_one_step_in_bfloat16(arguments: Arguments) -> None:
    """The same on a device that would have units for it."""
    for module in (precision, sharding):
        module.supports_bfloat16 = lambda _: True  # type: ignore[attr-defined]
    take_one_step(arguments, 0, None, {})


def leave_gradients(learner: Learner, project: Path, loss: Tensor | None) -> None:
    """Write the whole gradient by name, with the loss, and each rank's seed."""
    with learner.ranks.order(leave_gradients, learner, project, None):
        found = {name: parameter.grad for name, parameter in learner.model.named_parameters()}
        whole = {name: each.full_tensor() if hasattr(each, "full_tensor") else each for name, each in found.items()}
        (project / f"seed-{learner.ranks.rank}").write_text(str(torch.initial_seed()))
        if loss is not None:
            torch.save(whole | {"loss": loss}, project / "gradients.pt")
