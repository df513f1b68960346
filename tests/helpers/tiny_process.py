"""The tiny training in processes of its own, to be killed, interrupted and starved of disk."""

from __future__ import annotations

import multiprocessing
import os
import resource
import signal
import sys
import time
from multiprocessing.context import ForkServerProcess
from pathlib import Path

import torch._dynamo  # noqa: F401 - seconds of imports, which the first step would do in each process
from torch import Tensor

from runtime.script.running import run_script
from runtime.training.trainer import Trainer
from tests.helpers.tiny import make_arguments
from tests.helpers.tiny_run import train

CONTEXT = multiprocessing.get_context("forkserver")  # imports torch once, forks in a moment
CONTEXT.set_forkserver_preload(["tests.helpers.tiny_process"])

STEPS_PER_EPOCH = 7

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def start(
    project: Path, *, share: float = 1.0, step_seconds: float = 0.0, slow_step: int = -1, file_bytes: int = -1
) -> ForkServerProcess:
    """Start the training in ``project``; it prints to ``project/printed``.

    Args:
        project: folder of the project.
        share: largest share of the time that checkpoints take.
        step_seconds: how long each step takes at least.
        slow_step: a step that takes ten minutes.
        file_bytes: size that no file may exceed.
    """
    process = CONTEXT.Process(target=_run, args=(project, share, step_seconds, slow_step, file_bytes))
    process.start()
    return process


def _run(project: Path, share: float, step_seconds: float, slow_step: int, file_bytes: int) -> None:
    signal.pthread_sigmask(signal.SIG_BLOCK, SIGNALS)  # until run_script knows what to do with them
    printed = os.open(project / "printed", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    sys.stdout, sys.stderr = os.fdopen(1, "w", buffering=1), os.fdopen(2, "w", buffering=1)
    if file_bytes >= 0:
        resource.setrlimit(resource.RLIMIT_FSIZE, (file_bytes, file_bytes))
    step = Trainer._train_step

    def slowly(trainer: Trainer, starts: Tensor, number: int) -> Tensor:
        time.sleep(600 if number == slow_step else step_seconds)
        return step(trainer, starts, number)

    Trainer._train_step = slowly  # type: ignore[method-assign]
    arguments = make_arguments(project)

    def main() -> None:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, SIGNALS)
        train(arguments, checkpoint_share=share, dropout=0.3, max_epochs=5)

    sys.exit(run_script(main))


def finish(process: ForkServerProcess) -> int:
    """Wait for its exit code."""
    process.join(60)
    assert process.exitcode is not None, "it hangs"
    return process.exitcode
