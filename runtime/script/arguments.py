"""The command line of a generated script: flags that cannot change what the script is about."""

from __future__ import annotations

import argparse
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import torch

from data.command_line import Parser
from runtime.errors import UserError
from runtime.records.tracking import TRACKERS, require_tracker
from runtime.script.launcher import find_ranks
from runtime.script.place import experiments_of, place_of
from runtime.script.ranks import Ranks


@dataclass(frozen=True)
class Arguments:
    """What the user asked for.

    Attributes:
        script: the generated script.
        dry_run: print the plan and stop.
        device: where to train.
        shorter_look: trials or epochs of a shorter look; None runs the whole script.
        seeds: how many training seeds to train with, counted up from the script's own (training scripts only).
        train_fraction: share of the training samples to train on; None takes all (training scripts only).
        no_test: judge on validation alone and leave the test split closed (training scripts only).
        newest_row_network: also train each seed's network on the newest row of its windows alone, see
            `training.newest_row` (training scripts only).
        reopen_test: evaluate the test split although it was opened before (training scripts only).
        allow_other_versions: continue what was begun under other versions of torch or numpy.
        track: name of a tracker in `runtime.records.tracking` that follows the run; None tracks nowhere.
        output: folder for everything the run writes.
        storage: database of the study, as Optuna takes it; None keeps a journal in ``output`` (search scripts only).
        workers: how many trials train at once (search scripts only).
        engine: ``local`` trains them in processes of this machine, ``ray`` as tasks of a cluster (search scripts only).
        best_file: where a finished search leaves its best trial: beside the script, or in the folder the user gave.
        ranks: this process among those that train one model together.
    """

    script: Path
    dry_run: bool
    device: torch.device
    shorter_look: int | None
    seeds: int
    train_fraction: float | None
    no_test: bool
    newest_row_network: bool
    reopen_test: bool
    allow_other_versions: bool
    track: str | None
    output: Path
    storage: str | None
    workers: int
    engine: str
    best_file: Path
    ranks: Ranks = field(default_factory=Ranks, compare=False)

    @property
    def project(self) -> Path:
        """The project the script belongs to: the folder that holds ``experiments``."""
        return experiments_of(self.script).parent

    @property
    def outputs(self) -> Path:
        """Where all phases and scripts write: the project's ``outputs/``, or the folder the user gave."""
        return self.output.parents[len(place_of(self.script).parts) - 1]

    @property
    def opens_test(self) -> bool:
        """Whether this is a real result, which opens the test split once it is trained."""
        return self.shorter_look is None and self.train_fraction is None and not self.no_test

    @cached_property
    def script_bytes(self) -> bytes:
        """The script as it was when the run began: it may be generated again meanwhile."""
        return self.script.read_bytes()

    @property
    def script_sha256(self) -> str:
        """Hash of the script's bytes, for the records."""
        return hashlib.sha256(self.script_bytes).hexdigest()


