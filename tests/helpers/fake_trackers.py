"""Stand-ins for TensorBoard, MLflow and Weights & Biases that write down what they are told."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from runtime.records.tracking import TRACKERS, Scalar

Told = list[tuple[Any, ...]]


def install(name: str, monkeypatch: pytest.MonkeyPatch) -> Told:
    """Put a stand-in where a tracker imports its package from; what it is told, as ``start``, ``log``, ``finish``."""
    told: Told = []
    module, attributes = PACKAGES[name](told)
    fake = ModuleType(module)
    vars(fake).update(attributes)
    monkeypatch.setitem(sys.modules, module, fake)
    for variable in ("WANDB_MODE", "WANDB_ERROR_REPORTING", "MLFLOW_TRACKING_URI", "MLFLOW_DISABLE_TELEMETRY"):
        monkeypatch.setenv(variable, "")  # so that it is put back as it was
        monkeypatch.delenv(variable)
    return told


def _tensorboard(told: Told) -> tuple[str, dict[str, Any]]:
    class Writer:
        def __init__(self, folder: str) -> None:
            told.append(("start", folder))

        def add_scalar(self, name: str, value: float, step: int) -> None:
            told.append(("log", step, name, value))

        def add_hparams(self, parameters: dict[str, Any], final: dict[str, float], run_name: str) -> None:
            assert all(isinstance(value, str | int | float) for value in parameters.values()), "what it can show"
            told.append(("finish", parameters["status"], final))

        def close(self) -> None:
            told.append(("close",))

    return "torch.utils.tensorboard", {"SummaryWriter": Writer}


def _mlflow(told: Told) -> tuple[str, dict[str, Any]]:
    class Client:
        def __init__(self, uri: str) -> None:
            told.append(("store", uri))

        def get_experiment_by_name(self, _: str) -> None:
            return None

        def create_experiment(self, _: str) -> str:
            return "1"

        def create_run(self, _: str, run_name: str) -> SimpleNamespace:
            told.append(("start", run_name))
            return SimpleNamespace(info=SimpleNamespace(run_id="a"))

        def log_param(self, run_id: str, name: str, value: Scalar) -> None:
            told.append(("parameter", name, value))

        def log_metric(self, run_id: str, name: str, value: float, step: int | None = None) -> None:
            told.append(("log", step, name, value))

        def set_terminated(self, run_id: str, status: str) -> None:
            told.append(("finish", status))

    return "mlflow", {"MlflowClient": Client}


def _wandb(told: Told) -> tuple[str, dict[str, Any]]:
    def init(**options: Any) -> SimpleNamespace:
        assert options["settings"].x_disable_meta, "wandb's metadata would hold the password of a --storage"
        told.append(("start", options["name"]))
        return SimpleNamespace(
            log=lambda metrics, step: told.extend(("log", step, name, value) for name, value in metrics.items()),
            summary=SimpleNamespace(update=lambda summary: None),
            finish=lambda exit_code: told.append(("finish", exit_code)),
        )

    return "wandb", {"init": init, "Settings": SimpleNamespace}


PACKAGES: dict[str, Callable[[Told], tuple[str, dict[str, Any]]]] = {
    "tensorboard": _tensorboard,
    "mlflow": _mlflow,
    "wandb": _wandb,
}


class Noting:
    """A tracker of our own; ``fails`` names the method that raises."""

    def __init__(self, told: Told, fails: str = "") -> None:
        self.told, self.fails = told, fails

    def _note(self, method: str, *values: Any) -> None:
        self.told.append((method, *values))
        if method == self.fails:
            raise ConnectionError("nobody there")

    def start(self, run: str, parameters: dict[str, Scalar]) -> None:
        self._note("start", run, dict(parameters))

    def log(self, step: int, metrics: dict[str, float]) -> None:
        self._note("log", step, dict(metrics))

    def finish(self, summary: dict[str, Scalar]) -> None:
        self._note("finish", dict(summary))


def note(monkeypatch: pytest.MonkeyPatch, fails: str = "") -> Told:
    """Make ``--track noting`` a tracker; what it is told."""
    told: Told = []

    def make(_: Path) -> Noting:
        return Noting(told, fails)

    monkeypatch.setitem(TRACKERS, "noting", make)  # type: ignore[arg-type]
    return told
