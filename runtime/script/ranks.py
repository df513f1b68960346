"""The processes that train one model together: the first one leads, the others do what it does, each with its part.

Only the first reads and writes files, decides and prints; it runs as a process that is alone does. Whatever concerns
the model is an order: before the first rank does it, it tells the others to do it, too.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import torch
import torch.distributed as dist
from torch import Tensor

from runtime.arrays import Floats
from runtime.errors import RunError, resource_failures
from runtime.script.running import EXIT_OK, exit_code
from runtime.script.stopping import EXIT_INTERRUPTED, Stop, finish_step_first

STEP_TIMEOUT = timedelta(minutes=10)
"""Of a rank that hangs in a step; one that ends is noticed at once."""

ORDER_TIMEOUT = timedelta(hours=2)
"""How long the others wait for the first rank's next order, while it fits baselines or writes records."""

_SECONDS_TO_TELL = 1.0


class RankLost(RunError):  # noqa: N818 - named as what happened
    """Another process of this training has ended, or does not answer."""


class Ranks:
    """This process among those that train one model together; one that is alone is the first of one.

    Args:
        sharding: ``none``; ``ddp``: each rank holds the whole model (DistributedDataParallel); ``fsdp``: each holds a
            share of every layer (fully sharded data parallelism).
        rank: of this process, from 0.
        count: how many there are.
        local_rank: of this process on its machine.
    """

    def __init__(self, sharding: str = "none", rank: int = 0, count: int = 1, local_rank: int = 0) -> None:
        self.sharding = sharding
        self.rank = rank
        self.count = count
        self.local_rank = local_rank
        # The first lets go of a trainer as ever; the others, who have no other use for it, when they hear of that.
        self._members: MutableMapping[int, Any] = WeakValueDictionary() if self.is_first else {}
        self._admitted = 0
        self._in_order = False
        self._stop = Stop()
        self.control: dist.ProcessGroup | None = None

    @property
    def is_first(self) -> bool:
        """Whether this process leads."""
        return self.rank == 0

    def describe(self) -> dict[str, Any]:
        """How a model is spread over how many processes, for the record of a run; nothing where it cannot be."""
        return {} if self.sharding == "none" else {"sharding": self.sharding, "ranks": self.count}

    @contextmanager
    def joined(self, device: torch.device) -> Iterator[None]:
        """Within, the ranks can reach each other. When the first leaves, the others end with its exit code.

        Args:
            device: where this rank computes; those on CUDA talk by NCCL, on a CPU by gloo.

        Raises:
            RankLost: if one of them has ended, or does not come.
        """
        if self.count == 1:
            yield
            return
        try:
            with _lost_ranks():
                self._join(device)
            with resource_failures():
                yield
        except BaseException as error:
            self._dismiss(exit_code(error))
            raise
        else:
            self._dismiss(EXIT_OK)
        finally:
            self._leave()

    def _join(self, device: torch.device) -> None:
        if device.type == "cuda":
            torch.cuda.set_device(device)
        dist.init_process_group("nccl" if device.type == "cuda" else "gloo", timeout=STEP_TIMEOUT)
        control = dist.new_group(backend="gloo", timeout=ORDER_TIMEOUT)
        assert isinstance(control, dist.ProcessGroup)  # and no number, as for one who is not in it
        self.control = control
        self.admit(self)

    def _leave(self) -> None:
        """Let go of all that holds the group, so that its threads end now.

        One that is alive when the interpreter goes down takes the process with it, by SIGABRT (pytorch#190489).
        """
        if dist.is_initialized():
            dist.destroy_process_group()
        self.control = None
        self._members.clear()
        gc.collect()

    def _dismiss(self, code: int) -> None:
        if self.is_first and not self._in_order:  # otherwise the others are in the middle of it, and lose us
            with suppress(RuntimeError):  # one has ended already
                self._broadcast((None, code, (), ()))

    def admit(self, member: Any) -> None:
        """Let orders be about this object, which every rank admits at the same time."""
        if self.count > 1:
            self._members[self._admitted] = member
            self._admitted += 1

    @contextmanager
    def order(self, function: Callable[..., Any], member: Any, *arguments: Any) -> Iterator[None]:
        """Do within what the others are told to do now: call ``function`` with their own ``member``.

        On a rank that is not the first, that is alone, or within another order, nothing is told.

        Args:
            function: of a module or a class, as it is told by its name.
            member: was admitted.
            arguments: small ones, which are sent.

        Raises:
            RankLost: if another rank has ended; there is no going on then.
        """
        if self.count == 1 or not self.is_first or self._in_order:
            yield
            return
        number = next(number for number, each in self._members.items() if each is member)
        self._in_order = True  # for good, if it fails
        with _lost_ranks():
            self._broadcast((function, number, arguments, tuple(self._members)))
            yield
        self._in_order = False

    def follow(self) -> int:
        """Do what the first rank does, until it leaves.

        Returns:
            Its exit code.

        Raises:
            RankLost: if it, or another, has ended without a word, though nobody was asked to stop.
        """
        with finish_step_first(quiet=True) as self._stop:
            try:
                with _lost_ranks():
                    code = self._follow()
            except RankLost:
                if not self._stop.requested:
                    raise
                return EXIT_INTERRUPTED
        if code != EXIT_OK:
            # A launcher ends all once one has failed: the first is to have said why by then.
            time.sleep(_SECONDS_TO_TELL)
        return code

    def _follow(self) -> int:
        while True:
            function, number, arguments, living = self._broadcast(None)
            if function is None:
                return int(number)
            for gone in set(self._members) - set(living):
                del self._members[gone]
            function(self._members[number], *arguments)

    def _broadcast(self, message: Any) -> Any:
        told = [message]
        dist.broadcast_object_list(told, src=0, group=self.control, device=torch.device("cpu"))
        return told[0]

    def agree_to_stop(self, requested: bool) -> bool:
        """Whether any rank was asked to."""
        if self.count == 1:
            return requested
        with self.order(Ranks.agree_to_stop, self, False):
            asked = torch.tensor(int(requested or self._stop.requested))
            dist.all_reduce(asked, dist.ReduceOp.MAX, self.control)
        return bool(asked)

    def mean(self, values: Tensor) -> Tensor:
        """Of all ranks."""
        if self.count > 1:
            dist.all_reduce(values)
            values = values / self.count
        return values

    def concatenate(self, values: Floats) -> Floats:
        """The values of all ranks, each giving as many."""
        if self.count == 1:
            return values
        mine = torch.from_numpy(values)
        gathered = [torch.empty_like(mine) for _ in range(self.count)]
        dist.all_gather(gathered, mine, self.control)
        return np.concatenate([each.numpy() for each in gathered])

    def collect(self, value: Any) -> list[Any]:
        """One small object of each rank."""
        if self.count == 1:
            return [value]
        collected: list[Any] = [None] * self.count
        dist.all_gather_object(collected, value, self.control)
        return collected


@contextmanager
def _lost_ranks() -> Iterator[None]:
    """Tell the end of another rank from faults of this one; gloo raises a bare RuntimeError."""
    try:
        yield
    except RuntimeError as error:
        if isinstance(error, dist.DistError) or "gloo" in str(error):
            reason = str(error).splitlines()[0]
            raise RankLost(f"another process of this training has ended, or does not answer ({reason})") from error
        raise
