"""A study of another search is refused in lines that show what differs, not everything that either holds."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from runtime.errors import UserError
from runtime.search.study import Search, SearchSettings
from tests.helpers.in_this_process import InThisProcess
from tests.helpers.tiny import make_experiment, make_formula_objective

EXPERIMENT = make_experiment()
SETTINGS = SearchSettings(n_trials=4, timeout_hours=1.0, seed=5, startup_trials=3, pruning_warmup_epochs=1)


def test_of_whole_lists_and_hashes_the_refusal_shows_what_differs(tmp_path: Path) -> None:
    names = [f"feature{number}" for number in range(30)]
    series = [replace(EXPERIMENT.series, feature_columns=tuple(names[n:]), content_sha256=f"{n}" * 64) for n in (0, 5)]
    objective = make_formula_objective(EXPERIMENT, lambda _values: [0.5])
    make = partial(Search, objective=objective, settings=SETTINGS, output=tmp_path, engine=InThisProcess(objective))
    make(replace(EXPERIMENT, series=series[0]))
    with pytest.raises(UserError) as refusal:
        make(replace(EXPERIMENT, series=series[1]))
    assert str(refusal.value) == (
        f"{tmp_path} holds another search: it differs in data_sha256 and feature_columns; move the folder away, or "
        "give another --output"
    )
    assert refusal.value.__notes__ == [
        "data_sha256 is 000000000000 there and 555555555555 in this script",
        "feature_columns in this script lacks feature0, feature1, feature2 and 2 more",
    ]
