"""What a search script leaves behind: a best.json that can be trusted, or nothing."""

import json
import sqlite3
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest

from runtime.errors import UserError
from runtime.report.searches import read_search
from runtime.samples.experiment import Experiment
from runtime.script.arguments import Arguments
from runtime.script.running import run_script
from runtime.search import lease
from runtime.search.objective import Objective
from runtime.search.search_run import run_search
from runtime.search.study import SearchSettings
from tests.helpers import hostile
from tests.helpers.fake_trackers import note
from tests.helpers.search_driver import as_given
from tests.helpers.tiny import (
    ARCHITECTURE,
    make_arguments,
    make_experiment,
    make_formula_objective,
    make_objective,
    with_labels,
)

EXPERIMENT = make_experiment()
SETTINGS = SearchSettings(n_trials=8, timeout_hours=1.0, seed=5, startup_trials=3, pruning_warmup_epochs=0)


FORMULA = make_formula_objective(EXPERIMENT, hostile.diverge_or_not)


def refuse_constant(text: str) -> None:
    raise AssertionError(f"{text} is not JSON")


def read(path: Path) -> Any:
    return json.loads(path.read_text(), parse_constant=refuse_constant)


def search(
    arguments: Arguments, objective: Objective = FORMULA, experiment: Experiment = EXPERIMENT, n_trials: int = 8
) -> None:
    settings = replace(SETTINGS, n_trials=n_trials)
    run_search(experiment, objective, arguments, **as_given(settings))