def parse_arguments(
    script: str,
    description: str | None,
    *,
    shorten: str,
    sharding: str = "none",
    arguments: Sequence[str] | None = None,
) -> Arguments:
    """Read the flags of a script.

    Args:
        script: its ``__file__``.
        description: its docstring.
        shorten: what a shorter look counts, ``trials`` or ``epochs``.
        sharding: how the script's model is spread over several processes, see `Ranks`.
        arguments: the command line without the program; None takes the process's own.

    Raises:
        UserError: if the device does not exist here, a tracker's package is not installed, or several processes were
            started of a script that runs as one.
    """
    path = Path(script).resolve()
    parser = Parser(
        prog=f"python {path.name}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    _add_flags(parser, shorten)
    given = parser.parse_args(arguments)
    shorter_look, fraction = getattr(given, shorten), getattr(given, "train_fraction", None)
    seeds = getattr(given, "seeds", None)
    for flag, value in (("--seeds", seeds), ("--train-fraction", fraction)):
        if value is not None and shorter_look is not None:
            parser.error(f"{flag} does not go with --{shorten}: a shorter look is no result to repeat or compare")
    newest_row = getattr(given, "newest_row_network", False)
    if newest_row and fraction is not None:
        parser.error("--newest-row-network does not go with --train-fraction, which keeps no model to compare with")
    if given.track is not None:
        require_tracker(given.track)
    ranks = find_ranks(sharding)
    place = place_of(path)
    base = given.output or experiments_of(path).parent / "outputs"
    output = base / place.with_name(_folder(place.name, shorter_look, fraction))
    best_name = f"{path.stem}.best.json"
    return Arguments(
        script=path,
        dry_run=given.dry_run,
        device=find_device(given.device) if ranks.count == 1 else find_device_of_rank(given.device, ranks),
        shorter_look=shorter_look,
        seeds=seeds or 1,
        train_fraction=fraction,
        no_test=getattr(given, "no_test", False),
        newest_row_network=newest_row,
        reopen_test=getattr(given, "reopen_test", False),
        allow_other_versions=given.allow_other_versions,
        track=given.track,
        output=output,
        storage=getattr(given, "storage", None),
        workers=getattr(given, "workers", 1),
        engine=getattr(given, "engine", "local"),
        best_file=output / best_name if given.output else path.with_name(best_name),
        ranks=ranks,
    )


def _add_flags(parser: argparse.ArgumentParser, shorten: str) -> None:
    add = parser.add_argument
    add("--dry-run", action="store_true", help="print the plan and stop; nothing is written")
    add("--device", default="auto", help="auto (default), cpu, cuda, cuda:N or mps")
    add(
        f"--{shorten}", type=_positive, metavar="N", help=f"a shorter look of N {shorten}: kept apart from real results"
    )
    add("--output", type=Path, metavar="DIR", help="write below DIR instead of the project's outputs/")
    add("--track", choices=TRACKERS, help="show the run in a tracker, too; offline unless its environment says more")
    add(
        "--allow-other-versions", action="store_true", help="continue under another torch; not the same to the last bit"
    )
    if shorten == "epochs":
        add("--seeds", type=_positive, metavar="N", help="train with N seeds, then open the test split once for all")
        add("--train-fraction", type=_fraction, metavar="F", help="train on a share of the training days; no test")
        add("--newest-row-network", action="store_true", help="train it without its history, too: doubles the cost")
        test = parser.add_mutually_exclusive_group()
        test.add_argument("--no-test", action="store_true", help="judge on validation alone; the test stays closed")
        test.add_argument("--reopen-test", action="store_true", help="evaluate the test split again; records say so")
    else:
        add("--storage", metavar="URL", help="keep trials in a database (sqlite:///…, postgresql://…)")
        add("--workers", type=_positive, default=1, metavar="N", help="draw N trials together and train them at once")
        add(
            "--engine",
            choices=("local", "ray"),
            default="local",
            help="train trials here (default) or on a Ray cluster",
        )


def _folder(script: str, shorter_look: int | None, fraction: float | None) -> str:
    if shorter_look is not None:
        return f"{script}_short"
    return script if fraction is None else f"{script}_fraction_{fraction}"


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


def find_device_of_rank(wanted: str, ranks: Ranks) -> torch.device:
    """The device of one of several processes: each has a GPU of its own where there are GPUs.

    Raises:
        UserError: if there are too few, or one is named.
    """
    cards = torch.cuda.device_count()
    if wanted == "cpu" or (wanted == "auto" and not cards):
        return torch.device("cpu")
    if wanted not in ("auto", "cuda"):
        raise UserError(f"--device {wanted}: allowed for several processes is auto, cpu or cuda (one card each)")
    if ranks.local_rank >= cards:
        raise UserError(f"process {ranks.local_rank} of this machine needs a GPU of its own; it has {cards}")
    return torch.device("cuda", ranks.local_rank)


def _positive(text: str) -> int:
    if not re.fullmatch("0*[1-9][0-9]{0,8}", text, re.ASCII):
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not allowed; allowed is a whole number of at least 1")
    return int(text)


def _fraction(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 1:
        allowed = "more than 0 and less than 1; without this flag all days train"
        raise argparse.ArgumentTypeError(f"{text[:20]!r} is not allowed; allowed is a number of {allowed}")
    return value
