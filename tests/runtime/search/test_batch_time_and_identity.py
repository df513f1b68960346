"""What the number of workers means for the time, the records and the name of a search."""

import json
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from optuna.trial import FrozenTrial, create_trial

from runtime.errors import RunError, UserError
from runtime.report.searches import read_search
from runtime.search.batch import in_order, positions_of, wall_seconds
from runtime.search.objective import Hyperparameters
from runtime.search.search_run import run_search
from runtime.search.study import Search, SearchSettings
from tests.helpers import hostile
from tests.helpers.fake_trackers import note
from tests.helpers.in_this_process import InThisProcess, Replayed
from tests.helpers.search_driver import as_given
from tests.helpers.tiny import make_arguments, make_experiment, make_formula_objective

EXPERIMENT = make_experiment()
SETTINGS = SearchSettings(n_trials=8, timeout_hours=1.0, seed=5, startup_trials=3, pruning_warmup_epochs=9)
NO_TIME = 1e-12


def steady(values: Hyperparameters) -> list[float]:
    return [values["dropout"] + 0.5]


def make_search(
    output: Path, losses: Callable[[Hyperparameters], list[float]] = steady, url: str | None = None, **settings: Any
) -> Search:
    objective = make_formula_objective(EXPERIMENT, losses)
    engine = InThisProcess(objective)
    return Search(EXPERIMENT, objective, replace(SETTINGS, **settings), output, engine, storage_url=url)


class LastFirst(InThisProcess):
    """The last of a batch of four trains to its end, then the driver dies."""

    def ready(self, trainings: Sequence[Replayed], deadline: float) -> list[Replayed]:
        if len(trainings) < 4:
            raise OSError("killed")
        return [trainings[-1]]


def run_until_killed(output: Path, url: str | None = None) -> None:
    """The first of a driver's batches is left with one trial that has ended."""
    objective = make_formula_objective(EXPERIMENT, hostile.diverge_or_not)
    settings = replace(SETTINGS, workers=4)
    search = Search(EXPERIMENT, objective, settings, output, LastFirst(objective), storage_url=url)
    with pytest.raises(OSError, match="killed"):
        search.run()
    assert positions_of(search.counted()) == [3]


def make_trial(number: int, **attributes: Any) -> FrozenTrial:
    trial = create_trial(value=0.5, user_attrs=attributes)
    trial.number = number
    return trial


def test_trials_that_ran_at_the_same_time_cost_as_much_as_the_longest() -> None:
    alone = [make_trial(0, seconds=1.0), make_trial(1, seconds=2.0), make_trial(2)]
    assert wall_seconds(alone) == 3.0
    together = [make_trial(3, asked_with=3, seconds=4.0), make_trial(4, asked_with=3, seconds=5.0)]
    again = [make_trial(5, asked_with=5, seconds=7.0)]
    assert wall_seconds([*alone, *together, *again]) == 3.0 + 5.0 + 7.0


def test_trials_stand_at_their_positions_whatever_order_they_ran_in() -> None:
    trials = [make_trial(0, position=0), make_trial(3, position=3), make_trial(4, position=1)]
    assert [each.number for each in in_order(trials)] == [0, 4, 3]
    assert positions_of(in_order(trials)) == [0, 1, 3]
    assert positions_of([make_trial(0), make_trial(7)]) == [0, 1]


@pytest.mark.parametrize(("workers", "counted"), [(1, 0), (3, 3)])
def test_batch_of_several_that_begins_in_time_is_finished(workers: int, counted: int, tmp_path: Path) -> None:
    search = make_search(tmp_path, workers=workers, timeout_hours=NO_TIME)
    with pytest.raises(RunError, match=f"ended with {counted} completed trials"):
        search.run()
    assert len(search.counted()) == counted


def test_batch_whose_driver_was_killed_is_finished_though_the_time_is_spent(tmp_path: Path) -> None:
    run_until_killed(tmp_path)
    search = make_search(tmp_path, workers=4, timeout_hours=NO_TIME)
    with pytest.raises(RunError, match="ended with . completed trials"):
        search.run()
    assert positions_of(search.counted()) == [0, 1, 2, 3]


