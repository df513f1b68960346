"""A search with several workers is a function of its seed and their number, whatever they do and whoever dies."""

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256
from operator import attrgetter
from pathlib import Path
from typing import Any

import numpy as np
import optuna
import pytest
from optuna.trial import FrozenTrial, TrialState

from runtime.errors import RunError
from runtime.search.earlier import EarlierTrials
from runtime.search.engine import WorkerLost
from runtime.search.objective import Hyperparameters, reporter
from runtime.search.study import Search, SearchSettings
from runtime.training.trainer import EpochRecord, TrainingResult
from tests.helpers.in_this_process import InThisProcess, Replayed
from tests.helpers.tiny import make_experiment, make_formula_objective, suggest

EXPERIMENT = make_experiment()
SETTINGS = SearchSettings(n_trials=40, timeout_hours=1.0, seed=5, startup_trials=4, pruning_warmup_epochs=0)


def mixed(values: Hyperparameters) -> list[float]:
    """Complete, be pruned or diverge, as the values have it."""
    distance = abs(values["dropout"] - 0.2) + abs(values["learning_rate"] - 0.01)
    if values["dropout"] > 0.45:
        return [float("nan")]
    return [1 + distance, distance + 0.1 * (values["batch_size"] == 64), distance]


OBJECTIVE = make_formula_objective(EXPERIMENT, mixed)


class KilledError(Exception):
    """Stands in for the end of the driver: nothing is tidied up."""


@dataclass(eq=False)
class Fragile(Replayed):
    """A training whose worker may be lost, or its driver killed, before each message."""

    chance: random.Random = field(default_factory=random.Random)
    lose: float = 0.0
    kill: float = 0.0

    def receive(self) -> EpochRecord | TrainingResult:
        if self.chance.random() < self.kill:
            raise KilledError
        if self.chance.random() < self.lose:
            raise WorkerLost("lost")
        return super().receive()


@dataclass
class Erratic(InThisProcess):
    """Workers of random speed: any of them may be the next to say something."""

    chance: random.Random = field(default_factory=random.Random)
    lose: float = 0.0
    kill: float = 0.0

    def start(self, hyperparameters: Hyperparameters, *, micro_batch_size: int, worker: int) -> Fragile:
        train = super().start(hyperparameters, micro_batch_size=micro_batch_size, worker=worker).train
        return Fragile(train, chance=self.chance, lose=self.lose, kill=self.kill)

    def ready(self, trainings: Sequence[Replayed], deadline: float) -> list[Replayed]:
        return self.chance.sample(list(trainings), self.chance.randint(1, len(trainings)))


def make_search(output: Path, engine: InThisProcess | None = None, url: str | None = None, **settings: Any) -> Search:
    engine = engine or InThisProcess(OBJECTIVE)
    return Search(EXPERIMENT, OBJECTIVE, replace(SETTINGS, **settings), output, engine, storage_url=url)


def told(trials: Sequence[FrozenTrial]) -> list[tuple[Any, ...]]:
    """Everything about trials that neither the workers nor an interruption may change."""
    return [
        (each.params, each.state, each.values, each.intermediate_values, each.user_attrs.get("failure"))
        for each in trials
    ]


