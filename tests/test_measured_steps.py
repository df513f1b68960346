"""The time of a training step that a dry run reports."""

from __future__ import annotations

from typing import Any

import pytest

from runtime.trainer import Trainer
from tests.tiny import make_experiment, make_trainer


def test_every_step_has_ended_before_the_next_begins_and_the_clock_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    events = []

    class Loss:
        """Of a step that a GPU may still be at; its number is there when the step has ended."""

        def __float__(self) -> float:
            events.append("ended")
            return 0.5

    def begin(*_: Any) -> Loss:
        events.append("begun")
        return Loss()

    monkeypatch.setattr(Trainer, "_train_step", begin)
    make_trainer(make_experiment()).measure_step_seconds(2)
    assert events == ["begun", "ended"] * 3
