"""``metrics.jsonl``, one line an epoch, and the tracker that shows the same rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from runtime.records.files import append_json_line, write_json_lines
from runtime.records.tracking import Scalar, Tracking

Row = dict[str, Any]


@dataclass
class MetricsLog:
    """The epochs of one seed's training, of all candidates, in the order they were trained.

    Attributes:
        path: the file.
        tracking: shows what the file says.
        run: name of the run there.
        parameters: of the run there.
        several: whether there is more than one candidate, whose curves are then named apart.
    """

    path: Path
    tracking: Tracking
    run: str
    parameters: Mapping[str, Scalar]
    several: bool = False
    _shown: list[Row] = field(default_factory=list)
    _started: bool = False

    def restart(self, rows: Sequence[Row], recipe: Mapping[str, Scalar]) -> None:
        """Hold exactly these rows: those after a checkpoint are gone, and will be trained again.

        A tracker cannot drop rows. It gets a new run, with all rows again, unless it shows just these.
        """
        write_json_lines(self.path, rows)
        if self._started and self._shown == rows:
            return
        self.tracking.start(self.run, {**self.parameters, **recipe})
        self._started, self._shown = True, []
        for row in rows:
            self._show(row)

    def append(self, row: Row) -> None:
        """Add one epoch; on the disk when this returns."""
        append_json_line(self.path, row)
        self._show(row)

    def _show(self, row: Row) -> None:
        self._shown.append(row)
        prefix = f"{row['architecture']}/" if self.several else ""
        values = {f"{prefix}{name}": row[name] for name in ("train_loss", "val_loss", "learning_rate", "seconds")}
        self.tracking.log(len(self._shown), values)
