"""A runtime that computes nothing and remembers every call, for executing generated scripts against."""

from __future__ import annotations

import ast
import importlib
import inspect
import sys
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any
from unittest.mock import patch

import optuna
import pytest

from runtime.samples.chunk_splitter import ChunkSplitter
from runtime.samples.series import Series
from runtime.samples.splits import SplitIndices

ROWS, BARS = 4321, 2
FOUND_LATER = {"learning_rate": 0.5, "weight_decay": 0.25, "dropout": 0.125, "batch_size": 3}
"""What takes the place of empty hyperparameters once the recording runtime was asked to refuse them."""


class RecordingRuntime:
    """Stands in for every name that a script imports; calls are checked against the real signatures.

    Attributes:
        calls: qualified name of what was called, and the arguments of each call by the real parameter's name.
    """

    def __init__(self) -> None:
        self.calls: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        self.arguments = SimpleNamespace(device="the device", ranks="the ranks")

    def modules(self, script: ast.Module) -> dict[str, ModuleType]:
        """A module for each one of the runtime that the script imports from, with the names that it takes."""
        modules = {}
        for node in ast.walk(script):
            if isinstance(node, ast.ImportFrom) and str(node.module).split(".")[0] == "runtime":
                module = modules.setdefault(str(node.module), ModuleType(str(node.module)))
                for alias in node.names:
                    real = getattr(importlib.import_module(module.__name__), alias.name)
                    setattr(module, alias.name, self._recorded(real, getattr(self, f"_{alias.name}", None)))
        return modules

    def _recorded(self, real: Callable[..., Any], answer: Callable[..., Any] | None = None) -> Callable[..., Any]:
        signature = inspect.signature(real)

        def call(*arguments: Any, **named: Any) -> Any:
            bound = signature.bind(*arguments, **named).arguments
            seen = {name: exactly(value) for name, value in bound.items() if name != "self"}
            self.calls[real.__qualname__].append(seen)
            return answer(**bound) if answer is not None else f"the {real.__qualname__}"

        return call

    def _method(self, real: Callable[..., Any], answer: Any = None) -> Callable[..., Any]:
        recorded = self._recorded(real, lambda **_: answer)
        return lambda *arguments, **named: recorded("self", *arguments, **named)

    def _run_script(self, main: Callable[[], None]) -> int:
        main()
        return 0

    def _project_of(self, script: str) -> Path:
        return Path(script).parents[2]

    def _parse_arguments(self, **_: Any) -> SimpleNamespace:
        return self.arguments

    def _load_series(self, **_: Any) -> Any:
        horizon_in_bars = self._method(Series.horizon_in_bars, BARS)
        return FakeSeries(self._method(Series.labels, "the labels"), horizon_in_bars)

    def _ChunkSplitter(self, **_: Any) -> SimpleNamespace:  # noqa: N802
        splits = SimpleNamespace(with_train=self._method(SplitIndices.with_train, "the searched splits"))
        subset = self._method(ChunkSplitter.get_hpo_subset, "the subset")
        return SimpleNamespace(split=self._method(ChunkSplitter.split, splits), get_hpo_subset=subset)

    def _Experiment(self, **fields: Any) -> SimpleNamespace:  # noqa: N802
        return SimpleNamespace(windows="the windows", **fields)

    def _create_objective(self, *, suggest: Callable[[Any], Any], **_: Any) -> SimpleNamespace:
        return SimpleNamespace(suggest=suggest)

    def _draw(self, objective: SimpleNamespace) -> None:
        categorical = self._method(optuna.Trial.suggest_categorical, "drawn")
        number = self._method(optuna.Trial.suggest_float, "drawn")
        drawn = objective.suggest(SimpleNamespace(suggest_categorical=categorical, suggest_float=number))
        self.calls["drawn"].append({name: exactly(value) for name, value in drawn.items()})

    def _run_search(self, *, objective: SimpleNamespace, **_: Any) -> None:
        self._draw(objective)

    def _require_hyperparameters(self, *, hyperparameters: dict[str, Any], **_: Any) -> None:
        hyperparameters.update(FOUND_LATER)

    def _run_training(
        self,
        *,
        experiment: Any,
        recipe: Any,
        make_trainer: Callable[..., Any],
        arguments: Any,
        model: dict[str, Any],
        architectures: dict[str, Any],
        training_seed: int,
        **_: Any,
    ) -> None:
        for fields in architectures.values() or [{}]:
            make_trainer(experiment, model | fields, recipe, training_seed, arguments)


class FakeSeries:
    """A series of ``ROWS`` bars that are never looked at."""

    calendar, timeline = range(ROWS), "the timeline"

    def __init__(self, labels: Callable[..., Any], horizon_in_bars: Callable[..., Any]) -> None:
        self.labels, self.horizon_in_bars = labels, horizon_in_bars


def execute(text: str, path: Path) -> dict[str, list[dict[str, Any]]]:
    """Run a script as a program against the recording runtime and return every call it made."""
    runtime = RecordingRuntime()
    scope = {"__name__": "__main__", "__file__": str(path)}
    with patch.dict(sys.modules, runtime.modules(ast.parse(text))), pytest.raises(SystemExit) as ended:
        exec(compile(text, str(path), "exec"), scope)
    assert ended.value.code == 0
    return dict(runtime.calls)


def exactly(value: Any) -> Any:
    """A picture of a value that is equal only for equal values of equal types in equal order, nan included."""
    if isinstance(value, dict):
        return "dict", [(exactly(key), exactly(each)) for key, each in value.items()]
    if isinstance(value, list | tuple):
        return type(value).__name__, [exactly(each) for each in value]
    if isinstance(value, float):
        return "float", value.hex()
    if isinstance(value, str | int | Path | None):
        return type(value).__name__, value
    return "object", getattr(value, "__name__", type(value).__name__)
