"""The command line of a generated script: flags that cannot change what the script is about."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from runtime.errors import UserError


@dataclass(frozen=True)
class Arguments:
    """What the user asked for.

    Attributes:
        script: the generated script.
        dry_run: print the plan and stop.
        device: where to train.
        shortened: trials or epochs of a shorter look; None runs the whole script.
        reopen_test: evaluate the test split although it was opened before (training scripts only).
        output: folder for everything the run writes.
        storage: database of the study, as Optuna takes it; None keeps a journal in ``output`` (search scripts only).
        best_file: where a finished search leaves its best trial: beside the script, or in the folder the user gave.
    """

    script: Path
    dry_run: bool
    device: torch.device
    shortened: int | None
    reopen_test: bool
    output: Path
    storage: str | None
    best_file: Path

    @property
    def project(self) -> Path:
        """The project the script belongs to: two folders up from ``experiments/{phase}/``."""
        return self.script.parents[2]

    @property
    def script_sha256(self) -> str:
        """Hash of the script's bytes, for the records."""
        return hashlib.sha256(self.script.read_bytes()).hexdigest()


def parse_arguments(
    script: str, description: str | None, *, shorten: str, arguments: Sequence[str] | None = None
) -> Arguments:
    """Read the flags of a script.

    Args:
        script: its ``__file__``.
        description: its docstring.
        shorten: what a shorter look counts, ``trials`` or ``epochs``.
        arguments: the command line without the program; None takes the process's own.

    Raises:
        UserError: if the device does not exist here.
    """
    path = Path(script).resolve()
    parser = argparse.ArgumentParser(
        prog=f"python {path.name}", description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--dry-run", action="store_true", help="print the plan and stop; nothing is written")
    parser.add_argument("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    parser.add_argument(
        f"--{shorten}", type=_positive, metavar="N", help=f"a shorter look of N {shorten}: kept apart from real results"
    )
    parser.add_argument("--output", type=Path, metavar="DIR", help="write below DIR instead of the project's outputs/")
    if shorten == "epochs":
        parser.add_argument(
            "--reopen-test", action="store_true", help="evaluate the test split again; every record says so"
        )
    else:
        parser.add_argument("--storage", metavar="URL", help="keep trials in a database (sqlite:///…, postgresql://…)")
    given = parser.parse_args(arguments)
    shortened = getattr(given, shorten)
    base = given.output or path.parents[2] / "outputs"
    folder = path.stem if shortened is None else f"{path.stem}_short"
    output = base / path.parent.name / folder
    best_name = f"{path.stem}.best.json"
    return Arguments(
        script=path,
        dry_run=given.dry_run,
        device=find_device(given.device),
        shortened=shortened,
        reopen_test=getattr(given, "reopen_test", False),
        output=output,
        storage=getattr(given, "storage", None),
        best_file=output / best_name if given.output else path.with_name(best_name),
    )


def find_device(wanted: str) -> torch.device:
    """Turn ``auto`` into the best device here, and refuse one that does not exist.

    Raises:
        UserError: naming the devices there are.
    """
    present = ["cpu"]
    if torch.cuda.is_available():
        present += ["cuda", *(f"cuda:{index}" for index in range(torch.cuda.device_count()))]
    if torch.backends.mps.is_available():
        present += ["mps"]
    if wanted == "auto":
        return torch.device("cuda" if "cuda" in present else present[-1])
    if wanted not in present:
        raise UserError(f"--device {wanted}: this machine has {', '.join(present)}")
    return torch.device(wanted)


def _positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value
