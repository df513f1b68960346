"""A request holds only what is allowed, and its command asks for it again."""

from __future__ import annotations

import math
import shlex
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from codegen.request import command_line
from codegen.request.choices import (
    DEFAULT_DATASET,
    HORIZONS,
    LABEL_PRICES,
    NORMALISATIONS,
    PROJECT,
    SPLIT_MODES,
    TASKS,
    TIMESCALES,
)
from codegen.request.choices import phase_names as all_phases
from codegen.request.parameters import PARAMETERS
from codegen.request.phase_files import load_phase
from codegen.request.request import Request
from data.names import RESERVED
from tests.helpers.questions import BUDGETS, QUESTION, ask, refused

COMMAND = "python -m codegen phase6a 2M threshold_1pct"


def ratios() -> st.SearchStrategy[tuple[float, float]]:
    ratio = st.floats(0, 1, exclude_min=True, exclude_max=True)
    return st.tuples(ratio, ratio).filter(lambda pair: sum(pair) < 1)


PRINTABLE = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=12)
WORDS = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9_-]{0,8}", fullmatch=True).filter(
    lambda name: not RESERVED.fullmatch(name)
)
DATA_PATHS = st.builds("{}/{}.parquet".format, PRINTABLE.filter(lambda text: "/" not in text), WORDS)
CHANGES = st.fixed_dictionaries(
    {"phase": st.sampled_from(all_phases())},
    optional={
        "budget": st.sampled_from(list(BUDGETS)),
        "task": st.sampled_from(TASKS),
        "horizon": st.sampled_from(HORIZONS),
        "timescale": st.sampled_from(TIMESCALES),
        "data_path": st.just(DEFAULT_DATASET) | DATA_PATHS,
        "training_assets": st.none() | st.integers(1, 9),
        "feature_columns": st.lists(PRINTABLE, min_size=1, max_size=3),
        "n_trials": st.integers(1, 10**6),
        "timeout_hours": st.floats(0, exclude_min=True, allow_infinity=False) | st.integers(1, 9),
        "hpo_train_fraction": st.floats(0, 1, exclude_min=True),
        "context_length": st.integers(1, 500),
        "chunk_length": st.none() | st.integers(507, 10**4),
        "seed": st.integers(0, 2**31),
        "search_seed": st.integers(0, 2**31),
        "training_seed": st.integers(0, 2**31),
        "split_mode": st.sampled_from(SPLIT_MODES),
        "embargo": st.integers(0, 500),
        "label_price": st.sampled_from(LABEL_PRICES),
        "normalisation": st.none() | st.sampled_from(NORMALISATIONS),
        "ratios": ratios(),
    },
)


@settings(max_examples=150, deadline=None)
@given(changes=CHANGES)
def test_the_command_asks_for_the_same_request_again(changes: dict[str, Any]) -> None:
    val_ratio, test_ratio = changes.pop("ratios", (0.15, 0.15))
    changes["budget"] = changes.get("budget", load_phase(changes["phase"]).budgets[0])
    changes["task"] = changes.get("task", load_phase(changes["phase"]).tasks[0])
    assume(changes["budget"] in load_phase(changes["phase"]).budgets)
    assume(changes["task"] in load_phase(changes["phase"]).tasks)
    _, request = ask(PROJECT, **changes, val_ratio=val_ratio, test_ratio=test_ratio)
    python, dash_m, codegen, *arguments = shlex.split(request.command())
    assert (python, dash_m, codegen) == ("python", "-m", "codegen")
    ((_, again),) = command_line.requests(command_line.make_parser().parse_args(arguments))
    assert again == request


def test_defaults_are_left_out() -> None:
    assert ask(PROJECT)[1].command() == COMMAND
    assert ask(PROJECT, timeout_hours=4, feature_columns=None, chunk_length=None)[1].command() == COMMAND
    assert ask(PROJECT, phase="phase6c", timescale="weekly")[1].command() == (
        "python -m codegen phase6c 2M threshold_1pct --timescale weekly"
    )


