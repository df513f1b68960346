"""Strategies for whole specs: what a request resolves to, and whatever else a spec can hold."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
from hypothesis import strategies as st

from codegen.request import choices
from codegen.request.choices import NEEDED_COLUMNS
from codegen.request.configs import load_model
from codegen.request.parameters import Parameters, SearchParameters, values_of
from codegen.request.phase_files import load_phase
from codegen.request.request import Request, name_suffix
from codegen.request.spec import HpoSpec, TrainingSpec
from codegen.syntax.prose import comment
from data.dataset import publish
from runtime.samples.labels import LABELS
from runtime.training.recipe import FIXED
from tests.helpers.small_project import SOURCE

ODD_COLUMNS = [
    "it's",
    'say "hi"',
    "back\\slash",
    "new\nline",
    "größe",
    "# fmt: off",
    "{}",
    "%s",
    "\x00",
    "# type: ignore",
]
DATASETS = {
    "data/processed/odd.parquet": ODD_COLUMNS,
    "data/processed/one.parquet": [""],
    "data/processed/wide.parquet": [f"feature {number}" for number in range(100)],
}


def make_odd_project(root: Path) -> Path:
    """A project whose datasets have columns with hostile names, one column, and a hundred."""
    (root / "configs").symlink_to(SOURCE / "configs")
    dates = pd.bdate_range("2000-01-03", periods=30)
    for path, names in DATASETS.items():
        columns = {name: [float(day) for day in range(30)] for name in (*NEEDED_COLUMNS[1:], "Volume", *names)}
        publish(pd.DataFrame({"Date": dates, **columns}), root / path, (), "python -m data import", root)
    return root


def _stands_in_a_comment(text: str) -> bool:
    try:
        comment(text)
    except ValueError:
        return False
    return True


positive = st.floats(min_value=0, exclude_min=True, allow_infinity=False)
printable = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1)
commands = printable.filter(_stands_in_a_comment)
hostile = st.sampled_from(ODD_COLUMNS) | st.text()
plain = st.none() | st.booleans() | st.integers() | st.floats() | hostile
nested = st.recursive(
    plain, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3), max_leaves=8
)
objects = st.dictionaries(hostile, nested, max_size=4)
ranges = st.fixed_dictionaries({"low": st.floats(), "high": st.floats(), "log": st.booleans()})
listed = st.fixed_dictionaries({"choices": st.lists(st.integers(), min_size=1, max_size=4).map(tuple)})
recipes = st.fixed_dictionaries(
    {
        "learning_rate": st.floats(),
        "weight_decay": st.floats(),
        "dropout": st.floats(),
        "batch_size": st.integers(),
    }
)
fixed = st.fixed_dictionaries(
    {name: st.integers() if each.type is int else st.floats() for name, each in FIXED.items()}
)
common: dict[str, Any] = {
    "command": commands,
    "fixed": fixed,
    "model": objects,
    "feature_columns": st.lists(hostile, min_size=1, max_size=100, unique=True).map(tuple),
    **dict.fromkeys(values_of(Parameters(), Parameters), ...),
    "label_price": st.sampled_from(sorted(LABELS)),
}
searched = dict.fromkeys(values_of(SearchParameters(), SearchParameters), ...)
# Every field that is not named below is drawn by its annotation: one that is added is drawn, too.
hpo_specs = st.builds(
    HpoSpec,
    **common,
    **searched,
    architectures=st.dictionaries(hostile, st.dictionaries(hostile, st.integers(), max_size=6), min_size=1, max_size=5),
    space=st.dictionaries(hostile.filter(lambda name: name != "architecture"), ranges | listed, max_size=5),
)
training_specs = st.builds(
    TrainingSpec,
    **common,
    hyperparameters=recipes,
    architectures=st.dictionaries(hostile, objects, min_size=1, max_size=3),
    provenance=objects,
    search_first=st.just(()),
) | st.builds(
    TrainingSpec,
    **common,
    hyperparameters=st.just({}),
    architectures=st.just({}),
    provenance=objects,
    search_first=st.lists(hostile, min_size=1, max_size=2).map(tuple),
)


def _named(spec: Any, further: str) -> Any:
    """A script puts its experiment's name together from phase, budget and task."""
    return replace(spec, experiment=f"{spec.phase}_{spec.budget}_{spec.task}{further}")


furthers = st.sampled_from(["", "_h5", "_default", "_weekly_more"])
hpo_specs = st.builds(_named, hpo_specs, furthers)
training_specs = st.builds(_named, training_specs, furthers)


@st.composite
def requests(draw: st.DrawFn, project: Path) -> Request:
    """Anything that a user may ask for; the command line and the configurations may still refuse it."""
    of_one_series = [name for name in choices.phase_names(project) if not load_phase(name, project).training_assets]
    phase = draw(st.sampled_from(of_one_series))
    budget, task = draw(st.sampled_from(choices.budget_names(project))), draw(st.sampled_from(choices.TASKS))
    horizon, timescale = draw(st.sampled_from(choices.HORIZONS)), draw(st.sampled_from(choices.TIMESCALES))
    path = draw(st.sampled_from(sorted(DATASETS)))
    columns = draw(st.none() | st.lists(st.sampled_from(DATASETS[path]), min_size=1, unique=True))
    context_length = draw(st.integers(10, 100))
    held_out = draw(st.floats(0.01, 0.98))
    share = draw(st.floats(0.01, 0.99))
    return Request(
        experiment=f"{phase}_{budget}_{task}{name_suffix(horizon, timescale)}",
        phase=phase,
        budget=budget,
        task=task,
        horizon=horizon,
        timescale=timescale,
        data_path=path,
        feature_columns=columns,
        n_trials=draw(st.integers(1)),
        timeout_hours=draw(positive),
        context_length=context_length,
        val_ratio=held_out * share,
        test_ratio=held_out * (1 - share),
        hpo_train_fraction=draw(st.floats(0, 1, exclude_min=True)),
        chunk_length=draw(st.none() | st.integers(context_length + horizon)),
        seed=draw(st.integers(0)),
        search_seed=draw(st.integers(0)),
        training_seed=draw(st.integers(0)),
        split_mode=draw(st.sampled_from(choices.SPLIT_MODES)),
        embargo=draw(st.integers(0)),
        label_price=draw(st.sampled_from(choices.LABEL_PRICES)),
        normalisation=draw(st.none() | st.sampled_from(choices.NORMALISATIONS)),
        project=project,
    )


@st.composite
def found(draw: st.DrawFn, request: Request) -> dict[str, Any]:
    """Hyperparameters that a search of the request may have found: none, of one architecture, or of two."""
    names = list(load_model(request.budget, request.project).architectures)
    chosen = draw(st.none() | st.sampled_from(names) | st.permutations(names).map(lambda each: each[:2]))
    return {} if chosen is None else {"architecture": chosen, **draw(recipes)}
