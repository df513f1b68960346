"""Any spec becomes a script that passes the gate and hands exactly the spec's values to the runtime."""

from __future__ import annotations

import ast
import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import black
import pytest
from black.mode import TargetVersion
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st

from codegen.blocks.header import HPO_DOCSTRING, TRAINING_DOCSTRING
from codegen.request.choices import UsageError
from codegen.request.datasets import dataset_of
from codegen.request.resolve import resolve_hpo, resolve_training
from codegen.request.spec import ExperimentSpec, HpoSpec, TrainingSpec
from codegen.scripts import render_hpo, render_training
from codegen.seal import is_intact
from codegen.syntax.render import LINE_LENGTH
from tests.helpers.recording_runtime import BARS, FOUND_LATER, ROWS, exactly, execute
from tests.helpers.whole_specs import found, hpo_specs, make_odd_project, requests, training_specs

# No shrinking: it would take minutes, and a failure names the call and the argument anyway.
PHASES = (Phase.explicit, Phase.reuse, Phase.generate)
whole = settings(max_examples=12, deadline=None, phases=PHASES, suppress_health_check=list(HealthCheck))
MODE = black.Mode(line_length=LINE_LENGTH, target_versions={TargetVersion.PY311})
SCRIPT = Path("/project/experiments/phase/script.py")
MAY_IMPORT = {"runtime", *sys.stdlib_module_names}
Calls = dict[str, list[dict[str, Any]]]


class Spy:
    """A spec that knows which of its fields were asked for."""

    def __init__(self, spec: ExperimentSpec) -> None:
        self.spec, self.asked = spec, set[str]()

    def __getattr__(self, name: str) -> Any:
        self.asked.add(name)
        return getattr(self.spec, name)


def named(name: str) -> SimpleNamespace:
    """Stands for any function or object of that name."""
    return SimpleNamespace(__name__=name)


OBJECT = SimpleNamespace()


def expected_experiment(spec: Any, docstring: str, shorten: str, **told: str) -> Calls:
    """The calls up to the experiment, which both kinds of script make."""
    splitter = {
        "total_days": ROWS,
        "context_length": spec.context_length,
        "horizon": BARS,
        "val_ratio": spec.val_ratio,
        "test_ratio": spec.test_ratio,
        "seed": spec.seed,
        "chunk_length": spec.chunk_length,
        "mode": spec.split_mode,
        "embargo": spec.embargo,
        "max_gap_days": spec.max_gap_days,
    }
    experiment = {
        "name": spec.experiment,
        "phase": spec.phase,
        "budget": spec.budget,
        "task": spec.task,
        "threshold": spec.threshold,
        "label_price": spec.label_price,
        "horizon": spec.horizon,
        "timescale": spec.timescale,
        "series": named("FakeSeries"),
        "labels": "the labels",
        "splitter": OBJECT,
        "splits": OBJECT,
        **({"normalisation": spec.normalisation} if spec.normalisation else {}),
    }
    series = {
        "path": Path("/project") / spec.data_path,
        "content_sha256": spec.data_sha256,
        "feature_columns": list(spec.feature_columns),
        "timescale": spec.timescale,
        **({"assets": list(spec.assets)} if spec.assets else {}),
        **({"holdout_assets": list(spec.holdout_assets)} if spec.holdout_assets else {}),
        **({"training_assets": list(spec.training_assets)} if spec.training_assets else {}),
    }
    placed = {"project_of": [{"script": str(SCRIPT)}]} if dataset_of(spec.data_path) else {}
    return placed | {
        "run_script": [{"main": named("main")}],
        "parse_arguments": [{"script": str(SCRIPT), "description": docstring + "\n", "shorten": shorten, **told}],
        "load_series": [series],
        "Series.horizon_in_bars": [{"horizon": spec.horizon}],
        "Series.labels": [{"threshold": spec.threshold, "horizon": spec.horizon, "price": spec.label_price}],
        "ChunkSplitter": [splitter],
        "ChunkSplitter.split": [{"timeline": "the timeline"}],
        "Experiment": [experiment],
    }


def checkpointing(spec: Any) -> dict[str, bool]:
    return {"checkpoint_activations": True} if spec.checkpoint_activations else {}


