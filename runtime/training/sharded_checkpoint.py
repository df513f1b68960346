"""Checkpoints of a model that ranks share: each writes its part, and any number of ranks reads them."""

from __future__ import annotations

import shutil
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from uuid import uuid4

import torch
from torch import Tensor

from data.files import sync_folder, write_atomically
from runtime.training.checkpoint import CHANGED, Checkpoints, Damaged, checkpoint_name, file_sha256
from runtime.training.learner import Learner
from runtime.training.progress import Progress
from runtime.training.trainer import Trainer

_PROGRESS = "progress.pt"


class ShardedCheckpoints(Checkpoints):
    """The newest two checkpoints of one training that one or several ranks do, each a folder.

    Weights, optimiser state and best weights go through `torch.distributed.checkpoint`; ``progress.pt`` holds the rest,
    and the hash of every other file. Its own stands in the folder's name, which ends with ``.tmp`` until all is there.
    All ranks see the same file system.
    """

    def _write(self, trainer: Trainer) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        for abandoned in self.folder.glob("*.tmp"):
            shutil.rmtree(abandoned)
        # Never the same name twice: a rank that outlives a killed first one may still be writing to the last.
        temporary = self.folder / f"{uuid4().hex}.tmp"
        files = write_shards(trainer.learner, temporary)
        progress = {"progress": trainer.progress.state_dict(), "micro_batch_size": trainer.micro_batch_size}
        content, digest = self._packed({"files": files, "trainer": progress})
        write_atomically(temporary / _PROGRESS, content)
        whole = self.folder / checkpoint_name(trainer, digest)
        if whole.exists():  # the very same, which a finished training saves again
            shutil.rmtree(temporary)
            return
        temporary.rename(whole)
        sync_folder(self.folder)

    def _newest_first(self) -> list[Path]:
        found = self.folder.glob("epochs-*-steps-*-*")
        return sorted((path for path in found if path.is_dir() and not path.suffix), reverse=True)

    def _remove(self, path: Path) -> None:
        shutil.rmtree(path.rename(path.with_suffix(".tmp")))

    def _load(self, trainer: Trainer, path: Path) -> None:
        progress = path / _PROGRESS
        if not progress.is_file():
            raise Damaged(f"{_PROGRESS} is missing")
        content = self._unpacked(progress, path.name)
        for name, digest in content["files"].items():
            if not (path / name).is_file() or file_sha256(path / name) != digest:
                raise Damaged(f"{name}: {CHANGED}")
        state: Mapping[str, Any] = content["trainer"]
        read_shards(trainer.learner, path, with_best=bool(state["progress"]["epochs"]))
        trainer.progress = Progress.from_state_dict(state["progress"], trainer.device)
        trainer.micro_batch_size = state["micro_batch_size"]


def write_shards(learner: Learner, folder: Path) -> dict[str, str]:
    """Write what every rank holds of a training.

    Args:
        learner: on every rank.
        folder: new.

    Returns:
        Each file's name and sha256, where it is on the disk.

    Raises:
        OSError: if it cannot be written.
    """
    from torch.distributed.checkpoint.filesystem import FileSystemWriter  # takes a second, and most runs have one rank
    from torch.distributed.checkpoint.state_dict_saver import save

    ranks = learner.ranks
    with ranks.order(write_shards, learner, folder), warnings.catch_warnings():
        warnings.filterwarnings("ignore", "TypedStorage is deprecated")  # torch 2.10 uses it in here
        save(
            tensors_of(learner),
            storage_writer=FileSystemWriter(folder),
            process_group=ranks.control,
            no_dist=ranks.count == 1,
        )
        ours = [*folder.glob(f"__{ranks.rank}_*"), *(folder.glob(".metadata") if ranks.is_first else ())]
        found = {path.name: file_sha256(path) for path in ours}
        sync_folder(folder)
        digests = ranks.collect(found)  # the last that any rank does in the folder, which is renamed then
    return {name: digest for each in digests for name, digest in each.items()}


def read_shards(learner: Learner, folder: Path, with_best: bool) -> None:
    """Let every rank take over its part of what any number of ranks wrote.

    Args:
        learner: fresh, on every rank.
        folder: where `write_shards` wrote.
        with_best: whether there are best weights.
    """
    from torch.distributed.checkpoint.filesystem import FileSystemReader
    from torch.distributed.checkpoint.state_dict_loader import load

    ranks = learner.ranks
    with ranks.order(read_shards, learner, folder, with_best):
        if with_best:
            learner.keep_best()  # of the same shapes, to be overwritten
        load(
            tensors_of(learner),
            storage_reader=FileSystemReader(folder),
            process_group=ranks.control,
            no_dist=ranks.count == 1,
        )


def tensors_of(learner: Learner) -> dict[str, dict[str, Tensor]]:
    """All tensors of a training that this rank holds, or its part of them: the live ones, by the parameters' names."""
    found = {"model": learner.model.state_dict(), "best": learner.best_weights}
    for name, parameter in learner.model.named_parameters():
        state = learner.optimizer.state[parameter]
        if not state:  # no step was taken
            zeros = {moment: torch.zeros_like(parameter) for moment in ("exp_avg", "exp_avg_sq")}
            state.update({"step": torch.zeros((), device=parameter.device)} | zeros)
        found[f"optimizer.{name}"] = dict(state)
    return found
