"""Trackers that show a run while it goes: TensorBoard, MLflow, Weights & Biases, each imported only when asked for.

``metrics.jsonl`` and ``result.json`` are the record; a tracker repeats what they say and can be lost without harm. None
sends anything anywhere unless the user's environment tells it to (``WANDB_MODE``, ``MLFLOW_TRACKING_URI``).
"""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol

from runtime.errors import UserError

Scalar = str | int | float | None
PROJECT = "patchtst-experiments"
"""What MLflow calls the experiment, and Weights & Biases the project."""


class Tracker(Protocol):
    """What every tracker can do, in this order."""

    def start(self, run: str, parameters: Mapping[str, Scalar]) -> None:
        """Begin a run that holds nothing yet; ``run`` is its folder's path below ``outputs/``."""

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """Add the metrics of one step; steps increase."""

    def finish(self, summary: Mapping[str, Scalar]) -> None:
        """End the run: ``status``, as in its record, and final numbers."""


class _TensorBoard:
    """Event files in each run's own folder: ``tensorboard --logdir outputs``."""

    def __init__(self, outputs: Path) -> None:
        self.outputs = outputs

    def start(self, run: str, parameters: Mapping[str, Scalar]) -> None:
        from torch.utils.tensorboard import SummaryWriter

        folder = self.outputs / run / "tensorboard"
        shutil.rmtree(folder, ignore_errors=True)  # what an interrupted start left; this one begins with it anew
        self.parameters = {name: str(value) if value is None else value for name, value in parameters.items()}
        self.writer = SummaryWriter(str(folder))

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self.writer.add_scalar(name, value, step)

    def finish(self, summary: Mapping[str, Scalar]) -> None:
        final = {f"final/{name}": value for name, value in _numbers(summary).items()}
        self.writer.add_hparams(self.parameters | {"status": summary["status"]}, final, run_name=".")
        self.writer.close()


class _MLflow:
    """A database beside all runs: ``mlflow ui --backend-store-uri sqlite:///outputs/mlflow.db``."""

    def __init__(self, outputs: Path) -> None:
        self.outputs = outputs.absolute()

    def start(self, run: str, parameters: Mapping[str, Scalar]) -> None:
        os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
        from mlflow import MlflowClient

        self.outputs.mkdir(parents=True, exist_ok=True)
        uri = os.environ.get("MLFLOW_TRACKING_URI", f"sqlite:///{self.outputs}/mlflow.db")
        self.client = MlflowClient(uri)
        known = self.client.get_experiment_by_name(PROJECT)
        experiment = known.experiment_id if known else self.client.create_experiment(PROJECT)
        self.run_id = self.client.create_run(experiment, run_name=run).info.run_id
        for name, value in parameters.items():
            self.client.log_param(self.run_id, name, value)

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        for name, value in metrics.items():
            self.client.log_metric(self.run_id, name, value, step=step)

    def finish(self, summary: Mapping[str, Scalar]) -> None:
        for name, value in _numbers(summary).items():
            self.client.log_metric(self.run_id, f"final/{name}", value)
        ending = {"failed": "FAILED", "interrupted": "KILLED"}.get(str(summary["status"]), "FINISHED")
        self.client.set_terminated(self.run_id, ending)


class _WeightsAndBiases:
    """Offline runs in ``outputs/wandb``, for ``wandb sync``; ``WANDB_MODE=online`` sends them at once."""

    def __init__(self, outputs: Path) -> None:
        self.outputs = outputs

    def start(self, run: str, parameters: Mapping[str, Scalar]) -> None:
        os.environ.setdefault("WANDB_MODE", "offline")
        os.environ.setdefault("WANDB_ERROR_REPORTING", "false")
        import wandb

        self.outputs.mkdir(parents=True, exist_ok=True)
        settings = wandb.Settings(console="off", x_disable_meta=True)  # it would store the command with its passwords
        self.run = wandb.init(
            project=PROJECT,
            name=run,
            config=dict(parameters),
            dir=self.outputs,
            reinit="create_new",
            settings=settings,
        )

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        self.run.log(dict(metrics), step=step)

    def finish(self, summary: Mapping[str, Scalar]) -> None:
        self.run.summary.update(dict(summary))
        self.run.finish(exit_code=int(summary["status"] in ("failed", "interrupted")))


TRACKERS: Mapping[str, Callable[[Path], Tracker]] = {
    "tensorboard": _TensorBoard,
    "mlflow": _MLflow,
    "wandb": _WeightsAndBiases,
}
"""Name of each tracker, which is that of its package and of our optional extra, too."""


def require_tracker(name: str) -> None:
    """Refuse a tracker whose package is not installed.

    Raises:
        UserError: with the command that installs it.
    """
    if find_spec(name) is None:
        raise UserError(f'--track {name}: its package is not installed; pip install -e ".[{name}]"')


class Tracking:
    """The tracker of one process, or none; whatever goes wrong in it is said once and never ends a run.

    Args:
        name: in `TRACKERS`; None tracks nowhere.
        outputs: folder of all outputs.
    """

    def __init__(self, name: str | None, outputs: Path) -> None:
        self.name = name
        self._tracker = None if name is None else TRACKERS[name](outputs)
        self._running = False

    def start(self, run: str, parameters: Mapping[str, Scalar]) -> None:
        """See `Tracker`; a run that is not finished is finished as interrupted."""
        self.finish({"status": "interrupted"})
        self._running = True
        self._try(lambda tracker: tracker.start(run, parameters))

    def log(self, step: int, metrics: Mapping[str, float]) -> None:
        """See `Tracker`."""
        self._try(lambda tracker: tracker.log(step, metrics))

    def finish(self, summary: Mapping[str, Scalar]) -> None:
        """See `Tracker`; does nothing when no run was started."""
        if self._running:
            self._try(lambda tracker: tracker.finish(summary))
        self._running = False

    def _try(self, call: Callable[[Tracker], None]) -> None:
        if self._tracker is None:
            return
        try:
            call(self._tracker)
        except Exception as error:  # whatever another's package meets: the run must not be lost with its picture
            self._tracker = None
            print(
                f"WARNING: --track {self.name} failed and is switched off ({type(error).__name__}: {error}); the run "
                "goes on, metrics.jsonl and result.json hold everything",
                file=sys.stderr,
                flush=True,
            )


def scalars(values: Mapping[str, Any]) -> dict[str, Scalar]:
    """The values of a record that a tracker can show as parameters; nested ones stay in the record."""
    return {name: value for name, value in values.items() if isinstance(value, Scalar)}


def _numbers(values: Mapping[str, Scalar]) -> dict[str, float]:
    return {name: value for name, value in values.items() if isinstance(value, int | float)}