@pytest.mark.parametrize(
    ("changes", "flags"),
    [
        ({"horizon": 5}, "--horizon 5"),
        ({"n_trials": 7}, "--trials 7"),
        ({"seed": 1, "search_seed": 2, "training_seed": 3}, "--search-seed 2 --seed 1 --training-seed 3"),
        ({"data_path": "data/my files/AAPL.parquet"}, "'--data-path=data/my files/AAPL.parquet'"),
        ({"data_path": "data/processed/AAPL_dataset_c.parquet"}, "--data AAPL"),
        ({"data_path": "data/processed/US4_panel_c.parquet", "training_assets": 2}, "--data US4 --training-assets 2"),
        ({"feature_columns": ["rsi14", "-x"]}, "--feature-column=rsi14 --feature-column=-x"),
        ({"label_price": "close", "embargo": 5}, "--label-price close --embargo 5"),
        ({"normalisation": "standard"}, "--normalisation standard"),
    ],
)
def test_what_differs_is_named(changes: dict[str, Any], flags: str) -> None:
    assert ask(PROJECT, **changes)[1].command() == f"{COMMAND} {flags}"


def test_the_parser_and_a_request_have_the_same_defaults() -> None:
    options = command_line.make_parser().parse_args(["phase6a"])
    fields = Request.__dataclass_fields__
    assert {name: getattr(options, name) for name in PARAMETERS} == {name: fields[name].default for name in PARAMETERS}
    questions = {*QUESTION, "experiment", "phase", "data_path", "feature_columns", "project"}
    questions |= {"holdout_assets", "training_assets"}
    assert PARAMETERS.keys() == fields.keys() - questions


@pytest.mark.parametrize("text", ["größe", "a\nb", "a\x00b", "a\tb"])
def test_text_that_no_comment_can_show_is_refused(text: str) -> None:
    for changes in ({"data_path": f"{text}/AAPL.parquet"}, {"feature_columns": [text]}):
        with refused("stand in the script's header", "must be printable ASCII"):
            ask(PROJECT, **changes)[1].command()


@pytest.mark.parametrize("text", ["noqa", "# type: ignore", "# fmt: off", "coding: latin-1"])
def test_text_that_tools_would_obey_is_refused(text: str) -> None:
    for changes in ({"data_path": f"{text}/AAPL.parquet"}, {"feature_columns": [text]}):
        with refused("stand in the script's header", "tools would obey"):
            ask(PROJECT, **changes)[1].command()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"budget": "2m"}, "budget '2m' is not known; allowed: 200K, 2M, 20M, 200M, 2B. Did you mean 2M?"),
        ({"horizon": 1.0}, "horizon 1.0 is not known; allowed: 1, 2, 3, 5, 7"),
        ({"horizon": True}, "horizon True is not known"),
        ({"experiment": "phase6a_20M_threshold_1pct"}, "allowed is 'phase6a_2M_threshold_1pct', with _"),
        ({"experiment": "phase6a_2M_threshold_1pct/../x"}, "allowed is 'phase6a_2M_threshold_1pct', with _"),
        ({"experiment": "phase6a_2M_threshold_1pct\n"}, "allowed is 'phase6a_2M_threshold_1pct', with _"),
        ({"context_length": True}, "context_length True: allowed is an integer of at least 1"),
        ({"context_length": 60.0}, "context_length 60.0: allowed is an integer of at least 1"),
        ({"chunk_length": 64, "horizon": 5}, "chunk_length 64: allowed is an integer of at least 65"),
        ({"timeout_hours": math.nan}, "timeout_hours nan: allowed is a positive number of hours"),
        ({"hpo_train_fraction": math.nan}, "hpo_train_fraction nan"),
        ({"val_ratio": math.nan}, "val_ratio nan"),
        ({"val_ratio": 0.5, "test_ratio": 0.5}, "both must be positive and sum to less than 1"),
        ({"test_ratio": -0.1}, "both must be positive"),
        ({"embargo": -1}, "embargo -1: allowed is an integer of at least 0"),
        ({"training_seed": -1}, "training_seed -1"),
        ({"search_seed": 1.5}, "search_seed 1.5"),
    ],
)
def test_what_is_not_allowed_is_refused(changes: dict[str, Any], message: str) -> None:
    given = {"experiment": "phase6a_2M_threshold_1pct", "phase": "phase6a", **QUESTION, "data_path": DEFAULT_DATASET}
    with refused(message):
        Request(**{**given, **changes})


@pytest.mark.parametrize("phase", ["", ".", "../phases/phase6a", "/etc/passwd", "phase6a\n", "phase6a/../phase6a"])
def test_a_phase_is_a_name_and_never_a_path(phase: str) -> None:
    with refused(f"phase {phase!r} is not known"):
        Request(experiment=f"{phase}_2M_threshold_1pct", phase=phase, **QUESTION, data_path=DEFAULT_DATASET)  # type: ignore[arg-type]