def test_best_json_holds_the_question_the_search_and_its_best_trial(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    search(arguments)
    record = read(arguments.script.with_suffix(".best.json"))
    assert record.items() >= EXPERIMENT.identity().items()
    assert record["hpo_train_fraction"] == 0.3
    assert (record["search_seed"], record["n_trials"], record["ended_by"]) == (5, 8, "trials")
    assert sum(record["trials"].values()) == 8
    assert min(record["trials"].values()) > 0, "this test needs completed, pruned and failed trials"
    assert record["environment"]["device"] == "cpu"
    assert record["hours"] >= 0
    assert record["peak_memory_bytes"] > 0
    best = record["best"]
    assert best["value"] == best["hyperparameters"]["dropout"] + 0.5
    assert (best["best_epoch"], best["parameter_count"]) == (1, 601)
    width = {"narrow": 8, "wide": 16}[best["hyperparameters"]["architecture"]]
    assert best["architecture"] == ARCHITECTURE | {"d_ff": width}


def test_best_trial_can_be_trained_again_to_the_same_validation_loss(tmp_path: Path) -> None:
    arguments, objective = make_arguments(tmp_path), make_objective(EXPERIMENT)
    search(arguments, objective, n_trials=2)
    best = read(arguments.script.with_suffix(".best.json"))["best"]
    result = objective.train(best["hyperparameters"])
    assert (result.best_val_loss, result.best_epoch) == (best["value"], best["best_epoch"])
    assert result.parameter_count == best["parameter_count"]


def test_finished_search_says_what_to_run_next_last(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    search(make_arguments(tmp_path))
    assert capsys.readouterr().out.splitlines()[-1] == "next: python -m codegen"


def test_rerunning_a_finished_search_changes_only_what_was_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = make_arguments(tmp_path)
    best = arguments.script.with_suffix(".best.json")
    search(arguments)
    before = read(best)
    search(arguments)
    after = read(best)
    assert {name for name in after if after[name] != before[name]} <= {"peak_memory_bytes"}
    assert "continuing after 8 of 8 trials" in capsys.readouterr().err


def test_shorter_look_is_recorded_apart_and_leaves_no_best_json(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path, shorter_look=4)
    search(arguments, n_trials=4)
    assert not list(tmp_path.rglob("*.best.json"))
    record = read(arguments.output / "shortened.json")
    assert record["shortened_to_trials"] == 4
    assert record["best"]["value"] > 0


@pytest.mark.parametrize(("split", "label"), [("val", 0.0), ("val", 1.0), ("train", 0.0)])
def test_one_class_is_refused_before_anything_is_written(split: str, label: float, tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    one_class = with_labels(EXPERIMENT, getattr(EXPERIMENT.splits, f"{split}_indices"), label)
    name = {"val": "validation", "train": "training"}[split]
    with pytest.raises(UserError, match=rf"every {name} label is {int(label)} \(positives: .*use a longer horizon"):
        search(arguments, experiment=one_class)
    assert sorted(tmp_path.rglob("*")) == before


def test_one_class_in_test_does_not_stop_a_search(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    search(arguments, experiment=with_labels(EXPERIMENT, EXPERIMENT.splits.test_indices, 0.0))
    assert arguments.script.with_suffix(".best.json").exists()


def test_trials_that_kill_their_process_fail_and_the_search_goes_on(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path)
    search(arguments, make_formula_objective(EXPERIMENT, hostile.die_if_wide))
    record = read(arguments.best_file)
    assert record["trials"]["completed"] + record["trials"]["failed"] + record["trials"]["pruned"] == 8
    assert record["trials"]["failed"] > 0
    assert record["best"]["hyperparameters"]["architecture"] == "narrow"


@pytest.mark.parametrize(
    ("losses", "code", "says"),
    [
        (hostile.give_bad_input, 2, "error: no such column\n"),
        (hostile.have_a_bug, 123, "KeyError: 'no such name'"),
        (hostile.diverge, 1, "failed: the search ended with 0 completed trials"),
    ],
)
def test_trial_ends_the_search_as_its_fault_deserves(
    losses: Any, code: int, says: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = make_arguments(tmp_path)
    objective = make_formula_objective(EXPERIMENT, losses)
    assert run_script(lambda: search(arguments, objective, n_trials=1)) == code
    assert says in capsys.readouterr().err
    assert not arguments.best_file.exists()


def test_shorter_look_has_a_study_of_its_own_in_the_same_database(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path}/trials.db"
    search(make_arguments(tmp_path, shorter_look=2, storage=url), n_trials=2)
    search(make_arguments(tmp_path, storage=url), n_trials=3)
    storage = optuna.storages.RDBStorage(url)
    counts = {summary.study_name: summary.n_trials for summary in optuna.get_all_study_summaries(storage)}
    assert counts == {f"{EXPERIMENT.name}_short": 2, EXPERIMENT.name: 3}
    assert not list(tmp_path.rglob("journal.log"))


def test_report_shows_the_history_of_a_search_in_a_database_as_that_of_a_journal(tmp_path: Path) -> None:
    databases = make_arguments(tmp_path / "a", storage=f"sqlite:///{tmp_path}/trials.db")
    search(databases, n_trials=5)
    search(databases)  # a longer one continues
    journals = make_arguments(tmp_path / "b")
    search(journals)
    shown = [read_search(each.output, each.best_file) for each in (databases, journals)]
    first, second = [[(trial.params, trial.state, trial.values) for trial in one.trials] for one in shown if one]
    assert len(first) == 8
    assert first == second


def test_search_continues_in_a_database_whose_maker_was_killed_before_its_indexes(tmp_path: Path) -> None:
    arguments = make_arguments(tmp_path, storage=f"sqlite:///{tmp_path}/trials.db")
    search(arguments, n_trials=2)
    with sqlite3.connect(tmp_path / "trials.db") as database:
        for (index,) in database.execute("SELECT name FROM sqlite_master WHERE name LIKE 'ix_%'").fetchall():
            database.execute(f"DROP INDEX {index}")
    database.close()
    search(arguments, n_trials=3)
    search(arguments, n_trials=4)
    assert sum(read(arguments.best_file)["trials"].values()) == 4


def test_search_that_lost_its_study_to_another_driver_ends_with_what_it_had(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(lease, "RENEWED_EVERY", 0.0001)
    monkeypatch.setattr(lease.Lease, "_renew", lambda _: False)
    arguments = make_arguments(tmp_path, storage=f"sqlite:///{tmp_path}/trials.db")
    with pytest.raises(UserError, match="was taken by another driver"):
        search(arguments, n_trials=40)
    assert not arguments.best_file.exists()
    shown = read_search(arguments.output, arguments.best_file)
    assert shown is not None
    assert 0 < len(shown.trials) < 40


def test_a_tracker_shows_the_value_of_each_completed_trial_and_after_a_restart_all_of_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = note(monkeypatch)
    arguments = make_arguments(tmp_path, track="noting")
    search(arguments, n_trials=5)
    first = list(told)
    assert first[0][:2] == ("start", "phase0/script")
    assert first[0][2]["task"] == "threshold_1pct"
    values = [each for each in first if each[0] == "log"]
    assert 0 < len(values) < 5, "this test needs trials with and without a value"
    assert first[-1] == ("finish", {"status": "finished"})
    told.clear()
    search(arguments, n_trials=8)
    assert [each for each in told if each[0] == "log"][: len(values)] == values
    best = read(arguments.script.with_suffix(".best.json"))["best"]
    assert ("log", best["trial"], {"val_loss": best["value"]}) in told
