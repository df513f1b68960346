"""Trials that were asked for together and train at once: their places in the search, their training, their time."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from optuna.trial import FrozenTrial

from runtime.errors import UserError
from runtime.search.engine import DeadlineReached, Engine, TrialFault
from runtime.search.trial import TrialRun

POSITION = "position"
"""A trial's place in its search, counted from 0; without it, as with one worker, trials stand in the order they ran."""

ASKED_WITH = "asked_with"
"""Number of the first of the trials that were asked for together and so ran at the same time."""


def in_order(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Trials in the order of their positions, whatever order they were run in."""
    return sorted(trials, key=lambda trial: trial.user_attrs.get(POSITION, trial.number))


def positions_of(counted: Sequence[FrozenTrial]) -> list[int]:
    """Position of each of the trials that count, which are in order."""
    return [trial.user_attrs.get(POSITION, index) for index, trial in enumerate(counted)]


def wall_seconds(trials: Sequence[FrozenTrial]) -> float:
    """Time that trials took: of those that ran at the same time, the longest counts."""
    longest: dict[int, float] = {}
    for trial in trials:
        batch = trial.user_attrs.get(ASKED_WITH, trial.number)
        longest[batch] = max(longest.get(batch, 0.0), trial.user_attrs.get("seconds", 0.0))
    return float(sum(longest.values()))


@contextmanager
def interruptions_noted(runs: Sequence[TrialRun]) -> Iterator[None]:
    """Stop all trainings as the block ends, and mark the trials that an interruption left without an end of their own.

    The end of the search's time is such an interruption, and goes no further.
    """
    try:
        try:
            yield
        finally:
            for run in runs:
                run.stop()
    except DeadlineReached:
        _interrupt(runs, "timeout")
    except (KeyboardInterrupt, UserError, TrialFault) as error:
        # No other error is noted: after a fault of the storage, half a line may stand at the journal's end.
        _interrupt(runs, type(error).__name__)
        raise


def _interrupt(runs: Sequence[TrialRun], reason: str) -> None:
    for run in runs:
        run.interrupt(reason)


def train_together(runs: Sequence[TrialRun], engine: Engine[Any], deadline: float, on_end: Callable[[], None]) -> None:
    """Train all of them to their ends.

    Args:
        runs: of trials that are asked for.
        engine: of the runs.
        deadline: when to give up, in the time of ``time.monotonic()``.
        on_end: called after each that has ended.

    Raises:
        DeadlineReached: at the deadline, even in the middle of an epoch.
        UserError: if the input cannot be used.
        TrialFault: if a bug showed.
    """
    for run in runs:
        run.start()
    while unfinished := [run for run in runs if not run.has_ended]:
        ready = engine.ready([run.training for run in unfinished], deadline)
        for run in unfinished:
            if run.training in ready and run.advance():
                on_end()
        if time.monotonic() > deadline:
            raise DeadlineReached