def expected_search(spec: Any) -> Calls:
    """Every call of a search script, with every argument."""
    objective = {
        "suggest": named("suggest"),
        "dataset": "the windows",
        "split_indices": "the searched splits",
        "model": spec.model,
        "architectures": spec.architectures,
        "fixed": spec.fixed,
        "seed": spec.training_seed,
        "parameter_budget": spec.parameter_budget,
        "device": "the device",
        **checkpointing(spec),
    }
    search = {
        "experiment": OBJECT,
        "objective": OBJECT,
        "arguments": OBJECT,
        "n_trials": spec.n_trials,
        "timeout_hours": spec.timeout_hours,
        "search_seed": spec.search_seed,
        "startup_trials": spec.startup_trials,
        "pruning_warmup_epochs": spec.pruning_warmup_epochs,
        "hpo_train_fraction": spec.hpo_train_fraction,
        "regenerate": spec.command,
    }
    numbers = [
        {"name": name, "low": bounds["low"], "high": bounds["high"]} | ({"log": True} if bounds["log"] else {})
        for name, bounds in spec.space.items()
        if "choices" not in bounds
    ]
    listed = [{"name": name, **bounds} for name, bounds in spec.space.items() if "choices" in bounds]
    return expected_experiment(spec, HPO_DOCSTRING, "trials") | {
        "ChunkSplitter.get_hpo_subset": [{"splits": OBJECT, "fraction": spec.hpo_train_fraction}],
        "SplitIndices.with_train": [{"indices": "the subset"}],
        "create_objective": [objective],
        "run_search": [search],
        "Trial.suggest_categorical": [{"name": "architecture", "choices": list(spec.architectures)}, *listed],
        **({"Trial.suggest_float": numbers} if numbers else {}),
        "drawn": [dict.fromkeys(["architecture", *spec.space], "drawn")],
    }


def expected_training(spec: Any) -> Calls:
    """Every call of a training script, with every argument; the refusal of an unsearched one is overheard."""
    shared = {} if spec.sharding is None else {"sharding": spec.sharding}
    unsearched = [{"hyperparameters": {}, "search_first": list(spec.search_first)}]
    recipe = (spec.hyperparameters or FOUND_LATER) | spec.fixed
    trainer = {
        "dataset": "the windows",
        "split_indices": OBJECT,
        "recipe": "the Recipe",
        "seed": spec.training_seed,
        "parameter_budget": spec.parameter_budget,
        "device": "the device",
        **checkpointing(spec),
        **({"ranks": "the ranks"} if shared else {}),
    }
    run = {
        "experiment": OBJECT,
        "recipe": "the Recipe",
        "make_trainer": named("make_trainer"),
        "arguments": OBJECT,
        "model": spec.model,
        "architectures": spec.architectures,
        "parameter_budget": spec.parameter_budget,
        "training_seed": spec.training_seed,
        "provenance": spec.provenance,
    }
    return expected_experiment(spec, TRAINING_DOCSTRING, "epochs", **shared) | {
        **({} if spec.hyperparameters else {"require_hyperparameters": unsearched}),
        "Recipe": [recipe],
        "run_training": [run],
        "Trainer": [trainer | {"architecture": spec.model | fields} for fields in spec.architectures.values() or [{}]],
    }


def check(spec: ExperimentSpec, text: str, expected: Callable[..., Calls]) -> None:
    """The gate, the seal, black and the imports; then every value at the runtime, and no field forgotten."""
    assert is_intact(text)
    assert black.format_str(text, mode=MODE) == text
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            modules = [node.module] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
            assert {str(module).split(".")[0] for module in modules} <= MAY_IMPORT
    spy = Spy(spec)
    seen, wanted = execute(text, SCRIPT), expected(spy)
    assert seen.keys() == wanted.keys()
    for name, calls in wanted.items():
        assert [dict(call) for call in seen[name]] == [
            {argument: exactly(value) for argument, value in call.items()} for call in calls
        ], name
    assert f"# Command: {spy.command}\n" in text
    assert spy.asked == {field.name for field in dataclasses.fields(spec)}


@whole
@given(hpo_specs)
def test_a_search_script_hands_on_exactly_its_spec(spec: HpoSpec) -> None:
    check(spec, render_hpo(spec), expected_search)


@whole
@given(training_specs)
def test_a_training_script_hands_on_exactly_its_spec(spec: TrainingSpec) -> None:
    check(spec, render_training(spec), expected_training)


@pytest.fixture(scope="module")
def odd_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_odd_project(tmp_path_factory.mktemp("odd"))


@whole
@given(data=st.data())
def test_whatever_a_request_resolves_to_becomes_two_such_scripts(data: st.DataObject, odd_project: Path) -> None:
    request = data.draw(requests(odd_project))
    try:
        search = resolve_hpo(request)
        training = resolve_training(
            request, hyperparameters=data.draw(found(request)), provenance={"a": 1}, search_first=["search"]
        )
    except UsageError:
        reject()
    check(search, render_hpo(search), expected_search)
    check(training, render_training(training), expected_training)
