"""Checkpoints of one training: whole or absent, checked when read, cheap by construction."""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import sys
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import torch

from data.files import write_atomically
from runtime.errors import OutOfMemory, UserError, resource_failures
from runtime.records.environment import versions
from runtime.training.trainer import Trainer

CHECKPOINT_SHARE = 0.01
"""Largest share of a training's time that is spent on saving it."""

_FORMAT = 2  # of what a checkpoint holds; a checkpoint of another format is one of another configuration
_KEPT = 2
CHANGED = "its content is not what its name says; it was changed or cut off after it was written"


class Damaged(Exception):  # noqa: N818 - named as the file is
    """A checkpoint cannot be used; the message says why."""


class Checkpoints:
    """The newest two checkpoints of one training, each with the best weights so far.

    A file is named by the epochs and steps it stands after and by its own sha256, so there is no second file that
    could disagree with it. Another configuration has another folder, so none continues from what is not its own.

    Args:
        root: folder of all trainings' checkpoints.
        config: everything that decides the training, in JSON's types.
        share: largest share of the time that saving may take; 1 saves after every step.
        allow_other_versions: continue what was saved under other versions of torch or numpy.
    """

    def __init__(
        self,
        root: Path,
        config: Mapping[str, Any],
        *,
        share: float = CHECKPOINT_SHARE,
        allow_other_versions: bool = False,
    ) -> None:
        canonical = json.dumps({"format": _FORMAT} | dict(config), sort_keys=True, allow_nan=False)
        self.config_sha256 = hashlib.sha256(canonical.encode()).hexdigest()
        self.folder = root / self.config_sha256[:16]
        self.share = share
        self.allow_other_versions = allow_other_versions
        self._saving_seconds = 0.0
        self._saved_at = time.monotonic()

    def due(self) -> bool:
        """Whether so much time has passed that another checkpoint stays within the share; always true at first."""
        spent = time.monotonic() - self._saved_at
        return self._saving_seconds * (1 - self.share) <= spent * self.share

    def save(self, trainer: Trainer) -> None:
        """Write a checkpoint and remove all but the newest two.

        Raises:
            OSError: if it cannot be written; earlier ones are then untouched.
        """
        began = time.monotonic()
        self._write(trainer)
        for superseded in self._newest_first()[_KEPT:]:
            self._remove(superseded)
        self._saved_at = time.monotonic()
        self._saving_seconds = self._saved_at - began

    def restore(self, trainer: Trainer) -> bool:
        """Put a fresh trainer where the newest usable checkpoint stands, and say so.

        A damaged one is set aside with a warning, in favour of the one before it.

        Returns:
            Whether there was one; otherwise the trainer is as it was.

        Raises:
            UserError: if it was saved under other versions, and that is not allowed.
        """
        paths = self._newest_first()
        for path in paths:
            try:
                self._load(trainer, path)
            except Damaged as damage:
                _warn(f"{path} is not used: {damage}")
                path.rename(path.with_suffix(".damaged"))
                continue
            print(f"continuing after {position(trainer)}", file=sys.stderr)
            return True
        if paths:
            _warn(f"no checkpoint in {self.folder} can be used: training starts from the beginning")
        return False

    def remove(self) -> None:
        """Remove them all, when the training's result is written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _write(self, trainer: Trainer) -> None:
        content, digest = self._packed({"trainer": trainer.state_dict()})
        write_atomically(self.folder / f"{checkpoint_name(trainer, digest)}.pt", content)

    def _packed(self, state: Mapping[str, Any]) -> tuple[memoryview, str]:
        """Bytes that say which training they belong to, and their sha256."""
        content = io.BytesIO()
        torch.save({"config_sha256": self.config_sha256, "versions": versions()} | dict(state), content)
        return content.getbuffer(), hashlib.sha256(content.getbuffer()).hexdigest()

    def _newest_first(self) -> list[Path]:
        return sorted(self.folder.glob("epochs-*-steps-*-*.pt"), reverse=True)

    def _remove(self, path: Path) -> None:
        path.unlink()

    def _load(self, trainer: Trainer, path: Path) -> None:
        trainer.load_state_dict(self._unpacked(path, path.stem)["trainer"])

    def _unpacked(self, path: Path, name: str) -> dict[str, Any]:
        """What `_packed` was given, of the file that a checkpoint's name stands for."""
        if file_sha256(path) != name.rpartition("-")[2]:
            raise Damaged(CHANGED)
        try:
            with resource_failures():
                content = torch.load(path, weights_only=True, map_location="cpu")
        except OutOfMemory:
            raise  # which says nothing about the file
        except Exception as error:  # whatever torch's reader meets in a file that we did not write
            raise Damaged("it holds more than tensors and numbers, or is no checkpoint at all") from error
        if not isinstance(content, dict) or content.get("config_sha256") != self.config_sha256:
            raise Damaged("it belongs to another script or configuration")
        # Before versions were saved, one alone was allowed.
        check_versions(str(self.folder), content.get("versions"), allow=self.allow_other_versions)
        return content


def file_sha256(path: Path) -> str:
    """Of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def checkpoint_name(trainer: Trainer, digest: str) -> str:
    """Where a training stands and the hash of what was saved; later ones sort behind."""
    progress = trainer.progress
    return f"epochs-{len(progress.epochs):06d}-steps-{progress.steps:09d}-{digest}"


def check_versions(what: str, saved: Mapping[str, str] | None, *, allow: bool) -> None:
    """Refuse to continue under other versions, or say what that means.

    Args:
        what: is continued.
        saved: the versions it was begun under; None if they were not saved.
        allow: whether the user asked for it.

    Raises:
        UserError: naming both, and the ways out.
    """
    other = {name: each for name, each in (saved or {}).items() if versions().get(name) != each}
    if not other:
        return
    began = " and ".join(f"{name} {each}, this is {versions().get(name)}" for name, each in other.items())
    if not allow:
        install = " ".join(f"{name}=={each.partition('+')[0]}" for name, each in other.items())
        raise UserError(
            f"{what} was begun under {began}: pip install {install}, or add --allow-other-versions, and the result is "
            "no longer that of an uninterrupted run to the last bit"
        )
    _warn(f"{what} was begun under {began}: the result is not that of an uninterrupted run to the last bit")


def position(trainer: Trainer) -> str:
    """Where a training stands, in words."""
    done = trainer.progress
    return f"{len(done.epochs)} epochs and {done.steps} of {trainer.steps_per_epoch} steps"


def warn_of_others(root: Path, ours: Iterable[Checkpoints]) -> None:
    """Say aloud that checkpoints of another script or configuration are not used."""
    for folder in sorted(set(root.glob("*")) - {checkpoints.folder for checkpoints in ours}):
        _warn(f"{folder} holds checkpoints of another script or configuration: not used, and yours to remove")


def _warn(line: str) -> None:
    print(f"warning: {line}", file=sys.stderr, flush=True)
