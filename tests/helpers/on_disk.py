"""The two scripts of one experiment on disk, and every state they can be in."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from codegen.files.actions import Action, run
from codegen.files.check import check
from codegen.files.diff import diff
from codegen.files.freshness import KnownSeals
from codegen.files.planning import PlannedExperiment, plan
from codegen.files.writer import State, Target
from codegen.seal import BLANK_SEAL, apply_seal, seal_of
from tests.helpers.questions import ask

COMMAND = "python -m codegen phase6a 2M threshold_1pct"


@dataclass(frozen=True)
class OnDisk:
    """An experiment, planned, rendered once for all tests, and acted upon."""

    experiment: PlannedExperiment
    targets: tuple[Target, ...]
    project: Path

    @property
    def folder(self) -> Path:
        return self.project / "experiments" / "phase6a"

    def act(self, action: Action = Action.WRITE) -> int:
        return run([self.experiment], self.project, action, command=COMMAND)

    def check(self, *, whole_phase: bool = False) -> int:
        known = KnownSeals(None)
        return check([self.experiment], self.folder, command=COMMAND, known=known, whole_phase=whole_phase)

    def diff(self, *, markdown: bool = False, summary: bool = False, whole_phase: bool = False) -> int:
        form = {"markdown": markdown, "summary": summary}
        return diff([self.experiment], self.folder, **form, command=COMMAND, whole_phase=whole_phase)

    def stamps(self) -> dict[Path, tuple[bytes, int]]:
        """Content and time of every file of the phase."""
        return {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in self.folder.rglob("*.*")}


def make_on_disk(project: Path) -> OnDisk:
    """Plan and render the experiment in a project without any searches."""
    shutil.rmtree(project / "experiments", ignore_errors=True)
    experiment = plan(*ask(project), default_recipe=False)
    return OnDisk(experiment, tuple(script.render() for script in experiment.scripts), project)


def stale(text: str) -> str:
    """What an older generator might have written: other text, intact seal."""
    blank = text.replace(f"# Seal: sha256:{seal_of(text)}", BLANK_SEAL)
    return apply_seal(blank.replace("HORIZON = 1\n", "HORIZON = 2\n"))


def contents(text: str) -> dict[str, tuple[State, bytes]]:
    """For each way a file can be: the state it is in, and its bytes."""
    return {
        "fresh": (State.FRESH, text.encode()),
        "fresh with CRLF": (State.FRESH, text.replace("\n", "\r\n").encode()),
        "stale": (State.STALE, stale(text).encode()),
        "stale with CRLF": (State.STALE, stale(text).replace("\n", "\r\n").encode()),
        "edited": (State.EDITED, text.encode() + b"# by hand\n"),
        "edited bytes that are no text": (State.EDITED, text.encode() + b"# \xff\n"),
        "edited until it is no Python": (State.EDITED, text.encode() + b"def\n"),
        "stale and edited": (State.EDITED, stale(text).encode() + b"# by hand\n"),
        "reformatted": (State.REFORMATTED, text.replace("EMBARGO = 0", "EMBARGO    =   (\n    0\n)").encode()),
        "foreign": (State.FOREIGN, b"print('mine')\n"),
        "foreign bytes that are no text": (State.FOREIGN, b"\x80\x00\xff\r\n"),
        "empty": (State.FOREIGN, b""),
    }


WAYS = tuple(contents(apply_seal(f"{BLANK_SEAL}\nHORIZON = 1\nEMBARGO = 0\n")))
