"""A search counts what ran to an end of its own, continues as if never interrupted, and refuses another question."""

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.trial import TrialState

from runtime.errors import RunError, UserError
from runtime.search.objective import Hyperparameters
from runtime.search.study import Search, SearchSettings
from tests.helpers.in_this_process import InThisProcess
from tests.helpers.tiny import ARCHITECTURE, FIXED, make_experiment, make_formula_objective, suggest

EXPERIMENT = make_experiment()
SETTINGS = SearchSettings(n_trials=4, timeout_hours=1.0, seed=5, startup_trials=3, pruning_warmup_epochs=1)
NO_TIME = 1e-12


def distance(values: Hyperparameters) -> float:
    return float(abs(values["dropout"] - 0.2) + abs(values["learning_rate"] - 0.01))


def steady(values: Hyperparameters) -> list[float]:
    return [distance(values)] * 3


def equal(_values: Hyperparameters) -> list[float]:
    return [0.5]


def mixed(values: Hyperparameters) -> list[float]:
    """Complete, be pruned or diverge, as the values have it."""
    return [float("nan")] if values["dropout"] > 0.4 else [1 + distance(values), distance(values), distance(values)]


def make_search(output: Path, losses: Callable[[Hyperparameters], list[float]] = steady, **settings: Any) -> Search:
    objective = make_formula_objective(EXPERIMENT, losses)
    return Search(EXPERIMENT, objective, replace(SETTINGS, **settings), output, InThisProcess(objective))


def interrupted_at(*calls: int) -> Callable[[Hyperparameters], list[float]]:
    """``mixed``, but the user presses Ctrl-C in these trials."""
    count = 0

    def losses(values: Hyperparameters) -> list[float]:
        nonlocal count
        count += 1
        if count in calls:
            raise KeyboardInterrupt
        return mixed(values)

    return losses


def test_search_counts_exactly_the_requested_trials(tmp_path: Path) -> None:
    search = make_search(tmp_path)
    assert search.ending() is None
    search.run()
    assert (len(search.counted()), search.ending()) == (4, "trials")
    search.run()
    assert len(search.study.trials) == 4


def test_interrupted_search_draws_what_an_uninterrupted_one_draws(tmp_path: Path) -> None:
    whole = make_search(tmp_path / "whole", mixed, n_trials=18)
    whole.run()
    losses = interrupted_at(1, 4, 13, 16)
    for _ in range(4):
        with pytest.raises(KeyboardInterrupt):
            make_search(tmp_path / "parts", losses, n_trials=18).run()
    parts = make_search(tmp_path / "parts", losses, n_trials=18)
    parts.run()
    assert len(parts.study.trials) == 18 + 4
    ends = [[(trial.params, trial.state, trial.value) for trial in each.counted()] for each in (whole, parts)]
    assert ends[0] == ends[1]
    assert {state for _, state, _ in ends[0]} == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}


def test_raising_the_number_of_trials_continues(tmp_path: Path) -> None:
    make_search(tmp_path / "parts", n_trials=3).run()
    parts, whole = make_search(tmp_path / "parts", n_trials=6), make_search(tmp_path / "whole", n_trials=6)
    parts.run()
    whole.run()
    assert [trial.params for trial in parts.counted()] == [trial.params for trial in whole.counted()]


def test_search_seed_decides_what_is_drawn(tmp_path: Path) -> None:
    drawn = []
    for seed in (5, 6):
        search = make_search(tmp_path / str(seed), seed=seed)
        search.run()
        drawn.append([trial.params for trial in search.counted()])
    assert drawn[0] != drawn[1]
    assert drawn[0][0] != drawn[0][1], "trials of one search must differ, too"


def test_each_study_draws_its_own_trials(tmp_path: Path) -> None:
    objective = make_formula_objective(EXPERIMENT, steady)
    drawn = []
    for name in ("one", "other"):
        output = tmp_path / name
        search = Search(EXPERIMENT, objective, SETTINGS, output, InThisProcess(objective), study_name=name)
        search.run()
        drawn.append([trial.params for trial in search.counted()])
    assert drawn[0][0] != drawn[1][0]


def test_trial_left_running_is_marked_interrupted_and_does_not_count(tmp_path: Path) -> None:
    make_search(tmp_path).study.ask()
    search = make_search(tmp_path)
    (trial,) = search.study.trials
    assert (trial.state, trial.user_attrs["interrupted"]) == (TrialState.FAIL, "killed")
    assert search.counted() == []