def expected(workers: int, n_trials: int) -> list[tuple[Any, ...]]:
    """What a search must find, each trial alone in a study in memory that holds the earlier batches."""
    name = EXPERIMENT.name
    study_seed = int.from_bytes(sha256(name.encode()).digest()[:8])
    done: list[FrozenTrial] = []
    for position in range(n_trials):
        seed = int(np.random.SeedSequence([SETTINGS.seed, study_seed, position]).generate_state(1)[0])
        alone = optuna.create_study(
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.MedianPruner(SETTINGS.startup_trials, SETTINGS.pruning_warmup_epochs),
        )
        alone.add_trials(done[: position // workers * workers])
        trial = alone.ask()
        try:
            result = OBJECTIVE.train(suggest(trial), reporter(trial))
            alone.tell(trial, result.best_val_loss)
        except optuna.TrialPruned:
            alone.tell(trial, state=TrialState.PRUNED)
        except RunError as error:
            trial.set_user_attr("failure", str(error))
            alone.tell(trial, state=TrialState.FAIL)
        done.append(alone.trials[-1])
    return told(done)


@pytest.fixture(scope="module", params=[1, 2, 3, 7])
def whole(request: pytest.FixtureRequest) -> tuple[int, list[tuple[Any, ...]]]:
    """A number of workers, and the trials of a search with them."""
    trials = expected(request.param, SETTINGS.n_trials)
    assert {state for _, state, *_ in trials} == {TrialState.COMPLETE, TrialState.PRUNED, TrialState.FAIL}
    return request.param, trials


def test_trials_see_those_of_earlier_batches_and_nothing_else(
    whole: tuple[int, list[tuple[Any, ...]]], tmp_path: Path
) -> None:
    workers, trials = whole
    search = make_search(tmp_path, workers=workers)
    search.run()
    assert told(search.counted()) == trials
    assert len(search.study.trials) == SETTINGS.n_trials


def test_sampler_and_pruner_take_the_age_of_trials_from_their_places_and_see_none_that_runs() -> None:
    study = optuna.create_study()
    for _ in range(3):
        study.tell(study.ask(), 0.5)
    study.ask()
    third, first = study.trials[2], study.trials[0]
    seen = EarlierTrials(study, [third, first], optuna.pruners.NopPruner())
    assert [(trial.number, trial._trial_id) for trial in seen.trials] == [(0, third._trial_id), (1, first._trial_id)]
    assert (third.number, first.number) == (2, 0)
    assert seen.get_trials(states=(TrialState.RUNNING,)) == []
    assert seen.ask().number == 4


def test_another_number_of_workers_draws_other_trials() -> None:
    one, two = expected(1, 20), expected(2, 20)
    assert one[:1] == two[:1]
    assert one != two


@pytest.mark.parametrize("database", [False, True], ids=["journal", "sqlite"])
def test_speed_deaths_and_restarts_change_nothing(
    whole: tuple[int, list[tuple[Any, ...]]], database: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    workers, trials = whole
    chance = random.Random(workers)
    url, n_trials = (f"sqlite:///{tmp_path}/trials.db", 16) if database else (None, SETTINGS.n_trials)
    killed = 0
    while True:
        engine = Erratic(OBJECTIVE, chance=chance, lose=0.1, kill=0.04)
        search = make_search(tmp_path, engine, url, workers=workers, n_trials=n_trials)
        try:
            search.run()
        except KilledError:
            killed += 1
        else:
            break
    assert killed > 0
    assert told(search.counted()) == trials[:n_trials]
    lines = [line for line in capsys.readouterr().out.splitlines() if "training it again" not in line]
    shown = [int(line.split()[1].partition("/")[0]) for line in lines]
    assert shown == sorted(shown)
    assert set(shown) <= set(range(1, n_trials + 1))


def test_search_that_is_made_longer_continues_to_the_trials_of_a_long_one(tmp_path: Path) -> None:
    for n_trials in (10, 11, SETTINGS.n_trials):
        search = make_search(tmp_path, Erratic(OBJECTIVE, chance=random.Random(1)), workers=4, n_trials=n_trials)
        search.run()
        assert len(search.counted()) == n_trials
    assert told(search.counted()) == expected(4, SETTINGS.n_trials)


def test_one_worker_draws_the_trials_that_it_drew_before_there_were_several(tmp_path: Path) -> None:
    recorded = json.loads(Path(__file__).with_name("one_worker.json").read_text())
    search = make_search(tmp_path)
    search.run()
    for before, now in zip(recorded["trials"], search.counted(), strict=True):
        reports = list(now.intermediate_values.values())
        found = {"params": now.params, "state": now.state.name, "value": now.value, "reports": reports}
        message = f"recorded under optuna {recorded['optuna']}, this is {optuna.__version__}"
        assert found == {**before, "value": before["value"] and pytest.approx(before["value"])}, message


def test_study_of_one_worker_needs_no_places(tmp_path: Path) -> None:
    search = make_search(tmp_path, n_trials=3)
    search.run()
    assert not any({"position", "asked_with"} & set(trial.user_attrs) for trial in search.study.trials)


def test_all_of_a_batch_are_asked_for_before_one_is_told(tmp_path: Path) -> None:
    search = make_search(tmp_path, Erratic(OBJECTIVE, chance=random.Random(1)), workers=3, n_trials=9)
    search.run()
    for first in (0, 3, 6):
        batch = search.study.trials[first : first + 3]
        begun, told = (list(map(attrgetter(f"datetime_{name}"), batch)) for name in ("start", "complete"))
        assert max(begun) <= min(told)


def test_ctrl_c_marks_the_trials_that_run_and_the_next_driver_runs_no_others(tmp_path: Path) -> None:
    calls = 0

    def pressed(_values: Hyperparameters) -> list[float]:
        nonlocal calls
        calls += 1
        if calls == 3:
            raise KeyboardInterrupt
        return [float("nan")] if calls == 1 else [0.5]

    objective = make_formula_objective(EXPERIMENT, pressed)
    search = make_search(tmp_path, InThisProcess(objective), workers=3, n_trials=3)
    with pytest.raises(KeyboardInterrupt):
        search.run()
    interrupted = [trial.user_attrs.get("interrupted") for trial in search.study.trials]
    assert interrupted == [None, "KeyboardInterrupt", "KeyboardInterrupt"]
    resumed = make_search(tmp_path, InThisProcess(objective), workers=3, n_trials=3)
    resumed.run()
    assert [trial.number for trial in resumed.counted()] == [0, 3, 4]
    assert [trial.params for trial in resumed.study.trials[1:3]] == [trial.params for trial in resumed.study.trials[3:]]
