"""Datasets by their names: each finds its file, and none of their experiments share one."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from codegen.files.planning import Planned, plan
from codegen.request.choices import DEFAULT_DATASET, HORIZONS, TASKS, TIMESCALES
from codegen.request.command_line import make_parser, requests
from codegen.request.datasets import assets_of, dataset_of, path_of
from codegen.request.phases import ExperimentKey
from data.names import PATTERN, RESERVED
from tests.helpers.questions import BUDGETS, ask, leave_finding, make_finding, refused
from tests.helpers.second_market import AAPL, add_market

names = st.just("") | st.from_regex(PATTERN, fullmatch=True).filter(lambda name: not RESERVED.fullmatch(name))
keys = st.builds(
    ExperimentKey,
    st.sampled_from(["phase6a", "phase6d"]),
    st.sampled_from(list(BUDGETS)),
    st.sampled_from(TASKS),
    st.sampled_from(HORIZONS),
    st.sampled_from(TIMESCALES),
    names,
    st.none() | st.integers(1, 12),
)


@settings(max_examples=300)
@given(keys, keys)
def test_no_two_experiments_share_a_path(one: ExperimentKey, other: ExperimentKey) -> None:
    for kind in ("hpo_file", "training_file", "best_file"):
        same_file = getattr(one, kind).lower() == getattr(other, kind).lower()
        same = [tuple(str(each).lower() for each in vars(key).values()) for key in (one, other)]
        assert same_file == (same[0] == same[1])
        assert Path(getattr(one, kind)).parts[:2] == ("experiments", one.phase)
        assert ".." not in Path(getattr(one, kind)).parts


@settings(max_examples=300)
@given(keys, keys)
def test_no_two_experiments_of_a_phase_share_a_name(one: ExperimentKey, other: ExperimentKey) -> None:
    assert (one.experiment == other.experiment) == (one == other)


def test_the_default_dataset_keeps_its_paths() -> None:
    assert dataset_of(DEFAULT_DATASET) == ""
    assert ExperimentKey("phase6a", "2M", "threshold_1pct", 1, "daily").hpo_file == (
        "experiments/phase6a/hpo_2M_threshold_1pct.py"
    )
    assert ExperimentKey("phase6a", "2M", "threshold_1pct", 5, "daily", "AAPL").best_file == (
        "experiments/phase6a/AAPL/hpo_2M_threshold_1pct_h5.best.json"
    )


def test_a_name_finds_its_file(project: Path) -> None:
    add_market(project)
    assert [path_of(name, project) for name in ("", "SPX", "AAPL")] == [DEFAULT_DATASET, DEFAULT_DATASET, AAPL]
    assert assets_of(AAPL, project) == 0
    with refused("dataset 'AAPLE' is not known; allowed: AAPL, SPX. Did you mean AAPL?", "import FILE --name AAPLE"):
        path_of("AAPLE", project)


def asked_for(project: Path, *arguments: str) -> list[str]:
    options = make_parser().parse_args(["phase6a", "2M", "threshold_1pct", *arguments])
    return [cell.training_file for cell, _ in requests(options, project)]


def test_a_phase_may_ask_several_datasets(project: Path) -> None:
    add_market(project)
    phase = project / "configs/phases/phase6a.yaml"
    before = phase.read_text()
    try:
        phase.write_text(before + "data: [SPX, AAPL]\n")
        scripts = [f"experiments/phase6a/{folder}train_2M_threshold_1pct.py" for folder in ("", "AAPL/")]
        assert asked_for(project) == scripts
        assert asked_for(project, "--data", "SPX") == scripts[:1]
        assert asked_for(project, "--data", "AAPL") == asked_for(project, f"--data-path={AAPL}") == scripts[1:]
        phase.write_text(before + "data: AAPL\n")
        assert asked_for(project) == scripts[1:]
        phase.write_text(before + "data: ../AAPL\n")
        with refused("configs/phases/phase6a.yaml", "data: '../AAPL' is not allowed"):
            asked_for(project)
        phase.write_text(before + "data: [SPX, ../AAPL]\n")
        with refused("configs/phases/phase6a.yaml", "data[1]: '../AAPL' is not allowed"):
            asked_for(project)
    finally:
        phase.write_text(before)


def on_aapl(project: Path, **fields: Any) -> Planned:
    return plan(*ask(project, data_path=AAPL, **fields), lender="").scripts[-1]


def test_what_another_dataset_found_is_used_where_it_is_asked_for(project: Path) -> None:
    add_market(project)
    with refused("--hyperparameters from:SPX: not searched there yet; run first: python experiments/phase6a/hpo_2M"):
        on_aapl(project)
    leave_finding(ask(project)[0], project, make_finding(*ask(project)))
    assert plan(*ask(project, data_path=AAPL)).scripts[-1].spec.hyperparameters == {}  # type: ignore[union-attr]
    script = on_aapl(project)
    assert script.path == project / "experiments/phase6a/AAPL/train_2M_threshold_1pct_from_SPX.py"
    text = script.render().text
    assert "# Command: python -m codegen phase6a 2M threshold_1pct --data AAPL --hyperparameters from:SPX\n" in text
    assert '"searched_on": "SPX"' in text
    assert "# Searched on SPX, used here on other data, as --hyperparameters from:SPX asks." in text
    assert '"learning_rate": 0.0003' in text


@pytest.mark.parametrize(("changes", "name"), [({"label_price": "close"}, "label_price"), ({"embargo": 3}, "embargo")])
def test_a_finding_of_another_question_is_not_lent(project: Path, changes: dict[str, Any], name: str) -> None:
    add_market(project)
    leave_finding(ask(project)[0], project, make_finding(*ask(project)))
    with refused(f"it differs in {name}", "search on the data themselves: leave --hyperparameters away"):
        on_aapl(project, **changes)


def test_nothing_is_lent_to_oneself(project: Path) -> None:
    with refused("--hyperparameters from:SPX: that is the data's own"):
        plan(*ask(project), lender="")