def test_failed_trials_count_and_say_why(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search = make_search(tmp_path, lambda values: [0.5, float("nan")] if values["dropout"] > 0.3 else [0.5])
    search.run()
    assert len(search.counted()) == 4
    failed = [trial for trial in search.counted() if trial.state is TrialState.FAIL]
    assert {trial.user_attrs["failure"] for trial in failed} == {"diverged in epoch 2"}
    assert capsys.readouterr().out.count("FAILED (diverged in epoch 2)") == len(failed) > 0


@pytest.mark.parametrize(
    "error", [MemoryError("no room"), RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory")]
)
def test_out_of_memory_is_a_failed_trial(error: Exception, tmp_path: Path) -> None:
    def losses(values: Hyperparameters) -> list[float]:
        if values["architecture"] == "wide":
            raise error
        return steady(values)

    search = make_search(tmp_path, losses, n_trials=6)
    search.run()
    states = {trial.params["architecture"]: trial.state for trial in search.counted()}
    assert states == {"narrow": TrialState.COMPLETE, "wide": TrialState.FAIL}


def test_search_without_a_completed_trial_has_failed(tmp_path: Path) -> None:
    search = make_search(tmp_path, lambda _values: [float("nan")])
    with pytest.raises(RunError, match="ended with 0 completed trials"):
        search.run()
    assert (len(search.counted()), search.ending()) == (4, None)


def test_fault_of_ours_is_not_taken_for_a_failed_trial(tmp_path: Path) -> None:
    search = make_search(tmp_path, lambda values: [values["no such name"]])
    with pytest.raises(KeyError):
        search.run()
    assert search.counted() == []


def test_hopeless_trial_is_pruned_after_the_warm_up(tmp_path: Path) -> None:
    losses = iter([[0.5] * 3] * 3 + [[0.9] * 3])
    search = make_search(tmp_path, lambda _values: next(losses))
    search.run()
    assert [trial.state for trial in search.counted()] == [TrialState.COMPLETE] * 3 + [TrialState.PRUNED]
    assert list(search.study.trials[3].intermediate_values) == [1]


def other_space(trial: optuna.Trial) -> Hyperparameters:
    return suggest(trial) | {"extra": trial.suggest_float("extra", 0.0, 0.9)}


OTHER_WIDTH = {"narrow": ARCHITECTURE | {"d_ff": 9}, "wide": ARCHITECTURE | {"d_ff": 16}}
SUBSET = EXPERIMENT.splits.with_train(EXPERIMENT.splits.train_indices[:100])


@pytest.mark.parametrize(
    ("named", "experiment", "objective", "settings"),
    [
        (r"space\.extra", {}, {"suggest": other_space}, {}),
        (r"architectures\.narrow\.d_ff", {}, {"architectures": OTHER_WIDTH}, {}),
        (r"fixed\.patience", {}, {"fixed": FIXED | {"patience": 2}}, {}),
        ("training_seed", {}, {"seed": 8}, {}),
        ("train_samples", {}, {"split_indices": SUBSET}, {}),
        ("data_sha256", {"series": replace(EXPERIMENT.series, content_sha256="1" * 64)}, {}, {}),
        (r"split\.seed", {"splitter": make_experiment(split_seed=2).splitter}, {}, {}),
        ("samples_sha256", {}, {"split_indices": make_experiment(split_seed=2).splits}, {}),
        ("task", {"task": "threshold_3pct"}, {}, {}),
        (r"settings\.seed", {}, {}, {"seed": 6}),
        (r"settings\.startup_trials", {}, {}, {"startup_trials": 4}),
    ],
)
def test_another_question_in_the_same_folder_is_refused_with_the_difference(
    named: str, experiment: dict[str, Any], objective: dict[str, Any], settings: dict[str, Any], tmp_path: Path
) -> None:
    search = make_search(tmp_path)
    other = make_formula_objective(EXPERIMENT, steady, **objective)
    with pytest.raises(UserError, match=rf"(?s)holds another search: .*; move .*\n{named} is .* there and .* in this"):
        Search(replace(EXPERIMENT, **experiment), other, replace(SETTINGS, **settings), tmp_path, InThisProcess(other))
    assert search.study.user_attrs == make_search(tmp_path).study.user_attrs


def test_trials_of_an_earlier_format_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("runtime.search.study.TRIAL_FORMAT", None)
        make_search(tmp_path)
    with pytest.raises(UserError, match="in trial_format; move .*\ntrial_format is None there and 2 in this script"):
        make_search(tmp_path)


def test_trial_is_given_up_at_the_first_epoch_after_the_deadline(tmp_path: Path) -> None:
    search = make_search(tmp_path, timeout_hours=NO_TIME)
    with pytest.raises(RunError, match="0 completed"):
        search.run()
    (trial,) = search.study.trials
    assert list(trial.intermediate_values) == [1]
    assert trial.user_attrs["interrupted"] == "timeout"
    assert search.counted() == []
    assert search.seconds_spent() > 0


@pytest.mark.parametrize(("completed", "ending"), [(9, None), (10, "timeout")])
def test_search_out_of_time_is_finished_with_ten_completed_trials(
    completed: int, ending: str | None, tmp_path: Path
) -> None:
    make_search(tmp_path, equal, n_trials=completed).run()
    search = make_search(tmp_path, equal, n_trials=20, timeout_hours=NO_TIME)
    if ending is None:
        with pytest.raises(RunError, match="ended with 9 completed trials"):
            search.run()
    else:
        search.run()
    assert (search.ending(), len(search.study.trials)) == (ending, completed)
    longer = make_search(tmp_path, equal, n_trials=12)
    longer.run()
    assert (longer.ending(), len(longer.counted())) == ("trials", 12)


def test_time_adds_up_over_restarts(tmp_path: Path) -> None:
    def slow(values: Hyperparameters) -> list[float]:
        time.sleep(0.02)
        return steady(values)

    make_search(tmp_path, slow, n_trials=1).run()
    search = make_search(tmp_path, slow, n_trials=2)
    search.run()
    assert 0.04 <= search.seconds_spent() < 2
    assert search.seconds_left() == pytest.approx(3600 - search.seconds_spent())
