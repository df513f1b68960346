"""Training steps of a GPU as CUDA graphs: their kernels are launched together, not one by one."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

Step = Callable[[Tensor], Tensor]
"""Takes one step on a batch of sample starts, without waiting for the GPU, and returns its loss."""

FIRST_STEPS = 3
"""Taken one by one: libraries set themselves up in them, which must not happen while a step is recorded."""


class CapturedSteps:
    """Take training steps of a CUDA device: record one of a whole batch and replay it for the others.

    A small model's kernels take less time than launching them does. A replayed step reads and writes the very memory
    of the recorded one, and draws its dropout from torch's generator as if it were computed anew.

    Args:
        batch_size: samples of the steps that are worth recording; others are taken one by one.
    """

    def __init__(self, batch_size: int) -> None:
        self._batch_size = batch_size
        self._steps_taken = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._stream: torch.cuda.Stream | None = None
        self._starts = self._loss = torch.empty(0)

    def take(self, step: Step, starts: Tensor) -> Tensor:
        """Take one step, always the same one.

        Args:
            step: not kept, as it holds the trainer, whose memory must be free once it is let go.
            starts: of the batch's samples, shape (samples,).

        Returns:
            Its loss, a scalar that the next step may overwrite.

        Raises:
            torch.OutOfMemoryError: if the GPU's memory is too small.
        """
        with torch.cuda.device(starts.device):
            if self._steps_taken < FIRST_STEPS or starts.numel() != self._batch_size:
                self._steps_taken += 1
                return self._beside_default_stream(step, starts)
            if self._graph is None:
                self._graph = self._record(step, starts)
            self._starts.copy_(starts)
            self._graph.replay()
        return self._loss

    def _record(self, step: Step, starts: Tensor) -> torch.cuda.CUDAGraph:
        """Compute nothing yet; the step's memory stays its own for as long as the graph lives."""
        self._starts, graph = starts.clone(), torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            self._loss = step(self._starts)
        return graph

    def _beside_default_stream(self, step: Step, starts: Tensor) -> Tensor:
        """What autograd sets up on the default stream would tie a recording to it."""
        if self._stream is None:
            self._stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
        self._stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(self._stream):
            loss = step(starts)
        torch.cuda.current_stream().wait_stream(self._stream)
        return loss