def test_time_of_a_batch_is_not_that_of_its_trials_together(tmp_path: Path) -> None:
    def slow(values: Hyperparameters) -> list[float]:
        time.sleep(0.05)
        return steady(values)

    search = make_search(tmp_path, slow, workers=4, n_trials=4)
    search.run()
    together = sum(trial.user_attrs["seconds"] for trial in search.counted())
    assert 0.2 <= search.seconds_spent() < together


@pytest.mark.parametrize(("there", "here", "words"), [(2, 3, "2 workers, this"), (1, 2, "1 worker, this")])
@pytest.mark.parametrize("database", [False, True])
def test_another_number_of_workers_is_refused_with_both_and_the_command_that_continues(
    there: int, here: int, words: str, database: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "orig_argv", ["python", "hpo.py", "--workers", str(here)])
    url = f"sqlite:///{tmp_path}/trials.db" if database else None
    make_search(tmp_path, workers=there, n_trials=2, url=url).run()
    way_out = "give another --storage" if database else "move the folder away, or give another --output"
    with pytest.raises(UserError) as refused:
        make_search(tmp_path, workers=here, url=url)
    assert f"holds a search with {words} command asks for {here} workers, which draw other trials" in str(refused.value)
    assert f"; continue it with: python hpo.py --workers {there}; or to search anew, " in str(refused.value)
    assert str(refused.value).endswith(way_out)
    make_search(tmp_path, workers=there, url=url).run()


def test_other_differences_are_named_first(tmp_path: Path) -> None:
    make_search(tmp_path, workers=2)
    with pytest.raises(UserError) as refused:
        make_search(tmp_path, workers=3, seed=6)
    assert refused.value.__notes__ == [
        "settings.seed is 5 there and 6 in this script",
        "workers is 2 there and 3 in this script",
    ]


def test_study_from_before_there_could_be_several_continues_with_one(tmp_path: Path) -> None:
    search = make_search(tmp_path, n_trials=3)
    search.run()
    without = {name: value for name, value in search.identity().items() if name != "workers"}
    search.study.set_user_attr("identity", without)
    continued = make_search(tmp_path)
    continued.run()
    assert len(continued.counted()) == 8
    with pytest.raises(UserError, match="holds a search with 1 worker, this command asks for 2 workers"):
        make_search(tmp_path, workers=2)


def run(project: Path, workers: int, **flags: Any) -> dict[str, Any]:
    arguments = make_arguments(project, workers=workers, **flags)
    objective = make_formula_objective(EXPERIMENT, hostile.diverge_or_not)
    run_search(EXPERIMENT, objective, arguments, **as_given(SETTINGS))
    found: dict[str, Any] = json.loads(arguments.best_file.read_text())
    return found


@pytest.mark.parametrize("workers", [1, 3])
def test_best_json_says_how_many_workers(workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.get_num_threads", lambda: 6)
    record = run(tmp_path, workers)
    assert (record["workers"], record["environment"]["threads"]) == (workers, 6 // workers)


@pytest.mark.parametrize("database", [False, True])
def test_report_shows_trials_in_order_though_a_driver_was_killed_in_a_batch(database: bool, tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/trials.db" if database else None
    arguments = make_arguments(tmp_path, workers=4, storage=url)
    undisturbed = make_search(tmp_path / "alone", hostile.diverge_or_not, workers=4)
    undisturbed.run()
    run_until_killed(arguments.output, url)
    run(tmp_path, 4, storage=url)
    shown = read_search(arguments.output, arguments.best_file)
    assert shown is not None
    trials = [trial for trial in shown.trials if "interrupted" not in trial.user_attrs]
    assert [each.params for each in trials] == [each.params for each in undisturbed.counted()]
    assert len(shown.trials) == 8 + 3


def test_tracker_sees_the_trials_of_a_batch_in_order_after_a_restart(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = note(monkeypatch)
    run_until_killed(make_arguments(tmp_path).output)
    run(tmp_path, 4, track="noting")
    steps = [each[1] for each in told if each[0] == "log"]
    assert steps == sorted(set(steps))
    assert len(steps) > 4
